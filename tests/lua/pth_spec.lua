-- pth_spec.lua - va.read of PyTorch's files. Damaged ones are the subject of tests/c/test_pth.c.

local va = require "vaelua"

describe("a file of torch.save", function()
  for _, form in ipairs { "new", "old" } do
    it("gives a table name -> tensor: the " .. form .. " form", function()
      local t, notes = va.read("tests/reference/" .. form .. ".pth")
      assert.are.same({ { 0, 6, 12, 18 }, { 1, 7, 13, 19 } }, t["state.t"]:rows(1, 2):totable())
      assert.are.same({ { 8, 9, 10 }, { 14, 15, 16 } }, t["state.part"]:totable())
      assert.are.equal("int32", t["state.i64"].dtype)
      assert.are.equal("uint8", t["state.bool"].dtype)
      assert.are.equal("3", notes.epoch)
    end)
  end

  it("is not written", function()
    local ok, message = pcall(va.write, "x.pth", { x = va.zeros(1) })
    assert(not ok and tostring(message):find("x.pth: pth files are read, not written", 1, true),
           message)
  end)
end)
