-- Keys in order, the name that was meant, and the kinds of failure that messages have.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"

describe("keys", function()
  it("are numbers, then names; others are left out", function()
    assert.are.same({ 1, 2, 10, "a", "b" },
      keys.sorted { [10] = 0, b = 0, 0, 0, a = 0, [true] = 0, [{}] = 0 })
    assert.are.same({ "a", "b" }, keys.names { 1, 2, b = 0, a = 0 })
  end)

  it("of several tables stand once each", function()
    assert.are.same({ 1, "a", "b", "c" }, keys.sorted({ 0, b = 0, a = 0 }, { 0, c = 0, b = 0 }))
    assert.are.same({}, keys.sorted({}, {}))
  end)
end)

describe("the name that was meant", function()
  it("leaves the list of names as it is", function()
    local names = { "sample", "encode", "decode" }
    assert.are.equal(" (did you mean 'decode'?)", fail.near("decod", names))
    assert.are.same({ "sample", "encode", "decode" }, names)
  end)

  it("does not depend on their order", function()
    assert.are.equal(fail.near("dax", { "dac", "dab" }), fail.near("dax", { "dab", "dac" }))
  end)

  it("is found among any number of names", function()
    local names = {}
    for i = 1, 2000 do names[i] = ("name_%04d"):format(i) end
    names[#names + 1] = "zebra"
    assert.are.equal("zebra", fail.nearest("zebar", names))
    assert.is_nil(fail.nearest("quite_another", names))
  end)

  it("may be what another library calls so", function()
    assert.are.equal(" (did you mean '--lr'?)", fail.near("learning_rate", { "lr", "clip" }, "--"))
    assert.are.equal("", fail.near("learning_rate", { "clip" }))
  end)

  it("may be asked of keys that are no words", function()
    assert.are.equal("", fail.near(7, { "train" }))
    assert.are.equal("", fail.near("train", { 1, 2 }))
  end)
end)

describe("a failure", function()
  it("has its message as it was given where nothing is to be put in", function()
    local good, why = pcall(fail, "all 100 % of it")
    assert(not good and why:find("all 100 % of it", 1, true), why)
    good, why = pcall(fail.data, "%d of %s", 2, "them")
    assert(not good and why:find("2 of them", 1, true), why)
    good, why = pcall(fail.usage, "100 %")
    assert(not good and why:find("100 %", 1, true), why)
  end)

  it("has the kind that was meant", function()
    local said = {}
    local plain = core.fail
    core.fail = function(kind, text) said[#said + 1] = kind .. ": " .. text end
    pcall(function()
      fail("a")
      fail.usage("b")
      fail.data("c")
    end)
    core.fail = plain
    assert.are.same({ "user: a", "usage: b", "data: c" }, said)
  end)
end)
