-- calls.lua - what a call costs: an op on one number, a Lua function, a graph of many small ops.
-- The peer is theirs/calls.py.

local va = require "vaelua"
local core = require "vaelua.core"
local measure = require "tests.bench.measure"
local worker = require "tests.bench.ours.worker"

local MANY = 1000

-- Seconds of one of many calls.
local function each(f)
  return function(seconds)
    local list = measure.times(function() for _ = 1, MANY do f() end end, seconds)
    for i, v in ipairs(list) do list[i] = v / MANY end
    return list
  end
end

worker.serve {
  op = function()
    local x, neg = va.randn(1), core.ops.neg
    local call = each(function() neg(x) end)
    return function(seconds)
      local depth = core.mode_push "eval"
      local list = call(seconds)
      core.mode_pop(depth)
      return list
    end
  end,

  lua = function()
    local x, f = va.randn(1), function(v) return v end
    return each(function() f(x) end)
  end,

  graph = function()
    local x = va.var(va.randn(16))
    return function(seconds)
      return measure.times(function()
        local y = x
        for _ = 1, MANY // 2 do y = (y * 0.99):tanh() end
        va.grad(y:sum(), { x })
      end, seconds)
    end
  end,
}
