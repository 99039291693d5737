-- Adam on tensors that belong to no model, against the same by hand.

local va = require "vaelua"
local descend = require "vaelua.descend"

local RATE, STEPS = 0.05, 50

local function rate(t) return RATE * (1 - (t - 1) / STEPS) end

-- Of sum (w - goal)^2 / 2.
local function slope(w, goal) return w - goal end

local function by_hand(w, goal)
  local m, v = 0, 0
  for t = 1, STEPS do
    local g = slope(w, goal)
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
    w = w - rate(t) * m / (1 - 0.9 ^ t) / (math.sqrt(v / (1 - 0.999 ^ t)) + 1e-8)
  end
  return w
end

describe("descend", function()
  it("takes the steps of Adam, and leaves alone where it began", function()
    local start = { va.tensor { 1, -2, 3 }, va.zeros(2, 1) }
    local goals = { va.tensor { 0.5, -2, 7 }, va.tensor { { 1 }, { -1 } } }
    local found = descend("it", start, STEPS, rate, function(w)
      return { slope(w[1], goals[1]), slope(w[2], goals[2]) }
    end)
    for i, w in ipairs(found) do
      local ends, from = w:reshape(-1):totable(), start[i]:reshape(-1):totable()
      for k, goal in ipairs(goals[i]:reshape(-1):totable()) do
        assert.near(by_hand(from[k], goal), ends[k], 1e-4)
      end
    end
    assert.are.same({ 1, -2, 3 }, start[1]:totable())
    assert.are.same({ { 0 }, { 0 } }, start[2]:totable())
  end)

  it("refuses what is not finite, and says at which step", function()
    local good, why = pcall(descend, "it", { va.zeros(2) }, 5, rate, function(w)
      return { (w[1] + 1) / (w[1] - w[1]) }
    end)
    assert(not good and why.reason:find("it: step 1 of 5 was not finite", 1, true), tostring(why))
  end)
end)
