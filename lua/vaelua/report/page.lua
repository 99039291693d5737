--[[ report/page.lua - report.html of a run: one file that opens from disk and can be mailed, made
  of the run's records and files alone.

  The order is that of a reader: what was found, the numbers, how it was trained, pictures, codes,
  uncertainty, classes and failures, tests, cost, and all that it takes to repeat it. While the run
  is on the page asks the browser to load it again. ]]

local core = require "vaelua.core"
local file = require "vaelua.file"
local keys = require "vaelua.keys"
local files = require "vaelua.report.files"
local html = require "vaelua.report.html"
local layout = require "vaelua.report.layout"
local rows_of = require "vaelua.report.rows"
local score = require "vaelua.score"
local tests = require "vaelua.report.tests"

local M = {}

local RELOAD = 5          -- seconds

local SECTIONS = {
  { "training", "Training" },
  { "reconstruction", "Reconstructions" },
  { "likelihood", "Likelihood" },
  { "generation", "Samples, interpolations, traversals" },
  { "latents", "Latent space" },
  { "uncertainty", "Uncertainty" },
  { "classes", "Classes and failures" },
  { "practice", "Practical use" },
}

local esc = html.escape

-- ---- the head -----------------------------------------------------------------------------------

-- A word of a command as a shell takes it.
local function shell_word(word)
  if word:find("^[%w_%-%./=:,+@%%]+$") then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

local function command_of(info)
  local words = {}
  for i, word in ipairs(info.command or {}) do words[i] = shell_word(word) end
  return table.concat(words, " ")
end

