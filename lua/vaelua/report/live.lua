--[[ report/live.lua - the page of the run at hand, while it is on and when it has ended.

  It is first written when a training has gone on for ten seconds, or by va.report; then not more
  often than every ten seconds (the setting report_every) at the end of an epoch, after every
  evaluation, and once more at the end, with what became of the run. ]]

local core = require "vaelua.core"
local run = require "vaelua.run"

local M = {}

local EVERY = 10          -- seconds between two pages, where the script has no report_every
local written             -- time of the last page; nil: there is none yet
local began = core.clock()
local figures = {}        -- those of the last report

local function title(info)
  local script = info.script and info.script:match("([^/]+)$") or "session"
  return "vaelua: " .. script
end

local function write(here)
  local evaluate = package.loaded["vaelua.evaluate"]
  local info = run.info()
  require "vaelua.report.page".write(here.folder, {
    title = title(info), info = info, records = evaluate and evaluate.records or {},
    figures = figures, notes = run.notes(), answers = require "vaelua.report.verdict".answers })
  written = core.clock()
end

-- What cannot be shown yet must not stop a training: va.report says what is wrong.
local function try(here) pcall(write, here) end

-- Curves of the epochs so far in place of the figures that a report would have drawn.
local function draw_curves(here)
  local list = {}
  require "vaelua.report.figures".curves(here.folder, function(file, kind, result, label)
    list[#list + 1] = { file = file, kind = kind, section = result.section, label = label,
                        caption = result.caption }
  end)
  for _, f in ipairs(figures) do
    if f.section ~= "training" then list[#list + 1] = f end
  end
  figures = list
end

--- After an epoch.
function M.epoch()
  local here = run.opened()
  local every = run.setting("report_every") or EVERY
  if not here or core.clock() - (written or began) < every then return end
  draw_curves(here)
  try(here)
end

--- After an evaluation.
function M.evaluated()
  local here = run.opened()
  if here and written then try(here) end
end

--- With the figures of va.report.
function M.report(here, list)
  figures = list
  write(here)
end

run.at_finish(function()
  if written then try(run.opened()) end
end)

return M
