-- schedule_spec.lua - schedules of the epoch, and the controller.

local va = require "vaelua"
local schedule = va.schedule

local function near(a, b) assert(math.abs(a - b) < 1e-9, a .. " is not " .. b) end

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert(tostring(message):find(pattern), tostring(message))
end

describe("a ramp", function()
  it("goes from one number to another and stays", function()
    local f = schedule.ramp(1, 3, 4)
    near(f(0), 1)
    near(f(1), 1.5)
    near(f(4), 3)
    near(f(100), 3)
    near(schedule.ramp(0, 2, 0)(0), 2)
  end)

  it("has shapes", function()
    local cosine, sigmoid = schedule.ramp(0, 2, 10, { shape = "cosine" }),
                            schedule.ramp(0, 2, 10, { shape = "sigmoid" })
    near(cosine(5), 1)
    near(cosine(0), 0)
    near(cosine(2.5), 1 - math.cos(math.pi / 4))
    near(sigmoid(5), 1)
    near(sigmoid(0), 0)
    near(sigmoid(10), 2)
    near(sigmoid(2.5), 2 / (1 + math.exp(3)))
  end)

  it("checks its arguments", function()
    fails("shape is", schedule.ramp, 0, 1, 5, { shape = "round" })
    fails("option 'shap'", schedule.ramp, 0, 1, 5, { shap = "linear" })
    fails("epochs must be a number", schedule.ramp, 0, 1)
    fails("va.schedule has no 'rmap'", function() return schedule.rmap end)
  end)
end)

describe("cycles", function()
  it("ramp over the first part of each period", function()
    local f = schedule.cyclic(0, 1, 10)
    near(f(0), 0)
    near(f(2.5), 0.5)
    near(f(5), 1)
    near(f(9.9), 1)
    near(f(12.5), 0.5)
    near(schedule.cyclic(0, 4, 10, { fraction = 1, shape = "cosine" })(15), 2)
  end)
end)

describe("a controller", function()
  it("raises beta while the KL is above its target, within bounds", function()
    local c = schedule.control { target = 10, from = 0, to = 2, ki = 0.01 }
    near(c(0), 0)
    local before = 0
    for i = 1, 40 do
      local beta = c(i / 10, 15)
      assert(beta >= before)
      before = beta
    end
    assert(before > 1)
    for i = 1, 500 do c(i, 50) end
    near(c(1), 2)
    for i = 1, 1000 do c(i, 1) end
    near(c(1), 0)
  end)

  it("keeps its numbers in a state of plain numbers, and reads tensors now and then", function()
    local c = schedule.control { target = function() return 1 end, every = 2, ki = 0.1 }
    near(c(1, va.full({ 4 }, 9)), 0)
    assert(c(1, va.full({ 4 }, 9)) > 0)
    for _, v in pairs(c.state) do assert.are.equal("number", type(v)) end
    fails("target is needed", schedule.control, {})
  end)
end)
