-- conv_spec.lua - what the registry's tests do not see of convolutions, linear layers and pools:
-- the fused activation, transposed views, NaN, sizes and the texts of errors.

local va = require "vaelua"
local core = require "vaelua.core"
local ops = core.ops

local function near(a, b)
  assert.are.same(a.shape, b.shape)
  assert(((a - b):abs():max():item()) < 1e-5)
end

-- y and the gradients of sum(y r) with respect to the inputs.
local function all(f, ...)
  local inputs = {}
  for i, x in ipairs { ... } do inputs[i] = core.leaf(x + 0) end
  local y = f(table.unpack(inputs))
  local r = ops.cos(ops.arange(1, #y:flatten() * y:flatten().shape[2])):reshape(y.shape)
  return y, core.grad((y * r):sum(), inputs)
end

describe("act = \"relu\"", function()
  local x, w, b = va.randn(3, 8, 8, 4), va.randn(16, 3, 3, 4), va.randn(16)
  local xd, wd, bd = va.randn(3, 4, 4, 16), va.randn(16, 3, 3, 1), va.randn(1)
  local xl, wl, bl = va.randn(9, 40), va.randn(7, 40), va.randn(7)
  local cases = { conv = { x, w, b }, deconv = { xd, wd, bd }, linear = { xl, wl, bl } }
  for name, inputs in pairs(cases) do
    it("of " .. name .. " is relu of the result", function()
      local y, g = all(function(p, q, s) return ops[name](p, q, s, { act = "relu" }) end,
        table.unpack(inputs))
      local z, h = all(function(...) return ops.relu(ops[name](...)) end, table.unpack(inputs))
      near(y, z)
      for i = 1, 3 do near(g[i], h[i]) end
    end)
  end
end)

describe("matmul", function()
  it("takes transposed views as they lie", function()
    local a, b = va.randn(5, 7), va.randn(6, 7)
    near(a:matmul(b:transpose()), a:matmul(b:transpose():contiguous()))
    near(a:transpose():matmul(a), a:transpose():contiguous():matmul(a))
  end)

  it("keeps float64", function()
    local a = va.randn(5, 7):as("float64")
    local y = a:matmul(a:transpose())
    assert.are.equal("float64", y.dtype)
    near(y:as("float32"), a:as("float32"):matmul(a:as("float32"):transpose()))
  end)
end)

describe("sizes", function()
  local function size(x) return x.shape[2] end
  local function image(n) return va.zeros(1, n, n, 2) end

  it("divide and multiply by the stride", function()
    for _, k in ipairs { 1, 2, 3, 4, 5, 7 } do
      for s = 1, 3 do
        local w = va.zeros(2, k, k, 2)
        for n = 1, 9 do
          assert.are.equal(math.ceil(n / s), size(ops.conv(image(n), w, nil, { stride = s })))
          assert.are.equal(n * s, size(ops.deconv(image(n), w, nil, { stride = s })))
        end
      end
    end
  end)

  it("are PyTorch's with a pad", function()
    local w3, w4 = va.zeros(2, 3, 3, 2), va.zeros(2, 4, 4, 2)
    assert.are.equal(3, size(ops.conv(image(8), w3, nil, { stride = 2, pad = 0 })))
    assert.are.equal(4, size(ops.deconv(image(1), w4, nil, { pad = 0 })))
    assert.are.equal(8, size(ops.deconv(image(4), w4, nil, { stride = 2, pad = 1 })))
    assert.are.equal(9, size(ops.deconv(image(4), w3, nil, { stride = 2, pad = 0 })))
  end)

  local function message(f)
    local ok, text = pcall(f)
    assert.is_false(ok)
    return tostring(text)
  end

  it("that do not fit are errors that say what would", function()
    local w = va.zeros(2, 5, 5, 2)
    local text = message(function() ops.conv(image(3), w, nil, { pad = 0 }) end)
    local fits = "conv: a kernel of 5 with pad 0 does not fit into 3; a pad of 1"
    assert(text:find(fits, 1, true), text)
    text = message(function() ops.conv(image(3), w, nil, { pad = 5 }) end)
    assert(text:find("pad must be from 0 to 4", 1, true), text)
    text = message(function() ops.conv(image(3), w, nil, { groups = 3 }) end)
    assert(text:find("conv: ", 1, true), text)
    text = message(function() ops.conv(image(3), w, va.zeros(3)) end)
    assert(text:find("conv: b must have shape [2], got [3]", 1, true), text)
    text = message(function() ops.maxpool(image(3), 4) end)
    assert(text:find("maxpool: a kernel of 4", 1, true), text)
  end)
end)

describe("NaN", function()
  it("wins in maxpool", function()
    local x = va.tensor { { { { 1 }, { 0 / 0 } }, { { 3 }, { 4 } } } }
    local y = ops.maxpool(x, 2):item()
    assert(y ~= y)
  end)
end)
