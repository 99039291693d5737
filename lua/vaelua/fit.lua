-- fit.lua - va.fit, the loop that most trainings are, and va.early, which says when to stop.

local core = require "vaelua.core"
local checkpoint = require "vaelua.checkpoint"
local fail = require "vaelua.fail"
local log = require "vaelua.log"
local model = require "vaelua.model"
local optim = require "vaelua.optim"
local options = require "vaelua.options"
local run = require "vaelua.run"
require "vaelua.train"          -- the loops over a set

local M = {}

local FIT = { epochs = 10, batch = 128, lr = 1e-3, beta = 1, clip = 0, ema = false, val = false }

-- Tables from left to right.  A cfg of va.args may hold anything: what is known of it is taken.
local function fit_options(...)
  local tables, is_cfg = { ... }, require("vaelua.args").is_cfg
  for i, given in ipairs(tables) do
    if is_cfg(given) then
      tables[i] = {}
      for name in pairs(FIT) do tables[i][name] = rawget(given, name) end
    end
  end
  local o = options.over("fit", FIT, table.unpack(tables))
  for _, name in ipairs { "lr", "beta" } do
    local v = o[name]
    if type(v) ~= "number" and not fail.callable(v) then
      fail("fit: %s must be a number or a function of t, got %s", name, fail.came(v))
    end
  end
  if o.val then fail.need_set("fit", "val", o.val) end
  return o
end

-- A number, or a function of t.
local function at(schedule, t)
  if type(schedule) == "number" then return schedule end
  return schedule(t)
end

local function validate(t, m, set, beta)
  for x, y in set:batches(500) do
    local loss, terms = m:loss(x, beta, y)
    log.log(t, m, loss, terms, "val")
  end
end

--- va.fit(model, set, { epochs=10, batch=128, lr=1e-3, beta=1, clip=0, ema, val } ...): the visible
--- loop. lr and beta are numbers or functions of t; ema is a decay, val a set.
function M.fit(m, set, ...)
  fail.need_set("fit", "the second argument", set)
  if not model.is_model(m) or not m.loss then
    fail("fit: a model with a function loss(x, beta, y) is needed first, got %s",
      model.is_model(m) and ("'%s', which has none"):format(m.name) or fail.came(m))
  end
  local o = fit_options(...)
  local adam = optim.adam(m, { lr = at(o.lr, 0), clip = o.clip })
  local average = o.ema and optim.ema(m, o.ema)
  for t, x, y in set:epochs(o.epochs, o.batch) do
    adam.lr = at(o.lr, t)
    local loss, terms = m:loss(x, at(o.beta, t), y)
    adam:step(loss)
    if average then average:update() end
    log.log(t, m, loss, terms)
    if o.val and t % 1 == 0 then validate(t, m, o.val, at(o.beta, t)) end
  end
  return log.history(m)
end

-- ---- stopping early ---------------------------------------------------------------------------

--- va.early(model, { patience=5, better="higher" }): function(score) that says when to stop; the
--- best model so far is kept as "best".
function M.early(m, given)
  local o = options.over("early", { patience = 5, better = "higher" }, given)
  if o.better ~= "higher" and o.better ~= "lower" then
    fail("early: better is \"higher\" or \"lower\", got " .. tostring(o.better))
  end
  local sign = o.better == "higher" and 1 or -1
  local state = checkpoint.state { best = -math.huge, waited = 0 }
  return function(score)
    if core.is_tensor(score) then score = score:item() end
    if sign * score > state.best then     -- never with a NaN
      state.best, state.waited = sign * score, 0
      if run.current() then m:save("best", { score = ("%.9g"):format(score) }) end
    else
      state.waited = state.waited + 1
    end
    return state.waited >= o.patience
  end
end

return M
