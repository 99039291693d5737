--[[ report/files.lua - the tables of a run, in tables/: main.md, main.tex, main.csv (a line for
  every score of every model and seed) and scores.json: all scores with the protocols that made
  them, from which other programs and later reports start. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local file = require "vaelua.file"
local score = require "vaelua.score"
local tests = require "vaelua.report.tests"

local M = {}

M.FORMAT = 1              -- of scores.json

-- ---- Markdown and LaTeX -------------------------------------------------------------------------

local function markdown(t, heading, notes)
  local out = { heading, "" }
  local function put(line)
    local cells = {}
    for i = 1, #t.head do
      cells[i] = (line[i] or ""):gsub("^%s+", "&nbsp;&nbsp;"):gsub("|", "\\|")
    end
    out[#out + 1] = "| " .. table.concat(cells, " | ") .. " |"
  end
  put(t.head)
  local rule = {}
  for i = 1, #t.head do rule[i] = i > 2 and i < #t.head and "---:" or "---" end
  out[#out + 1] = "| " .. table.concat(rule, " | ") .. " |"
  for _, line in ipairs(t.lines) do put(line.heading and { "*" .. line[1] .. "*" } or line) end
  out[#out + 1] = ""
  for _, note in ipairs(notes) do out[#out + 1] = "- " .. note end
  return table.concat(out, "\n") .. "\n"
end

local TEX = { ["\\"] = "\\textbackslash{}", ["&"] = "\\&", ["%"] = "\\%", ["$"] = "\\$",
              ["#"] = "\\#", ["_"] = "\\_", ["{"] = "\\{", ["}"] = "\\}",
              ["~"] = "\\textasciitilde{}", ["^"] = "\\textasciicircum{}" }
local SIGNS = { ["±"] = "$\\pm$", ["↓"] = "$\\downarrow$", ["↑"] = "$\\uparrow$", ["−"] = "$-$",
                ["β"] = "$\\beta$", ["σ"] = "$\\sigma$", ["≤"] = "$\\le$", ["≥"] = "$\\ge$",
                ["·"] = "$\\cdot$", ["×"] = "$\\times$" }

-- Text that LaTeX shows as it stands, with its usual fonts.
local function tex(text)
  return (text:gsub("[\\&%%$#_{}~^]", TEX):gsub("[\xC2-\xF4][\x80-\xBF]+", SIGNS))
end

-- A table for \input, with the booktabs package.
local function latex(t, heading, notes)
  local columns = "ll" .. ("r"):rep(#t.head - 3) .. "l"
  local out = { "% " .. heading, "\\begin{tabular}{" .. columns .. "}", "\\toprule" }
  local function put(line)
    local cells = {}
    for i = 1, #t.head do
      cells[i] = tex((line[i] or ""):gsub("^%s+", "")):gsub("^", line[i]
                 and line[i]:find("^%s") and "\\quad " or "", 1)
    end
    out[#out + 1] = table.concat(cells, " & ") .. " \\\\"
  end
  put(t.head)
  out[#out + 1] = "\\midrule"
  for _, line in ipairs(t.lines) do
    if line.heading then
      out[#out + 1] = ("\\multicolumn{%d}{l}{\\emph{%s}} \\\\"):format(#t.head, tex(line[1]))
    else
      put(line)
    end
  end
  out[#out + 1] = "\\bottomrule\n\\end{tabular}"
  for _, note in ipairs(notes) do out[#out + 1] = "% " .. note end
  return table.concat(out, "\n") .. "\n"
end

-- ---- CSV ----------------------------------------------------------------------------------------

local function cell_of(v)
  if score.is_score(v) then v = v.value or "not defined" end
  local text = v == nil and "" or math.type(v) == "float" and ("%.9g"):format(v) or tostring(v)
  return file.field(text)
end

--- A table of texts and numbers as CSV.
function M.csv(head, lines)
  local out = {}
  local function put(line)
    local cells = {}
    for i = 1, #head do cells[i] = cell_of(line[i]) end
    out[#out + 1] = table.concat(cells, ",")
  end
  put(head)
  for _, line in ipairs(lines) do put(line) end
  return table.concat(out, "\n") .. "\n"
end

-- "count=10000; preset=fid/clean": what made a score.
function M.protocol_text(protocol)
  local words = {}
  for key, value in pairs(protocol or {}) do words[#words + 1] = key .. "=" .. tostring(value) end
  table.sort(words)
  return table.concat(words, "; ")
end

local HEAD = { "model", "seed", "score", "source", "sampled", "value", "unit", "better", "n", "sd",
               "low", "high", "not_defined", "protocol" }

local function main_csv(records)
  local lines = {}
  for _, r in ipairs(records) do
    local s = r.score
    if score.is_score(s) then
      local from, line = r.source or {}, {}
      local fields = { r.model, r.seed, r.key, from.key, from.label, s.value, s.unit, s.better, s.n,
                       s.sd, s.low, s.high, s.reason, M.protocol_text(s.protocol) }
      for i = 1, #HEAD do line[i] = fields[i] == nil and "" or fields[i] end
      lines[#lines + 1] = line
    end
  end
  return M.csv(HEAD, lines)
end

-- ---- scores.json --------------------------------------------------------------------------------

local FIELDS = { "value", "unit", "better", "n", "sd", "low", "high", "reason", "label", "name",
                 "seed", "protocol", "noise", "section", "hidden", "note", "order", "whole",
                 "spread", "caption" }

-- JSON has no infinities and no NaN: they are written as words.
local function number_out(v)
  if type(v) ~= "number" or v == v and v - v == 0 then return v end
  return v ~= v and "nan" or v > 0 and "inf" or "-inf"
end

local WORDS = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge }

local NUMBERS = { value = true, sd = true, low = true, high = true, n = true, noise = true }

local function entry(r)
  local e = { model = r.model, key = r.key, asked = r.protocol,
              source = r.source and r.source.key, sampled = r.source and r.source.label }
  for _, name in ipairs(FIELDS) do e[name] = number_out(r.score[name]) end
  e.protocol = next(r.score.protocol) and r.score.protocol or nil
  e.seed = r.seed
  return e
end

--- Writes tables/scores.json: all scores so far.
function M.save_scores(run, records)
  local list = {}
  for _, r in ipairs(records) do
    if score.is_score(r.score) then list[#list + 1] = entry(r) end
  end
  core.write(run.table("scores.json"), core.json({ format = M.FORMAT, scores = list }, 1) .. "\n")
end

local function revived(e)
  local fields = {}
  for _, name in ipairs(FIELDS) do
    local v = e[name]
    fields[name] = NUMBERS[name] and WORDS[v] or v
  end
  return { seed = e.seed, model = e.model, key = e.key, name = e.name, protocol = e.asked,
           source = e.source and { key = e.source, label = e.sampled } or nil,
           score = score.revive(fields) }
end

--- The records of a run's folder, as evaluate.lua has them; a file of a newer format or a damaged
--- one is an error.
function M.read_scores(folder)
  local path = folder .. "/tables/scores.json"
  local text = file.read(path)
  if not text then fail.data(path .. ": there is no such file: the run has no scores") end
  local all = core.unjson(text, path)
  if type(all) ~= "table" or math.type(all.format) ~= "integer" or type(all.scores) ~= "table" then
    fail.data(path .. ": not a file of scores")
  elseif all.format > M.FORMAT then
    fail.data("%s: format %d is newer than this program's (%d); use a newer vaelua", path,
      all.format, M.FORMAT)
  end
  local records = {}
  for i, e in ipairs(all.scores) do
    if type(e) ~= "table" or type(e.key) ~= "string" or type(e.model) ~= "string"
       or math.type(e.seed) ~= "integer" then
      fail.data("%s: score %d has no model, key or seed", path, i)
    end
    records[i] = revived(e)
  end
  return records
end

-- ---- all of them --------------------------------------------------------------------------------

-- tables/NAME-MODEL-sSEED.csv of the tables of protocols.
local function own_tables(run, records)
  for _, r in ipairs(records) do
    if score.is_table(r.score) then
      local name = ("%s-%s%s-s%d"):format(r.name, r.model, r.source and "-" .. r.source.key or "",
                                          r.seed):gsub("[^%w%-]+", "_")
      core.write(run.table(name .. ".csv"), M.csv(r.score.head, r.score.lines))
    end
  end
end

--- t: the layout; records: what it shows; list: the tests (tests.lua).
function M.write(run, t, heading, notes, records, list)
  core.write(run.table("main.md"), markdown(t, heading, notes))
  core.write(run.table("main.tex"), latex(t, heading, notes))
  core.write(run.table("main.csv"), main_csv(records))
  if #list > 0 then
    core.write(run.table("tests.csv"), M.csv(tests.HEAD, tests.lines(list)))
    core.write(run.table("tests.md"), markdown({ head = tests.HEAD, lines = tests.lines(list) },
                                               heading, {}))
  end
  own_tables(run, records)
  M.save_scores(run, records)
end

return M
