-- dist_spec.lua - distributions: densities add up to 1, draws have the moments that are claimed,
-- closed forms agree with estimates, and what is not defined says so.

local va = require "vaelua"
local core = require "vaelua.core"
local dist = va.dist

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert(tostring(message):find(pattern), tostring(message))
end

local function near(a, b, tolerance, what)
  a = core.is_tensor(a) and a:item() or a
  b = core.is_tensor(b) and b:item() or b
  assert(math.abs(a - b) <= tolerance, ("%s: %.6g, expected %.6g"):format(what or "value", a, b))
end

local N = 40000

-- The same distribution in N rows.
local cases = {
  normal = function(n) return dist.normal(va.full({ n, 1 }, 0.7), va.full({ n, 1 }, -0.4)) end,
  laplace = function(n) return dist.laplace(va.full({ n, 1 }, 0.7), va.full({ n, 1 }, -0.4)) end,
  bernoulli = function(n) return dist.bernoulli(va.full({ n, 1 }, 0.8)) end,
  continuous_bernoulli = function(n) return dist.continuous_bernoulli(va.full({ n, 1 }, 2.5)) end,
  continuous_bernoulli_below = function(n)
    return dist.continuous_bernoulli(va.full({ n, 1 }, -1.5))
  end,
  continuous_bernoulli_flat = function(n)
    return dist.continuous_bernoulli(va.full({ n, 1 }, 1e-4))
  end,
}

describe("draws of", function()
  for name, make in pairs(cases) do
    it(name .. " have its mean, variance and entropy", function()
      local d = make(N)
      local z = d:sample()
      assert.are.same({ N, 1 }, z.shape)
      local deviation = math.sqrt(d:var():mean():item())
      near(z:mean(), d:mean():mean(), 5 * deviation / math.sqrt(N), "mean")
      near(z:var(), d:var():mean(), 0.05 * deviation * deviation + 1e-3, "variance")
      near(-d:logp(z):mean(), d:entropy():mean(), 0.03, "entropy")
    end)
  end

  it("have gradients where they exist", function()
    for _, name in ipairs { "normal", "laplace" } do
      local a, b = va.var(va.randn(3, 2)), va.var(va.randn(3, 2))
      local g = va.grad(dist[name](a, b):sample():sum(), { a, b })
      assert.are.equal(1, g[1]:min():item())
      assert.is_true(g[2]:abs():max():item() > 0)
    end
    local l = va.var(va.tensor { { -2, 0, 3, 1e-4 } })
    local x = dist.continuous_bernoulli(l):sample()
    assert.is_true(va.grad(x:sum(), l):min():item() > 0)
  end)
end)

describe("log-probabilities", function()
  it("of densities add up to 1", function()
    local x = va.linspace(-12, 12, 4801):reshape(-1, 1)
    for _, d in ipairs { dist.normal(0.5, 0.3), dist.laplace(-1, 0.2), dist.normal.unit(),
                         dist.normal(va.tensor { { 0.5 } }, 0) } do
      near(d:logp(x):exp():sum() * (24 / 4800), 1, 2e-3, tostring(d))
    end
    local u = va.linspace(0, 1, 4001):reshape(-1, 1)
    for _, l in ipairs { -5, -0.03, 0, 1e-3, 0.7, 8 } do
      local p = dist.continuous_bernoulli(va.full({ 4001, 1 }, l)):logp(u):exp()
      near(p:mean(), 1, 5e-3, "logit " .. l)
    end
  end)

  it("of classes are those of the softmax", function()
    local logits = va.randn(5, 3)
    local y = va.tensor({ 1, 3, 2, 2, 1 }, "int32")
    local d = dist.categorical(logits)
    near(d:logp(y)[2], logits:softmax():log():at(2, 3), 1e-5)
    assert.are.same({ 5 }, d:sample().shape)
    assert.are.same({ 5, 3 }, d:mean().shape)
    local prior = dist.categorical(va.tensor { 0, 1, 2 })
    local draws = prior:sample(N)
    near(draws:eq(3):mean(), prior:mean():at(3), 0.02, "share")
    assert.are.same({ N }, prior:logp(draws).shape)
  end)

  it("take numbers", function()
    near(dist.bernoulli(va.zeros(2, 3)):logp(1)[1], -3 * math.log(2), 1e-5)
    near(dist.normal.unit(4):logp(0)[1], -2 * math.log(2 * math.pi), 1e-5)
  end)
end)

