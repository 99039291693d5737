-- schedule.lua - numbers that change while a model trains: `va.schedule`.
--
-- A schedule is a function of t, the epoch (3.42: 42 % into epoch 4). Any function of t will do;
-- these are the usual ones.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local options = require "vaelua.options"

local M = {}

-- From 0 at p = 0 to 1 at p = 1. The sigmoid is that of -6 .. 6 (Fu et al. 2019), so it jumps by
-- 0.0025 at either end.
local shapes = {
  linear = function(p) return p end,
  cosine = function(p) return 0.5 - 0.5 * math.cos(math.pi * p) end,
  sigmoid = function(p)
    if p <= 0 or p >= 1 then return p end
    return 1 / (1 + math.exp(6 - 12 * p))
  end,
}

local function number(who, name, v)
  if type(v) ~= "number" then
    fail("%s: %s must be a number, got %s", who, name, type(v))
  end
  return v
end

local function positive(who, name, v)
  if number(who, name, v) <= 0 then
    fail("%s: %s must be above 0, got %g", who, name, v)
  end
  return v
end

local function shape_of(who, name)
  return shapes[name] or fail("%s: shape is \"linear\", \"sigmoid\" or \"cosine\", got %s", who,
    type(name) == "string" and ("%q"):format(name) or type(name))
end

--- schedule.ramp(from, to, epochs, { shape="linear" }): from one number to another over the first
--- epochs; then it stays. shape: "linear", "sigmoid" or "cosine".
function M.ramp(from, to, epochs, given)
  local o = options.over("ramp", { shape = "linear" }, given)
  number("ramp", "from", from)
  number("ramp", "to", to)
  if number("ramp", "epochs", epochs) < 0 then
    fail("ramp: epochs must be 0 or more, got %g", epochs)
  end
  local curve = shape_of("ramp", o.shape)
  return function(t)
    local p = t >= epochs and 1 or math.max(0, t / epochs)
    return from + (to - from) * curve(p)
  end
end

--- schedule.cyclic(from, to, period, { fraction=0.5, shape="linear" }): cycles of `period` epochs,
--- a ramp over the first `fraction` of each, then `to` (Fu et al. 2019, "Cyclical annealing
--- schedule").
function M.cyclic(from, to, period, given)
  local o = options.over("cyclic", { fraction = 0.5, shape = "linear" }, given)
  number("cyclic", "from", from)
  number("cyclic", "to", to)
  positive("cyclic", "period", period)
  local fraction = positive("cyclic", "fraction", o.fraction)
  local curve = shape_of("cyclic", o.shape)
  return function(t)
    local p = math.max(0, t) % period / period / fraction
    return from + (to - from) * curve(math.min(1, p))
  end
end

-- ---- control ------------------------------------------------------------------------------------

local Control = { __name = "schedule" }
Control.__index = Control

-- The mean of what was given: a number, or the KL [N] of a batch, which waits for the device.
local function mean_of(kl)
  if core.is_tensor(kl) then return kl:detach():mean():item() end
  return kl
end

-- beta = kp / (1 + exp(error)) - ki * sum of errors + from, with error = target - KL (Shao et al.
-- 2020, "ControlVAE"); the sum stands still while beta is at an end of its range.
local function control(self, t, kl)
  local s = self.state
  local target = type(self.target) == "function" and self.target(t) or self.target
  local off = target - kl
  if off ~= off then return end
  local sum = s.sum - self.ki * off
  local beta = self.kp / (1 + math.exp(off)) + sum + self.from
  if beta >= self.from and beta <= self.to then s.sum = sum end
  s.beta = math.min(self.to, math.max(self.from, beta))
end

--- c(t, kl) -> beta. A KL that is a tensor is read at every `every`-th call only, so that the
--- others need not wait; without one beta stays as it is.
function Control.__call(self, t, kl)
  local s = self.state
  if kl ~= nil then
    s.calls = s.calls + 1
    if not core.is_tensor(kl) or s.calls % self.every == 0 then control(self, t, mean_of(kl)) end
  end
  return s.beta
end

--- schedule.control { target, from=0, to=1, kp=0.01, ki=0.0001, start, every=50 }: a controller
--- that holds the KL at a target (nats an image; a number or a function of t) by moving beta
--- between from and to. Its numbers are saved with the loop.
function M.control(given)
  local o = options.over("control", { target = false, from = 0, to = 1, kp = 0.01, ki = 0.0001,
                                        start = false, every = 50 }, given)
  if type(o.target) ~= "number" and type(o.target) ~= "function" then
    fail("control: target is needed, the KL to hold: a number or a function of t")
  end
  local self = { target = o.target, kp = number("control", "kp", o.kp),
                 ki = number("control", "ki", o.ki), from = number("control", "from", o.from),
                 to = number("control", "to", o.to), every = positive("control", "every", o.every) }
  if self.to < self.from then
    fail("control: to (%g) is below from (%g)", self.to, self.from)
  end
  self.state = require "vaelua.checkpoint".state {
    beta = o.start and number("control", "start", o.start) or self.from, sum = 0, calls = 0 }
  return setmetatable(self, Control)
end

return setmetatable(M, { __index = function(_, name)
  fail("va.schedule has no '%s'%s (control, cyclic, ramp)", tostring(name),
    fail.near(name, keys.sorted(M)))
end })
