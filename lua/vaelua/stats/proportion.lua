-- proportion.lua - shares of a count: intervals and the binomial test.

local input = require "vaelua.stats.input"
local special = require "vaelua.stats.special"

local M = {}

local function count(who, k, n)
  n = input.whole(who, "n", n, 1)
  return input.whole(who, "k", k, 0, n), n
end

--- Wilson's interval (1927) of the share k of n: low, high.
function M.wilson(k, n, level)
  k, n = count("wilson", k, n)
  local z = special.normal_quantile(0.5 + input.share("wilson", "level", level, 0.95) / 2)
  local share, whole = k / n, 1 + z * z / n
  local middle = (share + z * z / (2 * n)) / whole
  local half = z / whole * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
  return k == 0 and 0.0 or math.max(0, middle - half),
         k == n and 1.0 or math.min(1, middle + half)
end

--- The interval of Clopper and Pearson (1934), which holds its level for every share: low, high.
function M.clopper_pearson(k, n, level)
  k, n = count("clopper_pearson", k, n)
  local tail = (1 - input.share("clopper_pearson", "level", level, 0.95)) / 2
  local low = k == 0 and 0.0 or special.beta_quantile(tail, k, n - k + 1)
  local high = k == n and 1.0 or special.beta_quantile(1 - tail, k + 1, n - k)
  return low, high
end

--- Exact binomial test that a share is p (0.5): { k, n, share, p }, two-sided: the probability of
--- all counts that are no likelier than k.
function M.test(k, n, p)
  k, n = count("binomial_test", k, n)
  p = input.share("binomial_test", "p", p, 0.5)
  local limit, sum = special.binomial(k, n, p) * (1 + 1e-7), 0.0
  for i = 0, n do
    local here = special.binomial(i, n, p)
    if here <= limit then sum = sum + here end
  end
  return { k = k, n = n, share = k / n, p = math.min(1, sum) }
end

return M