describe("divergences", function()
  local function pairs_of()
    local m, v = va.full({ N, 1 }, 0.4), va.full({ N, 1 }, -0.6)
    return {
      { dist.normal(m, v), dist.normal.unit() },
      { dist.normal(m, v), dist.normal.unit(1) },
      { dist.normal(m, v), dist.normal(va.tensor { -0.5 }, va.tensor { 0.4 }) },
      { dist.normal(m, v), dist.normal(-0.5, 0.4) },
      { dist.laplace(m, v), dist.laplace(0, 0.3) },
      { dist.bernoulli(m), dist.bernoulli(v) },
      { dist.continuous_bernoulli(m), dist.continuous_bernoulli(v * 3) },
    }
  end

  it("in closed form agree with estimates", function()
    for i, pair in ipairs(pairs_of()) do
      local q, p = pair[1], pair[2]
      local z = q:sample()
      near(q:kl(p):mean(), (q:logp(z) - p:logp(z)):mean(), 0.03, "pair " .. i)
      local _, kl = q:draw(p)
      near(kl:mean(), q:kl(p):mean(), 1e-5, "draw of pair " .. i)
      near(q:kl_each(p):rowsum():mean(), q:kl(p):mean(), 1e-4, "units of pair " .. i)
      near(q:kl(q):abs():max(), 0, 2e-5, "itself, pair " .. i)
    end
    local a, b = dist.categorical(va.randn(4, 3)), dist.categorical(va.randn(4, 3))
    local by_hand = (a:mean() * (a:mean():log() - b:mean():log())):sum(-1)
    near((a:kl(b) - by_hand):abs():max(), 0, 1e-5)
  end)

  it("without a closed form are estimated by one draw", function()
    local q = dist.normal(va.zeros(N, 1), va.zeros(N, 1))
    local p = dist.laplace(0, 0)
    local z, kl = q:draw(p)
    near(((q:logp(z) - p:logp(z)) - kl):abs():max(), 0, 1e-6)
    -- E log N - E log Laplace = -(1 + log 2 pi) / 2 + log 2 + E|x|
    local exact = math.log(2) + math.sqrt(2 / math.pi) - 0.5 * (1 + math.log(2 * math.pi))
    near(q:kl(p):mean(), exact, 0.02)
    fails("kl_each is not defined", q.kl_each, q, p)
    local own = { logp = function(_, x) return x:rowsum() * 0 end }
    assert.are.same({ N }, select(2, q:draw(own)).shape)
    fails("it has no logp", q.draw, q, {})
  end)
end)

describe("a prior", function()
  it("samples as many rows as it is asked for", function()
    assert.are.same({ 5, 20 }, dist.normal.unit(20):sample(5).shape)
    assert.are.same({ 5, 2, 3 }, dist.normal.unit { 2, 3 }:sample(5).shape)
    assert.are.same({ 20 }, dist.normal.unit(20):mean().shape)
    assert.are.same({ 5, 2 }, dist.normal(va.tensor { 1, 2 }, va.zeros(2)):sample(5).shape)
    fails("normal has no shape to sample from", function() dist.normal.unit():sample(3) end)
    fails("sample%(5%), but it has 3 rows", function()
      dist.normal(va.zeros(3, 2), va.zeros(3, 2)):sample(5)
    end)
  end)

  it("may be learned", function()
    local m = va.nn.param(va.zeros(2))
    local z = dist.normal(m, 0):sample(6)
    assert.are.equal(6, va.grad(z:sum(), m)[1]:item())
  end)
end)

describe("delta", function()
  it("draws its code with a divergence of 0 and has no density", function()
    local z = va.randn(4, 3)
    local d = dist.delta(z)
    local code, kl = d:draw(dist.normal.unit())
    assert.are.equal(z, code)
    assert.are.same({ 0, 0, 0, 0 }, kl:totable())
    assert.are.equal(z, d:mean())
    for _, name in ipairs { "logp", "kl", "entropy", "kl_each" } do
      fails("delta has no " .. name .. ": not defined: a deterministic code has no density",
        function() return d[name] end)
    end
  end)
end)

describe("a mixture", function()
  it("has the density and the moments of its rows", function()
    local d = dist.mixture(dist.normal(va.tensor { { -2 }, { 1 } }, va.tensor { { 0 }, { -1 } }),
                           va.tensor { 0, 1 })
    local x = va.linspace(-12, 12, 4801):reshape(-1, 1)
    local p = d:logp(x):exp() * (24 / 4800)
    near(p:sum(), 1, 2e-3)
    local z = d:sample(N)
    near(z:mean(), d:mean()[1], 0.05)
    near(z:var(), d:var()[1], 0.1)
    near((p:reshape(-1, 1) * x):sum(), d:mean()[1], 1e-2)
    near(d:entropy():mean() * 0, 0, 0)
    fails("logits must be %[2%]", dist.mixture, dist.normal(va.zeros(2, 1), 0), va.zeros(3))
  end)

  it("is a prior for pictures' codes, with gradients for its rows", function()
    local m = va.nn.param(va.randn(10, 4))
    local p = dist.mixture(dist.normal(m, va.zeros(10, 4)))
    local z, kl = dist.normal(va.zeros(6, 4), va.zeros(6, 4)):draw(p)
    assert.are.same({ 6, 4 }, z.shape)
    assert.are.same({ 6 }, kl.shape)
    assert.is_true(va.grad(kl:sum(), m):abs():max():item() > 0)
  end)
end)

