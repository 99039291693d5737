-- stats_spec.lua - va.stats against SciPy's numbers (tests/reference/make_stats.py), its answers
-- where a test has none, its verdicts, and what bad input gets.

local core = require "vaelua.core"
local va = require "vaelua"
local says = require "tests.lua.says".says
local stats = va.stats

local ref
do
  local f <close> = assert(io.open("tests/reference/stats.json"))
  ref = core.unjson(f:read("a"))
end

-- Relative beyond 1, absolute below.
local function near(got, wanted, tolerance, what)
  local size = math.max(math.abs(wanted), 1)
  assert(got == wanted or math.abs(got - wanted) <= tolerance * size,
         ("%s: %.17g, not %.17g"):format(what or "value", got or 0 / 0, wanted))
end

-- Relative at any size: for p.
local function close(got, wanted, tolerance, what)
  assert(got and (got == wanted or math.abs(got - wanted) <= tolerance * math.abs(wanted)),
         ("%s: %.17g, not %.17g"):format(what or "p", got or 0 / 0, wanted))
end

describe("distribution functions", function()
  it("log gamma, t, normal and F have SciPy's values in double precision", function()
    for _, c in ipairs(ref.lgamma) do near(stats.lgamma(c[1]), c[2], 3e-15, "lgamma " .. c[1]) end
    for _, c in ipairs(ref.t) do
      near(stats.t_below(c[1], c[2]), c[3], 1e-14)
      close(stats.t_two_sided(c[1], c[2]), c[4], 2e-12, ("t %g %g"):format(c[1], c[2]))
    end
    for _, c in ipairs(ref.normal) do close(stats.normal_below(c[1]), c[2], 1e-13, c[1]) end
    for _, c in ipairs(ref.f) do near(stats.f_below(c[1], c[2], c[3]), c[4], 1e-13) end
  end)

  it("quantiles too", function()
    for _, c in ipairs(ref.t_quantile) do close(stats.t_quantile(c[1], c[2]), c[3], 1e-11, c[1]) end
    for _, c in ipairs(ref.normal_quantile) do
      close(stats.normal_quantile(c[1]), c[2], 1e-12, c[1])
    end
    for _, c in ipairs(ref.beta_quantile) do
      near(stats.beta_quantile(c[1], c[2], c[3]), c[4], 1e-12)
    end
    assert.are.equal(0, stats.t_quantile(0.5, 3))
    assert.same({ -math.huge, math.huge, math.huge }, { stats.t_quantile(0, 3),
      stats.t_quantile(1, 3), stats.t_quantile(2, 3) })
    local good, message = pcall(stats.half_interval, 1, 9, 95)
    assert.is_false(good)
    assert.truthy(message:find("an interval lies between 0 and 1 (0.95), got 95", 1, true))
    assert.are.equal(math.huge, stats.normal_quantile(1))
  end)
end)

