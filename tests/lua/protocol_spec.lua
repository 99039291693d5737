-- protocol_spec.lua - protocols, samplers and the table, on a linear-Gaussian VAE whose likelihood,
-- posterior and bound are known in closed form:
--
--   z ~ N(0, I),  x | z ~ N(W z, s^2 I)   so   x ~ N(0, W W' + s^2 I),
--   z | x ~ N(m, V) with V = (I + W'W / s^2)^-1 and m = V W' x / s^2.
--
-- W has orthogonal columns, so V is diagonal.

local va = require "vaelua"
local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local nn, dist = va.nn, va.dist

local N, S2 = 4000, 0.25
local W = { { 2, 0 }, { 0, 1 }, { 1, 0 } }          -- [3, 2], columns of squared length 5 and 1
local LENGTH = { 5, 1 }

local function near(a, b, tolerance, what)
  assert(math.abs(a - b) <= tolerance, ("%s: %.9g, wanted %.9g +- %.2g")
    :format(what or "number", a, b, tolerance))
end

local w = core.tensor(W)

local function draw_data(n)
  return va.randn(n, 2):matmul(w:transpose()) + va.randn(n, 3) * math.sqrt(S2)
end

-- V of unit j, and the factor of W_j' x in its mean.
local function variance(j) return 1 / (1 + LENGTH[j] / S2) end

-- wide: the posterior's variance is this many times the true one.
local function linear(name, wide)
  local m = nn.model(name, {})
  local gain = core.tensor { variance(1) / S2, variance(2) / S2 }
  local logvar = core.tensor { math.log(variance(1) * wide), math.log(variance(2) * wide) }
  function m.posterior(_, x)
    local mean = x:matmul(w) * gain
    return dist.normal(mean, logvar + va.zeros(mean.shape))
  end
  function m.likelihood(_, z) return dist.normal(z:matmul(w:transpose()), math.log(S2)) end
  function m.prior() return dist.normal.unit { 2 } end
  return m
end

-- -log p(x) averaged over rows: the eigenvalues of W W' + s^2 I are L_j + s^2 and s^2.
local function true_nll(x)
  local sum, rows = 0, x:totable()
  for _, r in ipairs(rows) do
    local along, left = {}, 0
    for j = 1, 2 do
      local dot = 0
      for i = 1, 3 do dot = dot + r[i] * W[i][j] end
      along[j] = dot ^ 2 / LENGTH[j]
    end
    for i = 1, 3 do left = left + r[i] ^ 2 end
    left = left - along[1] - along[2]
    local square = along[1] / (LENGTH[1] + S2) + along[2] / (LENGTH[2] + S2) + left / S2
    local logdet = math.log(LENGTH[1] + S2) + math.log(LENGTH[2] + S2) + math.log(S2)
    sum = sum + (square + logdet + 3 * math.log(2 * math.pi)) / 2
  end
  return sum / #rows
end

local data, x

before_each(function()
  va.seed(21)
  evaluate.forget()
  data = va.data { train = va.set(draw_data(N)), test = va.set(draw_data(N)) }
  x = data.test:first(N)
end)

describe("elbo", function()
  it("is the likelihood where the posterior is the true one", function()
    local m = linear("exact", 1)
    local s = va.evaluate(m, data, { "elbo" })[m]
    -- one draw an image: its spread is that of |eps|^2 / 2 terms, sd of the mean about 0.02
    near(s.nelbo.value, true_nll(x), 0.08, "-ELBO")
    near(s.elbo.value, -s.nelbo.value, 1e-12, "ELBO")
    near(s.rate.value + s.distortion.value, s.nelbo.value, 1e-4, "rate + distortion")
    assert.are.equal(N, s.nelbo.n)
    assert(s.nelbo.low < true_nll(x) + 0.05 and s.nelbo.high > true_nll(x) - 0.05)
  end)

  it("has the rate in closed form", function()
    local m = linear("exact", 1)
    local q, rate = m:posterior(x), 0
    for _, row in ipairs(q:mean():totable()) do
      for j = 1, 2 do
        rate = rate + (variance(j) + row[j] ^ 2 - 1 - math.log(variance(j))) / 2 / N
      end
    end
    near(va.evaluate(m, data, { "elbo" })[m].rate.value, rate, 1e-4)
  end)

  it("lies above it by the gap of a wrong posterior", function()
    local m, wide = linear("wide", 3), 3
    local gap = 2 * (wide - 1 - math.log(wide)) / 2        -- KL(q, p(z|x)), the same for all x
    near(va.evaluate(m, data, { "elbo" })[m].nelbo.value, true_nll(x) + gap, 0.15)
  end)

  it("is not defined for a deterministic code, and says why", function()
    local m = linear("ae", 1)
    function m.posterior(_, v) return dist.delta(v:matmul(w)) end
    local s = va.evaluate(m, data, { "elbo", "iwae:5", "recon" })[m]
    for _, name in ipairs { "rate", "nelbo", "elbo", "iwae" } do
      assert.is_nil(s[name].value)
      assert(s[name].reason:find("no density", 1, true), s[name].reason)
    end
    assert(s.cross_entropy.value == s.cross_entropy.value)
    near(s.cross_entropy.value, s.cross_entropy_sampled.value, 1e-5)
  end)
end)

describe("iwae", function()
  it("is the likelihood at any K where the posterior is the true one", function()
    local m = linear("exact", 1)
    for _, k in ipairs { 1, 7 } do
      local s = va.evaluate(m, data, { "iwae:" .. k })[m]
      near(s.iwae.value, true_nll(x), 1e-4, "K = " .. k)
      assert.are.equal(s.iwae, s["iwae:" .. k])
    end
  end)

  it("comes down to it with K where it is not", function()
    local m, before = linear("wide", 3), math.huge
    for _, k in ipairs { 1, 5, 100 } do
      local value = va.evaluate(m, data, { "iwae:" .. k }, { count = 1000 })[m].iwae.value
      assert(value < before)
      before = value
    end
    near(before, true_nll(data.test:first(1000)), 0.03)
  end)
end)

describe("recon", function()
  it("is the error of the mean code", function()
    local m = linear("exact", 1)
    local s = va.evaluate(m, data, { "recon" })[m]
    local made = m:reconstruct(x)
    local squared = (made - x):square():sum():item() / N
    near(s.squared_error.value, squared, 1e-4)
    near(s.mse.value, squared / 3, 1e-4)
    near(s.cross_entropy.value, squared / 2 / S2 + 1.5 * math.log(2 * math.pi * S2), 1e-3)
    assert.is_nil(s.ssim.value)
  end)

  it("sees the draws that elbo sees", function()
    local m = linear("exact", 1)
    local s = va.evaluate(m, data, { "recon", "elbo" })[m]
    near(s.cross_entropy_sampled.value, s.distortion.value, 1e-9)
  end)
end)

describe("active_units", function()
  it("counts the units that follow the data", function()
    local m = linear("exact", 1)
    local s = va.evaluate(m, data, { "active_units" })[m]
    assert.are.equal(2, s.active_units.value)
    assert.are.equal("of 2", s.active_units.unit)
    -- the variance of mean j over x is 1 - V_j: 20/21 and 4/5
    assert.are.equal(1, va.evaluate(m, data, { "active_units:0.9" })[m].active_units.value)
  end)
end)

describe("samplers", function()
  local function moments(z)
    return z:mean(1):totable(), va.covariance(z):totable()
  end

  it("prior draws from the prior, cooled if asked", function()
    local m = linear("exact", 1)
    local mean, cov = moments(va.sampler("prior", m, data.train)(20000))
    near(mean[1], 0, 0.04)
    near(cov[1][1], 1, 0.05)
    mean, cov = moments(va.sampler("prior:0.5", m, data.train)(20000))
    near(mean[2], 0, 0.02)
    near(cov[2][2], 0.25, 0.02)
  end)

  it("gaussian has the moments of the codes of the training set", function()
    local m = linear("shifted", 1)
    function m.posterior(_, v) return dist.delta(v:matmul(w) * 0.5 + core.tensor { 3, -1 }) end
    local mean, cov = moments(va.sampler("gaussian", m, data.train)(20000))
    local want_mean, want = moments(data.train:first(N):matmul(w) * 0.5 + core.tensor { 3, -1 })
    for i = 1, 2 do
      near(mean[i], want_mean[i], 0.08)
      for j = 1, 2 do near(cov[i][j], want[i][j], 0.3) end
    end
  end)

  it("gmm keeps clusters apart", function()
    local m = linear("clusters", 1)
    function m.posterior(_, v)
      local right = v:slice(2, 1, 1):gt(0)
      return dist.delta(va.cat { right * 10 + v:slice(2, 2, 2) * 0.1, v:slice(2, 3, 3) })
    end
    local z = va.sampler("gmm:2", m, data.train)(5000):slice(2, 1, 1)
    near(z:gt(5):mean():item(), 0.5, 0.04)
    near((z:gt(2) * z:lt(8)):sum():item(), 0, 0)
    local again = va.sampler("gmm:2", m, data.train)
    assert.are.same({ 3, 2 }, again(3).shape)
  end)

  it("that do not exist are named with a suggestion", function()
    local ok, message = pcall(va.sampler, "gausian", linear("m", 1), data.train)
    assert(not ok and message:find("did you mean 'gaussian'", 1, true), message)
  end)
end)

describe("evaluate", function()
  it("gives the same numbers whatever else is asked", function()
    local m = linear("exact", 1)
    local a = va.evaluate(m, data, { "elbo" })[m].nelbo.value
    local b = va.evaluate(m, data, { "iwae:3", "recon", "active_units", "elbo" })[m].nelbo.value
    assert.are.equal(a, b)
  end)

  it("runs protocols about pictures for every source", function()
    local seen = {}
    va.protocol("size", va.images(function(made, all, arg)
      seen[#seen + 1] = made.source
      assert.are.equal(100, #made)
      assert.are.equal(100, #all.test)
      return { size = va.score(#made + arg, "pictures", "higher") }
    end))
    local m = linear("exact", 1)
    local s = va.evaluate({ m }, data, { "size:5" }, {
      count = 100, samplers = { "prior", odd = function(n) return va.zeros(n, 2) end } })
    assert.are.same({ "reconstruction", "prior", "odd", "real" }, seen)
    assert.are.equal(105, s[m]["size/odd"].value)
    assert.are.equal(105, s.exact["size:5/real"].value)
  end)

  it("names a protocol, a score, a model and an option that do not exist", function()
    local m = linear("exact", 1)
    local function fails(text, f, ...)
      local ok, message = pcall(f, ...)
      assert(not ok and tostring(message):find(text, 1, true), tostring(message))
    end
    fails("did you mean 'elbo'", va.evaluate, m, data, { "elbow" })
    fails("did you mean 'count'", va.evaluate, m, data, { "elbo" }, { cuont = 3 })
    fails("evaluate: a model or a list of models is needed", va.evaluate, {}, data, { "elbo" })
    local s = va.evaluate(m, data, { "elbo" })
    fails("did you mean 'rate'", function() return s[m].rat end)
  end)

  it("says what is missing in place of a number", function()
    local m = nn.model("empty", {})
    local s = va.evaluate(m, data, { "recon", "frechet" })[m]
    assert(s.recon.reason:find("no posterior", 1, true), s.recon.reason)
    assert(s["frechet/real"].reason:find("no feature network", 1, true))
  end)

  it("leaves mode and streams as they were, also after an error", function()
    local m = linear("exact", 1)
    va.protocol("broken", function() error("on purpose") end)
    local mode, purpose = core.mode(), core.stream_purpose()
    local ok, message = pcall(va.evaluate, m, data, { "broken" })
    assert(not ok and message:find("on purpose", 1, true))
    assert.are.equal(mode, core.mode())
    assert.are.equal(purpose, core.stream_purpose())
  end)
end)

describe("report", function()
  local function printed(f)
    local lines, old = {}, print
    _G.print = function(...) lines[#lines + 1] = table.concat({ ... }, "\t") end
    local ok, message = pcall(f)
    _G.print = old
    assert(ok, message)
    return table.concat(lines, "\n")
  end

  it("shows every score with its unit, and reasons as footnotes", function()
    local a, b = linear("vae", 1), linear("ae", 1)
    function b.posterior(_, v) return dist.delta(v:matmul(w)) end
    local text = printed(function() va.report({ a, b }, data, { "elbo", "recon" }) end)
    assert(text:find("−ELBO", 1, true) and text:find("nats per image", 1, true), text)
    assert(text:find("not defined [1]", 1, true), text)
    assert(text:find("\n[1] no density", 1, true), text)
    assert(text:find("per pixel", 1, true) and text:find("↓", 1, true), text)
  end)

  it("gives mean and standard deviation over seeds", function()
    local text = printed(function()
      for seed in va.seeds(3) do
        local m = linear("vae", 1)
        va.protocol("seed", function() return { seed = va.score(seed, "", "higher") } end)
        va.evaluate(m, data, { "seed" })
      end
      local means = va.report()
      assert.are.equal(22, means.vae.seed.value)
      assert.are.equal(1, means.vae.seed.sd)
    end)
    assert(text:find("3 seeds (21 to 23)", 1, true), text)
    assert(text:find("22.00 ± 1.00", 1, true), text)
  end)

  it("needs something to report", function()
    local ok, message = pcall(va.report)
    assert(not ok and message:find("nothing was evaluated yet", 1, true), message)
  end)
end)
