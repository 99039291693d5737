--[[ stats.lua - va.stats: tests, intervals and effect sizes on lists of numbers (one a seed, say).

    local r = va.stats.compare(vae, ae, { better = "lower", labels = { "VAE", "AE" } })
    print(r.verdict)

  Plain Lua in double precision; sums over many images are the business of average.lua.  The parts
  lie in stats/: special (distribution functions), paired (tests of pairs), bootstrap, rank
  (correlations, agreement), proportion, compare (all tests of two arms and their verdict). ]]

local basic = require "vaelua.stats.basic"
local bootstrap = require "vaelua.stats.bootstrap"
local compare = require "vaelua.stats.compare"
local input = require "vaelua.stats.input"
local paired = require "vaelua.stats.paired"
local proportion = require "vaelua.stats.proportion"
local rank = require "vaelua.stats.rank"
local special = require "vaelua.stats.special"

local M = {}

M.mean = basic.mean

--- Standard deviation with n - 1; nil for fewer than two numbers, which have none.
M.sd = basic.sd

--- half_interval(sd, n, level = 0.95): half the width of the interval of a mean of n numbers with
--- this standard deviation, by Student's t; nil for fewer than two.
M.half_interval = basic.half_interval

--- stats.compare(a, b, { better, level = 0.95, labels = { "VAE", "AE" }, unit, name, alpha = 0.01
--- }): all tests of two lists of scores of the same seeds, with a verdict in words.
M.compare = compare.compare

--- stats.family(list, { level }): Holm's correction over all comparisons of a list, and new
--- verdicts.
M.family = compare.family

--- stats.t_test(a, b, { level = 0.95 }): paired t test; a alone is a list of differences.
--- { n, mean_difference, sd, t, df, p, low, high }, or a reason in place of p.
M.t_test = paired.t_test

--- stats.wilcoxon(a, b, { continuity = true, exact }): signed-rank test of pairs, exact up to 50
--- differences (equal ones share ranks), pairs of difference 0 left out. { n, w, p, method }
M.wilcoxon = paired.wilcoxon

--- stats.permutation(a, b, { draws = 10000, seed = 1 }): the mean difference under changes of sign,
--- all of them up to 30 pairs. { n, p, method }
M.permutation = paired.permutation

--- stats.sign_test(a, b): the binomial test of how many differences are positive.
M.sign_test = paired.sign_test

--- stats.cohen_d(a, b, { hedges = false }): d_z of pairs, mean over standard deviation of the
--- differences.
M.cohen_d = paired.cohen_d

--- stats.holm(list of p): Holm's adjusted p, in the order given.
M.holm = paired.holm

--- stats.smallest_p(n): the smallest two-sided p of n pairs: { wilcoxon, sign, permutation }.
M.smallest_p = paired.smallest_p

--- stats.least_pairs(alpha = 0.05, tests = 1): pairs (seeds) needed before the Wilcoxon, sign and
--- permutation tests can say p < alpha at all, in a family of so many tests.
M.least_pairs = paired.least_pairs

--- stats.bootstrap(list, { statistic, draws = 10000, level = 0.95, seed = 1 }): BCa interval of the
--- mean or of a function of a list; the same bits always. { value, low, high }
M.bootstrap = bootstrap.bootstrap

--- stats.bca(draws, value, jackknife, level = 0.95): the BCa interval of given draws: low, high.
M.bca = bootstrap.bca

--- stats.spearman(a, b): rank correlation { rho, p, method }; exact up to 8 pairs.
M.spearman = rank.spearman

--- stats.kendall(a, b): Kendall's tau-b { tau, p, method }; exact up to 8 pairs, without ties up
--- to 33.
M.kendall = rank.kendall

--- stats.agreement(list of raters, each question -> answer): { share, alpha (Krippendorff) }.
M.agreement = rank.agreement

--- Ranks from 1; equal numbers share the mean of their ranks.
function M.ranks(list) return (basic.ranks(input.list("ranks", "the list", list))) end

--- stats.wilson(k, n, level = 0.95): the interval of a share, low and high.
M.wilson = proportion.wilson

--- stats.clopper_pearson(k, n, level = 0.95): the exact interval of a share, low and high.
M.clopper_pearson = proportion.clopper_pearson

--- stats.binomial_test(k, n, p = 0.5): { k, n, share, p }, exact and two-sided.
M.binomial_test = proportion.test

--- stats.t_below(t, df): P(T <= t) of Student's t. Beside it t_two_sided(t, df), t_quantile(p, df),
--- normal_below(z), normal_quantile(p), f_below(f, d1, d2), beta_below(x, a, b),
--- beta_quantile(p, a, b), lgamma(x).
M.t_below = special.t_below

for _, name in ipairs { "t_two_sided", "t_quantile", "normal_below", "normal_quantile", "f_below",
                        "beta_below", "beta_quantile", "lgamma" } do
  M[name] = special[name]
end

return require "vaelua.fail".strict("va.stats", M)
