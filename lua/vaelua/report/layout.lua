--[[ report/layout.lua - rows as lines of text: the table that the terminal, Markdown, LaTeX and the
  page all show, and the words above and below it. ]]

local rows_of = require "vaelua.report.rows"

local M = {}

-- ---- cells as texts -----------------------------------------------------------------------------

-- Places of the first digit behind the point: 0 for 1..9.9, 2 for 0.01..0.099.
local function place(v) return -math.floor(math.log(v, 10)) end

-- Decimals that show the largest value of a row with four digits and the smallest with two.
function M.decimals(cells)
  local least, most, whole, count = math.huge, 0, 0, 0
  for _, c in pairs(cells) do
    local v = c.value and math.abs(c.value)
    if v then count = count + 1 end
    if v and v > 0 and v < math.huge then least, most = math.min(least, v), math.max(most, v) end
    if v and c.whole and not c.spread then whole = whole + 1 end
  end
  if whole > 0 and whole == count then return 0 end
  if most == 0 then return 2 end
  return math.max(2, math.min(6, math.max(3 + place(most), 1 + place(least))))
end

function M.number(v, decimals)
  if v ~= v or v == math.huge or v == -math.huge then return tostring(v) end
  return ("%." .. decimals .. "f"):format(v)
end

local function cell_text(c, decimals, footnote)
  if not c then return "" end
  if not c.value then return "not defined " .. footnote(c.reason) end
  local text = M.number(c.value, decimals)
  if c.spread then text = text .. " ± " .. M.number(c.spread, decimals) end
  return text
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
  local decimals = M.decimals(row.cells)
  local line = { label, ARROW[row.better] or "", row = row }
  for _, m in ipairs(models) do line[#line + 1] = cell_text(row.cells[m], decimals, footnote) end
  if has_floor then
    line[#line + 1] = row.floor and cell_text(row.floor, decimals, footnote) or ""
  end
  line[#line + 1] = row.unit
  if row.note then line[1] = line[1] .. " " .. footnote(row.note) end
  return line
end

-- Whether a group of rows has no value and one reason for that: then one line says so.
local function not_here(group)
  local reason
  for _, row in ipairs(group) do
    for _, c in pairs(row.cells) do
      reason = reason or c.reason
      if not c.reason or c.reason ~= reason then return false end
    end
  end
  return reason ~= nil
end

-- The whole table: a heading line, lines, footnotes.
function M.layout(records)
  local rows, models, by_key = rows_of.gather(records)
  local plain, groups, order = rows_of.arrange(rows, models, by_key)
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
    local first = groups[group][1]
    if not_here(groups[group]) then
      lines[#lines + 1] = line_of(first, group, models, has_floor, footnote)
    else
      lines[#lines + 1] = { first.label, heading = true }
      for _, row in ipairs(groups[group]) do
        local label = "  " .. (row.source.label or "samples: " .. row.source.key)
        lines[#lines + 1] = line_of(row, label, models, has_floor, footnote)
      end
    end
  end
  return { head = head, lines = lines, notes = notes, rows = rows, models = models,
           has_floor = has_floor, by_key = by_key }
end

-- ---- texts below and above the table ------------------------------------------------------------

function M.thousands(n)
  local text = ("%d"):format(n)
  local with = text:reverse():gsub("(%d%d%d)", "%1,"):reverse()
  return (with:gsub("^,", ""))
end

-- "fashion_mnist test, 10,000 images; seed 1", from the protocols of the scores.
function M.title(records)
  local seeds, parts = rows_of.seeds(records), {}
  for _, r in ipairs(records) do
    local p = r.score.protocol
    if p and p.reference then
      parts[1] = ("%s, %s images"):format(p.reference, M.thousands(p.count))
      break
    end
  end
  parts[#parts + 1] = #seeds == 1 and "seed " .. seeds[1]
                      or ("%d seeds (%d to %d): mean ± sd over seeds"):format(#seeds, seeds[1],
                                                                             seeds[#seeds])
  return table.concat(parts, "; ")
end

-- What ± and floor mean in this table.
function M.legend(t, records)
  local lines, kinds = {}, {}
  if #rows_of.seeds(records) == 1 then
    for _, row in ipairs(t.rows) do
      for _, c in pairs(row.cells) do
        if c.spread then kinds[c.spread_of or "interval"] = row.label end
      end
    end
    if kinds.interval then
      lines[1] = "±: half the 95 % interval of a mean over images (one training; no seeds)"
    end
    for kind, label in pairs(kinds) do
      if kind ~= "interval" then
        table.insert(lines, ("± of %s: standard deviation %s"):format(label, kind))
      end
    end
    table.sort(lines, function(a, b) return #a < #b end)
  end
  if t.has_floor then
    lines[#lines + 1] = "real (floor): real training images in place of a model's pictures"
  end
  for i, note in ipairs(t.notes) do lines[#lines + 1] = ("[%d] %s"):format(i, note) end
  return lines
end

return M
