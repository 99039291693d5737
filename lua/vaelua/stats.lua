--[[ stats.lua - the few numbers that stand behind a table: mean, spread, Student's t.

  Everything is plain Lua on lists of numbers (one a seed, say); sums over many images are the
  business of average.lua.  Tests between models belong to the full report and build on this. ]]

local M = {}

function M.mean(list)
  local sum = 0.0
  for _, v in ipairs(list) do sum = sum + v end
  return sum / #list
end

-- Standard deviation with n - 1; nil for fewer than two numbers, which have none.
function M.sd(list)
  if #list < 2 then return nil end
  local mean, sum = M.mean(list), 0.0
  for _, v in ipairs(list) do sum = sum + (v - mean) ^ 2 end
  return math.sqrt(sum / (#list - 1))
end

-- log of the gamma function for x > 0 (Lanczos, g = 5, six terms: relative error below 2e-10).
local LANCZOS = { 76.18009172947146, -86.50532032941677, 24.01409824083091,
                  -1.231739572450155, 0.1208650973866179e-2, -0.5395239384953e-5 }

local function lgamma(x)
  local sum, t = 1.000000000190015, x + 5.5
  for i, c in ipairs(LANCZOS) do sum = sum + c / (x + i) end
  return (x + 0.5) * math.log(t) - t + math.log(2.5066282746310005 * sum / x)
end

-- The continued fraction of the incomplete beta function, by Lentz's method.
local function beta_fraction(x, a, b)
  local TINY = 1e-300
  local function step(numerator, c, d)
    d, c = 1 + numerator * d, 1 + numerator / c
    if math.abs(d) < TINY then d = TINY end
    if math.abs(c) < TINY then c = TINY end
    return c, 1 / d
  end
  local _, d = step(-(a + b) * x / (a + 1), 1, 1)
  local c, f = 1, d
  for m = 1, 300 do
    c, d = step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), c, d)
    f = f * c * d
    c, d = step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), c, d)
    f = f * c * d
    if math.abs(c * d - 1) < 1e-15 then break end
  end
  return f
end

-- The regularised incomplete beta function I_x(a, b).
local function incomplete_beta(x, a, b)
  if x <= 0 then return 0.0 elseif x >= 1 then return 1.0 end
  if x > (a + 1) / (a + b + 2) then return 1 - incomplete_beta(1 - x, b, a) end
  local front = math.exp(lgamma(a + b) - lgamma(a) - lgamma(b)
                         + a * math.log(x) + b * math.log(1 - x))
  return front * beta_fraction(x, a, b) / a
end

-- P(T <= t) of Student's t with df degrees of freedom.
function M.t_below(t, df)
  local tail = incomplete_beta(df / (df + t * t), df / 2, 0.5) / 2
  return t > 0 and 1 - tail or tail
end

-- The t that is exceeded with probability 1 - p, for p of 0.5 or more; by bisection.
function M.t_quantile(p, df)
  local low, high = 0.0, 1.0
  while M.t_below(high, df) < p do high = high * 2 end
  for _ = 1, 100 do
    local middle = (low + high) / 2
    if M.t_below(middle, df) < p then low = middle else high = middle end
  end
  return (low + high) / 2
end

-- Half the width of the interval (95 % unless said otherwise) of a mean of n numbers with this
-- standard deviation; nil for fewer than two.
function M.half_interval(sd, n, level)
  if not sd or n < 2 then return nil end
  return M.t_quantile(0.5 + (level or 0.95) / 2, n - 1) * sd / math.sqrt(n)
end

return M
