-- prompt/print.lua - how the prompt prints values: never more than the screen.
--
-- Tensors, models, sets and whatever else has a __tostring print themselves; plain tables are
-- walked by `next`, three levels deep and twenty entries a level. An error in a user's __tostring
-- is told in its place; Ctrl-C ends a print as everything else.

local core = require "vaelua.core"
local sorted = require "vaelua.keys".sorted

local M = {}

local DEEP, MANY = 3, 20
local WIDTH, ROWS = 80, 1000        -- where there is no terminal
local MOST_BYTES = 10000            -- of a string

-- ---- pieces -------------------------------------------------------------------------------------

local function length(text) return utf8.len(text) or #text end

--- The first `width` characters.
local function cut(text, width)
  if length(text) <= width then return text end
  local at = utf8.len(text) and utf8.offset(text, width) or width
  return text:sub(1, at - 1) .. "…"
end

M.cut = cut

local function bytes_escaped(text)
  return (text:gsub("[\x80-\xFF]", function(c) return ("\\x%02X"):format(c:byte()) end))
end

local function string_text(s)
  local rest = #s - MOST_BYTES
  local text = rest > 0 and s:sub(1, MOST_BYTES) or s
  text = ("%q"):format(text):gsub("\\\n", "\\n"):gsub("\\9", "\\t")
  if not utf8.len(text) then text = bytes_escaped(text) end
  return rest > 0 and ("%s … %d more bytes"):format(text, rest) or text
end

local function meta_of(v)
  local meta = debug.getmetatable(v)
  return type(meta) == "table" and meta or nil
end

-- The user's __tostring may fail; Ctrl-C in it is no failure of it.
local function told(v)
  local good, text = pcall(tostring, v)
  if good then return text end
  if core.interrupted() > 0 then error(text, 0) end
  return ("<%s: its __tostring fails: %s>"):format(type(v), tostring(text))
end

local op_names

local function function_text(f)
  if not op_names then
    op_names = {}
    for name, op in pairs(core.ops) do op_names[op] = "va." .. name end
  end
  if op_names[f] then return ("function %s   (?%s)"):format(op_names[f], op_names[f]:sub(4)) end
  local about = debug.getinfo(f, "S")
  if about.what == "C" then return "function (C)" end
  local source = core.ours(about.source) and about.source:match("vaelua/.*$") or about.short_src
  return ("function (%s:%d)"):format(source, about.linedefined)
end

local function is_model(meta) return meta and rawget(meta, "is_model") == true end

local function has_text(v, meta)
  return type(v) ~= "table" or meta ~= nil and rawget(meta, "__tostring") ~= nil
end

-- One line about a value that is not walked.
local function brief(v, meta)
  local kind = type(v)
  if kind == "string" then return string_text(v) end
  if kind == "function" then return function_text(v) end
  if is_model(meta) then return "model " .. meta.name end
  if core.is_tensor(v) then return core.text(v, true) end
  local text = told(v)
  local line = text:match("^[^\n]*")
  return line ~= text and line:gsub("%s+", " ") .. " …" or text
end

-- ---- tables -------------------------------------------------------------------------------------

local RANK = { number = 1, string = 2, boolean = 3 }

local function key_less(a, b)
  local ra, rb = RANK[type(a)] or 4, RANK[type(b)] or 4
  if ra ~= rb then return ra < rb end
  if ra <= 2 then return a < b end
  return false
end

-- A model that also stands under its name is shown there alone (scores).
local function is_alias(t, k)
  local meta = type(k) == "table" and meta_of(k)
  return is_model(meta) and rawget(t, meta.name) ~= nil
         and rawequal(rawget(t, meta.name), rawget(t, k))
end

