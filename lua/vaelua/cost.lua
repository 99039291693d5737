-- cost.lua - what a run has cost so far: seconds of training and of evaluation, images trained on,
-- and the largest memory of the process; in run.json and in the report.

local core = require "vaelua.core"
local run = require "vaelua.run"

local M = {}

local sums = { training_seconds = 0, evaluation_seconds = 0, images = 0 }

-- Bytes of the process at its largest, from the system; nil where it does not say.
local function peak()
  local f <close> = io.open("/proc/self/status", "rb")
  local kib = f and f:read("a"):match("VmHWM:%s*(%d+) kB")
  return kib and tonumber(kib) * 1024 or nil
end

local function describe()
  local seconds = sums.training_seconds
  return {
    training_seconds = seconds, evaluation_seconds = sums.evaluation_seconds,
    images = sums.images, peak_bytes = peak(),
    images_per_second = seconds > 0 and sums.images > 0 and sums.images / seconds or nil,
  }
end

run.record("cost", describe)

--- A training loop has ended: its seconds, and the images that it drew.
function M.training(seconds, images)
  sums.training_seconds, sums.images = sums.training_seconds + seconds, sums.images + images
end

--- Runs f; its time counts as evaluation.
function M.evaluation(f, ...)
  local start = core.clock()
  local _ <close> = setmetatable({}, { __close = function()
    sums.evaluation_seconds = sums.evaluation_seconds + core.clock() - start
  end })
  return f(...)
end

return M
