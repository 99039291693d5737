--[[ report.lua - va.report: what was recorded, as a table, tests, figures and one page.

  Rows are scores, columns are models; beside every score of pictures stands its floor, the score
  of real pictures. One training: a value and, where it is a mean over pictures, half its 95 %
  interval. Several seeds: mean and standard deviation over seeds, and paired tests between the
  models. What is not defined says why in a footnote. Numbers of different unit or protocol are
  never put into one row. In a run the same goes to tables/ and figures/ and to report.html. ]]

local evaluate = require "vaelua.evaluate"
local fail = require "vaelua.fail"
local figures = require "vaelua.report.figures"
local files = require "vaelua.report.files"
local live = require "vaelua.report.live"
local layout = require "vaelua.report.layout"
local run = require "vaelua.run"
local score = require "vaelua.score"
local rows_of = require "vaelua.report.rows"
local tests = require "vaelua.report.tests"
local text = require "vaelua.report.text"
local verdict = require "vaelua.report.verdict"

local M = {
  evaluate = evaluate.evaluate, protocol = evaluate.protocol, images = evaluate.images,
  score = score.score, question = verdict.question,
}

-- Values for run.json: seed -> model -> score -> value.
local function final_scores()
  local all = {}
  for _, r in ipairs(evaluate.records) do
    if score.is_score(r.score) and r.score.value then
      local seed = tostring(r.seed)
      all[seed] = all[seed] or {}
      all[seed][r.model] = all[seed][r.model] or {}
      all[seed][r.model][r.key] = r.score.value
    end
  end
  return all
end

-- Mean over seeds by the model's name, for a report without arguments.
local function means(rows, models)
  local all = {}
  for _, m in ipairs(models) do all[m] = {} end
  for _, row in ipairs(rows) do
    for m, c in pairs(row.cells) do
      all[m] = all[m] or {}
      all[m][row.key] = c
    end
  end
  return all
end

-- The answers to the experiment's questions.
local function say_verdicts(t, list, one_seed)
  local answers = verdict.answers(t, list, one_seed)
  for i, a in ipairs(answers) do
    print(("\n%d. %s"):format(i, a.question))
    for _, sentence in ipairs(a.answers) do print("   - " .. sentence) end
  end
  if answers.caution then print("\n" .. answers.caution) end
end

-- va.report(model, data, protocols, { samplers={"prior"}, count=#test }), as va.evaluate, or
-- without a word: the tables and pictures of all that was recorded.
function M.report(...)
  local scores = select("#", ...) > 0 and evaluate.evaluate(...) or nil
  local records = evaluate.records
  if #records == 0 then
    fail("report: nothing was evaluated yet (va.evaluate, or arguments as it takes)")
  end
  local t = layout.layout(records)
  local heading, notes = layout.title(records), layout.legend(t, records)
  print()
  print(heading)
  print(text.table(t))
  for _, line in ipairs(notes) do print(line) end
  local list = tests.all(t)
  say_verdicts(t, list, #rows_of.seeds(records) == 1)
  local r = run.current()
  if r then
    files.write(r, t, heading, notes, records, list)
    run.record("scores", final_scores)
    live.report(r, figures.draw(records, r.folder))
    print(("\nreport %s/report.html   tables %s/tables   figures %s/figures"):format(r.folder,
          r.folder, r.folder))
  end
  return scores or means(t.rows, t.models)
end

return M