local function keys_of(t)
  local keys, rest = {}, {}
  for k in next, t do
    if not is_alias(t, k) then
      local list = RANK[type(k)] and keys or rest
      list[#list + 1] = k
    end
  end
  table.sort(keys, key_less)
  return table.move(rest, 1, #rest, #keys + 1, keys)
end

local function key_text(k)
  if type(k) == "string" and k:find("^[%a_][%w_]*$") then return k end
  return "[" .. brief(k, meta_of(k)) .. "]"
end

local walk

-- A list of short texts, as many on a line as it takes.
local function filled(list, before, width)
  local lines, line = {}, " "
  for i, text in ipairs(list) do
    if i < #list then text = text .. "," end
    if #line > 1 and length(line) + length(text) + 1 > width then
      lines[#lines + 1], line = line, " "
    end
    line = line .. " " .. text
  end
  lines[#lines + 1] = line
  return before .. "{\n" .. table.concat(lines, "\n") .. "\n}"
end

-- The entries as texts; whether all are of one line; a list needs no numbers then; whether all are
-- numbers.
local function entries(t, depth, width, path)
  local keys, short, long, flat, numbers = keys_of(t), {}, {}, true, true
  for i, k in ipairs(keys) do
    if i > MANY then
      local more = ("… %d more"):format(#keys - MANY)
      short[i], long[i] = more, more
      break
    end
    local text = walk(rawget(t, k), depth - 1, width - 2, path)
    numbers = numbers and k == i and type(rawget(t, k)) == "number"
    flat = flat and not text:find("\n", 1, true)
    short[i] = k == i and text or ("%s = %s"):format(key_text(k), text)
    long[i] = ("%s = %s,"):format(key_text(k), text)
  end
  return short, long, flat, numbers
end

local function table_text(t, meta, depth, width, path)
  local name = meta and rawget(meta, "__name")
  local before = type(name) == "string" and name .. " " or ""
  if next(t) == nil then return before .. "{}" end
  if path[t] then return "<cycle>" end
  if depth == 0 then return before .. "{ … }" end
  path[t] = true
  local short, long, flat, numbers = entries(t, depth, width, path)
  path[t] = nil
  local line = before .. "{ " .. table.concat(short, ", ") .. " }"
  if flat and length(line) <= width then return line end
  if numbers then return filled(short, before, width) end
  for i, text in ipairs(long) do
    if flat then text = cut(text, math.max(width, 40)) end
    long[i] = "  " .. text:gsub("\n", "\n  ")
  end
  return before .. "{\n" .. table.concat(long, "\n") .. "\n}"
end

function walk(v, depth, width, path)
  local meta = meta_of(v)
  if has_text(v, meta) then return brief(v, meta) end
  return table_text(v, meta, depth, width, path)
end

-- ---- what says more at the prompt than in a table -----------------------------------------------

local PARAMETERS = {
  normal = { "mean", "logvar" }, laplace = { "mean", "logscale" }, bernoulli = { "logits" },
  continuous_bernoulli = { "logits" }, categorical = { "logits" }, delta = { "z" },
}

-- The parameters by their names; those of which a distribution is made.
local function distribution_text(d, kind, width)
  local lines, shape = { kind }, rawget(d, "shape")
  if type(shape) == "table" then lines[1] = ("%s [%s]"):format(kind, table.concat(shape, ", ")) end
  for _, k in ipairs(keys_of(d)) do
    if k ~= "shape" then
      local name, v = PARAMETERS[kind] and PARAMETERS[kind][k] or tostring(k), rawget(d, k)
      lines[#lines + 1] = cut(("  %-8s %s"):format(name, walk(v, 2, width - 11, {})), width)
    end
  end
  return table.concat(lines, "\n")
end

local function score_text(s)
  local words = { (s.label or s.name or "score") .. ":", tostring(s) }
  if s.low and s.high then words[#words + 1] = (" 95 %%: %.4g to %.4g"):format(s.low, s.high) end
  if s.n then words[#words + 1] = (" n = %d"):format(s.n) end
  if s.better then words[#words + 1] = (" (%s is better)"):format(s.better) end
  local lines = { table.concat(words, " ") }
  for _, name in ipairs(sorted(s.protocol or {})) do
    lines[#lines + 1] = ("  %-12s %s"):format(name, tostring(s.protocol[name]))
  end
  return table.concat(lines, "\n")
end

local function is_score(v)
  local score = package.loaded["vaelua.score"]
  return type(score) == "table" and score.is_score(v)
end

--- The text of a value for a screen of this width.
function M.text(v, width)
  local meta = meta_of(v)
  if core.is_tensor(v) then return core.text(v, false, width) end
  local kind = meta and rawget(meta, "__name") == "distribution" and rawget(meta, "kind")
  if kind then return distribution_text(v, kind, width) end
  if is_score(v) then return score_text(v) end
  if type(v) == "userdata" or type(v) == "table" and has_text(v, meta) then return told(v) end
  return walk(v, DEEP, width, {})
end

-- ---- the screen ---------------------------------------------------------------------------------

-- Rows that a line takes.
local function height(line, width)
  return math.max(1, (length(line) + width - 1) // width)
end

-- The lines that fit into `most` rows, and the last one: sums stand there.
local function fitting(text, most, width)
  local lines, all = {}, 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
    all = all + height(line, width)
  end
  if all <= most then return lines, all end
  local shown, used = {}, 2
  local last = lines[#lines]
  if #lines == 1 then return { cut(text, width * (most - 1)) }, most end
  last = cut(last, width)
  for i = 1, #lines - 1 do
    used = used + height(lines[i], width)
    if used > most then break end
    shown[i] = lines[i]
  end
  local rest = #lines - 1 - #shown
  shown[#shown + 1] = ("… %d more line%s"):format(rest, rest > 1 and "s" or "")
  shown[#shown + 1] = last
  return shown, most
end

--- Prints values below each other, all of them on one screen.
function M.values(rows, columns, ...)
  local width = columns > 0 and columns or WIDTH
  local left = rows > 0 and math.max(rows - 2, 4) or ROWS
  local n = select("#", ...)
  for i = 1, n do
    local lines, used = fitting(M.text((select(i, ...)), width), math.max(left, 3), width)
    left = left - used
    io.stdout:write(table.concat(lines, "\n"), "\n")
    if left < 1 and i < n then
      io.stdout:write(("… %d more values\n"):format(n - i))
      break
    end
  end
end

return M
