--[[ rank.lua - rank correlations and the agreement of raters.

  Spearman's rho and Kendall's tau-b.  Two-sided p: up to 8 pairs by all orders of one list, ties
  and all; Kendall without ties up to 33 by counting orders; else Student's t (rho) and the normal
  approximation with its correction for ties (tau; Kendall 1970). ]]

local basic = require "vaelua.stats.basic"
local fail = require "vaelua.fail"
local input = require "vaelua.stats.input"
local special = require "vaelua.stats.special"

local M = {}

local EVERY_ORDER, COUNTED = 8, 33

-- The share of all orders whose sum of gain(order, k) over places k is as far from the middle as
-- the given sum.
local function share_of_orders(n, gain, middle, sum)
  local order, used, far, all = {}, {}, 0, 0
  local least = math.abs(sum - middle) - 1e-9
  local function place(k, total)
    if k > n then
      all, far = all + 1, far + (math.abs(total - middle) >= least and 1 or 0)
      return
    end
    for i = 1, n do
      if not used[i] then
        used[i], order[k] = true, i
        place(k + 1, total + gain(order, k))
        used[i] = false
      end
    end
  end
  place(1, 0.0)
  return far / all
end

-- A list without two different numbers has no order to compare.
local function constant(a, b)
  for name, list in pairs { a = a, b = b } do
    local equal = true
    for _, v in ipairs(list) do equal = equal and v == list[1] end
    if equal then return ("all numbers of %s are equal: they have no ranks"):format(name) end
  end
end

local function pearson(a, b)
  local ma, mb, ab, aa, bb = basic.mean(a), basic.mean(b), 0.0, 0.0, 0.0
  for i, v in ipairs(a) do
    ab, aa, bb = ab + (v - ma) * (b[i] - mb), aa + (v - ma) ^ 2, bb + (b[i] - mb) ^ 2
  end
  return math.max(-1, math.min(1, ab / math.sqrt(aa * bb)))
end

--- Spearman's rank correlation of two lists: { n, rho, p, method }.
function M.spearman(a, b)
  input.pairs("spearman", a, b)
  local n, r = #a, { n = #a, reason = constant(a, b) }
  if r.reason then return r end
  local x, y = basic.ranks(a), basic.ranks(b)
  r.rho = pearson(x, y)
  if n <= EVERY_ORDER then
    local sum = 0.0
    for i, v in ipairs(x) do sum = sum + v * y[i] end
    r.method = "exact"
    r.p = share_of_orders(n, function(order, k) return x[k] * y[order[k]] end,
                          n * (n + 1) ^ 2 / 4, sum)
  else
    r.method = "Student's t"
    r.p = special.t_two_sided(r.rho * math.sqrt((n - 2) / (1 - r.rho ^ 2)), n - 2)
  end
  return r
end

-- ---- Kendall ------------------------------------------------------------------------------------

local function sign(v) return v > 0 and 1 or v < 0 and -1 or 0 end

-- P(at most k inversions) in a random order of n.
local function inversions_below(k, n)
  local share = { [0] = 1.0 }
  for m = 2, n do
    local new, sum = {}, 0.0
    for s = 0, k do
      sum = sum + (share[s] or 0) - (share[s - m] or 0)
      new[s] = sum / m
    end
    share = new
  end
  local total = 0.0
  for s = 0, k do total = total + (share[s] or 0) end
  return total
end

local function tie_sums(ties)
  local pairs_tied, triples, variance = 0, 0, 0
  for _, t in ipairs(ties) do
    pairs_tied = pairs_tied + t * (t - 1) / 2
    triples = triples + t * (t - 1) * (t - 2)
    variance = variance + t * (t - 1) * (2 * t + 5)
  end
  return pairs_tied, triples, variance
end

local function tau_normal(n, s, ties_a, ties_b)
  local pa, ta, va = tie_sums(ties_a)
  local pb, tb, vb = tie_sums(ties_b)
  local m = n * (n - 1)
  local variance = (m * (2 * n + 5) - va - vb) / 18 + 2 * pa * pb / m + ta * tb / (9 * m * (n - 2))
  return 2 * special.normal_below(-math.abs(s) / math.sqrt(variance))
