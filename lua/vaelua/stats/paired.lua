--[[ paired.lua - tests and effect sizes of pairs: the same seeds in two arms.

  All p are two-sided.  A test that has no answer gives no p but a reason, never NaN.

  wilcoxon    Wilcoxon 1945: pairs without a difference are left out (scipy's "wilcox"), equal
              differences share the mean of their ranks.  Up to 50 differences the distribution
              is exact, also with shared ranks: all 2^n signs are counted, as numbers of ways to
              each sum of ranks.  Above: the normal approximation with the correction for ties
              and, unless continuity = false, for continuity.
  permutation the mean under all 2^n changes of sign, up to 30 pairs; above, under 10,000 random
              ones (seeded; the p counts the observed one too).
  sign        the binomial test of how many differences are positive. ]]

local basic = require "vaelua.stats.basic"
local input = require "vaelua.stats.input"
local proportion = require "vaelua.stats.proportion"
local special = require "vaelua.stats.special"

local M = {}

local EXACT_RANKS, EXACT_SIGNS, DRAWS = 50, 30, 10000

local NO_DIFFERENCE = "all differences are 0"

-- Differences that vary by no more than rounding of their numbers are equal.
local function spread(d, size)
  local sd, largest = basic.sd(d), size or 0.0
  for _, v in ipairs(d) do largest = math.max(largest, math.abs(v)) end
  return sd > 1e-14 * largest and sd or 0.0
end

local function largest_of(...)
  local largest = 0.0
  for _, list in ipairs { ... } do
    for _, v in ipairs(list) do largest = math.max(largest, math.abs(v)) end
  end
  return largest
end

-- Why differences without spread have no t.
local function no_spread(d)
  local mean = basic.mean(d)
  if mean == 0 then return NO_DIFFERENCE end
  return ("all differences are %.6g: without spread there is no t"):format(mean)
end

--- Paired t test of lists a and b (or of one list of differences): { n, mean_difference, sd, t, df,
--- p, low, high }; low to high is the interval of the mean difference a - b at the level (0.95).
function M.t_test(a, b, options)
  local o = input.options("t_test", options, "level")
  local level = input.share("t_test", "level", o.level, 0.95)
  local d = input.differences("t_test", a, b)
  local n, mean, sd = #d, basic.mean(d), spread(d, b and largest_of(a, b))
  local r = { n = n, mean_difference = mean, sd = sd, df = n - 1, level = level }
  if sd == 0 then
    r.reason = no_spread(d)
    return r
  end
  r.t = mean / (sd / math.sqrt(n))
  r.p = special.t_two_sided(r.t, n - 1)
  local half = basic.half_interval(sd, n, level)
  r.low, r.high = mean - half, mean + half
  return r
end

-- ---- Wilcoxon -----------------------------------------------------------------------------------

-- P(sum of the signed ranks' positive part <= w): ways to each sum of doubled ranks.
local function rank_sum_below(ranks, w)
  local ways, top = { [0] = 1 }, 0
  for _, rank in ipairs(ranks) do
    local step = math.tointeger(2 * rank)
    for s = top, 0, -1 do
      if ways[s] then ways[s + step] = (ways[s + step] or 0) + ways[s] end
    end
    top = top + step
  end
  local sum = 0
  for s = 0, math.tointeger(2 * w) do sum = sum + (ways[s] or 0) end
  return sum / 2.0 ^ #ranks
end

local function rank_sum_normal(n, w, ties, continuity)
  local variance = n * (n + 1) * (2 * n + 1)
  for _, t in ipairs(ties) do variance = variance - t * (t * t - 1) / 2 end
  local gap = math.abs(w - n * (n + 1) / 4) - (continuity and 0.5 or 0)
  local z = math.max(gap, 0) / math.sqrt(variance / 24)
  return 2 * special.normal_below(-z)
end

local function nonzero(d)
  local kept = {}
  for _, v in ipairs(d) do
    if v ~= 0 then kept[#kept + 1] = v end
  end
  return kept
end

-- "exact", and what was special about the differences.
local function words(method, zeros, ties)
  if #ties > 0 then method = method .. ", equal differences share ranks" end
  if zeros > 0 then
    method = ("%s, %d %s of difference 0 left out"):format(method, zeros,
                                                         zeros == 1 and "pair" or "pairs")
  end
  return method
end

--- Wilcoxon signed-rank test of lists a and b (or of one list of differences): { n, w, positive,
--- negative, p, method }; n counts differences other than 0, w is the smaller sum of ranks.
function M.wilcoxon(a, b, options)
  local o = input.options("wilcoxon", options, "continuity", "exact")
  local all = input.differences("wilcoxon", a, b)
  local d, sizes, plus = nonzero(all), {}, 0.0
  for i, v in ipairs(d) do sizes[i] = math.abs(v) end
  local ranks, ties = basic.ranks(sizes)
  for i, v in ipairs(d) do plus = plus + (v > 0 and ranks[i] or 0) end
  local n, exact = #d, o.exact
  local minus = n * (n + 1) / 2 - plus
  local r = { n = n, positive = plus, negative = minus, w = math.min(plus, minus) }
  if exact == nil then exact = n <= EXACT_RANKS end
  r.method = words(exact and "exact" or "normal approximation", #all - n, ties)
  if n == 0 then
    r.reason = NO_DIFFERENCE
  elseif exact then
    input.whole("wilcoxon", "the number of differences for exact = true", n, 1, 60)
    r.p = math.min(1, 2 * rank_sum_below(ranks, r.w))
  else
    r.p = math.min(1, rank_sum_normal(n, r.w, ties, o.continuity ~= false))
  end
  return r
end

-- ---- changes of sign ----------------------------------------------------------------------------

-- All sums of the numbers i..j with either sign, sorted.
local function signed_sums(d, i, j)
  local sums = { 0.0 }
  for k = i, j do
    local v, more = d[k], {}
    for s, sum in ipairs(sums) do more[2 * s - 1], more[2 * s] = sum - v, sum + v end
    sums = more
  end
  table.sort(sums)
  return sums
end

-- The share of all 2^n sums that are at least as large as the least: pairs of sums of two halves.
local function share_from(d, least)
  local half = #d // 2
  local low, high = signed_sums(d, 1, half), signed_sums(d, half + 1, #d)
  local count, j = 0, #high + 1
  for _, s in ipairs(low) do
    while j > 1 and s + high[j - 1] >= least do j = j - 1 end
    count = count + #high - j + 1
  end
  return count / (#low * #high)
end

local function share_drawn(d, least, draws, seed)
  local stream, count = basic.stream(seed), 0
  for _ = 1, draws do
    local sum, bits = 0.0, 0
    for i, v in ipairs(d) do
      if i % 60 == 1 then bits = stream:word() end
      sum = sum + ((bits & 1) == 1 and v or -v)
      bits = bits >> 1
    end
    if math.abs(sum) >= least then count = count + 1 end
  end
  return (count + 1) / (draws + 1)
end

--- Permutation test of the mean difference under changes of sign: { n, p, method }.
--- Options: draws = 10000 and seed = 1, used above 30 pairs.
function M.permutation(a, b, options)
  local o = input.options("permutation", options, "draws", "seed")
  local d = input.differences("permutation", a, b)
  local draws = input.whole("permutation", "draws", o.draws or DRAWS, 100)
  local seed = input.whole("permutation", "seed", o.seed or 1, 0)
  local total, size = 0.0, 0.0
  for _, v in ipairs(d) do total, size = total + v, size + math.abs(v) end
  local r = { n = #d }
  if size == 0 then
    r.method, r.reason = "exact", NO_DIFFERENCE
    return r
  end
  local least = math.abs(total) - 1e-12 * size       -- equal but for rounding counts
  if #d > EXACT_SIGNS then
    r.p, r.method = share_drawn(d, least, draws, seed), ("%d random changes of sign"):format(draws)
  else
    r.p, r.method = least <= 0 and 1.0 or math.min(1, 2 * share_from(d, least)), "exact"
  end
  return r
end

--- Sign test: { n, positive, p } over the differences other than 0.
function M.sign_test(a, b)
  local d, positive = nonzero(input.differences("sign_test", a, b)), 0
  for _, v in ipairs(d) do positive = positive + (v > 0 and 1 or 0) end
  local r = { n = #d, positive = positive }
  if #d == 0 then r.reason = NO_DIFFERENCE else r.p = proportion.test(positive, #d).p end
  return r
end

-- ---- effect size --------------------------------------------------------------------------------

--- Cohen's d of pairs, d_z: mean over standard deviation of the differences (Lakens 2013); with
--- { hedges = true } times the factor that takes out the bias of small n (Hedges 1981).
--- Without spread: nil and the reason.
function M.cohen_d(a, b, options)
  local o = input.options("cohen_d", options, "hedges")
  local d = input.differences("cohen_d", a, b)
  local sd, df = spread(d, b and largest_of(a, b)), #d - 1
  if sd == 0 then
    local mean = basic.mean(d)
    return nil, mean == 0 and NO_DIFFERENCE
                or ("all differences are %.6g: without spread there is no d"):format(mean)
  end
  local effect = basic.mean(d) / sd
  if not o.hedges then return effect end
  if df < 2 then return nil, "Hedges' correction needs 3 pairs" end
  return effect * math.exp(special.lgamma(df / 2) - special.lgamma((df - 1) / 2))
         / math.sqrt(df / 2)
end

-- ---- several tests, few pairs -------------------------------------------------------------------

--- Holm's correction (1979): the adjusted p of a list, in its order.
function M.holm(list)
  input.list("holm", "the list of p", list, 0)
  local order, adjusted, running, n = {}, {}, 0.0, #list
  for i, p in ipairs(list) do
    if p < 0 or p > 1 then input.share("holm", ("p[%d]"):format(i), p) end
    order[i] = i
  end
  table.sort(order, function(i, j)
    if list[i] ~= list[j] then return list[i] < list[j] end
    return i < j
  end)
  for k, i in ipairs(order) do
    running = math.max(running, math.min(1, (n - k + 1) * list[i]))
    adjusted[i] = running
  end
  return adjusted
end

--- The smallest two-sided p that n pairs can reach, by test; the t test has no such limit.
function M.smallest_p(n)
  n = input.whole("smallest_p", "n", n, 1)
  local p = math.min(1, 2.0 ^ (1 - n))
  return { wilcoxon = p, sign = p,
           permutation = n <= EXACT_SIGNS and p or 1 / (DRAWS + 1) }
end

--- The number of pairs from which the Wilcoxon, sign and permutation tests can say p < alpha,
--- in a family of so many tests (1) under Holm's correction.
function M.least_pairs(alpha, tests)
  alpha = input.share("least_pairs", "alpha", alpha, 0.05)
  tests = input.whole("least_pairs", "the number of tests", tests or 1, 1)
  local n = 1
  while tests * 2.0 ^ (1 - n) >= alpha do n = n + 1 end
  return n
end

return M
