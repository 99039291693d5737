--[[ report.lua - `vaelua runs report A B ...`: the scores of several runs in one report.

  It goes to a folder of its own beside the runs, DATE-report-xxxx/, or to the file that --to
  names. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local folder = require "vaelua.runs.folder"
local scores = require "vaelua.runs.scores"
local files = require "vaelua.report.files"
local layout = require "vaelua.report.layout"
local page = require "vaelua.report.page"
local run = require "vaelua.run"
local tests = require "vaelua.report.tests"
local text = require "vaelua.report.text"

local M = {}

-- What was done with the runs, in lines.
local function notes_of(runs, about)
  local names, lines = {}, {}
  for i, r in ipairs(runs) do names[i] = r.name end
  if about.seeds then
    lines[1] = "the runs differ in their seeds alone: they are seeds of the same models"
  elseif #runs > 1 then
    lines[1] = "each run has columns of its own: " .. about.why
  end
  for _, key in ipairs(keys.sorted(about.apart)) do
    lines[#lines + 1] = ("%s is not compared between the runs: %s"):format(key, about.apart[key])
  end
  lines[#lines + 1] = "runs: " .. table.concat(names, ", ")
  return lines
end

-- Where the report goes: the page, and the folder for its tables or nil.
local function place_for(to)
  if not to then
    local place = run.new_folder("report")
    return place .. "/report.html", place
  end
  if core.exists(to) == "folder" then
    fail.usage("--to %s: that is a folder; a file is needed", to)
  end
  local above = to:match("^(.+)/[^/]*$")
  if above then core.mkdir(above) end
  return to
end

local function write_tables(place, t, heading, legend, records)
  core.mkdir(place .. "/tables")
  files.write({ table = function(name) return place .. "/tables/" .. name end }, t, heading, legend,
              records, tests.all(t))
end

-- The learning curves and reconstructions that the runs have drawn, each under its run's name.
local function figures_of(runs)
  local list = {}
  for _, r in ipairs(runs) do
    local figures = r.folder .. "/figures/"
    for _, name in ipairs(core.exists(figures) and core.list(figures) or {}) do
      local model = name:match("^training%-(.+)%.svg$")
      if model or name:find("^reconstructions.*%.png$") then
        list[#list + 1] = { path = figures .. name, kind = model and "plot" or "picture",
          section = model and "training" or "reconstruction",
          label = ("%s: %s"):format(model and "Learning curves: " .. model or "reconstructions",
                                    r.name) }
      end
    end
  end
  return list
end

local function write_page(to, place, runs, notes, records)
  local p = core.program
  local info = { status = "report", command = p.command, version = p.version, commit = p.commit,
                 build = p.build, data = folder.part(runs[1], "data") }
  page.write(place or to, { title = "vaelua: " .. #runs .. (#runs == 1 and " run" or " runs"),
    info = info, records = records, figures = figures_of(runs), notes = notes, to = to })
end

-- runs: as folder.find gives them; to: a file, or nil.
function M.write(runs, to)
  local records, about = scores.records(runs)
  local t, notes = layout.layout(records), notes_of(runs, about)
  local heading, legend = layout.title(records), layout.legend(t, records)
  print(heading)
  print(text.table(t))
  for _, list in ipairs { legend, notes } do
    for _, line in ipairs(list) do print(line) end
  end
  local file, place = place_for(to)
  if place then write_tables(place, t, heading, legend, records) end
  write_page(file, place, runs, notes, records)
  print("report " .. file)
  return 0
end

return M
