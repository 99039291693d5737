-- registry_spec.lua - every record's example and cases: run, checked on strided views, gradient
-- checked along random directions, linear ops by the adjoint test, and called with bad arguments.

local va = require "vaelua"
local core = require "vaelua.core"
local makers = require "tests.lua.makers"

local records = core.records()

local function calls_of(record)
  local list = { record.example }
  for _, case in ipairs(record.cases) do list[#list + 1] = case end
  return list
end

local function each_call(f)
  for _, record in ipairs(records) do
    for _, text in ipairs(calls_of(record)) do f(record, text) end
  end
end

describe("records", function()
  it("have a doc sentence and an example", function()
    for _, r in ipairs(records) do
      assert(r.doc and #r.doc > 10, r.name .. " has no doc")
      assert(r.example and r.example:find(r.name, 1, true), r.name .. " has no example of itself")
      assert(r.gradient or r.no_gradient or r.constant, r.name .. " says nothing of its gradient")
    end
  end)

  each_call(function(_, text)
    it("runs " .. text, function()
      local made = makers.run(text)
      assert(core.is_tensor(made.y), "the result is not a tensor")
      assert.is_truthy(made.y:text())
    end)
  end)
end)

describe("strided views", function()
  each_call(function(_, text)
    it("give the same as " .. text, function()
      local plain = makers.run(text)
      local strided = makers.run(text, makers.strided(plain.inputs))
      assert.are.same(plain.y.shape, strided.y.shape)
      assert(makers.equal(plain.y, strided.y), "another result on a strided view")
    end)
  end)
end)

describe("gradients", function()
  each_call(function(record, text)
    if record.gradient then
      it("of " .. text, function()
        local ok, why = makers.check_gradient(text)
        assert(ok, why)
      end)
    end
  end)
end)

describe("the adjoint test", function()
  each_call(function(record, text)
    if record.linear then
      it("holds for " .. text, function()
        local ok, why = makers.check_adjoint(text)
        assert(ok, why)
      end)
    end
  end)

  it("finds a planted wrong gradient", function()
    local wrong = va.op {
      name = "wrong",
      forward = function(x) return x * 3 end,
      backward = function(dy) return dy * -3 end,
    }
    assert.is_false((makers.check_gradient("wrong(randn(3, 4))", { wrong = wrong })))
    local missing = va.op {
      name = "missing",
      forward = function(x) return x * x end,
      backward = function(dy, _, x) return dy * x end,
    }
    assert.is_false((makers.check_gradient("missing(randn(3, 4))", { missing = missing })))
  end)
end)

describe("bad arguments", function()
  for _, record in ipairs(records) do
    it("of " .. record.name .. " name the function", function()
      local ok, message = pcall(core.ops[record.name], { "no", "such" }, function() end)
      assert.is_false(ok)
      assert(message:find(record.name, 1, true), message)
      assert(message:find("registry_spec.lua:%d+:"), message)
    end)
  end
end)
