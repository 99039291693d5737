-- pointwise_spec.lua - what records alone do not say of pointwise functions, reductions, makers
-- and text: values, dtypes, gradients at edges, messages.

local va = require "vaelua"

local inf, nan = math.huge, 0 / 0
local t = va.tensor

local function gradient(f, ...)
  local vars = {}
  for i, x in ipairs { ... } do vars[i] = va.var(x) end
  local list = va.grad(f(table.unpack(vars)), vars)
  for i, g in ipairs(list) do list[i] = g:totable() end
  return table.unpack(list)
end

local function message(f, ...)
  local ok, text = pcall(f, ...)
  assert.is_false(ok)
  return text
end

describe("arithmetic", function()
  it("stretches axes of size 1 and meets the last axes", function()
    local x = t { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ { 2, 4, 6 }, { 5, 7, 9 } }, (x + t { 1, 2, 3 }):totable())
    assert.same({ { 2, 3, 4 }, { 6, 7, 8 } }, (x + t { { 1 }, { 2 } }):totable())
    assert.matches("add: shapes %[2, 3%] and %[2%] do not fit", message(function()
      return x + va.zeros(2)
    end))
    assert.matches("do not fit", message(function() return va.zeros(2) + va.zeros(2, 1) end))
  end)

  it("sums gradients over stretched axes", function()
    local x = t { { 1, 2, 3 }, { 4, 5, 6 } }
    local function f(a, b) return (a * b):sum() end
    local _, row = gradient(f, x, t { 1, 2, 3 })
    assert.same({ 5, 7, 9 }, row)
    local _, column = gradient(f, x, t { { 1 }, { 2 } })
    assert.same({ { 6 }, { 15 } }, column)
  end)

  it("keeps sums and products of integers int32", function()
    local y = va.arange(1, 3)
    assert.equal("int32", (y - 1).dtype)
    assert.same({ 3, 6, 9 }, (y * 3):totable())
    assert.equal("int32", (y + y).dtype)
    assert.equal("float32", (y + 1.5).dtype)
    assert.same({ 0.5, 1, 1.5 }, (y / 2):totable())
    assert.equal("float32", y:eq(2).dtype)
    assert.same({ 16777218 }, (va.tensor({ 16777217 }, "int32") + 1):totable())
  end)

  it("follows Lua's %", function()
    assert.same({ 2, 2.5, 1 }, (t { -1, 5.5, 7 } % 3):totable())
    assert.same({ -1, -0.5 }, (t { 5, 5.5 } % -3):totable())
  end)

  it("refuses float64 by name", function()
    local x = va.tensor({ 1, 2 }, "float64")
    assert.matches("exp: x is float64.*:as%(\"float32\"%)", message(function() x:exp() end))
    assert.matches("std: x is float64", message(function() x:std() end))
    assert.equal("float64", x:sum().dtype)
  end)
end)

describe("gradients at edges", function()
  it("belong to the first of equal arguments", function()
    assert.same({ 0, 1, 1, 1, 0 }, gradient(function(a)
      return a:clamp(0, 1):sum()
    end, t { -1, 0, 0.5, 1, 2 }))
    assert.same({ 0, 0, 1 }, gradient(function(a) return a:relu():sum() end, t { -1, 0, 1 }))
  end)

  it("are shared by equal extremes", function()
    assert.same({ 0, 0.5, 0.5 }, gradient(function(a) return a:max() end, t { 1, 3, 3 }))
  end)

  it("of a product know its zeros", function()
    local g = gradient(function(a) return a:prod(-1):sum() end,
      t { { 1, 0, 3 }, { 0, 0, 3 }, { 1, 2, 3 } })
    assert.same({ { 0, 3, 0 }, { 0, 0, 0 }, { 6, 3, 2 } }, g)
  end)

  it("of a power are finite at 0", function()
    assert.same({ 0, 0 }, gradient(function(a) return (a ^ 0):sum() end, t { 0, 1 }))
    assert.same({ 0, 2 }, gradient(function(a) return (a ^ 2):sum() end, t { 0, 1 }))
  end)

  it("of logsumexp are 0 where all is -inf", function()
    assert.same({ { 0, 0 }, { 0.5, 0.5 } }, gradient(function(a)
      return a:logsumexp(-1):sum()
    end, t { { -inf, -inf }, { 1, 1 } }))
  end)

  it("do not pass steps", function()
    assert.same({ -1, 1 }, gradient(function(a) return (a:sign() * a):sum() end, t { -2, 2 }))
    assert.matches("has no history", message(gradient, function(a)
      return a:round():sum()
    end, t { 0.3 }))
  end)
end)

