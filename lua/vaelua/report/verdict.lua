--[[ report/verdict.lua - va.question: what an experiment asks, and what its scores answer.

    va.question("Which model reconstructs better?", "squared_error", "cross_entropy")
    va.question("How near are samples to the data?", { "frechet/prior", model = "vae" })
    va.question("Do people agree?", { text = "Not asked here: experiments/rate.lua asks them." })

  An answer is one sentence for every score: the numbers of the models, their difference with its
  interval and its test. With `model` it is that model's number beside the one of real pictures. No
  sentence says "better" where the interval of the difference includes zero, or where one training
  is all there is. ]]

local fail = require "vaelua.fail"
local layout = require "vaelua.report.layout"
local tests = require "vaelua.report.tests"

local M = {}

local questions = {}

--- va.question(text, answers ...): a question that the report answers, by the name of a score, a
--- table { score, model = } or { text = }.
function M.question(text, ...)
  if type(text) ~= "string" then fail("question: the question is a text, got a %s", type(text)) end
  local parts = { ... }
  for i, p in ipairs(parts) do
    if type(p) == "string" then parts[i] = { p } end
    if type(parts[i]) ~= "table" or not (parts[i].text or type(parts[i][1]) == "string") then
      fail("question: answer %d is the name of a score, { name, model = } or { text = }", i)
    end
  end
  for i, q in ipairs(questions) do
    if q.text == text then table.remove(questions, i) break end
  end
  questions[#questions + 1] = { text = text, parts = parts }
end

--- Everything that was asked so far is forgotten (for tests and for a prompt that starts afresh).
function M.forget() questions = {} end

-- ---- sentences ----------------------------------------------------------------------------------

local function value_text(cell, decimals, unit)
  if not cell or not cell.value then
    return "not defined" .. (cell and cell.reason and " (" .. cell.reason .. ")" or "")
  end
  local text = layout.number(cell.value, decimals)
  if cell.spread then text = text .. " ± " .. layout.number(cell.spread, decimals) end
  return unit ~= "" and text .. " " .. unit or text
end

local function beside_real(row, model)
  local decimals, cell = layout.decimals(row.cells), row.cells[model]
  local text = ("%s of %s: %s"):format(tests.row_name(row), model,
                                       value_text(cell, decimals, row.unit))
  if row.floor and row.floor.value and cell and cell.value then
    text = text .. ("; real pictures score %s"):format(value_text(row.floor, decimals, row.unit))
    if row.better == "lower" and row.floor.value > 0 then
      text = text .. (" (%.1f times that)"):format(cell.value / row.floor.value)
    end
  end
  return text .. "."
end

local function between(row, models, list)
  local decimals, words = layout.decimals(row.cells), {}
  for i, m in ipairs(models) do
    words[i] = m .. " " .. value_text(row.cells[m], decimals, row.unit)
  end
  local text = ("%s: %s."):format(tests.row_name(row), table.concat(words, ", "))
  for i = 2, #models do
    local one = list[("%s %s %s"):format(row.key, models[1], models[i])]
    if one then
      local finding = one.result.finding:gsub("^no ", "No ")
      if #models > 2 then finding = ("%s and %s: %s"):format(models[1], models[i], finding) end
      text = text .. " " .. finding .. "."
    end
  end
  return text
end

-- What one training, or so few, cannot tell.
local function caution(list, one_seed)
  if one_seed then
    return "One training of each model: how much a second training would differ is not known, so "
           .. "nothing is tested and no model is called better. seeds=8 trains eight pairs, with "
           .. "which a two-sided Wilcoxon test can reach p = 0.0078."
  end
  local limit = list[1] and list[1].result.limit
  return limit and limit:gsub("^%l", string.upper) .. "." or nil
end

--- { question, answers } for every question, from the layout and its tests; one_seed: there is one
--- training of each model.
function M.answers(t, list, one_seed)
  local all = {}
  for i, q in ipairs(questions) do
    local answers = {}
    for _, p in ipairs(q.parts) do
      local row = p[1] and t.by_key[p[1]]
      if p.text then
        answers[#answers + 1] = p.text
      elseif not row then
        answers[#answers + 1] = ("%s was not evaluated in this run."):format(p[1])
      elseif p.model then
        answers[#answers + 1] = beside_real(row, p.model)
      else
        answers[#answers + 1] = between(row, t.models, list)
      end
    end
    all[i] = { question = q.text, answers = answers }
  end
  if #all > 0 then all.caution = caution(list, one_seed) end
  return all
end

return M
