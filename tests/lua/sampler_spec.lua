-- sampler_spec.lua - samplers as objects: what they are fitted to, how well, and bad input.

local va = require "vaelua"
local dist = va.dist
local N, D = 3000, 3

local function fails(text, f, ...)
  local ok, message = pcall(f, ...)
  message = type(message) == "table" and message.reason or tostring(message)
  assert(not ok and message:find(text, 1, true), message)
end

-- Codes: mean x / 2 + (1, 2, 3), variance exp(-2).
local function model(name)
  local m = va.nn.model(name or "m", {})
  function m.posterior(_, x)
    return dist.normal(x * 0.5 + va.tensor { 1, 2, 3 }, -2 + va.zeros(x.shape))
  end
  function m.likelihood(_, z) return dist.normal(z, 0) end
  function m.prior() return dist.normal.unit { D } end
  return m
end

local set

before_each(function()
  va.seed(5)
  set = va.set(va.randn(N, D))
end)

local function moments_near(z, mean, var, tolerance)
  local m, v = z:mean(1):totable(), z:var(1):totable()
  for j = 1, D do
    assert.near(mean + j, m[j], tolerance)
    assert.near(var, v[j], tolerance)
  end
end

describe("a sampler", function()
  it("is fitted to draws or to means, and says which", function()
    local m, at = model(), 0.25 + math.exp(-2)
    for spec, var in pairs { ["gmm:2"] = at, ["gmm:2:mean"] = 0.25, gaussian = at,
                             ["gaussian:mean"] = 0.25 } do
      local s = va.sampler(spec, m, set)
      moments_near(s(20000), 0, var, 0.04)
      local what = spec:find("mean") and "mean" or "draw"
      assert.are.equal(what, s.protocol.code)
      assert(s.words:find(what == "mean" and "mean training codes" or "drawn training codes", 1,
                          true), s.words)
    end
    local s = va.sampler({ "gmm", 2, code = "mean" }, m, set)
    assert.are.equal("mean", s.protocol.code)
    assert.are.equal(2, s.protocol.components)
  end)

  it("shows the mean log density of the codes", function()
    local s = va.sampler("gaussian:mean", model(), set)
    -- the entropy of the fitted normal: D / 2 log(2 pi e / 4)
    assert.near(-D / 2 * math.log(2 * math.pi * math.exp(1) / 4), s.protocol.loglik, 0.06)
    assert(tostring(s):find(("log density %.2f nats"):format(s.protocol.loglik), 1, true))
  end)

  it("interpolates between different codes with a uniform weight", function()
    local m = model()
    -- var of w a + (1 - w) b: 2/3 of that of a code
    moments_near(va.sampler("interpolation:mean", m, set)(20000), 0, 0.25 * 2 / 3, 0.03)
    fails("interpolation takes no argument, got 3", va.sampler, "interpolation:3", m, set)
    fails("at least 2 training codes", va.sampler, "interpolation", m, set:subset(1))
  end)

  it("trains a second VAE, the same in every run", function()
    local m = model()
    local s = va.sampler("vae:300", m, set)
    moments_near(s(20000), 0, 0.25 + math.exp(-2), 0.12)
    assert(s.words:find("second-stage VAE (3 layers of 128, 300 steps)", 1, true), s.words)
    va.seed(5)
    local again = va.set(va.randn(N, D))
    local a = va.sampler("vae:3", m, again).draw(2)
    va.seed(5)
    again = va.set(va.randn(N, D))
    local b = va.sampler("vae:3", m, again).draw(2)
    assert.are.same(a:totable(), b:totable())
    fails("vae:0: the number of steps", va.sampler, "vae:0", m, set)
    fails("vae: at least 2 training codes", va.sampler, "vae", m, set:subset(1))
  end)

  it("stays finite where units carry nothing", function()
    local m = model("collapsed")
    function m.posterior(_, x) return dist.delta(x * va.tensor { 1, 0, 0 }) end
    for _, spec in ipairs { "gaussian", "gmm:3", "interpolation", "vae:20" } do
      local s = va.sampler(spec, m, set)
      local sum = s(500):abs():sum():item()
      assert(sum == sum and sum < 1e5, spec)
      assert(s.words:find("training codes", 1, true), s.words)
    end
  end)

  it("says what is wrong", function()
    local m = model()
    fails("gmm:5: 4 codes are too few for 5 components", va.sampler, "gmm:5", m, set:subset(4))
    fails("gmm:0: the number of components", va.sampler, "gmm:0", m, set)
    fails("there is no option 'cod'; known is code", va.sampler, { "gmm", 2, cod = 1 }, m, set)
    fails("code is \"mean\" or \"draw\", got x", va.sampler, { "gmm", 2, code = "x" }, m, set)
    fails("or a function is needed, got number", va.sampler, 3, m, set)
    local list = model("list")
    function list.posterior(_, x) return { sample = function() return { x, x } end } end
    fails("the code of list is a list of tensors", va.sampler, "gmm:2", list, set)
  end)
end)