end

-- Concordant less discordant pairs.
local function concordance(a, b)
  local s = 0
  for i = 2, #a do
    for j = 1, i - 1 do s = s + sign(a[i] - a[j]) * sign(b[i] - b[j]) end
  end
  return s
end

local function tau_p(a, b, s, ties_a, ties_b)
  local n = #a
  if n <= EVERY_ORDER then
    return share_of_orders(n, function(order, k)
      local sum = 0
      for j = 1, k - 1 do sum = sum + sign(a[k] - a[j]) * sign(b[order[k]] - b[order[j]]) end
      return sum
    end, 0, s), "exact"
  elseif n <= COUNTED and #ties_a + #ties_b == 0 then
    local inversions = (n * (n - 1) // 2 - math.abs(s)) // 2
    return math.min(1, 2 * inversions_below(inversions, n)), "exact"
  end
  return tau_normal(n, s, ties_a, ties_b), "normal approximation"
end

--- Kendall's rank correlation tau-b of two lists: { n, tau, p, method }.
function M.kendall(a, b)
  input.pairs("kendall", a, b)
  local n, r = #a, { n = #a, reason = constant(a, b) }
  if r.reason then return r end
  local _, ties_a = basic.ranks(a)
  local _, ties_b = basic.ranks(b)
  local s, all = concordance(a, b), n * (n - 1) / 2
  r.tau = s / math.sqrt((all - tie_sums(ties_a)) * (all - tie_sums(ties_b)))
  r.p, r.method = tau_p(a, b, s, ties_a, ties_b)
  return r
end

-- ---- agreement ----------------------------------------------------------------------------------

-- Counts of every answer of one question; nil for fewer than two answers.
local function answers_of(ratings, question)
  local counts, m = {}, 0
  for _, rater in ipairs(ratings) do
    local v = rater[question]
    if v ~= nil then counts[v], m = (counts[v] or 0) + 1, m + 1 end
  end
  return m >= 2 and counts or nil, m
end

local function ordered(set)
  local names = {}
  for name in pairs(set) do names[#names + 1] = name end
  table.sort(names, function(x, y) return tostring(x) < tostring(y) end)
  return names
end

--- Agreement of two or more raters, each a table question -> answer (a word or a number; answers
--- may be missing): { questions, answers, share, alpha }.  share: of pairs of answers to one
--- question that are equal; alpha: Krippendorff's for names (2011), 1 is perfect, 0 what chance
--- gives.
function M.agreement(ratings)
  if type(ratings) ~= "table" or #ratings < 2 then
    fail("stats.agreement: a list of at least two raters is needed")
  end
  local asked, totals, n, equal, differ = {}, {}, 0, 0.0, 0.0
  for i, rater in ipairs(ratings) do
    if type(rater) ~= "table" then
      fail("stats.agreement: rater %d must be a table question -> answer, got %s", i, type(rater))
    end
    for question in pairs(rater) do asked[question] = true end
  end
  local r, all_pairs, equal_pairs = { questions = 0 }, 0, 0
  for _, question in ipairs(ordered(asked)) do
    local counts, m = answers_of(ratings, question)
    if counts then
      local same = 0
      for v, c in pairs(counts) do same, totals[v] = same + c * (c - 1), (totals[v] or 0) + c end
      equal, n, r.questions = equal + same / (m - 1), n + m, r.questions + 1
      equal_pairs, all_pairs = equal_pairs + same, all_pairs + m * (m - 1)
    end
  end
  r.answers = n
  if n == 0 then
    r.reason = "no question has answers of two raters"
    return r
  end
  r.share = equal_pairs / all_pairs
  for _, v in ipairs(ordered(totals)) do differ = differ + totals[v] * (n - totals[v]) end
  if differ == 0 then
    r.reason = "all answers are the same: agreement cannot be told from habit"
  else
    r.alpha = 1 - (n - 1) * (n - equal) / differ
  end
  return r
end

return M
