--[[ report/tests.lua - is a difference between two models more than chance? For every row of the
  table with numbers of both models over the same seeds: the paired tests of stats.lua, corrected by
  Holm's method over all rows, and the two kinds of noise apart:

  training noise: standard deviation over seeds, each of which is a training of its own;
  metric noise: standard error of one training's number over its test images, averaged over seeds
  (root mean square): of a mean over images its own, of a distance that of resampled pictures. ]]

local layout = require "vaelua.report.layout"
local stats = require "vaelua.stats"

local M = {}

-- The seeds at which both cells have numbers, if they are the same for both and at least two.
local function paired(a, b)
  local seeds = {}
  for seed in pairs(a.by_seed) do
    if not b.by_seed[seed] then return nil end
    seeds[#seeds + 1] = seed
  end
  for seed in pairs(b.by_seed) do
    if not a.by_seed[seed] then return nil end
  end
  if #seeds < 2 then return nil end
  table.sort(seeds)
  local x, y = {}, {}
  for i, seed in ipairs(seeds) do x[i], y[i] = a.by_seed[seed], b.by_seed[seed] end
  return x, y, seeds
end

-- Standard error over images of one training, root mean square over its seeds; nil if unknown.
local function metric_noise(scores)
  local sum, n = 0, 0
  for _, s in ipairs(scores) do
    local half = s.low and s.high and (s.high - s.low) / 2
    if s.noise then
      sum, n = sum + s.noise ^ 2, n + 1
    elseif half then
      local t = s.n and s.n > 1 and stats.t_quantile(0.975, s.n - 1) or 1.959963984540054
      sum, n = sum + (half / t) ^ 2, n + 1
    end
  end
  return n > 0 and math.sqrt(sum / n) or nil
end

local function finite(list)
  for _, v in ipairs(list) do
    if v ~= v or v - v ~= 0 then return false end
  end
  return true
end

-- "vae" and "ae" of a row, or nil where there is nothing to test.
local function test(row, a, b, level)
  local x, y, seeds = paired(row.cells[a], row.cells[b])
  if not x or not finite(x) or not finite(y) then return nil end
  return { row = row, a = a, b = b, seeds = seeds, x = x, y = y,
           noise = { [a] = metric_noise(row.scores[a]), [b] = metric_noise(row.scores[b]) },
           result = stats.compare(x, y, { better = row.better, unit = row.unit, level = level,
                                          labels = { a, b } }) }
end

--- All tests of a table's rows, the first model against each of the others; t: of layout.lua.
--- Result: a list of { row, a, b, seeds, x, y, noise, result }, by_key["KEY a b"] besides.
function M.all(t, level)
  local list, results = {}, {}
  for _, row in ipairs(t.rows) do
    local real = row.source and row.source.key == "real"
    for i = 2, real and 0 or #t.models do
      local a, b = t.models[1], t.models[i]
      local one = not row.hidden and row.cells[a] and row.cells[b] and test(row, a, b, level)
      if one then
        list[#list + 1], results[#results + 1] = one, one.result
      end
    end
  end
  if #results > 0 then stats.family(results, { level = level }) end
  for _, one in ipairs(list) do list[("%s %s %s"):format(one.row.key, one.a, one.b)] = one end
  return list
end

-- ---- as a table ---------------------------------------------------------------------------------

--- "p < 0.001", or with three digits.
function M.p_text(p)
  if not p then return "" end
  return p < 0.001 and "< 0.001" or ("%.3f"):format(p)
end

function M.row_name(row)
  if not row.source then return row.label end
  return ("%s, %s"):format(row.label, row.source.label or row.source.key)
end

M.HEAD = { "score", "models", "verdict", "seeds", "difference", "95 % interval", "bootstrap BCa",
           "d", "t p", "Holm p", "Wilcoxon p", "permutation p" }

local function interval(low, high, decimals)
  if not low then return "" end
  return ("%s to %s"):format(layout.number(low, decimals), layout.number(high, decimals))
end

--- Lines of texts below M.HEAD; a verdict is what a finding says before its numbers.
function M.lines(list)
  local lines = {}
  for i, one in ipairs(list) do
    local r, decimals = one.result, layout.decimals(one.row.cells)
    lines[i] = {
      M.row_name(one.row), ("%s − %s"):format(one.a, one.b),
      r.finding:match("^[^:(]*"):gsub(" $", ""), tostring(r.n),
      layout.number(r.mean_difference, decimals) .. " " .. one.row.unit,
      interval(r.low, r.high, decimals), interval(r.bca_low, r.bca_high, decimals),
      r.d and ("%.2f"):format(r.d) or "", M.p_text(r.t and r.t.p), M.p_text(r.t and r.t.holm),
      M.p_text(r.wilcoxon.p), M.p_text(r.permutation.p),
    }
  end
  return lines
end

--- Head and lines of every value by seed.
function M.seed_lines(list)
  local head, lines, seen = { "score", "model" }, {}, {}
  if #list == 0 then return head, lines end
  for i, seed in ipairs(list[1].seeds) do head[i + 2] = "seed " .. seed end
  for _, one in ipairs(list) do
    local decimals = layout.decimals(one.row.cells)
    for _, side in ipairs { { one.a, one.x }, { one.b, one.y } } do
      local id = one.row.key .. " " .. side[1]
      if not seen[id] and #one.seeds == #list[1].seeds then
        seen[id] = true
        local line = { M.row_name(one.row), side[1] }
        for i, v in ipairs(side[2]) do line[i + 2] = layout.number(v, decimals) end
        lines[#lines + 1] = line
      end
    end
  end
  return head, lines
end

M.NOISE_HEAD = { "score", "model", "training noise (sd over seeds)",
                 "metric noise (standard error over images)" }

--- Both kinds of noise for every model of every tested row.
function M.noise_lines(list)
  local lines, seen = {}, {}
  for _, one in ipairs(list) do
    for _, m in ipairs { one.a, one.b } do
      local id = one.row.key .. " " .. m
      if not seen[id] then
        seen[id] = true
        local values = m == one.a and one.x or one.y
        lines[#lines + 1] = { M.row_name(one.row), m,
          ("%.3g %s"):format(stats.sd(values), one.row.unit),
          one.noise[m] and ("%.3g %s"):format(one.noise[m], one.row.unit) or "not known" }
      end
    end
  end
  return lines
end

return M
