-- optim_spec.lua - optimisers, gradients, modes, ops of one's own, the gradient check.

local va = require "vaelua"
local core = require "vaelua.core"
local nn = va.nn

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert(tostring(message):find(pattern), tostring(message))
end

local function off(a, b) return (a - b):abs():max():item() end

local function small(name)
  return nn.model(name or "small", { a = nn.chain(3, { nn.linear(4), nn.tanh, nn.linear(1) }) })
end

describe("an optimiser", function()
  it("takes a model, a chain, a parameter or a list of these", function()
    local m, p = small(), nn.param(va.ones(2))
    local x = va.ones(2, 3)
    for _, what in ipairs { m, m.a, { m.a, p }, { { m.a, lr = 0.5 }, p }, { { m.a }, { p } } } do
      local o = va.sgd(what, { lr = 0.1 })
      local before = m.a[1].weight + 0
      o:step(m.a(x):sum() + p:sum())
      assert.is_true(off(m.a[1].weight, before) > 0)
    end
    fails("no parameter in it", va.adam, nn.model("empty", {}))
    fails("not a parameter", va.adam, va.ones(2))
    fails("adam: a model, chain, parameter", va.adam, "vae")
  end)

  it("gives entries numbers of their own", function()
    local a, b = nn.param(va.zeros()), nn.param(va.zeros())
    local o = va.sgd({ { a, lr = 1 }, b }, { lr = 0.1 })
    o:step(a + b)
    assert(math.abs(a:item() + 1) < 1e-6 and math.abs(b:item() + 0.1) < 1e-6)
    o.lr = 0.2
    o:step(a + b)
    assert(math.abs(a:item() + 2) < 1e-6 and math.abs(b:item() + 0.3) < 1e-6)
    assert.are.equal(0.2, o.lr)
    fails("clip is one for the whole", va.sgd, { { a, clip = 1 } })
  end)

  it("checks its options", function()
    local p = nn.param(va.ones())
    fails("adam has no option 'rl' %(did you mean 'lr'%?%) %(options: betas, clip, decay, eps, "
      .. "lr%)", va.adam, p, { rl = 1 })
    fails("sgd has no option 'betas'", va.sgd, p, { betas = { 0, 0 } })
    fails("lr must be a number from 0", va.adam, p, { lr = -1 })
    fails("betas must be a list of two", va.adam, p, { betas = 0.9 })
    fails("options stand in a table", va.adam, p, 1e-3)
    local o = va.adam(p)
    fails("lr can be assigned, not 'rate'", function() o.rate = 1 end)
    fails("did you mean 'step'", function() return o.stpe end)
  end)

  it("gathers gradients with add", function()
    local a, b = nn.param(va.tensor { 1, 2 }), nn.param(va.tensor { 1, 2 })
    local once, twice = va.sgd(a, { lr = 0.1 }), va.sgd(b, { lr = 0.1 })
    once:step((a * a):sum() + (3 * a):sum())
    twice:add((b * b):sum())
    twice:add((3 * b):sum())
    twice:step()
    assert(off(a, b) < 1e-6)
    fails("nothing was added", twice.step, twice)
  end)

  it("says what is wrong with a loss", function()
    local p, q = nn.param(va.ones(2)), nn.param(va.ones(2))
    local o = va.sgd(p, { lr = 0.1 })
    fails("must be one float32 number", o.step, o, p * 2)
    fails("does not depend on any of the wanted", o.step, o, q:sum())
    fails("a loss is needed", o.step, o, 3)
    local loss = (p * p):sum()
    o:step(loss)
    fails("history of this loss was already released", o.step, o, loss)
    local first, second = (p * p):sum(), (p * p):sum()
    o:step(first)
    fails("changed in place after it was used", o.step, o, second)
    fails("has no history", o.step, o, va.no_grad(function() return (p * p):sum() end))
  end)

  it("leaves what the loss does not reach as it is", function()
    local p, q = nn.param(va.ones(2)), nn.param(va.ones(2))
    local o = va.adam({ p, q }, { lr = 0.1 })
    o:step(p:sum())
    assert.are.equal(1, q:min():item())
    assert.is_true(p:max():item() < 1)
  end)

  it("does nothing once a loss or gradient was not finite, and says at which step", function()
    for _, make in ipairs { va.adam, va.sgd } do
      local p = nn.param(va.ones(2))
      local o = make(p, { lr = 0.1 })
      o:step(p:sum())
      assert.is_nil(o:flag())
      local before = p + 0
      o:step((p * (0 / 0)):sum())
      o:step(p:sum())
      assert.are.equal(0, off(p, before))
      assert.are.equal(2, o:flag())
    end
  end)

  it("clips the norm of all gradients together", function()
    local a, b = nn.param(va.zeros()), nn.param(va.zeros())
    va.sgd({ { a, lr = 1 }, b }, { lr = 1, clip = 1 }):step(3 * a + 4 * b)
    assert(math.abs(a:item() + 0.6) < 1e-5 and math.abs(b:item() + 0.8) < 1e-5)
  end)

  it("is saved and restored, and goes on with the same bits", function()
    local function train(o, m, n)
      for i = 1, n do o:step(m.a(va.full({ 2, 3 }, i / 7)):square():sum()) end
    end
    local a = small "a"
    local oa = va.adam(a, { lr = 0.01 })
    train(oa, a, 3)
    local b = a:clone "b"
    local ob = va.adam(b, { lr = 0.01 })
    local saved = {}
    for _, e in ipairs(oa:state()) do saved[e[1]] = e[2] end
    ob:restore(saved)
    train(oa, a, 3)
    train(ob, b, 3)
    for name, p in pairs(a:params()) do assert.are.equal(0, off(p, b:params()[name])) end
    assert.are.equal(6, ob.count)
    assert.are.equal(oa:state()[1][1], "m/a.1.bias")
    fails("has no 'm/a.1.bias'", ob.restore, ob, {})
  end)

  it("has a label with its model's name", function()
    local m = small "labelled"
    local o = va.adam(m)
    assert.are.equal("labelled/adam", o:label())
    assert.are.equal("labelled/adam#2", va.adam(m):label())
    assert.are.equal(o, require "vaelua.optim".find("labelled/adam"))
    assert.are.same({ m }, o:models())
  end)
end)

