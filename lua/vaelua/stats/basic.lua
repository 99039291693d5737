-- basic.lua - mean, standard deviation, ranks and quantiles of a list; random numbers.

local fail = require "vaelua.fail"
local mix = require "vaelua.mix"
local special = require "vaelua.stats.special"

local M = {}

function M.mean(list)
  local sum = 0.0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end

-- With n - 1; nil for fewer than two numbers, which have none.
function M.sd(list)
  if #list < 2 then return nil end
  local mean, sum = M.mean(list), 0.0
  for _, v in ipairs(list) do sum = sum + (v - mean) ^ 2 end
  return math.sqrt(sum / (#list - 1))
end

-- Half the width of the interval of a mean of n numbers with this standard deviation.
function M.half_interval(sd, n, level)
  level = level or 0.95
  if type(level) ~= "number" or not (level > 0 and level < 1) then
    fail("the level of an interval lies between 0 and 1 (0.95), got %s", fail.came(level))
  end
  if not sd or n < 2 then return nil end
  return special.t_quantile(0.5 + level / 2, n - 1) * sd / math.sqrt(n)
end

-- Ranks from 1; equal numbers share the mean of their ranks.  And the sizes of groups of equals.
function M.ranks(list)
  local order, ranks, ties, n = {}, {}, {}, #list
  for i = 1, n do order[i] = i end
  table.sort(order, function(i, j)
    if list[i] ~= list[j] then return list[i] < list[j] end
    return i < j
  end)
  local i = 1
  while i <= n do
    local j = i
    while j < n and list[order[j + 1]] == list[order[i]] do j = j + 1 end
    for k = i, j do ranks[order[k]] = (i + j) / 2 end
    if j > i then ties[#ties + 1] = j - i + 1 end
    i = j + 1
  end
  return ranks, ties
end

-- The q-quantile of a sorted list, linear between its entries.
function M.quantile(sorted, q)
  local at = (#sorted - 1) * q + 1
  local i = math.max(1, math.min(math.floor(at), #sorted))
  local low, high = sorted[i], sorted[math.min(i + 1, #sorted)]
  return low + (at - i) * (high - low)
end

-- Random numbers of a seed alone, whatever the script has drawn.  The seed is mixed first: plain
-- neighbours would be the same numbers, one place apart.
function M.stream(seed) return mix.new(mix.new(seed):word()) end

return M
