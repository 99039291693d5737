--[[ special.lua - distribution functions in double precision: normal, t, F, beta, binomial.

  Formulas: Abramowitz and Stegun 1964, chapters 6, 7 and 26; Stirling's series of log gamma; the
  continued fraction of the incomplete beta function by Lentz's method.  Quantiles are found by
  bisection, so they are as good as the functions that they invert. ]]

local M = {}

local HALF_LOG_2PI = 0.91893853320467274178

-- ---- gamma and beta -----------------------------------------------------------------------------

-- Bernoulli numbers over 2k(2k - 1): the terms of Stirling's series.
local STIRLING = { 1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156,
                   -3617 / 122400 }

-- log gamma(x) less (x - 1/2) log x - x + log(2 pi) / 2, for x of 10 or more.
local function stirling_rest(x)
  local sum, power = 0.0, 1 / x
  for _, c in ipairs(STIRLING) do
    sum = sum + c * power
    power = power / (x * x)
  end
  return sum
end

--- log of the gamma function for x > 0.
function M.lgamma(x)
  if x == 1 or x == 2 then return 0.0 end
  local product = 1.0
  while x < 10 do
    product = product * x
    x = x + 1
  end
  return (x - 0.5) * math.log(x) - x + HALF_LOG_2PI + stirling_rest(x) - math.log(product)
end

-- log(1 + x), exact for small x (Kahan).
local function log1p(x)
  local u = 1 + x
  if u == 1 then return x end
  return math.log(u) * x / (u - 1)
end

-- log of the beta function; large arguments without the difference of large logarithms.
local function lbeta(a, b)
  if a > b then a, b = b, a end
  if b < 10 then return M.lgamma(a) + M.lgamma(b) - M.lgamma(a + b) end
  local rest = stirling_rest(b) - stirling_rest(a + b)
  if a < 10 then
    return M.lgamma(a) + rest + a - a * math.log(a + b) + (b - 0.5) * log1p(-a / (a + b))
  end
  return HALF_LOG_2PI - 0.5 * math.log(b) + stirling_rest(a) + rest
         + (a - 0.5) * math.log(a / (a + b)) + b * log1p(-a / (a + b))
end

local TINY = 1e-300

-- One step of Lentz's method.
local function lentz(numerator, c, d)
  d, c = 1 + numerator * d, 1 + numerator / c
  if math.abs(d) < TINY then d = TINY end
  if math.abs(c) < TINY then c = TINY end
  return c, 1 / d
end

-- The continued fraction of the incomplete beta function.
local function beta_fraction(x, a, b)
  local _, d = lentz(-(a + b) * x / (a + 1), 1, 1)
  local c, f = 1, d
  for m = 1, 20000 do
    c, d = lentz(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), c, d)
    f = f * c * d
    c, d = lentz(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), c, d)
    f = f * c * d
    if math.abs(c * d - 1) < 1e-16 then break end
  end
  return f
end

--- The regularised incomplete beta function I_x(a, b); y is 1 - x where that is known better.
function M.beta_below(x, a, b, y)
  y = y or 1 - x
  if x <= 0 then return 0.0 elseif y <= 0 then return 1.0 end
  if x > (a + 1) / (a + b + 2) then return 1 - M.beta_below(y, b, a, x) end
  local lx = x < 0.5 and math.log(x) or log1p(-y)
  local ly = y < 0.5 and math.log(y) or log1p(-x)
  return math.exp(a * lx + b * ly - lbeta(a, b)) * beta_fraction(x, a, b) / a
end

-- The x between low and high where the growing function f is p.
local function inverse(f, p, low, high)
  for _ = 1, 200 do
    local middle = (low + high) / 2
    if middle == low or middle == high then break end
    if f(middle) < p then low = middle else high = middle end
  end
  return (low + high) / 2
end

--- The x where I_x(a, b) = p.
function M.beta_quantile(p, a, b)
  return inverse(function(x) return M.beta_below(x, a, b) end, p, 0.0, 1.0)
end

-- ---- normal -------------------------------------------------------------------------------------

local function density(z) return math.exp(-z * z / 2 - HALF_LOG_2PI) end

-- P(Z > z) / density for z of 2 or more: Laplace's continued fraction, from its end.
local function mills(z)
  local f = z
  for k = 200, 1, -1 do f = z + k / f end
  return 1 / f
end

--- P(Z <= z) of the standard normal distribution.
function M.normal_below(z)
  if z ~= z then return z end
  if z > 2 then return 1 - density(z) * mills(z) end
  if z < -2 then return z < -40 and 0.0 or density(z) * mills(-z) end
  local term, sum, k = z, z, 1
  repeat
    k = k + 2
    term = term * z * z / k
    sum = sum + term
  until math.abs(term) < 1e-18 * math.abs(sum) or term == 0
  return 0.5 + density(z) * sum
end

--- The z that is exceeded with probability 1 - p.
function M.normal_quantile(p)
  if p <= 0 then return -math.huge elseif p >= 1 then return math.huge end
  if p == 0.5 then return 0.0 end
  if p > 0.5 then return -M.normal_quantile(1 - p) end
  return inverse(M.normal_below, p, -40.0, 0.0)
end

-- ---- t and F ------------------------------------------------------------------------------------

--- P(|T| >= |t|) of Student's t with df degrees of freedom: the two-sided p.
function M.t_two_sided(t, df)
  local s = t * t
  if s == math.huge then return 0.0 end
  return M.beta_below(df / (df + s), df / 2, 0.5, s / (df + s))
end

--- P(T <= t) of Student's t with df degrees of freedom.
function M.t_below(t, df)
  local tail = M.t_two_sided(t, df) / 2
  return t > 0 and 1 - tail or tail
end

--- The t that is exceeded with probability 1 - p.
function M.t_quantile(p, df)
  if p <= 0 then return -math.huge elseif p >= 1 then return math.huge end
  if p < 0.5 then return -M.t_quantile(1 - p, df) end
  local tail, high = 2 * (1 - p), 1.0
  if tail >= 1 then return 0.0 end
  while M.t_two_sided(high, df) > tail do high = high * 2 end
  return inverse(function(t) return -M.t_two_sided(t, df) end, -tail, 0.0, high)
end

--- P(F <= f) of the F distribution with d1 and d2 degrees of freedom.
function M.f_below(f, d1, d2)
  if f <= 0 then return 0.0 end
  local whole = d1 * f + d2
  return M.beta_below(d1 * f / whole, d1 / 2, d2 / 2, d2 / whole)
end

-- ---- binomial -----------------------------------------------------------------------------------

--- P(k successes of n) where each has probability p.
function M.binomial(k, n, p)
  if p <= 0 then return k == 0 and 1.0 or 0.0 elseif p >= 1 then return k == n and 1.0 or 0.0 end
  return math.exp(k * math.log(p) + (n - k) * log1p(-p) - lbeta(k + 1, n - k + 1)
                  - math.log(n + 1))
end

return M