describe("va.step", function()
  it("takes all gradients before any update", function()
    local function made() return nn.param(va.tensor(2)), nn.param(va.tensor(3)) end
    local a, b = made()
    local oa, ob = va.sgd(a, { lr = 0.1 }), va.sgd(b, { lr = 0.1 })
    local product = a * b                  -- a history that both losses share
    va.step({ oa, product * 1 }, { ob, -product })
    assert(math.abs(a:item() - 1.7) < 1e-6 and math.abs(b:item() - 3.2) < 1e-6)
    fails("argument 1 must be { optimiser, loss }", va.step, oa)
  end)
end)

describe("va.grad", function()
  it("gives gradients by tensors, lists and models", function()
    local x, y = va.var(va.tensor { 1, 2 }), va.var(va.tensor { 3, 4 })
    assert.are.same({ 3, 4 }, va.grad((x * y):sum(), x):totable())
    local g = va.grad((x * y):sum(), { x, y })
    assert.are.same({ 1, 2 }, g[2]:totable())
    local m = small()
    local names = {}
    for name, t in pairs(va.grad(m.a(va.ones(1, 3)):sum(), m)) do
      names[#names + 1] = name
      assert(core.is_tensor(t))
    end
    assert.are.same({ "a.1.bias", "a.1.weight", "a.3.bias", "a.3.weight" }, names)
    assert.are.same({ 0, 0 }, va.grad(x:sum(), { x, y })[2]:totable())
  end)

  it("reaches results on the way", function()
    local x = va.var(va.tensor { 1, 2 })
    local h = x * 3
    assert.are.same({ 6, 12 }, va.grad((h * h):sum(), h):totable())
  end)

  it("keeps the history when asked", function()
    local x = va.var(2)
    local y = x * x
    va.grad(y, x, { keep = true })
    assert.are.equal(4, va.grad(y, x):item())
    fails("already released", va.grad, y, x)
    fails("option 'kep'", va.grad, y, x, { kep = true })
  end)

  it("records a function even in evaluation", function()
    local x = va.var(3)
    local g = va.no_grad(function() return va.grad(function() return x * x end, x) end)
    assert.are.equal(6, g:item())
    assert.are.equal("outside", core.mode())
  end)

  it("says what cannot be differentiated by", function()
    local x = va.var(1)
    fails("has no history", va.grad, x * 2, va.ones())
    fails("must be a tensor, a list", va.grad, x * 2, "x")
  end)
end)

describe("modes by hand", function()
  it("end with their function, on errors too", function()
    assert.are.equal("train", va.train(core.mode))
    assert.are.equal("eval", va.no_grad(core.mode))
    pcall(va.no_grad, error, "on purpose")
    assert.are.equal("outside", core.mode())
    local a, b = va.no_grad(function(...) return ... end, 1, 2)
    assert.are.same({ 1, 2 }, { a, b })
  end)

  it("go on with the random numbers around them", function()
    local function draw() return va.randn(3):totable() end
    va.seed(4)
    local plain = { draw(), draw(), draw() }
    va.seed(4)
    assert.are.same(plain, { va.no_grad(draw), va.train(draw), draw() })
    local seen = {}
    for _ in va.steps(2) do seen[#seen + 1] = va.no_grad(draw) end
    assert.are_not.same(seen[1], seen[2])
  end)
end)

describe("va.op and va.check", function()
  it("make and check an op", function()
    local cube = va.op { name = "cube", forward = function(x) return x * x * x end,
                         backward = function(dy, _, x) return dy * 3 * x * x end }
    assert(va.check(cube, va.randn(3, 4)):find "12 elements")
    assert(va.check(function(a, b) return a:matmul(b) end, va.randn(3, 4), va.randn(4, 2)))
    assert(va.check(function(x) return x + va.randn(2, 3) end, va.randn(2, 3), { eps = 1e-2 }))
  end)

  it("name the worst element", function()
    local wrong = va.op { name = "wrong", forward = function(x) return x * x end,
                          backward = function(dy, _, x)
                            return dy * x * va.tensor { { 2, 2 }, { 2, 3 } }
                          end }
    fails("check: input 1, element %[2, 2%]: the gradient says", va.check, wrong,
      va.tensor { { 1, 2 }, { 3, 4 } })
    fails("option 'tolerance'", va.check, wrong, va.ones(1), { tolerance = 1 })
    fails("op: forward is needed", va.op, { name = "x" })
    local plain = va.op { forward = function(x) return x end }
    local x = va.var(1)
    fails("made without backward", va.grad, plain(x), x)
  end)
end)
