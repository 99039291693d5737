-- resize_spec.lua - va.resize against the originals of its rules: PyTorch, Pillow, and TensorFlow 1
-- as torch-fidelity has it (tests/reference/make_resize.py made the numbers).

local va = require "vaelua"
local ref = va.read "tests/reference/resize.npz"

local KEEP = 24

local function input(H, W)
  local rows = {}
  for i = 0, H - 1 do
    rows[i + 1] = {}
    for j = 0, W - 1 do rows[i + 1][j + 1] = (i * 7919 + j * 104729 + i * j * 31) % 256 end
  end
  return va.tensor(rows):reshape(1, H, W, 1)
end

-- Of large results every KEEP-th row and column, and the last ones.
local function thin(y)
  local h, w = y.shape[1], y.shape[2]
  if h <= 64 then return y end
  local function places(n)
    local list = {}
    for i = 1, n, KEEP do list[#list + 1] = i end
    if list[#list] ~= n then list[#list + 1] = n end
    return va.tensor(list, "int32")
  end
  return y:pick(places(h)):transpose():pick(places(w)):transpose()
end

describe("resize", function()
  local count = 0
  for name, wanted in pairs(ref) do
    count = count + 1
    it("gives the original's values: " .. name, function()
      local rule, H, W, h, w = name:match("^(.-)%.(%d+)x(%d+)%.(%d+)x(%d+)$")
      local x = input(math.tointeger(H), math.tointeger(W))
      local y = va.resize(x, math.tointeger(h), math.tointeger(w), { rule = rule })
      y = thin(y:reshape(math.tointeger(h), math.tointeger(w)))
      assert.are.same(wanted.shape, y.shape)
      local off = (y - wanted):abs():max():item() / 255
      assert(off < 1e-5, ("off by %.3g of the range"):format(off))
    end)
  end

  it("has all rules among them", function() assert.are.equal(29, count) end)

  it("leaves pictures and channels apart", function()
    local x = va.rand(3, 9, 8, 2)
    local y = va.resize(x, 5, 12, { rule = "antialias" })
    assert.are.same({ 3, 5, 12, 2 }, y.shape)
    local one = va.resize(x:slice(4, 2, 2):rows(3), 5, 12, { rule = "antialias" })
    assert((y:slice(4, 2, 2):rows(3) - one):abs():max():item() < 1e-6)
  end)

  it("has rules that differ where they should", function()
    local x = input(28, 28)
    local half = va.resize(x, 299, 299)
    assert((half - va.resize(x, 299, 299, { rule = "tf1" })):abs():max():item() > 20)
    assert((half - va.resize(x, 299, 299, { rule = "antialias" })):abs():max():item() < 1e-3)
  end)

  it("says what is wrong", function()
    local function says(text, ...)
      local ok, message = pcall(va.resize, ...)
      assert(not ok and tostring(message):find(text, 1, true), message)
    end
    local x = va.rand(1, 4, 4, 1)
    says('resize: rule must be "half-pixel", "antialias", "tf1", "pil-bicubic" or "nearest", got '
      .. '"cubic"', x, 2, 2, { rule = "cubic" })
    says("resize: h must be from 1 to 1048576, got 0", x, 0, 2)
    says("resize: x must have 4 axes, got [4, 4]", va.rand(4, 4), 2, 2)
    says("resize: x has no pixels: [2, 0, 3, 1]", va.zeros(2, 0, 3, 1), 2, 2)
  end)
end)
