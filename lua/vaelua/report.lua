--[[ report.lua - va.report: what was recorded, as a table, pictures and curves.

  Rows are scores, columns are models; beside every score of pictures stands its floor, the score
  of real pictures. One training: a value and, where it is a mean over pictures, half its 95 %
  interval. Several seeds: mean and standard deviation over seeds. What is not defined says why in
  a footnote. In a run the same goes to tables/main.csv and main.md, pictures and curves to
  figures/. ]]

local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local run = require "vaelua.run"
local score = require "vaelua.score"
local stats = require "vaelua.stats"

local M = {
  evaluate = evaluate.evaluate, protocol = evaluate.protocol, images = evaluate.images,
  score = score.score,
}

-- ---- cells: one score of one model over its seeds -----------------------------------------------

-- { value, spread, seeds, n, unit ..., reason } of a list of scores.
local function summary(scores)
  local values, first = {}, scores[1]
  for _, s in ipairs(scores) do
    if s.value then values[#values + 1] = s.value else first = s end
  end
  local c = { n = first.n, unit = first.unit, better = first.better, seeds = #scores,
              whole = first.whole, spread_of = first.spread }
  if #values < #scores then c.reason = first.reason return c end
  c.value, c.low, c.high, c.sd = stats.mean(values), first.low, first.high, first.sd
  if #scores > 1 then
    c.spread, c.sd, c.low, c.high = stats.sd(values), stats.sd(values), nil, nil
  elseif first.spread then
    c.spread = first.sd
  elseif first.low then
    c.spread = (first.high - first.low) / 2
  end
  return c
end

-- Decimals that show the smallest value of a row with four digits.
local function decimals_of(cells)
  local least = math.huge
  for _, c in pairs(cells) do
    if c.value and c.value ~= 0 then least = math.min(least, math.abs(c.value)) end
    if c.whole and c.seeds == 1 then return 0 end
  end
  if least == math.huge then return 2 end
  return math.max(2, math.min(6, 3 - math.floor(math.log(least, 10))))
end

local function number(v, decimals)
  if v ~= v or v == math.huge or v == -math.huge then return tostring(v) end
  return ("%." .. decimals .. "f"):format(v)
end

local function cell_text(c, decimals, footnote)
  if not c then return "" end
  if not c.value then return "not defined " .. footnote(c.reason) end
  local text = number(c.value, decimals)
  if c.spread then text = text .. " ± " .. number(c.spread, decimals) end
  return text
end

-- ---- rows ---------------------------------------------------------------------------------------

local function add_once(list, seen, item)
  if not seen[item] then
    seen[item] = true
    list[#list + 1] = item
  end
end

-- "frechet/prior" -> its row: label, cells by model, and the floor's.  A floor is the same pictures
-- for every model, so it is taken from one.
local function gather(records)
  local models, seen_model, rows, by_key = {}, {}, {}, {}
  for _, r in ipairs(records) do
    local s = r.score
    if score.is_score(s) and not s.hidden then
      add_once(models, seen_model, r.model)
      local row = by_key[r.key]
      if not row then
        row = { key = r.key, name = r.name, protocol = r.protocol, source = r.source, scores = {},
                group = r.source and r.key:match("^(.*)/") or nil }
        by_key[r.key] = row
        rows[#rows + 1] = row
      end
      row.label = s.label or row.label
      row.note = s.note or row.note
      row.scores[r.model] = row.scores[r.model] or {}
      table.insert(row.scores[r.model], s)
    end
  end
  for _, row in ipairs(rows) do
    row.cells = {}
    for model, scores in pairs(row.scores) do row.cells[model] = summary(scores) end
    local any = row.cells[models[1]]
    for _, m in ipairs(models) do
      if row.cells[m] and row.cells[m].value then any = row.cells[m] break end
    end
    any = any or select(2, next(row.cells))
    row.unit, row.better, row.label = any.unit, any.better, row.label or row.name
  end
  return rows, models, by_key
end

-- Scores of the models first, then those of pictures, kept together by protocol; the row of the
-- real pictures becomes the floor of its group.
local function arrange(rows, models, by_key)
  local plain, groups, order = {}, {}, {}
  for _, row in ipairs(rows) do
    if not row.source then
      plain[#plain + 1] = row
    elseif row.source.key ~= evaluate.REAL then
      if not groups[row.group] then
        groups[row.group] = {}
        order[#order + 1] = row.group
      end
      table.insert(groups[row.group], row)
      local floor = by_key[row.group .. "/" .. evaluate.REAL]
      for _, m in ipairs(models) do row.floor = row.floor or floor and floor.cells[m] end
    end
  end
  return plain, groups, order
end

-- ---- the table, as lists of texts ---------------------------------------------------------------

local ARROW = { lower = "↓", higher = "↑" }

-- Footnotes are numbered in the order of their first use.
local function footnotes()
  local list, number_of = {}, {}
  return function(text)
    if not number_of[text] then
      list[#list + 1] = text
      number_of[text] = #list
    end
    return ("[%d]"):format(number_of[text])
  end, list
end

local function line_of(row, label, models, has_floor, footnote)
  local decimals = decimals_of(row.cells)
  local line = { label, ARROW[row.better] or "" }
  for _, m in ipairs(models) do line[#line + 1] = cell_text(row.cells[m], decimals, footnote) end
  if has_floor then
    line[#line + 1] = row.floor and cell_text(row.floor, decimals, footnote) or ""
  end
  line[#line + 1] = row.unit
  if row.note then line[1] = line[1] .. " " .. footnote(row.note) end
  return line
end

-- The whole table: a heading line, lines, footnotes.
local function layout(records)
  local rows, models, by_key = gather(records)
  local plain, groups, order = arrange(rows, models, by_key)
  local footnote, notes = footnotes()
  local has_floor = #order > 0
  local head, lines = { "test set", "" }, {}
  for _, m in ipairs(models) do head[#head + 1] = m end
  if has_floor then head[#head + 1] = "real (floor)" end
  head[#head + 1] = "unit"
  for _, row in ipairs(plain) do
    lines[#lines + 1] = line_of(row, row.label, models, has_floor, footnote)
  end
  for _, group in ipairs(order) do
    lines[#lines + 1] = { groups[group][1].label, heading = true }
    for _, row in ipairs(groups[group]) do
      local label = "  " .. (row.source.label or "samples: " .. row.source.key)
      lines[#lines + 1] = line_of(row, label, models, has_floor, footnote)
    end
  end
  return { head = head, lines = lines, notes = notes, rows = rows, models = models,
           has_floor = has_floor }
end

-- ---- texts below and above the table ------------------------------------------------------------

local function thousands(n)
  local text = ("%d"):format(n)
  local with = text:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (with:gsub("^,", ""))
end

local function seeds_of(records)
  local list, seen = {}, {}
  for _, r in ipairs(records) do add_once(list, seen, r.seed) end
  return list
end

local function title(records)
  local data, seeds = evaluate.data, seeds_of(records)
  local parts = {}
  if data then
    parts[1] = ("%s, %s test images"):format(data.name or "data", thousands(#data.test))
  end
  parts[#parts + 1] = #seeds == 1 and "seed " .. seeds[1]
                      or ("%d seeds (%d to %d): mean ± sd over seeds"):format(#seeds, seeds[1],
                                                                             seeds[#seeds])
  return table.concat(parts, "; ")
end

-- What ± and floor mean in this table.
local function legend(t, records)
  local lines, kinds = {}, {}
  if #seeds_of(records) == 1 then
    for _, row in ipairs(t.rows) do
      for _, c in pairs(row.cells) do
        if c.spread then kinds[c.spread_of or "interval"] = true end
      end
    end
    if kinds.interval then
      lines[1] = "±: half the 95 % interval of a mean over images (one training; no seeds)"
    end
    for kind in pairs(kinds) do
      if kind ~= "interval" then
        table.insert(lines, "± of an Inception Score: standard deviation " .. kind)
      end
    end
    table.sort(lines, function(a, b) return #a < #b end)
  end
  if t.has_floor and evaluate.data then
    local n = math.min(#evaluate.data.train, #evaluate.data.test)
    lines[#lines + 1] = ("real (floor): %s real training images in place of a model's pictures")
                        :format(thousands(n))
  end
  for i, note in ipairs(t.notes) do lines[#lines + 1] = ("[%d] %s"):format(i, note) end
  return lines
end

-- ---- on the terminal ----------------------------------------------------------------------------

local function width(text) return utf8.len(text) or #text end

local function padded(text, to, right)
  local fill = (" "):rep(to - width(text))
  return right and fill .. text or text .. fill
end

local function widths(t)
  local w = {}
  for i, text in ipairs(t.head) do w[i] = width(text) end
  for _, line in ipairs(t.lines) do
    for i, text in ipairs(line) do
      if not (line.heading and i == 1) then w[i] = math.max(w[i], width(text)) end
    end
  end
  return w
end

local function text_table(t)
  local w, last, out = widths(t), #t.head, {}
  local function put(line)
    local cells = {}
    for i, text in ipairs(line) do
      cells[i] = padded(text, w[i], i > 2 and i < last)
    end
    out[#out + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  put(t.head)
  local total = 2 * (last - 1)
  for _, n in ipairs(w) do total = total + n end
  out[#out + 1] = ("-"):rep(total)
  for _, line in ipairs(t.lines) do
    if line.heading then out[#out + 1] = line[1] else put(line) end
  end
  return table.concat(out, "\n")
end

-- ---- in files -----------------------------------------------------------------------------------

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

local function quoted(v)
  local text = v == nil and "" or math.type(v) == "float" and ("%.9g"):format(v) or tostring(v)
  return text:find('[,"\n]') and '"' .. text:gsub('"', '""') .. '"' or text
end

-- One line for every score of every model and seed: the numbers behind the table.
local function csv(records)
  local out = { "model,seed,score,source,sampled,value,unit,better,n,sd,low,high,not_defined" }
  for _, r in ipairs(records) do
    local s = r.score
    if score.is_score(s) then
      local from = r.source or {}
      local fields = { r.model, r.seed, r.key, from.key, from.label, s.value, s.unit, s.better, s.n,
                       s.sd, s.low, s.high, s.reason }
      local cells = {}
      for i = 1, 13 do cells[i] = quoted(fields[i]) end
      out[#out + 1] = table.concat(cells, ",")
    end
  end
  return table.concat(out, "\n") .. "\n"
end

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

-- ---- pictures and curves ------------------------------------------------------------------------

local function file_name(...)
  return (table.concat({ ... }, "-"):gsub("[^%w%-]+", "_"))
end

-- Pictures that have originals beside them: one figure with the originals and every model.
local function show_beside(records, suffix)
  local figures, order = {}, {}
  for _, r in ipairs(records) do
    if r.score.beside then
      local f = figures[r.key]
      if not f then
        f = { name = r.name, x = { r.score.beside }, labels = { "original" },
              columns = r.score.columns }
        figures[r.key] = f
        order[#order + 1] = f
      end
      f.x[#f.x + 1], f.labels[#f.labels + 1] = r.score.picture, r.model
    end
  end
  for _, f in ipairs(order) do
    f.x[#f.x + 1] = { columns = f.columns, labels = f.labels }
    require "vaelua.show".show(file_name(f.name) .. suffix, table.unpack(f.x))
  end
end

local function show_pictures(records, suffix)
  local draw, real = require "vaelua.show".show, false
  for _, r in ipairs(records) do
    local p = r.score
    local is_real = r.source and r.source.key == evaluate.REAL
    if not p.beside and not (is_real and real) then
      local name = is_real and file_name(r.name, "real")
                   or file_name(r.name, r.model, r.source and r.source.key)
      draw(name .. suffix, p.picture, { columns = p.columns })
      real = real or is_real
    end
  end
end

local function figures(records)
  local seeds = seeds_of(records)
  for _, seed in ipairs(seeds) do
    local list = {}
    for _, r in ipairs(records) do
      if r.seed == seed and score.is_picture(r.score) then list[#list + 1] = r end
    end
    local suffix = #seeds > 1 and "-s" .. seed or ""
    show_beside(list, suffix)
    show_pictures(list, suffix)
  end
end

-- The means by epoch of every model that was trained here: one figure a model.
local function curves(records)
  local history = require "vaelua.log".history
  local draw = require "vaelua.plot".plot
  local seeds, done = seeds_of(records), {}
  for _, r in ipairs(records) do
    if not done[r.handle] then
      done[r.handle] = true
      local h, lines = history(r.handle), {}
      for term, list in pairs(h) do
        if type(list) == "table" and type(list[1]) == "number" and #list > 1 then
          local x = {}
          for i = 1, #list do x[i] = i end
          lines[#lines + 1] = { x = x, y = list, label = term }
        end
      end
      table.sort(lines, function(a, b) return a.label < b.label end)
      if #lines > 0 then
        lines[#lines + 1] = { x = "epoch", y = "training mean of " .. r.model }
        local suffix = #seeds > 1 and "-s" .. r.seed or ""
        draw(file_name("training", r.model) .. suffix, table.unpack(lines))
      end
    end
  end
end

-- ---- va.report ----------------------------------------------------------------------------------

-- Mean over seeds by the model's name, for a report without arguments.
local function means(rows, models)
  local all = {}
  for _, m in ipairs(models) do all[m] = {} end
  for _, row in ipairs(rows) do
    for m, c in pairs(row.cells) do all[m][row.key] = c end
  end
  return all
end

-- va.report([as evaluate]): the tables and pictures of all that was recorded.
function M.report(...)
  local scores = select("#", ...) > 0 and evaluate.evaluate(...) or nil
  local records = evaluate.records
  if #records == 0 then
    core.fail("user", "report: nothing was evaluated yet (va.evaluate, or arguments as it takes)")
  end
  local t = layout(records)
  local heading, notes = title(records), legend(t, records)
  print()
  print(heading)
  print(text_table(t))
  for _, line in ipairs(notes) do print(line) end
  local r = run.current()
  if r then
    core.write(r.table("main.md"), markdown(t, heading, notes))
    core.write(r.table("main.csv"), csv(records))
    run.record("scores", final_scores)
    figures(records)
    curves(records)
    print(("\ntables %s/tables   pictures and curves %s/figures"):format(r.folder, r.folder))
  end
  return scores or means(t.rows, t.models)
end

return M
