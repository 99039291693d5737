--[[ report/rows.lua - the records of an evaluation as rows: a score of every model over its seeds,
  and the floor that real pictures give. Scores that do not mean the same never share a row. ]]

local score = require "vaelua.score"
local stats = require "vaelua.stats"

local M = {}

local REAL = "real"        -- the source of real pictures (evaluate.lua)

-- ---- cells: one score of one model over its seeds -----------------------------------------------

-- { value, spread, seeds, n, unit ..., reason } of a list of scores.
-- values: by seed, for tests.
local function summary(scores)
  local values, by_seed, first = {}, {}, scores[1]
  for _, s in ipairs(scores) do
    if s.value then
      values[#values + 1] = s.value
      by_seed[s.seed or #values] = s.value
    else
      first = s
    end
  end
  local c = { n = first.n, unit = first.unit, better = first.better, seeds = #scores,
              whole = first.whole, spread_of = first.spread, by_seed = by_seed,
              protocol = first.protocol }
  if #values < #scores then c.reason = first.reason return c end
  c.value, c.low, c.high, c.sd = stats.mean(values), first.low, first.high, first.sd
  if #scores > 1 then
    local sd = stats.sd(values)
    local equal = sd <= 1e-12 * math.abs(c.value)       -- but for the rounding of their mean
    c.spread, c.sd, c.low, c.high = not equal and sd or nil, sd, nil, nil
  elseif first.spread then
    c.spread = first.sd
  elseif first.low then
    c.spread = (first.high - first.low) / 2
  end
  return c
end

-- ---- rows ---------------------------------------------------------------------------------------

-- Appends what is not in the list yet.
function M.add_once(list, seen, item)
  if not seen[item] then
    seen[item] = true
    list[#list + 1] = item
  end
end

local function who(r) return ("%s, seed %d"):format(r.model, r.seed) end

-- A row for every key, with the scores of each model; all of them mean the same, or it is an error.
local function collect(records)
  local models, seen, rows, by_key = {}, {}, {}, {}
  for _, r in ipairs(records) do
    local s = r.score
    if score.is_score(s) then
      if not s.hidden then M.add_once(models, seen, r.model) end
      local row = by_key[r.key]
      if not row then
        row = { key = r.key, name = r.name, protocol = r.protocol, source = r.source, scores = {},
                group = r.source and r.key:match("^(.*)/") or nil, hidden = s.hidden,
                section = s.section, first = r }
        by_key[r.key] = row
        rows[#rows + 1] = row
      end
      if s.value and not row.first.score.value then row.first = r end
      if s.value then score.same(row.first.score, s, nil, who(row.first), who(r)) end
      row.label, row.note = s.label or row.label, s.note or row.note
      row.scores[r.model] = row.scores[r.model] or {}
      table.insert(row.scores[r.model], s)
    end
  end
  return rows, models, by_key
end

-- Rows in the order of their making, the models, and the rows by key.
function M.gather(records)
  local rows, models, by_key = collect(records)
  for _, row in ipairs(rows) do
    local first = row.first.score
    row.cells = {}
    for model, scores in pairs(row.scores) do row.cells[model] = summary(scores) end
    row.unit, row.better, row.label = first.unit, first.better, row.label or row.name
  end
  return rows, models, by_key
end

-- Scores of the models first, then those of pictures, kept together by protocol; the row of the
-- real pictures becomes the floor of its group.
function M.arrange(rows, models, by_key)
  local plain, groups, order = {}, {}, {}
  for _, row in ipairs(rows) do
    if row.hidden then
      goto next_row
    elseif not row.source then
      plain[#plain + 1] = row
    elseif row.source.key ~= REAL then
      if not groups[row.group] then
        groups[row.group] = {}
        order[#order + 1] = row.group
      end
      table.insert(groups[row.group], row)
      local floor = by_key[row.group .. "/" .. REAL]
      for _, m in ipairs(models) do row.floor = row.floor or floor and floor.cells[m] end
    end
    ::next_row::
  end
  return plain, groups, order
end

-- Seeds of records, in their order.
function M.seeds(records)
  local list, seen = {}, {}
  for _, r in ipairs(records) do M.add_once(list, seen, r.seed) end
  return list
end

return M
