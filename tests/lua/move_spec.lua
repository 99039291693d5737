-- move_spec.lua - what the registry's tests do not see of views, joins and indices: which ops
-- share storage, places from the end, repeated indices, and the texts of errors.

local va = require "vaelua"
local core = require "vaelua.core"
local ops = core.ops

local function int32(list) return va.tensor(list, "int32") end

-- The message of f ends with the text.
local function fails(text, f)
  local ok, message = pcall(f)
  assert.is_false(ok)
  assert(message:sub(-#text) == text, message)
  assert(message:find("move_spec.lua:%d+: "), message)
end

local x = va.arange(1, 12):as("float32"):reshape(4, 3)

describe("views", function()
  it("share storage, copies do not", function()
    local base = va.nn.param(x + 0)
    local seen = { base:transpose(), base:row(2), base:rows(2, 3), base:slice(2, 1, 2),
      base:reshape(12), base:unsqueeze(1), base:detach(), base:diag(), base:expand(2, 4, 3) }
    local copied = { base:transpose():reshape(12), base:tile(1), va.cat({ base }),
      base:pick(int32 { 1 }), base:as("int32") }
    base:set(base:detach() * 0)
    for i, y in ipairs(seen) do
      assert(y:abs():max():item() == 0, i)
    end
    for i, y in ipairs(copied) do
      assert(y:as("float32"):abs():max():item() > 0, i)
    end
  end)

  it("count from the end", function()
    assert.are.same({ 10, 11, 12 }, x:row(-1):totable())
    assert.are.same({ { 7, 8, 9 }, { 10, 11, 12 } }, x:rows(-2, -1):totable())
    assert.are.same({ { 3 }, { 6 }, { 9 }, { 12 } }, x:slice(-1, -1, -1):totable())
    assert.are.same({ { 1, 2, 3 } }, x:rows(1):totable())
  end)

  it("of views compose", function()
    local y = x:transpose():rows(2, 3):slice(2, 2, 4)
    assert.are.same({ { 5, 8, 11 }, { 6, 9, 12 } }, y:totable())
    assert.are.same({ 5, 8, 11, 6, 9, 12 }, y:reshape(-1):totable())
    assert.are.same({ 3, 4, 1, 2 }, va.zeros(1, 2, 3, 4):permute(3, 4, 1, 2).shape)
  end)

  it("tile lays copies one behind the other", function()
    assert.are.same({ 1, 2, 1, 2, 1, 2 }, va.tensor({ 1, 2 }):tile(3):totable())
    assert.are.same({ { 1, 2 }, { 1, 2 } }, va.tensor({ 1, 2 }):tile(2):reshape(2, -1):totable())
  end)

  it("casts go towards zero, and uint8 to float and back", function()
    assert.are.same({ -1, 0, 1 }, va.tensor({ -1.7, 0.9, 1.2 }):as("int32"):totable())
    local bytes = va.tensor({ 0, 128, 255 }, "uint8")
    assert.are.same({ 0, 128, 255 }, bytes:as("float32"):as("uint8"):totable())
  end)

  it("name what is wrong", function()
    fails("reshape: [4, 3] has 12 elements, which do not fit [5, -1]",
      function() x:reshape(5, -1) end)
    fails("reshape: shape [-1, -1] has more than one -1", function() x:reshape(-1, -1) end)
    fails("reshape: shape [2, -2] has a negative size", function() x:reshape(2, -2) end)
    fails("transpose: a is 0, but axes count from 1 (negative ones from the end)",
      function() x:transpose(0, 1) end)
    fails("transpose: there is no axis 3 in [4, 3]", function() x:transpose(1, 3) end)
    fails("permute: axes must name each of the 2 axes of [4, 3] once (they count from 1), got "
      .. "[1, 1]", function() x:permute(1, 1) end)
    fails("unsqueeze: axis must be 1 to 3, the place of the new axis (or negative, from the end), "
      .. "got 4", function() x:unsqueeze(4) end)
    fails("squeeze: axis 2 of [4, 3] has size 3, not 1", function() x:squeeze() end)
    fails("expand: [4, 3] does not stretch to [4, 6] (axes of size 1 do; fewer axes must equal the "
      .. "last ones)", function() x:expand(4, 6) end)
    fails("tile: k must be a number of copies, got -1", function() x:tile(-1) end)
    fails("slice: 2 to 4 is not a part of axis 2 of [4, 3] (1 to 3, or negative from the end)",
      function() x:slice(2, 2, 4) end)
    fails("rows: 3 to 2 is not a part of axis 1 of [4, 3] (1 to 4, or negative from the end)",
      function() x:rows(3, 2) end)
    fails("row 5 is out of range: [4, 3] has 4 rows, which count from 1 (or from the end, with "
      .. "-1)", function() ops.row(x, 5) end)
    fails("cat: entry 2 is float32 [3, 4], which does not fit entry 1, float32 [4, 3] (only the "
      .. "joined axis may differ)", function() va.cat({ x, va.zeros(3, 4) }) end)
    fails("cat: entry 2 is int32 [1, 1], which does not fit entry 1, float32 [4, 3] (only the "
      .. "joined axis may differ)", function() va.cat({ x, int32 { { 1 } } }) end)
    fails("stack: entry 2 is float32 [3, 4], which does not fit entry 1, float32 [4, 3]",
      function() va.stack({ x, va.zeros(3, 4) }) end)
    fails("as: dtype must be \"float32\", \"int32\", \"uint8\" or \"float64\", got \"float16\"",
      function() x:as("float16") end)
    fails("no device 'tpu' (devices: auto, cpu, cuda, cuda:1)", function() x:to("tpu") end)
  end)
end)

describe("indices", function()
  it("repeat, and count from the end in pick", function()
    assert.are.same({ { 4, 5, 6 }, { 4, 5, 6 }, { 10, 11, 12 } },
      x:pick(int32 { 2, 2, -1 }):totable())
    assert.are.same({ { 1, 2, 3 }, { 10, 11, 12 } }, x:pick(va.tensor { 1, 0, 0, 1 }):totable())
    assert.are.same({ 0, 3 }, x:pick(x:slice(2, 1, 1):reshape(4):lt(0)).shape)
  end)

  it("of repeated rows gather all their gradients", function()
    local p = va.var(va.zeros(3, 2))
    local y = p:pick(int32 { 2, 2, 3 }) * va.tensor { { 1, 2 }, { 10, 20 }, { 5, 6 } }
    assert.are.same({ { 0, 0 }, { 11, 22 }, { 5, 6 } }, va.grad(y:sum(), p):totable())
  end)

  it("choose labels and make them rows", function()
    assert.are.same({ 3, 4, 8, 12 }, x:choose(int32 { 3, 1, 2, 3 }):totable())
    assert.are.same({ { 0, 1, 0 }, { 1, 0, 0 } }, va.one_hot(int32 { 2, 1 }, 3):totable())
  end)

  it("scale a batch of bytes", function()
    local bytes = va.tensor({ { 0, 255 }, { 51, 102 } }, "uint8")
    local y = ops.take_scaled(bytes, int32 { 2, 1 }, 1 / 255)
    assert((y - va.tensor { { 0.2, 0.4 }, { 0, 1 } }):abs():max():item() < 1e-7)
  end)

  it("name what is wrong", function()
    fails("pick: which must be int32 indices or a mask with one number for each of the 4 rows, got "
      .. "float32 [2] (convert indices with :as(\"int32\"))",
      function() x:pick(va.tensor { 1, 2 }) end)
    fails("pick: which as a mask holds 0 and 1, got 2 at row 2 (convert indices with "
      .. ":as(\"int32\"))", function() x:pick(va.tensor { 1, 2, 0, 1 }) end)
    fails("pick: which holds 5 at [2], but there are 4 rows, which count from 1",
      function() x:pick(int32 { 1, 5 }) end)
    fails("pick: which holds 0 at [1], but there are 4 rows, which count from 1",
      function() x:pick(int32 { 0 }) end)
    fails("choose: y holds 4 at [4], but there are 3 classes, which count from 1",
      function() x:choose(int32 { 1, 2, 3, 4 }) end)
    fails("choose: y must be int32, got float32 [4] (convert it with :as(\"int32\"))",
      function() x:choose(va.ones(4)) end)
    fails("one_hot: y holds 0 at [2, 2], but there are 3 classes, which count from 1: y + 1, "
      .. "where a file counts from 0",
      function() va.one_hot(int32 { { 1, 2 }, { 3, 0 } }, 3) end)
    fails("take_along: index must have shape [4, 2], got [1, 2]",
      function() ops.take_along(x, int32 { { 1, 2 } }) end)
    fails("take_scaled: index holds 9 at [1], but there are 4 rows, which count from 1",
      function() ops.take_scaled(x, int32 { 9 }) end)
    fails("take_scaled has no gradient: it reads data (use pick, which has one)", function()
      local p = va.var(x)
      va.grad(ops.take_scaled(p, int32 { 1 }):sum(), p)
    end)
  end)
end)
