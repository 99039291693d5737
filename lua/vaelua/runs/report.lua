--[[ report.lua - `vaelua runs report A B ...`: the scores of several runs in one report.

  It goes to a folder of its own beside the runs, DATE-report-xxxx/, or to the file that --to
  names. ]]

local core = require "vaelua.core"
local folder = require "vaelua.runs.folder"
local scores = require "vaelua.runs.scores"

local M = {}

-- What was done with the runs, in lines.
local function notes_of(runs, about)
  local names, lines = {}, {}
  for i, run in ipairs(runs) do names[i] = run.name end
  if about.seeds then
    lines[1] = "the runs differ in their seeds alone: they are seeds of the same models"
  elseif #runs > 1 then
    lines[1] = "each run has columns of its own: " .. about.why
  end
  for _, key in ipairs(scores.sorted(about.apart)) do
    lines[#lines + 1] = ("%s is not compared between the runs: %s"):format(key, about.apart[key])
  end
  lines[#lines + 1] = "runs: " .. table.concat(names, ", ")
  return lines
end

-- What is written beside the report, to be read again.
local function scores_json(records)
  local list = {}
  for i, r in ipairs(records) do
    local s, from = r.score, r.source or {}
    list[i] = { seed = r.seed, model = r.model, key = r.key, name = r.name, label = s.label,
                value = s.value, unit = s.unit, better = s.better, n = s.n, sd = s.sd, low = s.low,
                high = s.high, reason = s.reason, source = from.key, sampled = from.label,
                protocol = s.protocol, section = s.section, hidden = s.hidden, note = s.note }
  end
  return core.json({ format = folder.FORMAT, scores = list }, 2) .. "\n"
end

-- runs: as folder.find gives them; to: a file, or nil.
function M.write(runs, to)
  local records, about = scores.records(runs)
  local notes, folders = notes_of(runs, about), {}
  for i, run in ipairs(runs) do folders[i] = core.realpath(run.folder) or run.folder end
  local place = to and to:match("^(.*)/[^/]*$") or nil
  if not to then
    place = require "vaelua.run".new_folder("report")
    to = place .. "/report.html"
  elseif core.exists(to) == "folder" then
    core.fail("usage", ("--to %s: that is a folder; a file is needed"):format(to))
  elseif place and place ~= "" and not core.exists(place) then
    core.mkdir(place)
  end
  for _, line in ipairs(notes) do print(line) end
  local options = { title = "report of " .. #runs .. (#runs == 1 and " run" or " runs"),
                    runs = folders, notes = notes, to = to }
  require "vaelua.report".of(records, options)
  if not core.exists(to) then return 1 end
  if to:find("/report.html$") and place and place:find("%-report%-%w+$") then
    core.mkdir(place .. "/tables")
    core.write(place .. "/tables/scores.json", scores_json(records))
  end
  print("report " .. to)
  return 0
end

return M
