--[[ list.lua - `vaelua runs`: the runs, the newest first, with what they scored.

  On a terminal columns that do not fit are left out, the least needed first, and the scores are
  cut; elsewhere lines are as long as they are. ]]

local core = require "vaelua.core"
local keys = require "vaelua.keys"
local folder = require "vaelua.runs.folder"
local lines = require "vaelua.runs.lines"
local scores = require "vaelua.runs.scores"

local M = {}

local SHOWN, LEAST_ROOM, MOST_SCORES = 20, 16, 3

-- ---- cells --------------------------------------------------------------------------------------

local function duration(s)
  s = math.floor(s + 0.5)
  if s < 60 then return ("%ds"):format(s) end
  if s < 3600 then return ("%dm%02ds"):format(s // 60, s % 60) end
  return ("%dh%02dm"):format(s // 3600, s // 60 % 60)
end

-- Seconds since 1970 of "2026-11-22T15:30:00Z"; the calendar is that of days, not of time zones.
local function instant(text)
  local y, m, d, h, min, s = text:match("^(%d+)%-(%d+)%-(%d+)T(%d+):(%d+):(%d+)Z$")
  if not y then return nil end
  y, m, d = tonumber(y), tonumber(m), tonumber(d)
  if m <= 2 then y, m = y - 1, m + 12 end
  local days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * (m - 3) + 2) // 5 + d - 719469
  return days * 86400 + h * 3600 + min * 60 + s
end

local function time_of(run)
  local seconds = run.json.seconds
  if run.status == "running" then
    local began = instant(run.at)
    seconds = began and os.time() - began
  end
  local known = type(seconds) == "number" and seconds >= 0 and seconds < 1e9
  return run.status ~= "lost" and known and duration(seconds) or ""
end

-- "1", "1-5" or "1,3" of the scores, else of the settings.
local function seeds_of(run, list)
  local seen, seeds = {}, {}
  for _, s in ipairs(list) do
    if not seen[s.seed] then seen[s.seed], seeds[#seeds + 1] = true, s.seed end
  end
  local seed = math.tointeger(run.json.seed)
  if #seeds == 0 and seed then
    local count = math.tointeger((folder.settings(run) or {}).seeds) or 1
    return count > 1 and ("%d-%d"):format(seed, seed + count - 1) or tostring(seed)
  end
  table.sort(seeds)
  local n = #seeds
  if n > 1 and seeds[n] - seeds[1] == n - 1 then return ("%d-%d"):format(seeds[1], seeds[n]) end
  return table.concat(seeds, ",")
end

-- Mean over seeds by model, of one key: "frechet/prior vae 31.2 ae 88.4".
local function one_score(list, key)
  local models, sum, count = {}, {}, {}
  for _, s in ipairs(list) do
    if s.key == key and s.value then
      if not sum[s.model] then models[#models + 1] = s.model end
      sum[s.model] = (sum[s.model] or 0) + s.value
      count[s.model] = (count[s.model] or 0) + 1
    end
  end
  local words = { key }
  for _, m in ipairs(models) do words[#words + 1] = ("%s %.4g"):format(m, sum[m] / count[m]) end
  return table.concat(words, " ")
end

-- The first score of each of the first protocols; of runs without scores the last losses.
local function main_scores(run, list)
  local parts, named = {}, {}
  for _, s in ipairs(list) do
    if s.value and not s.hidden and s.source ~= "real" and not named[s.name]
       and #parts < MOST_SCORES then
      named[s.name] = true
      parts[#parts + 1] = one_score(list, s.key)
    end
  end
  if #parts == 0 then
    local metrics = folder.part(run, "metrics")
    for _, model in ipairs(keys.sorted(metrics)) do
      local loss = type(metrics[model]) == "table" and metrics[model].loss
      if type(loss) == "number" then parts[#parts + 1] = ("%s %.4g"):format(model, loss) end
    end
    if #parts > 0 then parts[1] = "loss " .. parts[1] end
  end
  return folder.clean(table.concat(parts, "  "))
end

local function status_text(run)
  local machine = folder.part(run, "machine")
  if run.status == "newer" then return "newer format" end
  if run.status ~= "running" or machine.host == core.hostname() then return run.status end
  return type(machine.host) == "string" and "running on " .. folder.clean(machine.host) or "running"
end

local HEAD = { "run", "status", "script", "started (UTC)", "time", "seed", "scores" }
local LEAVE_OUT = { 4, 3, 6, 5 }       -- columns, in the order in which they go

local function row_of(run)
  local name = folder.clean(run.name)
  if run.why then
    return { name, status_text(run), "", "", "", "", folder.clean(run.why) }
  end
  local list = scores.load(run)
  return { name, status_text(run), folder.script(run), run.at:sub(1, 16):gsub("T", " "),
           time_of(run), seeds_of(run, list), main_scores(run, list) }
end

-- ---- the table ----------------------------------------------------------------------------------

local function without(rows, column)
  for _, row in ipairs(rows) do table.remove(row, column) end
end

-- Leaves columns out until the last has room, and cuts that one.
local function fit(rows, room)
  local out = { table.unpack(LEAVE_OUT) }
  while true do
    local _, w = lines.columns(rows)
    local taken, last = 0, #w
    for i = 1, last - 1 do taken = taken + w[i] + 2 end
    local column = table.remove(out, 1)
    if room - taken >= math.min(w[last], LEAST_ROOM) or not column then
      for _, row in ipairs(rows) do row[last] = lines.cut(row[last], room - taken) end
      return
    end
    without(rows, column)
    for i, other in ipairs(out) do out[i] = other > column and other - 1 or other end
  end
end

-- Columns of the terminal, or what COLUMNS says; nil: as wide as needed.
local function room()
  local wanted = tonumber(os.getenv("COLUMNS") or "")
  if wanted or core.isatty(1) then return core.columns() end
end

-- The runs of a script, or all.
function M.of(script)
  local runs = {}
  for _, run in ipairs(folder.all(folder.parent())) do
    if not script or folder.script(run) == script then runs[#runs + 1] = run end
  end
  return runs
end

function M.print(runs, all)
  if #runs == 0 then
    print(("no runs in %s/: a script that trains or reports makes one   "
           .. "(vaelua experiments/compare.lua)"):format(folder.parent()))
    return
  end
  local rows, count = { { table.unpack(HEAD) } }, all and #runs or math.min(#runs, SHOWN)
  for i = 1, count do rows[i + 1] = row_of(runs[i]) end
  local width = room()
  if width then fit(rows, width) end
  for _, line in ipairs(lines.columns(rows)) do
    print(width and lines.cut(line, width) or line)
  end
  if count < #runs then
    print(("and %d more   see: vaelua runs --all"):format(#runs - count))
  end
end

return M
