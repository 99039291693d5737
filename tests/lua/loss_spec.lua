-- loss_spec.lua - what the registry's tests do not see of losses, norms, matrix functions and
-- distances: known values, the frequencies of draws, and the texts of errors.

local va = require "vaelua"
local core = require "vaelua.core"
local ops = core.ops

local function int32(list) return va.tensor(list, "int32") end

local function near(a, b, tolerance)
  assert.are.same(b.shape, a.shape)
  local off = (a - b):abs():max():item()
  assert(off < (tolerance or 1e-5), off)
end

local function fails(text, f)
  local ok, message = pcall(f)
  assert.is_false(ok)
  assert(message:sub(-#text) == text, message)
  assert(message:find("loss_spec.lua:%d+: "), message)
end

local x = va.randn(4, 3)

describe("losses", function()
  it("have the values of their formulas", function()
    local m, v = va.randn(4, 3), va.randn(4, 3)
    near(ops.normal_kl(m, v), (0.5 * (m ^ 2 + v:exp() - 1 - v)):rowsum())
    near(ops.normal_kl(m, v, m, v), va.zeros(4))
    near(ops.normal_kl(m, v, 0, 0), ops.normal_kl(m, v))
    near(ops.normal_kl_each(m, v):rowsum(), ops.normal_kl(m, v))
    near(ops.normal_logp(0, va.zeros(2, 1), 0), va.full({ 2 }, -0.5 * math.log(2 * math.pi)))
    near(ops.laplace_logp(0, va.zeros(2, 1), 0), va.full({ 2 }, -math.log(2)))
    near(ops.bce_logits(va.zeros(2, 5), 0.3), va.full({ 2 }, 5 * math.log(2)))
    near(ops.squared(va.ones(2, 3, 3, 1), 3), va.full({ 2 }, 36))
    near(ops.absolute(va.ones(2, 3), 3), va.full({ 2 }, 6))
  end)

  it("keep a difference that is small", function()
    near(ops.normal_kl(va.zeros(1, 1), va.full({ 1, 1 }, 1e-3)) * 1e6, va.full({ 1 }, 0.25), 1e-3)
  end)

  -- The density integrates to one: the mean of p over a fine grid of [0, 1].
  it("of the continuous Bernoulli are densities", function()
    local grid = (va.linspace(0, 1, 2001)):reshape(2001, 1)
    for _, logit in ipairs { -6, -0.3, 0, 0.01, 0.49, 0.51, 3 } do
      local p = ops.continuous_bernoulli_logp(grid, logit):exp()
      local ends = (p:row(1):item() + p:row(-1):item()) / 2
      assert(math.abs((p:sum():item() - ends) / 2000 - 1) < 1e-5, logit)
    end
  end)

  it("name what is wrong", function()
    fails("bce_logits: x [4] does not fit [4, 3], the shape of logit",
      function() ops.bce_logits(x, va.ones(4)) end)
    fails("normal_logp: x is one number, and so are the others: one of them must have a batch axis",
      function() ops.normal_logp(1, 0, 0) end)
    fails("normal_kl: logvar [2] does not fit [4, 3], the shape of mean",
      function() ops.normal_kl(x, va.ones(2)) end)
    fails("categorical_logp: y must be int32, got float32 [4] (convert it with :as(\"int32\"))",
      function() ops.categorical_logp(x, va.ones(4)) end)
  end)
end)

describe("draws", function()
  it("of 0 and 1 come as often as they should", function()
    local logits = va.tensor { -2, 0, 1 }
    local share = ops.bernoulli_sample(logits:expand(20000, 3)):mean(1)
    near(share, logits:sigmoid(), 0.015)
    near(ops.bernoulli_sample(va.tensor { -200, 200 }), va.tensor { 0, 1 })
  end)

  it("of classes too", function()
    local logits = va.tensor { 0.5, -1, 2, 0 }
    local draws = ops.categorical_sample(logits:expand(20000, 4))
    near(va.one_hot(draws, 4):mean(1), logits:softmax(), 0.015)
  end)

  it("of normals have their mean and variance, and other numbers at each call", function()
    local z = ops.reparameterise(va.full({ 20000, 1 }, 3), math.log(4))
    near(z:mean(), va.tensor(3), 0.05)
    near(z:var(), va.tensor(4), 0.15)
    assert((ops.reparameterise(x, 0) - ops.reparameterise(x, 0)):abs():max():item() > 0)
  end)
end)

describe("norms", function()
  it("of a batch agree with given and with own statistics", function()
    local b = va.randn(8, 5, 5, 3) * 3 + 2
    local stats = ops.batch_stats(b)
    near(stats:row(1), b:mean({ 1, 2, 3 }), 1e-4)
    near(stats:row(3), b:var({ 1, 2, 3 }), 1e-3)
    near(stats:row(2) * (200 / 199), stats:row(3), 1e-4)
    local own = ops.batchnorm_train(b)
    near(ops.batchnorm_train(b, nil, nil, stats), own)
    near(ops.batchnorm_eval(b, stats:row(1), stats:row(2)), own)
  end)

  it("of one row are zero, not NaN", function()
    near(ops.batchnorm_train(x:rows(1)), va.zeros(1, 3))
    assert.are.same({ 0, 0, 0 }, ops.batch_stats(x:rows(1)):row(3):totable())
  end)

  it("name what is wrong", function()
    fails("layernorm: gain must have shape [3], got [4]",
      function() ops.layernorm(x, va.ones(4)) end)
    fails("layernorm: axes must be a number of the last axes of [4, 3], got 3",
      function() ops.layernorm(x, { axes = 3 }) end)
    fails("groupnorm: groups must divide the 3 channels, got 2",
      function() ops.groupnorm(x, 2) end)
    fails("batchnorm_train: x must have at least 2 axes, got [3]",
      function() ops.batchnorm_train(va.ones(3)) end)
  end)
end)

describe("matrix functions", function()
  it("keep the dtype and undo each other", function()
    local r = va.randn(5, 5)
    local a = (r:matmul(r:transpose()) + va.eye(5)):as("float64")
    assert.are.equal("float64", ops.cholesky(a).dtype)
    local a32 = a:as("float32")
    near(ops.inverse(a32):matmul(a32), va.eye(5), 1e-4)
    near(ops.solve(a32, a32), va.eye(5), 1e-5)
    local l = ops.cholesky(a32)
    near(l:matmul(l:transpose()), a32, 1e-4)
    local v, w = ops.eigvecs(a32), ops.eigvalsh(a32)
    near((v * w):matmul(v:transpose()), a32, 1e-4)
    near(ops.logdet(a32), w:log():sum(), 1e-4)
    near(ops.trace(a32), w:sum(), 1e-4)
    near(ops.svdvals(a32):sum(), w:sum(), 1e-4)
  end)

  it("name what is wrong", function()
    fails("cholesky: x [2, 2] is not positive definite",
      function() ops.cholesky(va.tensor { { 1, 2 }, { 2, 1 } }) end)
    fails("solve: x [2, 2] is singular", function() ops.solve(va.ones(2, 2), va.ones(2)) end)
    fails("solve: b must be [2] or [2, k], got [3]",
      function() ops.solve(va.ones(2, 2), va.ones(3)) end)
    fails("inverse: x must be a square matrix, got [2, 3]",
      function() ops.inverse(va.ones(2, 3)) end)
    fails("eigvalsh: x holds NaN or infinity",
      function() ops.eigvalsh(va.tensor { { 1, 0 / 0 }, { 0, 1 } }) end)
  end)
end)

describe("distances", function()
  it("find the first of equally near rows", function()
    local rows = va.tensor { { 5, 5 }, { 1, 1 }, { 1, 1 } }
    assert.are.same({ 2, 1 }, va.tensor({ { 0, 0 }, { 9, 9 } }):nearest(rows):totable())
    assert.are.same({ { 50, 2, 2 } }, va.sqdist(va.tensor { { 0, 0 } }, rows):totable())
  end)

  it("name what is wrong", function()
    fails("sqdist: b must have shape [4, 3], got [4, 2]",
      function() va.sqdist(x, va.ones(4, 2)) end)
    fails("nearest: rows must have at least one row, got [0, 3]",
      function() x:nearest(va.zeros(0, 3)) end)
    fails("choose: y holds 4 at [4], but there are 3 classes, which count from 1",
      function() ops.categorical_logp(x, int32 { 1, 2, 3, 4 }) end)
  end)
end)
