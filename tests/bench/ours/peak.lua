-- peak.lua - what the machine can do at most with the threads of this process: products and sums a
-- second, bytes a second (core/backend/cpu/peak.c).

local core = require "vaelua.core"
local worker = require "tests.bench.ours.worker"

local function case(name)
  return function() return function() return { core.cpu_peak()[name] } end end
end

worker.serve { flop = case "flop", bytes = case "bytes" }
