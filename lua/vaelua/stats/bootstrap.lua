--[[ bootstrap.lua - bias-corrected and accelerated intervals (BCa, Efron 1987).

  Draws come from a generator with a seed of its own, so the same numbers give the same interval
  to the bit, whatever else a script has drawn. ]]

local basic = require "vaelua.stats.basic"
local input = require "vaelua.stats.input"
local special = require "vaelua.stats.special"

local M = {}

local function drawn(list, statistic, draws, seed)
  local stream, n, values, sample = basic.stream(seed), #list, {}, {}
  for k = 1, draws do
    for i = 1, n do sample[i] = list[math.floor(stream:uniform() * n) + 1] end
    values[k] = statistic(sample)
  end
  return values
end

-- The statistic without each of the numbers in turn.
local function left_out(list, statistic)
  local values = {}
  for i = 1, #list do
    local rest = table.move(list, 1, i - 1, 1, {})
    values[i] = statistic(table.move(list, i + 1, #list, i, rest))
  end
  return values
end

local function acceleration(jackknife)
  local mean, squares, cubes = basic.mean(jackknife), 0.0, 0.0
  for _, v in ipairs(jackknife) do
    squares, cubes = squares + (mean - v) ^ 2, cubes + (mean - v) ^ 3
  end
  return cubes / (6 * squares ^ 1.5)
end

-- The share of draws below the value; equal ones count half.
local function share_below(draws, value)
  local below = 0
  for _, v in ipairs(draws) do
    below = below + (v < value and 1 or v == value and 0.5 or 0)
  end
  return below / #draws
end

--- The BCa interval from the statistic's draws, its value, and its values with one number left
--- out: low, high; nil where the draws lie on one side of the value or do not vary.
function M.bca(draws, value, jackknife, level)
  local sorted = table.move(draws, 1, #draws, 1, {})
  table.sort(sorted)
  local a, z0 = acceleration(jackknife), special.normal_quantile(share_below(draws, value))
  local tail = (1 - (level or 0.95)) / 2
  local function bound(p)
    local z = z0 + special.normal_quantile(p)
    return special.normal_below(z0 + z / (1 - a * z))
  end
  local p, q = bound(tail), bound(1 - tail)
  if p ~= p or q ~= q then return nil end
  return basic.quantile(sorted, p), basic.quantile(sorted, q)
end

local function number_of(statistic)
  return function(list)
    local v = statistic(list)
    if type(v) ~= "number" then
      input.list("bootstrap", "the result of statistic", { v })
    end
    return v
  end
end

local function all_equal(list)
  for _, v in ipairs(list) do
    if v ~= list[1] then return false end
  end
  return true
end

--- BCa interval of a statistic (the mean) of a list: { n, value, low, high, draws, level }.
--- Options: statistic = function (list) -> number, draws = 10000, level = 0.95, seed = 1.
--- Without an interval there is a reason.
function M.bootstrap(list, options)
  local o = input.options("bootstrap", options, "statistic", "draws", "level", "seed")
  input.list("bootstrap", "the list", list, 2)
  local draws = input.whole("bootstrap", "draws", o.draws or 10000, 100)
  local seed = input.whole("bootstrap", "seed", o.seed or 1, 0)
  local level = input.share("bootstrap", "level", o.level, 0.95)
  if o.statistic ~= nil and type(o.statistic) ~= "function" then
    require "vaelua.fail"("stats.bootstrap: statistic must be a function, got %s",
                          type(o.statistic))
  end
  local f = o.statistic and number_of(o.statistic) or basic.mean
  local r = { n = #list, value = f(list), draws = draws, level = level, method = "BCa" }
  if all_equal(list) then
    r.reason = ("all numbers are %.6g: there is nothing to draw from"):format(list[1])
    return r
  end
  r.low, r.high = M.bca(drawn(list, f, draws, seed), r.value, left_out(list, f), level)
  if not r.low then r.reason = "the statistic does not vary around its value" end
  return r
end

return M