describe("tests of pairs", function()
  it("the t test, its interval and Cohen's d are SciPy's", function()
    local count = 0
    for _, c in ipairs(ref.pairs) do
      if c.t then
        local r = stats.t_test(c.a, c.b)
        close(r.t, c.t[1], 1e-11, "t")
        close(r.p, c.t[2], 1e-10)
        near(r.low, c.t[3], 1e-11)
        near(r.high, c.t[4], 1e-11)
        close(stats.cohen_d(c.a, c.b), c.d, 1e-11, "d")
        count = count + 1
      end
    end
    assert(count > 60, count)
  end)

  it("Wilcoxon's test is SciPy's: exact, with ties by all signs, both approximations", function()
    local exact, tied, normal = 0, 0, 0
    for _, c in ipairs(ref.pairs) do
      if c.wilcoxon_exact then
        local r = stats.wilcoxon(c.a, c.b)
        near(r.w, c.wilcoxon_exact[1], 0)
        close(r.p, c.wilcoxon_exact[2], 1e-13, #c.a .. " pairs")
        assert(r.method:find("^exact"), r.method)
        exact = exact + 1
        tied = tied + (r.method ~= "exact" and 1 or 0)
      end
      for _, kind in ipairs { "continuity", "plain" } do
        local wanted = c["wilcoxon_" .. kind]
        if wanted then
          local r = stats.wilcoxon(c.a, c.b, { exact = false, continuity = kind == "continuity" })
          near(r.w, wanted[1], 0)
          close(r.p, wanted[2], 1e-12)
          normal = normal + 1
        end
      end
    end
    assert(exact > 50 and tied > 5 and normal > 100, exact .. " " .. tied .. " " .. normal)
    local r = stats.wilcoxon(ref.pairs[52].a, ref.pairs[52].b)
    assert.are.equal(60, r.n)
    assert.are.equal("normal approximation", r.method)
  end)

  it("says what it did with pairs of difference 0 and with equal differences", function()
    local r = stats.wilcoxon({ 1, 2, 3, 4, 6 }, { 1, 1, 2, 5, 3 })
    assert.are.equal("exact, equal differences share ranks, 1 pair of difference 0 left out",
                     r.method)
    assert.are.equal(4, r.n)
  end)

  it("the permutation and the sign test are SciPy's", function()
    local count = 0
    for _, c in ipairs(ref.pairs) do
      if c.sign then close(stats.sign_test(c.a, c.b).p, c.sign, 1e-12, "sign") end
      local r = c.permutation and stats.permutation(c.a, c.b)
      if r and r.p then
        close(r.p, c.permutation, 1e-13)
        count = count + 1
      end
    end
    assert(count > 30, count)
  end)

  it("random changes of sign are the same every time, and near the exact p", function()
    local d = {}
    for i = 1, 30 do d[i] = math.sin(i) + 0.25 end
    local exact = stats.permutation(d).p
    d[31], d[32] = 0.0, 0.0
    local drawn = stats.permutation(d)
    assert.are.equal("10000 random changes of sign", drawn.method)
    near(drawn.p, exact, 4 * math.sqrt(exact * (1 - exact) / 10000))
    va.rand(3)
    assert.are.equal(drawn.p, stats.permutation(d).p)
    assert.are_not.equal(drawn.p, stats.permutation(d, nil, { seed = 2 }).p)
  end)

  it("Hedges' factor takes out the bias", function()
    local d = { 1.0, 2.0, 4.0, 3.5, 2.5 }
    local g = stats.cohen_d(d, nil, { hedges = true })
    -- J(4) = gamma(2) / (sqrt(2) gamma(3/2))
    close(g / stats.cohen_d(d), 1 / (math.sqrt(2) * math.sqrt(math.pi) / 2), 1e-13)
  end)

  it("Holm's correction keeps the order and never falls", function()
    for _, c in ipairs(ref.holm) do
      for i, p in ipairs(stats.holm(c[1])) do near(p, c[2][i], 1e-15) end
    end
    assert.are.same({}, stats.holm {})
  end)

  it("knows what n pairs can say", function()
    assert.are.equal(0.0625, stats.smallest_p(5).wilcoxon)
    assert.are.equal(0.0625, stats.smallest_p(5).permutation)
    assert.are.equal(1, stats.smallest_p(1).sign)
    assert.are.equal(8, stats.least_pairs(0.01))
    assert.are.equal(6, stats.least_pairs(0.05))
    assert.are.equal(10, stats.least_pairs(0.01, 4))
    for _, n in ipairs { 5, 8, 11 } do
      local d = {}
      for i = 1, n do d[i] = i + 0.5 end
      for _, test in ipairs { "wilcoxon", "permutation", "sign_test" } do
        close(stats[test](d).p, stats.smallest_p(n).wilcoxon, 1e-12, test)
      end
    end
  end)
end)

describe("where a test has no answer", function()
  it("there is a reason, and no NaN", function()
    local zero = { 1, 2, 3 }
    for _, test in ipairs { "t_test", "wilcoxon", "permutation", "sign_test" } do
      local r = stats[test](zero, zero)
      assert.is_nil(r.p, test)
      assert.are.equal("all differences are 0", r.reason)
    end
    local d, reason = stats.cohen_d(zero, zero)
    assert.is_nil(d)
    assert.are.equal("all differences are 0", reason)
  end)

  it("differences that vary by rounding alone have no t", function()
    local a, b = { 0.1 + 0.3, 0.2 + 0.3, 0.7 + 0.3, 0.4 + 0.3 }, { 0.1, 0.2, 0.7, 0.4 }
    local r = stats.t_test(a, b)
    assert.is_nil(r.p)
    assert.are.equal("all differences are 0.3: without spread there is no t", r.reason)
    assert.are.equal("all differences are 0.3: without spread there is no d",
                     select(2, stats.cohen_d(a, b)))
  end)

  it("a statistic that does not vary has no bootstrap interval", function()
    assert.are.equal("all numbers are 2: there is nothing to draw from",
                     stats.bootstrap({ 2, 2, 2 }).reason)
    local r = stats.bootstrap({ 1, 2, 3 }, { statistic = function() return 1.0 end })
    assert.is_nil(r.low)
    assert.are.equal("the statistic does not vary around its value", r.reason)
  end)
end)

describe("bootstrap", function()
  it("makes SciPy's BCa interval of the same draws", function()
    for _, c in ipairs(ref.bca) do
      local low, high = stats.bca(c.draws, c.value, c.jackknife)
      near(low, c.low, 1e-12)
      near(high, c.high, 1e-12)
    end
  end)

  it("comes near SciPy's interval of a million draws", function()
    local c = ref.bca_many
    local r = stats.bootstrap(c.x)
    near(r.low, c.low, 0.1 * c.error)
    near(r.high, c.high, 0.1 * c.error)
  end)

  it("gives the same bits again, whatever was drawn between", function()
    local x = ref.bca_many.x
    local first = stats.bootstrap(x)
    va.randn(5)
    local again = stats.bootstrap(x)
    assert.are.equal(first.low, again.low)
    assert.are.equal(first.high, again.high)
    local median = function(list)
      local s = table.move(list, 1, #list, 1, {})
      table.sort(s)
      return s[(#s + 1) // 2]
    end
    local r = stats.bootstrap(x, { statistic = median, draws = 500, level = 0.9 })
    assert(r.low <= r.value and r.value <= r.high)
  end)
end)

describe("rank correlations, shares, agreement", function()
  it("Spearman's and Kendall's are SciPy's, with exact p for few pairs", function()
    for _, c in ipairs(ref.ranks) do
      local rho, tau = stats.spearman(c.x, c.y), stats.kendall(c.x, c.y)
      near(rho.rho, c.rho, 1e-13)
      near(tau.tau, c.tau, 1e-13)
      if #c.x > 8 or rho.method == "exact" then close(rho.p, c.rho_p, 1e-9, #c.x) end
      close(tau.p, c.tau_p, 1e-10, #c.x)
    end
    assert.are.equal("all numbers of b are equal: they have no ranks",
                     stats.spearman({ 1, 2, 3 }, { 4, 4, 4 }).reason)
    assert.is_nil(stats.kendall({ 1, 1 }, { 1, 2 }).p)
    assert.are.same({ 1, 2.5, 2.5, 4 }, stats.ranks { 0, 3, 3, 9 })
  end)

  it("Wilson, Clopper-Pearson and the binomial test are SciPy's", function()
    for _, c in ipairs(ref.shares) do
      local k, n, level = c[1], c[2], c[3]
      local low, high = stats.wilson(k, n, level)
      near(low, c[4], 1e-12)
      near(high, c[5], 1e-12)
      low, high = stats.clopper_pearson(k, n, level)
      near(low, c[6], 1e-12)
      near(high, c[7], 1e-12)
      close(stats.binomial_test(k, n).p, c[8], 1e-11)
      close(stats.binomial_test(k, n, 0.3).p, c[9], 1e-11)
    end
  end)

  it("Krippendorff's alpha is that of the package krippendorff, also with gaps", function()
    for _, c in ipairs(ref.agreement) do
      local raters = {}
      for i, list in ipairs(c.ratings) do
        raters[i] = {}
        for q, v in ipairs(list) do raters[i][q] = v ~= 0 and v or nil end
      end
      near(stats.agreement(raters).alpha, c.alpha, 1e-13)
    end
    local r = stats.agreement { { q1 = "left", q2 = "left" }, { q1 = "left", q2 = "left" } }
    assert.are.equal(1, r.share)
    assert.are.equal("all answers are the same: agreement cannot be told from habit", r.reason)
    assert.are.equal("no question has answers of two raters",
                     stats.agreement({ { a = 1 }, { b = 1 } }).reason)
  end)
end)

-- ---- verdicts -----------------------------------------------------------------------------------

local vae = { 1.1, 2.3, 1.9, 3.2, 2.2, 1.7, 2.8, 3.0 }
local ae = { 1.5, 2.9, 2.1, 3.9, 2.6, 2.4, 3.3, 3.3 }
local both = { "VAE", "AE" }

local function first(list, n) return table.move(list, 1, n, 1, {}) end

describe("stats.compare", function()
  it("gives every test of two arms", function()
    local r = stats.compare(vae, ae, { better = "lower", labels = both })
    assert.are.equal(8, r.n)
    near(r.mean_difference, -0.475, 1e-12)
    assert.are.equal(stats.t_test(vae, ae).p, r.t.p)
    assert.are.equal(7, r.t.df)
    assert.are.equal(stats.t_test(vae, ae).low, r.low)
    assert(r.bca_low < -0.475 and r.bca_high > -0.475 and r.bca_high < 0)
    assert.are.equal(2 / 2 ^ 8, r.wilcoxon.p)
    assert.are.equal("exact", r.permutation.method)
    assert.are.equal(stats.cohen_d(vae, ae), r.d)
    assert.are.equal(2 / 2 ^ 8, r.smallest.wilcoxon)
    assert.are.equal(r.verdict, tostring(r))
  end)

  it("says which is better, with unit, interval and tests", function()
    local words = "VAE is better than AE: lower by 0.475 dB (95 % interval of the difference "
      .. "-0.628 to -0.322 dB; paired t p = 0.00016, Wilcoxon p = 0.0078; 8 pairs)"
    assert.are.equal(words,
      stats.compare(vae, ae, { better = "lower", labels = both, unit = "dB" }).verdict)
    local r = stats.compare(vae, ae, { better = "higher", labels = both })
    assert(r.verdict:find("^AE is better than VAE: higher by 0.475 %("), r.verdict)
    r = stats.compare(vae, ae, { labels = both })
    assert(r.verdict:find("^VAE is lower than AE by 0.475 %("), r.verdict)
  end)

  it("never says better when an interval has 0 in it", function()
    local r = stats.compare({ 1, 2, 3, 4, 5 }, { 1.1, 1.9, 3.2, 3.9, 5.3 },
                            { labels = both, better = "lower", unit = "dB" })
    assert.are.equal("no difference can be claimed: 95 % interval -0.302 to 0.142 dB; "
      .. "with 5 pairs the smallest two-sided Wilcoxon p is 0.0625; p < .01 needs 8", r.verdict)
    local random, claims = require "vaelua.mix".new(5), 0
    for _ = 1, 60 do
      local a, b = {}, {}
      for i = 1, 6 do a[i], b[i] = random:normal() + 1, random:normal() end
      r = stats.compare(a, b, { better = "higher" })
      local clear = (r.low > 0 or r.high < 0) and (r.bca_low > 0 or r.bca_high < 0)
      assert.are.equal(clear, r.verdict:find("better", 1, true) ~= nil, r.verdict)
      claims = claims + (clear and 1 or 0)
    end
    assert(claims > 5 and claims < 55, claims)
  end)

  it("explains differences without spread", function()
    local r = stats.compare({ 1, 2, 3 }, { 1, 2, 3 }, { labels = both })
    assert(r.verdict:find("^no difference can be claimed: all differences are 0;"), r.verdict)
    assert.is_nil(r.d)
    r = stats.compare({ 1, 2, 3 }, { 2, 3, 4 }, { labels = both })
    assert(r.verdict:find("claimed: all differences are -1: without spread there is no t", 1, true))
    assert.is_nil(r.low)
  end)

  it("says when the rank test could but does not support the claim", function()
    local a = { 5.0, 5.2, 4.8, 5.1, 4.9, 5.0, 5.1, -0.1, -0.2, -0.3, 5.0, -0.4 }
    local zero = {}
    for i = 1, #a do zero[i] = 0 end
    local r = stats.compare(a, zero, { better = "higher" })
    local supported = r.wilcoxon.p < 0.05
    assert.are.equal(not supported, r.verdict:find("does not support", 1, true) ~= nil)
  end)
end)

describe("stats.family", function()
  local function three()
    local shifted = {}
    for i, v in ipairs(ae) do shifted[i] = vae[i] + (v - vae[i]) * 0.3 + (i % 2 - 0.32) end
    return { stats.compare(vae, ae, { better = "lower", labels = both }),
             stats.compare(vae, shifted, { better = "lower", labels = both }),
             stats.compare(vae, vae, { better = "lower", labels = both }) }
  end

  it("corrects each kind of test over the comparisons that have one", function()
    local list = stats.family(three())
    local holm = stats.holm { list[1].t.p, list[2].t.p }
    assert.are.equal(holm[1], list[1].t.holm)
    assert.are.equal(holm[2], list[2].t.holm)
    assert.are.equal(2 * list[1].wilcoxon.p, list[1].wilcoxon.holm)
    assert.is_nil(list[3].t.holm)
    assert.are.equal(2, list[1].family)
    assert(list[1].verdict:find("Wilcoxon p = 0.016 after Holm's correction over 2 comparisons; "
      .. "8 pairs); with 8 pairs the smallest two-sided Wilcoxon p is 0.0156 in a family of 2; "
      .. "p < .01 needs 9", 1, true), list[1].verdict)
  end)

  it("takes a claim back that does not survive, and is the same when asked twice", function()
    local a, b = first(vae, 6), { 1.4, 2.5, 1.8, 3.6, 2.9, 1.9 }
    local r = stats.compare(a, b, { better = "lower", labels = both })
    assert(r.verdict:find("^VAE is better"), r.verdict)
    local list = { r }
    for i = 2, 6 do
      list[i] = stats.compare({ 1, 2, 3, 4, 5, 6 }, { 2, 1, 4, 3, 6.5, 5 }, { better = "lower" })
    end
    stats.family(list)
    assert(r.verdict:find("^no difference can be claimed: paired t test p = [%d.]+ after Holm's "
                          .. "correction over 6 comparisons"), r.verdict)
    local before = r.verdict
    stats.family(list)
    assert.are.equal(before, r.verdict)
    stats.family { r }
    assert(r.verdict:find("^VAE is better"), r.verdict)
  end)
end)

-- ---- bad input ----------------------------------------------------------------------------------

describe("bad input", function()
  it("names the function and the argument", function()
    says("stats.compare: pairs are needed, but a has 3 numbers and b has 2", stats.compare,
         { 1, 2, 3 }, { 1, 2 })
    says("stats.compare: 1 pair; at least 2 are needed", stats.compare, { 1 }, { 2 })
    says("stats.t_test: b[2] is NaN; finite numbers are needed", stats.t_test, { 1, 2 },
         { 1, 0 / 0 })
    says("stats.wilcoxon: a[1] is infinite", stats.wilcoxon, { math.huge, 2 }, { 1, 2 })
    says("stats.wilcoxon: a[2] must be a number, got string", stats.wilcoxon, { 1, "2" }, { 1, 2 })
    says("stats.permutation: the list of differences must be a list of numbers, got nil",
         stats.permutation)
    says("stats.spearman: a must be a list of numbers, got nil", stats.spearman)
    says("stats.bootstrap: the list has 1 number, at least 2 are needed", stats.bootstrap, { 1 })
    says("stats.bootstrap: draws must be a whole number of at least 100, got 10", stats.bootstrap,
         { 1, 2 }, { draws = 10 })
    says("stats.bootstrap: statistic must be a function, got string", stats.bootstrap, { 1, 2 },
         { statistic = "mean" })
    says("stats.bootstrap: the result of statistic[1] must be a number, got string",
         stats.bootstrap, { 1, 2 }, { statistic = function() return "x" end })
    says("stats.wilson: k must be a whole number from 0 to 3, got 4", stats.wilson, 4, 3)
    says("stats.binomial_test: n must be a whole number of at least 1, got 0", stats.binomial_test,
         0, 0)
    says("stats.holm: p[2] must be a number between 0 and 1, got 1.5", stats.holm, { 0.1, 1.5 })
    says("stats.agreement: a list of at least two raters is needed", stats.agreement, { {} })
  end)

  it("names unknown options and wrong words", function()
    says("stats.compare has no option 'beter' (did you mean 'better'?)", stats.compare, { 1, 2 },
         { 1, 3 }, { beter = "lower" })
    says("stats.compare: better must be \"lower\" or \"higher\", got less", stats.compare, { 1, 2 },
         { 1, 3 }, { better = "less" })
    says("stats.compare: level must be a number between 0 and 1, got 95", stats.compare, { 1, 2 },
         { 1, 3 }, { level = 95 })
    says("stats.compare: labels must be two words", stats.compare, { 1, 2 }, { 1, 3 },
         { labels = { "VAE" } })
    says("stats.family: number 1 of the list is not a result of stats.compare", stats.family,
         { {} })
    says("stats.family: number 1 of the list has intervals of level 0.95, the family 0.9",
         stats.family, { stats.compare(vae, ae) }, { level = 0.9 })
  end)
end)
