-- core_spec.lua - tensors as values and views, gradients and what they refuse, modes and
-- random streams: the rules of the core, seen from Lua.

local va = require "vaelua"
local core = require "vaelua.core"

local message_of = require "tests.lua.says".message_of

local function numbers(x) return x:reshape(-1):totable() end

describe("a tensor", function()
  local x = va.tensor { { 1, 2, 3 }, { 4, 5, 6 } }

  it("has a shape, a dtype, a device and a size", function()
    assert.are.same({ 2, 3 }, x.shape)
    assert.are.equal("float32", x.dtype)
    assert(x.device == "cpu" or x.device:find "^cuda:%d+$", x.device)
    assert.are.equal(2, #x)
    x.shape[1] = 7
    assert.are.same({ 2, 3 }, x.shape)
  end)

  it("is indexed from 1, and from the end", function()
    assert.are.equal(6, x:at(-1, -1))
    assert.are.same({ 4, 5, 6 }, x[2]:totable())
    assert.are.same({ 2, 3 }, x:rows(1, 2).shape)
    assert.truthy(message_of(function() return x[0] end):find("count from 1", 1, true))
    assert.truthy(message_of(function() return x[3] end):find("outside 1..2", 1, true))
    assert.truthy(message_of(function() return x[{ 1 }] end):find("rows", 1, true))
  end)

  it("broadcasts by the rule and no further", function()
    assert.are.same({ 2, 4, 6, 5, 7, 9 }, numbers(x + va.tensor { 1, 2, 3 }))
    assert.are.same({ 0, 1, 2, 0, 1, 2 }, numbers(x - va.tensor { { 1 }, { 4 } }))
    local two = va.tensor { 1, 2 }
    assert.truthy(message_of(function() return x + two end):find("[2, 3] and [2]", 1, true))
    assert.truthy(message_of(function() return two + two:unsqueeze(2) end):find("do not fit"))
  end)

  it("is a value: nothing is assigned to it, and < asks for lt", function()
    assert.truthy(message_of(function() x.y = 1 end):find("values", 1, true))
    assert.truthy(message_of(function() return x < x end):find("x:lt(y)", 1, true))
  end)

  it("keeps whole numbers with integers, and makes floats of the rest", function()
    local i = va.arange(1, 3)
    assert.are.equal("int32", (i + 1).dtype)
    assert.are.equal("float32", (i / 2).dtype)
    assert.are.equal("float32", (i + 0.5).dtype)
    assert.are.same({ 0, 1, 0 }, i:eq(2):totable())
  end)

  it("is named in errors together with the line of the script", function()
    local text = message_of(function() return x:summ() end)
    assert.truthy(text:find("core_spec.lua:%d+: a tensor has no method or field 'summ'"))
    assert.truthy(text:find("did you mean 'sum'", 1, true))
    assert.truthy(message_of(function() return x:sum(3) end):find("no axis 3 in %[2, 3%]"))
    assert.truthy(message_of(function() return x:sum(0) end):find("count from 1", 1, true))
    assert.truthy(message_of(function() return x:sum { kep = true } end):find("options: keep"))
    assert.truthy(message_of(function() return va.summ end):find("did you mean 'sum'", 1, true))
    assert.truthy(message_of(va.tensor, { { 1, 2 }, { 3 } }):find("depth 2", 1, true))
  end)

  it("prints a summary on line one and never more than a screen", function()
    local text = tostring(va.full({ 500, 300 }, 0) / 0)
    assert.truthy(text:find("^Tensor float32 %[500, 300%] " .. va.zeros().device))
    assert.truthy(text:match("^[^\n]*"):find("NaN: 150000", 1, true))
    for _, wide in ipairs { va.zeros(500, 300), va.zeros(20, 30, 30), va.zeros(9, 28, 28, 1) } do
      assert(select(2, tostring(wide):gsub("\n", "")) < 24)
    end
    assert.truthy(tostring(va.zeros(2, 3, 4, 1)):find("[2, :, :, 1]", 1, true))
  end)

  it("gives several results where several are asked for", function()
    local a, b = x:split({ 1, 2 })
    assert.are.same({ 2, 1 }, a.shape)
    assert.are.same({ 2, 2 }, b.shape)
    local values, index = va.tensor({ 3, 1, 2 }):sort()
    assert.are.same({ 1, 2, 3 }, values:totable())
    assert.are.same({ 2, 3, 1 }, index:totable())
    values, index = va.tensor({ { 3, 1, 2 }, { 4, 9, 6 } }):topk(2)
    assert.are.same({ { 3, 2 }, { 9, 6 } }, values:totable())
    assert.are.same({ { 1, 3 }, { 2, 3 } }, index:totable())
    assert.truthy(message_of(x.split, x, 2):find("size 3", 1, true))
  end)
end)

describe("writing in place", function()
  it("changes parameters and plain values, and refuses the rest", function()
    local p = va.nn.param(va.zeros(2, 3))
    p:set(1)
    assert.are.same({ 1, 1, 1, 1, 1, 1 }, numbers(p))
    p:lerp(va.full({ 2, 3 }, 3), 0.5)
    assert.are.same({ 2, 2, 2, 2, 2, 2 }, numbers(p))
    assert.truthy(message_of(p.set, p, va.zeros(5)):find("does not fit", 1, true))
    assert.truthy(message_of(p.set, p * 2, 0):find("history", 1, true))
    assert.truthy(message_of(p.set, va.zeros(1):expand(4), 1):find("broadcast", 1, true))
  end)

  it("spoils a graph that has used the old value", function()
    local p = va.nn.param(va.ones(3))
    local loss = (p * p):sum()
    p:set(2)
    assert.truthy(message_of(va.grad, loss, p):find("changed in place", 1, true))
  end)
end)

describe("a gradient", function()
  it("reaches leaves and results in between, and sums over uses", function()
    local x = va.var(va.tensor { 1, 2 })
    local h = x * x
    local y = (h + h):sum()
    local dx, dh = table.unpack(core.grad(y, { x, h }))
    assert.are.same({ 4, 8 }, dx:totable())
    assert.are.same({ 2, 2 }, dh:totable())
  end)

  it("is refused with the reason", function()
    local x = va.var(va.tensor { 1, 2 })
    assert.truthy(message_of(va.grad, x * 2, x):find("one float32 number", 1, true))
    assert.truthy(message_of(va.grad, va.ones(), x):find("no history", 1, true))
    assert.truthy(message_of(va.grad, (va.var(va.ones(2)) * 1):sum(), x):find("does not depend"))
    local slope = va.grad((x * x):sum(), x)
    assert.truthy(message_of(va.grad, slope:sum(), x):find("no second derivatives", 1, true))
    local y = x:sum()
    va.grad(y, x)
    assert.truthy(message_of(va.grad, y, x):find("already released", 1, true))
    local z = (x * x):sum()
    va.grad(z, x, { keep = true })
    va.grad(z, x)
    local outer = x:reshape(2, 1):matmul(x:reshape(1, 2))
    assert.truthy(message_of(va.grad, va.eigvecs(outer):sum(), x)
      :find("has no gradient", 1, true))
  end)

  it("survives a history of a hundred thousand ops", function()
    local x = va.var(va.ones())
    local y = x
    for _ = 1, 100000 do y = y + 1 end
    assert.are.equal(1, va.grad(y * 1, x):item())
  end)

  it("passes through an op of one's own, whose mistakes are told", function()
    local twice = va.op {
      name = "twice",
      forward = function(v) return v * 2 end,
      backward = function(dy) return dy * 2 end,
    }
    local x = va.var(va.ones(3))
    assert.are.same({ 2, 2, 2 }, va.grad(twice(x):sum(), x):totable())
    local bad = va.op {
      name = "bad",
      forward = function(v) return v * 2 end,
      backward = function() return va.ones(7) end,
    }
    assert.truthy(message_of(va.grad, bad(x):sum(), x):find("shape [3]", 1, true))
    local thrown = va.op {
      name = "thrown",
      forward = function(v) return v * 2 end,
      backward = function() error("on purpose") end,
    }
    assert.truthy(message_of(va.grad, thrown(x):sum(), x):find("on purpose", 1, true))
    assert.are.same({ 2, 2, 2 }, va.grad(twice(x):sum(), x):totable())
  end)
end)

describe("modes", function()
  it("follow the loop, and end with it", function()
    assert.are.equal("outside", core.mode())
    for i in va.steps(2) do
      assert.are.equal("train", core.mode())
      if i == 2 then break end
    end
    assert.are.equal("outside", core.mode())
    pcall(function()
      for _ in va.steps(2) do error("out") end
    end)
    assert.are.equal("outside", core.mode())
    va.no_grad(function()
      assert.is_false(core.tracked(va.var(va.ones(1)) * 2))
    end)
  end)

  it("make a tensor that is kept across steps a plain value", function()
    local p, kept = va.nn.param(va.ones(2)), nil
    for i in va.steps(2) do
      if i == 1 then
        kept = p * 3
      else
        assert.is_false(core.tracked(kept))
        assert.are.same({ 3, 3 }, va.grad((p * kept):sum(), p):totable())
      end
    end
  end)
end)

describe("random numbers", function()
  it("are those of the seed, whatever was drawn in other streams", function()
    va.seed(3)
    local a = va.randn(5)
    va.seed(3)
    local depth = core.stream_push("noise", "another")
    va.randn(100)
    core.stream_cut(depth)
    assert.are.same(a:totable(), va.randn(5):totable())
    assert.are_not.same(a:totable(), va.randn(5):totable())
    va.seed(4)
    assert.are_not.same(a:totable(), va.randn(5):totable())
  end)

  it("have the mean, the spread and the ends that they should", function()
    va.seed(1)
    local n, u, i = va.randn(200000), va.rand(200000), va.randint(1, 6, 60000)
    assert.near(0, n:mean():item(), 0.01)
    assert.near(1, n:std():item(), 0.01)
    assert.near(0.5, u:mean():item(), 0.005)
    assert(u:min():item() >= 0 and u:max():item() < 1)
    for face = 1, 6 do assert.near(1 / 6, i:eq(face):mean():item(), 0.01) end
    local p = va.randperm(1000)
    assert.are.same(va.arange(1, 1000):totable(), (p:sort()):totable())
  end)
end)
