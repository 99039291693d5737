--[[ diff.lua - `vaelua runs diff A B`: what two runs have set, used and reached differently.

  Scores are subtracted only where unit and protocol are equal; elsewhere the line says what keeps
  them apart. ]]

local keys = require "vaelua.keys"
local folder = require "vaelua.runs.folder"
local lines = require "vaelua.runs.lines"
local same = require "vaelua.runs.same"
local scores = require "vaelua.runs.scores"
local mean = require "vaelua.stats.basic".mean

local M = {}

local out

local function put(format, ...)
  out[#out + 1] = select("#", ...) > 0 and format:format(...) or format
end

local function put_rows(rows, right)
  for _, line in ipairs(lines.columns(rows, right, "  ")) do put("%s", line) end
end

local function plural(n, what) return ("%d %s%s"):format(n, what, n == 1 and "" or "s") end

-- ---- settings, program, sources -----------------------------------------------------------------

local function put_settings(a, b)
  local list, equal = same.settings(a, b)
  if not list then return put("settings  cannot be compared: %s", equal) end
  if #list == 0 then return put("settings  equal (%d)", equal) end
  put("settings  %s, %d equal", plural(#list, "difference"), equal)
  put_rows(list)
end

local function put_list(title, list, equal)
  if #list == 0 then return put("%-9s %s", title, equal) end
  put("%s", title)
  put_rows(list)
end

local MOST_BYTES = 1 << 20

local function put_file(name, x, y, a, b)
  local only = not x and b or not y and a
  name = folder.clean(name)
  if only then
    local text = x or y
    return put("  src/%s: only in %s (%s)", name, only.short, plural(#lines.split(text), "line"))
  end
  if x:find("\0", 1, true) or y:find("\0", 1, true) or math.max(#x, #y) > MOST_BYTES then
    return put("  src/%s: %d bytes, %d bytes", name, #x, #y)
  end
  put("--- %s/src/%s", a.short, name)
  put("+++ %s/src/%s", b.short, name)
  for _, line in ipairs(lines.unified(x, y)) do put("%s", (line:gsub("[%c]", function(c)
    return c == "\t" and c or "?"
  end))) end
end

local function put_sources(a, b)
  local list, equal = same.sources(a, b)
  if #list == 0 then return put("sources   equal (%s)", plural(equal, "file")) end
  put("sources   %s, %d equal", plural(#list, "difference"), equal)
  for _, file in ipairs(list) do put_file(file[1], file[2], file[3], a, b) end
end

-- ---- scores -------------------------------------------------------------------------------------

-- The scores of one model and key over the seeds, in their order: id -> { first, values, seeds }.
local function gather(list)
  local by, order = {}, {}
  for _, s in ipairs(list) do
    if not s.hidden then
      local id = s.key .. "\0" .. s.model
      if not by[id] then
        by[id] = { first = s, values = {}, seeds = {}, at = {} }
        order[#order + 1] = id
      end
      local g = by[id]
      g.seeds[#g.seeds + 1], g.at[s.seed] = s.seed, s
      if s.value then g.values[#g.values + 1] = s.value else g.reason = s.reason end
    end
  end
  return by, order
end

local function value_text(g)
  if not g then return "-" end
  if g.reason or #g.values == 0 then return "not defined" end
  return ("%.6g"):format(mean(g.values))
end

-- Why there is no difference; else the difference as text.
local function difference(x, y)
  if not x or not y then return "", "only in one" end
  if x.reason or y.reason then
    return "", x.reason == y.reason and "" or folder.clean(x.reason or y.reason)
  end
  for _, s in pairs(x.at) do
    for _, t in pairs(y.at) do
      local apart = scores.apart(s, t)
      if apart then return "", "not comparable: " .. apart end
    end
  end
  local d = mean(y.values) - mean(x.values)
  local words = x.first.unit or ""
  table.sort(x.seeds)
  table.sort(y.seeds)
  local seeds, other = table.concat(x.seeds, ","), table.concat(y.seeds, ",")
  if seeds ~= other then
    words = words .. (words ~= "" and "; " or "") .. ("seeds %s, %s"):format(seeds, other)
  end
  return d == 0 and "0" or ("%+.4g"):format(d), words
end

local function put_scores(a, b)
  local x, why_x = scores.load(a)
  local y, why_y = scores.load(b)
  if why_x and #x > 0 then put("          %s: %s", a.short, why_x) end
  if why_y and #y > 0 then put("          %s: %s", b.short, why_y) end
  local of_a, order = gather(x)
  local of_b, more = gather(y)
  for _, id in ipairs(more) do
    if not of_a[id] then order[#order + 1] = id end
  end
  if #order == 0 then return put("scores    none") end
  local rows, differ = { { "score", "model", a.short, b.short, "difference", "unit" } }, 0
  for _, id in ipairs(order) do
    local s = (of_a[id] or of_b[id]).first
    local d, words = difference(of_a[id], of_b[id])
    if d ~= "0" then differ = differ + 1 end
    rows[#rows + 1] = { folder.clean(s.key), folder.clean(s.model), value_text(of_a[id]),
                        value_text(of_b[id]), d, folder.clean(words) }
  end
  put("scores    means over seeds: %d differ, %d equal", differ, #order - differ)
  put_rows(rows, { [3] = true, [4] = true, [5] = true })
end

-- ---- training -----------------------------------------------------------------------------------

local function flat(metrics, into, before)
  for name, v in pairs(metrics) do
    if type(v) == "table" then
      flat(v, into, before .. name .. " ")
    elseif type(v) == "number" then
      into[before .. name] = v
    end
  end
  return into
end

local function put_metrics(a, b)
  local x, y = flat(folder.part(a, "metrics"), {}, ""), flat(folder.part(b, "metrics"), {}, "")
  local rows, equal = { { "last of", a.short, b.short, "difference" } }, 0
  for _, name in ipairs(keys.sorted(x, y)) do
    local v, w = x[name], y[name]
    if v == w then
      equal = equal + 1
    else
      rows[#rows + 1] = { folder.clean(name), v and ("%.6g"):format(v) or "-",
                          w and ("%.6g"):format(w) or "-",
                          v and w and ("%+.4g"):format(w - v) or "" }
    end
  end
  if #rows == 1 then
    return put("training  %s",
               equal > 0 and ("last values equal (%d)"):format(equal) or "no values")
  end
  put("training  %s, %d equal", plural(#rows - 1, "difference"), equal)
  put_rows(rows, { [2] = true, [3] = true, [4] = true })
end

-- ---- the whole ----------------------------------------------------------------------------------

-- Prints what differs between two runs.
function M.print(a, b)
  out = {}
  a.short, b.short = folder.short(a), folder.short(b)
  if a.short == b.short then a.short, b.short = a.name, b.name end
  if a.short == b.short then a.short, b.short = a.folder, b.folder end
  for _, run in ipairs { a, b } do
    put("%-9s %s, %s", run.short, folder.clean(run.folder), run.status)
  end
  put_settings(a, b)
  put_list("program", same.program(a, b), "equal: version, build, instruction set, libraries")
  put_list("machine", same.place(a, b), "equal: host, threads")
  put_list("data", same.data(a, b), "equal")
  if a.json.seed ~= b.json.seed then
    put("seed      %s, %s", same.text_of(a.json.seed), same.text_of(b.json.seed))
  end
  put_sources(a, b)
  put_scores(a, b)
  put_metrics(a, b)
  print(table.concat(out, "\n"))
end

return M
