--[[ result.lua - what the bench found, as text: rows on the terminal, results.json, tables, and the
  part of the README between its two markers.

  A row: { part, name, unit, ours = statistics, peers = { statistics with a name ... }, goal (of
  the ratio) or bound (of the value, in its unit), only = true where it stands in results.json and
  not in the README }.  Statistics are those of measure.statistics with a label, or { skip =
  reason }; a peer with aside = true is shown and has no part in the ratio. ]]

local core = require "vaelua.core"

local M = { BEGIN = "<!-- bench -->", END = "<!-- /bench -->" }

--- Statistics in another unit.
function M.scaled(s, factor)
  local out = {}
  for key, v in pairs(s) do out[key] = v end
  for _, key in ipairs { "median", "min", "q1", "q3" } do out[key] = s[key] and s[key] * factor end
  return out
end

--- Sets the ratio to the best peer and whether the goal is met; peers that are missing do not
--- count, and without any there is no ratio.
function M.judged(row)
  local best
  for _, p in ipairs(row.peers) do
    if p.median and not p.aside and (not best or p.median < best.median) then best = p end
  end
  if row.ours.median then
    row.ratio = best and row.ours.median / best.median or nil
    row.best = best and best.name or nil
    local value, goal = row.bound and row.ours.median or row.ratio, row.bound or row.goal
    if value and goal then row.met = value <= goal end
  end
  return row
end

-- ---- text ---------------------------------------------------------------------------------------

--- Three digits that count.
function M.number(v)
  if v == 0 then return "0" end
  local digits = math.max(0, 2 - math.floor(math.log(math.abs(v), 10)))
  return ("%." .. math.min(digits, 6) .. "f"):format(v)
end

local function spread(s)
  return s.n > 1 and ("%s–%s"):format(M.number(s.q1), M.number(s.q3)) or "once"
end

local function goal_of(row)
  return row.bound and M.number(row.bound) .. " " .. row.unit or row.goal and M.number(row.goal)
end

--- Lines of a row for the terminal: quartiles, the least, how many samples, the setting.
function M.lines(row)
  local out = { row.name .. ", " .. row.unit }
  local function line(name, s)
    local words = s.median and ("%10s  (%s; least %s; n %d)  %s"):format(M.number(s.median),
      spread(s), M.number(s.min), s.n, s.label or "") or ("%10s  %s"):format("-", s.skip)
    out[#out + 1] = (("    %-32s %s"):format(name, words):gsub("%s+$", ""))
  end
  line("vaelua", row.ours)
  for _, p in ipairs(row.peers) do line(p.name, p) end
  local words = {}
  if row.ratio then words[1] = ("ratio %s to %s"):format(M.number(row.ratio), row.best) end
  if goal_of(row) then
    words[#words + 1] = ("goal %s%s"):format(goal_of(row), row.met == nil and ""
      or row.met and ": met" or ": not met")
  end
  if #words > 0 then out[#out + 1] = "    " .. table.concat(words, ", ") end
  return out
end

local function cell(s)
  if not s then return "" end
  return s.median and ("%s (%s)"):format(M.number(s.median), spread(s)) or "–"
end

-- Names of the peers that have a column: the PyTorches, in the order in which they come.
local function columns(rows)
  local names = {}
  for _, row in ipairs(rows) do
    for _, p in ipairs(row.peers) do
      if p.name:find "^PyTorch [%w.]+$" and not names[p.name] then
        names[#names + 1], names[p.name] = p.name, #names + 1
      end
    end
  end
  return names
end

local function table_row(row, names)
  local cells, others = {}, {}
  for i = 1, #names do cells[i] = "" end
  for _, p in ipairs(row.peers) do
    if names[p.name] then cells[names[p.name]] = cell(p)
    elseif p.median then others[#others + 1] = ("%s: %s"):format(p.name, cell(p)) end
  end
  local line = { row.name, row.unit, row.ours.median and cell(row.ours) or row.ours.skip }
  table.move(cells, 1, #cells, #line + 1, line)
  line[#line + 1] = table.concat(others, "; ")
  line[#line + 1] = row.ratio and M.number(row.ratio) or ""
  line[#line + 1] = goal_of(row) or ""
  return "| " .. table.concat(line, " | ") .. " |"
end

--- Rows as a table of Markdown.
function M.markdown(rows)
  local names = columns(rows)
  local head = { "", "unit", "vaelua", table.unpack(names) }
  table.move({ "others", "ratio", "goal" }, 1, 3, #head + 1, head)
  local rule = {}
  for i in ipairs(head) do rule[i] = i < 3 and "---" or i == #head - 2 and "---" or "---:" end
  local out = { "| " .. table.concat(head, " | ") .. " |", "|" .. table.concat(rule, "|") .. "|" }
  for _, row in ipairs(rows) do out[#out + 1] = table_row(row, names) end
  return table.concat(out, "\n") .. "\n"
end

--- What the numbers are of, in one paragraph.
function M.about(results)
  local m = results.machine
  return ("Medians with quartiles of one run of `make bench`, %s, %s, %s, threads: %d. All parties "
    .. "are measured in turn, PyTorch at the fastest of its settings (layout of the channels; "
    .. "eager, traced, compiled). Ratio: vaelua's median to that of the best peer.\n"):format(
    results.date:sub(1, 10), m.cpu, m.level, m.threads)
end

--- The whole of table.md.
function M.page(results)
  local own, others = {}, {}
  for _, row in ipairs(results.rows) do
    local list = row.only and own or others
    list[#list + 1] = row
  end
  local text = M.about(results) .. "\n" .. M.markdown(others)
  return #own > 0 and text .. "\n" .. M.markdown(own) or text
end

--- The text of the README with the table between its markers.
function M.readme(text, results)
  local rows = {}
  for _, row in ipairs(results.rows) do
    if not row.only then rows[#rows + 1] = row end
  end
  local _, from = text:find(M.BEGIN, 1, true)
  local to = from and text:find(M.END, from, true)
  if not to then
    error(("README.md has no %s with %s behind it"):format(M.BEGIN, M.END), 0)
  end
  return text:sub(1, from) .. "\n" .. M.about(results) .. "\n" .. M.markdown(rows) .. text:sub(to)
end

--- Writes results.json and table.md into a folder.
function M.write(folder, results)
  core.mkdir(folder)
  core.write(folder .. "/results.json", core.json(results) .. "\n")
  core.write(folder .. "/table.md", M.page(results))
end

return M