local function verdict(answers)
  if #answers == 0 then return "" end
  local out = { '<section class="verdict" id="verdict">' }
  for i, a in ipairs(answers) do
    out[#out + 1] = ("<h3>%d. %s</h3><ul>"):format(i, esc(a.question))
    for _, sentence in ipairs(a.answers) do
      out[#out + 1] = "<li>" .. esc(sentence) .. "</li>"
    end
    out[#out + 1] = "</ul>"
  end
  if answers.caution then out[#out + 1] = '<p class="soft">' .. esc(answers.caution) .. "</p>" end
  out[#out + 1] = "</section>\n"
  return table.concat(out, "\n")
end

local function head(d)
  local info, command = d.info, command_of(d.info)
  local words = { ('<h1>%s</h1>\n<p class="soft"><span class="status">%s</span> %s</p>\n'):format(
    esc(d.title), esc(info.reason and info.status .. ": " .. info.reason or info.status or ""),
    esc(d.heading or "")) }
  if command ~= "" then
    words[2] = ('<p><code id="command">%s</code> <button data-copy="command">copy</button></p>\n')
               :format(esc(command))
  end
  return table.concat(words)
end

-- ---- tables -------------------------------------------------------------------------------------

-- The model with the best mean of a row, if a corrected test says that it differs.
local function best_of(row, models, list)
  if not row.better then return nil end
  local best
  for i, m in ipairs(models) do
    local c = row.cells[m]
    if c and c.value then
      local lead = best and row.cells[models[best]].value
      if not best or (row.better == "lower" and c.value < lead)
         or (row.better == "higher" and c.value > lead) then best = i end
    end
  end
  for i = 2, #models do
    local one = list[("%s %s %s"):format(row.key, models[1], models[i])]
    local p = one and (one.result.t.holm or one.result.t.p)
    if not p or p >= 0.05 then return nil end
  end
  return best
end

local function main_table(d)
  local t = d.layout
  if not t or #t.lines == 0 then return "" end
  local function bold(i, j)
    local row = t.lines[i].row
    local best = row and best_of(row, t.models, d.tests)
    return best and j == best + 2
  end
  local out = { '<h2 id="numbers">Numbers</h2>\n',
                html.table(t.head, t.lines, { numbers = { 3, #t.head - 1 }, bold = bold }),
                '<ul class="notes">' }
  for _, note in ipairs(d.legend) do out[#out + 1] = "<li>" .. esc(note) .. "</li>" end
  if #d.tests > 0 then
    out[#out + 1] = "<li>bold: the best mean where the paired t test, corrected by Holm's method "
                    .. "over all rows, has p below 0.05</li>"
  end
  out[#out + 1] = "</ul>\n"
  local lines, seen = {}, {}
  for _, r in ipairs(d.records) do
    local s = r.score
    if score.is_score(s) and not s.hidden and not seen[r.key .. r.model] then
      seen[r.key .. r.model] = true
      lines[#lines + 1] = { r.key, r.model, files.protocol_text(s.protocol) }
    end
  end
  out[#out + 1] = html.details("What made each number: the protocols",
                               html.table({ "score", "model", "protocol" }, lines))
  return table.concat(out, "\n")
end

local function cell_text(v, reasons)
  if score.is_score(v) then
    if not v.value then
      rows_of.add_once(reasons, reasons, v.reason or "not defined")
      return "–"
    end
    local half = v.low and (v.high - v.low) / 2
    return half and ("%.4g ± %.2g"):format(v.value, half) or ("%.4g"):format(v.value)
  end
  if math.type(v) == "float" then return ("%.4g"):format(v) end
  return tostring(v)
end

local function own_table(r)
  local s, lines, words = r.score, {}, {}
  for i, line in ipairs(s.lines) do
    lines[i] = {}
    for j, v in ipairs(line) do lines[i][j] = cell_text(v, words) end
  end
  for i, reason in ipairs(words) do words[i] = "– not defined: " .. reason .. "." end
  table.insert(words, 1, s.caption)
  local whose = r.model .. (r.source and ", " .. (r.source.label or r.source.key) or "")
  return ('<div class="whole"><h3>%s: %s</h3>%s%s</div>\n'):format(esc(s.label or r.name),
    esc(whose), #words > 0 and '<p class="soft">' .. esc(table.concat(words, " ")) .. "</p>" or "",
    html.table(s.head, lines, { numbers = { 2, #s.head } }))
end

-- ---- sections -----------------------------------------------------------------------------------

local function section_of(thing, default) return thing.section or default end

-- Figures and tables of the first seed stand in the page; the others, and tables that say what a
-- figure shows, lie in the folder.
local function section(d, name, title)
  local out, left_out, wide = {}, 0, name == "reconstruction"
  for _, f in ipairs(d.figures) do
    if section_of(f, "generation") == name then
      if f.seed and f.seed ~= d.first_seed then
        left_out = left_out + 1
      else
        out[#out + 1] = html.figure(f.path or d.folder .. "/figures/" .. f.file, f.label, f.caption,
                                    f.kind .. (wide and f.kind == "picture" and " whole" or ""))
      end
    end
  end
  for _, r in ipairs(d.records) do
    if score.is_table(r.score) and not r.score.hidden and r.seed == d.first_seed
       and section_of(r.score, "classes") == name then
      out[#out + 1] = own_table(r)
    end
  end
  if #out == 0 then return "" end
  local more = left_out > 0 and ('<p class="soft">Shown: seed %d. %d figures of the other seeds '
    .. "lie in figures/.</p>\n"):format(d.first_seed, left_out) or ""
  return ('<h2 id="%s">%s</h2>\n%s<div class="figures">\n%s</div>\n'):format(name, title, more,
    table.concat(out, "\n"))
end

-- ---- statistics ---------------------------------------------------------------------------------

local ASSUMPTIONS = [[
<p class="soft">Seeds are paired: both models of a seed start from the same weights and see the same
batches. The paired t test takes the differences to be normal; the Wilcoxon signed-rank test takes
them to be symmetric; the permutation test takes each sign to be as likely as the other, if the
models do not differ. d is the mean difference in its own standard deviations. Holm's correction
makes up for the number of rows.</p>
]]

local function statistics(d)
  if #d.tests == 0 then return "" end
  local columns, lines = tests.seed_lines(d.tests)
  return table.concat {
    '<h2 id="statistics">Statistics over seeds</h2>\n', ASSUMPTIONS,
    html.table(tests.HEAD, tests.lines(d.tests), { numbers = { 4, 12 } }),
    "<h3>Two kinds of noise</h3>\n",
    html.table(tests.NOISE_HEAD, tests.noise_lines(d.tests), { numbers = { 3, 4 } }),
    html.details("Every value by seed", html.table(columns, lines, { numbers = { 3, #columns } })) }
end

-- ---- cost and provenance ------------------------------------------------------------------------

local function pairs_table(rows)
  local lines = {}
  for _, row in ipairs(rows) do
    if row[2] ~= nil and row[2] ~= "" then lines[#lines + 1] = { row[1], tostring(row[2]) } end
  end
  return html.table({ "", "" }, lines)
end

local function cost(d)
  local info, c = d.info, d.info.cost or {}
  return '<h2 id="cost">Cost</h2>\n' .. pairs_table {
    { "whole run", info.seconds and ("%.1f s"):format(info.seconds) },
    { "training", c.training_seconds and ("%.1f s"):format(c.training_seconds) },
    { "evaluation", c.evaluation_seconds and ("%.1f s"):format(c.evaluation_seconds) },
    { "throughput of training", c.images_per_second
        and ("%.0f images a second, through all models of the loop"):format(c.images_per_second) },
    { "peak memory of the process", c.peak_bytes and ("%.0f MB"):format(c.peak_bytes / 1e6) } }
end

local function provenance(d)
  local info = d.info
  local m, rows = info.machine or {}, {}
  for _, row in ipairs {
    { "run", d.name }, { "started", info.started }, { "program", info.version },
    { "commit", info.commit }, { "build", info.build }, { "device", m.device },
    { "threads", m.threads }, { "instruction set", m.isa }, { "oneDNN", m.onednn },
    { "BLAS", m.blas } } do rows[#rows + 1] = row end
  for _, name in ipairs(keys.sorted(info.data or {})) do
    rows[#rows + 1] = { "data: " .. name, "SHA-256 " .. tostring(info.data[name].checksum) }
  end
  local out = { '<h2 id="provenance">How to repeat it</h2>\n', pairs_table(rows) }
  if d.config then out[#out + 1] = html.details("Settings (config.lua)", html.code(d.config)) end
  for _, source in ipairs(d.sources or {}) do
    out[#out + 1] = html.details("Source: " .. source[1], html.code(source[2]))
  end
  return table.concat(out)
end

local function limits(d)
  local notes = {}
  for _, note in ipairs(d.notes or {}) do notes[#notes + 1] = html.code((note:gsub("^\n", ""))) end
  local out = { '<h2 id="limits">Limits and notes</h2>\n<ul>' }
  local said = {}
  for _, r in ipairs(d.records) do
    local p = r.score.protocol or {}
    if p.features and p.features:find("^fashion") and not said.features then
      said.features = true
      out[#out + 1] = "<li>Distances and scores on the features of the built-in network are "
        .. "comparable with each other only, not with published FID or Inception Scores.</li>"
    end
  end
  if d.seeds == 1 then
    out[#out + 1] = "<li>One training of each model: training noise is not known.</li>"
  end
  out[#out + 1] = "<li>The test set judged every model; nothing was chosen by it.</li></ul>\n"
  return table.concat(out, "\n") .. table.concat(notes)
end

-- ---- the page -----------------------------------------------------------------------------------

local function contents(body)
  local links = {}
  for id, title in body:gmatch('<h2 id="([%w]+)">(.-)</h2>') do
    links[#links + 1] = ('<a href="#%s">%s</a>'):format(id, title)
  end
  return "<nav>" .. table.concat(links, "\n") .. "</nav>\n"
end

--- The page as text. d: title, heading, folder, name, info (run.json), layout, legend, records,
--- tests, answers, figures, seeds, first_seed, config, sources, notes.
function M.page(d)
  local body = { main_table(d) }
  for _, s in ipairs(SECTIONS) do
    body[#body + 1] = section(d, s[1], s[2])
    if s[1] == "practice" then body[#body + 1] = statistics(d) end
  end
  body[#body + 1] = cost(d)
  body[#body + 1] = provenance(d)
  body[#body + 1] = limits(d)
  body = table.concat(body, "\n")
  local reload = d.info.status == "running"
    and ('<meta http-equiv="refresh" content="%d">\n'):format(RELOAD) or ""
  return table.concat { '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n', reload,
    "<title>", esc(d.title), "</title>\n<style>\n", html.STYLE, "</style>\n</head>\n<body>\n",
    head(d), verdict(d.answers), contents(body), body, "<script>\n", html.SCRIPT,
    "</script>\n</body>\n</html>\n" }
end

local function sources_of(folder)
  local list = {}
  local function walk(at, below)
    for _, name in ipairs(core.list(at)) do
      local path, shown = at .. "/" .. name, below .. name
      if core.exists(path) == "folder" then
        walk(path, shown .. "/")
      elseif name:find("%.lua$") then
        list[#list + 1] = { shown, (file.read(path)) }
      end
    end
  end
  if core.exists(folder .. "/src") then walk(folder .. "/src", "") end
  return list
end

--- Writes FOLDER/report.html. given: records, figures, answers(t, tests, one_seed), info, notes.
function M.write(folder, given)
  local records, t, list, legend = given.records, nil, {}, {}
  local seeds = rows_of.seeds(records)
  if #records > 0 then
    t = layout.layout(records)
    legend = layout.legend(t, records)
    list = tests.all(t)
  end
  core.write(given.to or folder .. "/report.html", M.page {
    title = given.title, heading = #records > 0 and layout.title(records) or "", folder = folder,
    name = folder:match("[^/]+$"), info = given.info, layout = t, legend = legend,
    records = records, tests = list, figures = given.figures, seeds = #seeds,
    answers = t and given.answers and given.answers(t, list, #seeds == 1) or {},
    first_seed = seeds[1], config = file.read(folder .. "/config.lua"),
    sources = sources_of(folder), notes = given.notes })
end

return M
