-- file_spec.lua - va.read and va.write: what is written comes back; what cannot be is said clearly.
-- Damaged files are the subject of tests/c/test_file.c.

local va = require "vaelua"
local core = require "vaelua.core"
local child = require "tests.lua.child"

local function same(a, b)
  assert.are.equal(a.dtype, b.dtype)
  assert.are.same(a.shape, b.shape)
  assert.are.same(a:totable(), b:totable())
end

local says = require "tests.lua.says".says

describe("files", function()
  local c, at

  setup(function()
    c = child.new()
    at = function(name) return c:path(name) end
  end)
  teardown(function() c:drop() end)

  local makers = {
    float32 = function() return va.randn(3, 5) end,
    int32 = function() return va.tensor({ { -1, 2 }, { 3, 2147483647 } }, "int32") end,
    uint8 = function() return va.tensor({ 0, 1, 255 }, "uint8") end,
    float64 = function() return va.tensor({ 0.1, 1e300 }, "float64") end,
  }

  for _, dtype in ipairs { "float32", "int32", "uint8", "float64" } do
    it("npy keeps " .. dtype, function()
      local x = makers[dtype]()
      va.write(at "x.npy", x)
      same(x, va.read(at "x.npy"))
    end)
  end

  it("npy keeps one number and an empty tensor", function()
    va.write(at "one.npy", va.tensor(2.5))
    same(va.tensor(2.5), va.read(at "one.npy"))
    va.write(at "none.npy", va.zeros(0, 3))
    assert.are.same({ 0, 3 }, va.read(at "none.npy").shape)
  end)

  it("writes a view as its own elements", function()
    local x = va.randn(4, 6)
    va.write(at "t.npy", x:transpose():rows(2, 5))
    same(x:transpose():rows(2, 5):contiguous(), va.read(at "t.npy"))
  end)

  for _, kind in ipairs { "npz", "safetensors" } do
    it(kind .. " keeps names, in order", function()
      local path = at("all." .. kind)
      va.write(path, { ["enc.1.weight"] = va.randn(2, 3), b = makers.int32(), a = makers.uint8() })
      local t, names = va.read(path), {}
      for name in pairs(t) do names[#names + 1] = name end
      assert.are.same({ "a", "b", "enc.1.weight" }, names)
      same(makers.int32(), t.b)
    end)

    it(kind .. " of equal tensors has equal bytes", function()
      local t = { a = makers.uint8(), c = va.ones(3), b = makers.float64() }
      va.write(at("1." .. kind), t)
      va.write(at("2." .. kind), { b = t.b, c = t.c, a = t.a })
      assert.are.equal(c:read("1." .. kind), c:read("2." .. kind))
    end)
  end

  it("safetensors keeps metadata", function()
    core.file_write(at "m.safetensors", { a = va.ones(1) }, { step = 12, name = "β \"x\"" })
    local _, notes = core.file_read(at "m.safetensors")
    assert.are.same({ step = "12", name = "β \"x\"" }, notes)
  end)

  it("png keeps every pixel, grey and in colours", function()
    for _, channels in ipairs { 1, 3 } do
      local x = va.randint(0, 255, { 9, 7, channels }):as("uint8")
      va.write(at "p.png", x)
      same(x, va.read(at "p.png"))
    end
  end)

  it("float32 pictures are 0..1; what is beyond is cut", function()
    va.write(at "f.png", va.tensor { { 0, 0.5 }, { 2, -1 } })
    assert.are.same({ { { 0 }, { 128 } }, { { 255 }, { 0 } } }, va.read(at "f.png"):totable())
  end)

  it("jpeg comes close", function()
    local x = va.full({ 16, 24, 3 }, 100, "uint8")
    va.write(at "p.jpg", x)
    local y = va.read(at "p.jpg")
    assert.are.same(x.shape, y.shape)
    assert.is_true((y:as("float32") - 100):abs():max():item() < 3)
  end)

  it("refuses what a kind of file cannot hold", function()
    says("x.gif: not a known kind of file", va.write, at "x.gif", va.ones(2))
    says("npy files hold one tensor", va.write, at "x.npy", { a = va.ones(2) })
    says("safetensors files hold named tensors", va.write, at "x.safetensors", va.ones(2))
    says("a picture is [H, W], [H, W, 1] or [H, W, 3], got [2, 2, 2]", va.write, at "x.png",
         va.ones(2, 2, 2))
    says("entry a must be a tensor", va.write, at "x.npz", { a = 3 })
    says("names of tensors must be strings", va.write, at "x.npz", { va.ones(1) })
    says("only safetensors files hold metadata", core.file_write, at "x.npz", { a = va.ones(1) },
         { b = 1 })
    says("a tensor or a table of tensors", va.write, at "x.npz", 7)
    says("cannot write", va.write, at "no/such/folder/x.npy", va.ones(2))
    assert.are.same({}, c:list("no"))
  end)

  it("a missing or damaged file is a failure of data, with the user's line", function()
    local r = c:run([[local va = require "vaelua"
      va.read("nothing.npy")]])
    assert.are.equal(3, r.status)
    assert(r.err:find("script.lua:2: nothing.npy: cannot read: No such file", 1, true), r.err)
    c:write("bad.npy", "not an array at all")
    r = c:run([[require "vaelua".read "bad.npy"]])
    assert.are.equal(3, r.status)
    assert(r.err:find("bad.npy: not an npy array", 1, true), r.err)
  end)

  it("a checksum depends on type, shape and every element", function()
    local sums = {}
    for _, x in ipairs { va.zeros(6), va.zeros(2, 3), va.zeros(6):as("int32"),
                         va.tensor { 0, 0, 0, 0, 0, 1 } } do
      sums[core.tensor_hash(x)] = true
    end
    local n = 0
    for _ in pairs(sums) do n = n + 1 end
    assert.are.equal(4, n)
    assert.are.equal(core.tensor_hash(va.zeros(6)), core.tensor_hash(va.zeros(2, 6)[1]))
  end)
end)