describe("a joint distribution", function()
  local function ladder(n)
    return dist.joint { dist.normal(va.zeros(n, 2), 0),
                        function(z1) return dist.normal(z1 + 1, va.zeros(n, 2)) end }
  end
  local prior = dist.joint { dist.normal.unit(2), function(z1) return dist.normal(z1, 0) end }

  it("draws a list, with the divergence of each part", function()
    local q = ladder(N)
    local z, kl, parts = q:draw(prior)
    assert.are.same({ N, 2 }, z[2].shape)
    near(parts[1]:mean(), 0, 1e-5)
    near(parts[2]:mean(), 1, 1e-4)               -- two units, each moved by 1: 2 / 2
    near((kl - parts[1] - parts[2]):abs():max(), 0, 1e-5)
    near((q:logp(z) - prior:logp(z)):mean(), 1, 0.05)
    assert.are.same({ 7, 2 }, prior:sample(7)[2].shape)
    assert.are.equal(1, q:mean()[2]:max():item())
  end)

  it("is tiled with the rows that its functions hold", function()
    local shift = va.tensor { { 1, 1 }, { 5, 5 } }
    local q = dist.joint { dist.normal(va.zeros(2, 2), -20),
                           function(z1) return dist.normal(z1 + shift, -20) end }
    local z = q:tile(3):sample()
    assert.are.same({ 6, 2 }, z[2].shape)
    assert((z[2] - shift:tile(3)):abs():max():item() < 1e-3)
  end)
end)

describe("a flow", function()
  local function double(z) return z * 2, va.ones(#z) * (math.log(2) * z.shape[2]) end

  it("moves draws and densities", function()
    local q = dist.flow(dist.normal(va.zeros(N, 1), va.zeros(N, 1)), { double, double })
    local z, kl = q:draw(dist.normal(0, math.log(16)))
    near(z:std(), 4, 0.1)
    near(kl:abs():max(), 0, 1e-4)
    local again = q:sample()
    near((q:logp(again) - dist.normal(0, math.log(16)):logp(again)):abs():max(), 0, 1e-4)
    fails("step 2 has no method inverse", q.logp, q, va.zeros(N, 1))
    fails("must return z and its log determinant", function()
      dist.flow(dist.normal.unit(1), { function(x) return x end }):sample(2)
    end)
  end)

  it("goes backwards where its steps can", function()
    local nn = va.nn
    local step = nn.layer { forward = function(_, z) return double(z) end,
                            inverse = function(_, y) return y / 2 end }
    local q = dist.flow(dist.normal.unit(1), { nn.chain(1, { step }) })
    local x = va.linspace(-12, 12, 4801):reshape(-1, 1)
    near(q:logp(x):exp():sum() * (24 / 4800), 1, 2e-3)
  end)
end)

describe("all of them", function()
  it("are tiled by rows", function()
    local d = dist.normal(va.tensor { { 1 }, { 2 } }, 0):tile(2)
    assert.are.same({ { 1 }, { 2 }, { 1 }, { 2 } }, d:mean():totable())
    assert.are.same({ 4, 1 }, d:sample().shape)
  end)

  it("check their arguments and names", function()
    fails("normal: logvar must be a tensor or a number, got nil", dist.normal, va.zeros(2))
    fails("bernoulli: logits must be a tensor, got 3", dist.bernoulli, 3)
    fails("did you mean 'normal'", function() return dist.norml end)
    fails("did you mean 'sample'", function() return dist.normal.unit(2).smaple end)
  end)
end)

describe("va.loss", function()
  it("mmd is near 0 for equal distributions and grows with their distance", function()
    local z = va.randn(400, 3)
    for _, kernel in ipairs { "imq", "rbf" } do
      local equal = va.loss.mmd(z, dist.normal.unit(3), { kernel = kernel }):item()
      local moved = va.loss.mmd(z + 1, dist.normal.unit(3), { kernel = kernel }):item()
      assert(math.abs(equal) < 0.1 and moved > 5 * math.abs(equal) and moved > 0.1)
    end
    fails("option 'kernal'", va.loss.mmd, z, z, { kernal = "rbf" })
  end)

  it("kl_parts add up to log q(z|x) - log p(z)", function()
    local q = dist.normal(va.randn(64, 3), va.randn(64, 3) - 1)
    local z = q:sample()
    local mi, tc, dim = va.loss.kl_parts(q, z, 6000)
    local expected = q:logp(z) - dist.normal.unit():logp(z)
    near((mi + tc + dim - expected):abs():max(), 0, 1e-3)
    assert.are.same({ 64 }, tc.shape)
  end)
end)