describe("reductions", function()
  local x = t { { 1, 2, 3 }, { 4, 5, 6 } }

  it("take axes from either end", function()
    assert.equal(21, x:sum():item())
    assert.same({ 5, 7, 9 }, x:sum(1):totable())
    assert.same({ { 6 }, { 15 } }, x:sum(-1, { keep = true }):totable())
    assert.equal(21, x:sum({ 1, 2 }):item())
    assert.same({ { 21 } }, x:sum { keep = true }:totable())
    assert.matches("no axis 3", message(function() x:sum(3) end))
    assert.matches("axis is 0", message(function() x:sum(0) end))
  end)

  it("of nothing are 0 or an error", function()
    assert.equal(0, va.zeros(0, 3):sum():item())
    assert.equal(1, va.zeros(0, 3):prod():item())
    assert.matches("max: x has no elements", message(function() va.zeros(0, 3):max() end))
    assert.same({}, va.zeros(0, 3):max(2):totable())
  end)

  it("divide by n - 1", function()
    assert.equal(7, t({ 0, 1, 5 }):var():item())
    local one = t({ 3 }):var():item()
    assert.is_true(one ~= one)
  end)

  it("keep NaN", function()
    for _, name in ipairs { "sum", "mean", "max", "min", "prod", "logsumexp", "std" } do
      local y = va[name](t { 1, nan, 3 }):item()
      assert.is_true(y ~= y, name)
    end
    assert.equal(2, t({ 1, nan, 3 }):argmax():item())
  end)

  it("count places from 1", function()
    assert.same({ 3, 3 }, x:argmax():totable())
    assert.same({ 1, 1, 1 }, x:argmin(1):totable())
    assert.same({ 2, 3, 1 }, t({ 5, 1, 2 }):argsort():totable())
  end)
end)

describe("makers", function()
  it("include both ends", function()
    assert.same({ 1, 4, 7, 10 }, va.arange(1, 10, 3):totable())
    assert.same({ 0, 0.25, 0.5, 0.75, 1 }, va.linspace(0, 1, 5):totable())
    local ends = va.linspace(0.1, 0.3, 7)
    assert.equal(t({ 0.1 }):item(), ends:at(1))
    assert.equal(t({ 0.3 }):item(), ends:at(7))
    local dice = va.randint(1, 6, { 1000 })
    assert.equal(1, dice:min():item())
    assert.equal(6, dice:max():item())
  end)

  it("make one number without a shape", function()
    assert.same({}, va.zeros().shape)
    assert.equal(1, va.ones():item())
  end)

  it("refuse what makes no sense", function()
    assert.matches("size %-1", message(va.zeros, -1))
    assert.matches("integer, got 1.5", message(va.zeros, 1.5))
    assert.matches("high must not be below low", message(va.randint, 6, 1, 3))
    assert.matches("step must not be 0", message(va.arange, 1, 3, 0))
  end)
end)

describe("text", function()
  it("says on line one what is wrong inside", function()
    local line = tostring(t { 1, nan, inf, 2 }):match("[^\n]*")
    assert.matches("^Tensor float32 %[4%] " .. va.zeros().device, line)
    assert.matches("NaN: 1", line)
    assert.matches("infinite: 1", line)
  end)

  it("never fills more than a screen", function()
    local _, lines = va.randn(50, 300, 300):text():gsub("\n", "\n")
    assert.is_true(lines < 45)
    assert.matches("rows", va.randn(128, 20):text())
  end)

  it("knows small and empty tensors", function()
    assert.matches("int32 %[3%]", va.arange(1, 3):text())
    assert.is_string(va.zeros(0, 3):text())
    assert.is_string(va.zeros():text())
  end)
end)
