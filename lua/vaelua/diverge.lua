-- diverge.lua - a loss or a gradient that is not finite: which term, which layer, which batch.
--
-- The optimisers' kernels look at every step and, once they have met something that is not finite,
-- leave all weights alone; nothing waits for that.  The loop asks for the flag when the log is read
-- anyway.  If it is up, the iterator gives the flagged batch once more: the weights are those of
-- that step and the noise is addressed by its number, so the body computes the same again, this
-- time with every layer, every op and every logged term looked at.  Then the loop stops with exit
-- status 5.

local core = require "vaelua.core"
local log = require "vaelua.log"

local M = {}

local at_hand             -- the turn that runs: { turn, clock }

-- ---- which turn it was ------------------------------------------------------------------------

--- A turn of a training loop begins.
function M.turn(loop, turn, clock)
  at_hand = { turn = turn, clock = clock }
  loop.turn_at_hand = at_hand
end

--- An optimiser has stepped: the number of its step belongs to the turn.
function M.stepped(loop, o)
  local w = loop.window[o] or {}
  loop.window[o] = w
  w[o.count] = loop.turn_at_hand
end

-- ---- looking ----------------------------------------------------------------------------------

-- True if every element is finite; waits for the device.
local function finite(x)
  if not core.is_tensor(x) then return type(x) ~= "number" or x - x == 0 end
  if x.dtype ~= "float32" and x.dtype ~= "float64" then return true end
  local n = 1
  for _, size in ipairs(x.shape) do n = n * size end
  if n == 0 then return true end
  local largest = x:detach():abs():max():item()      -- NaN wins over every number
  return largest - largest == 0
end

-- "[100, 1], from -0.2 to 3": what an op was given.
local function range(x)
  if not core.is_tensor(x) then return tostring(x) end
  local shape = "[" .. table.concat(x.shape, ", ") .. "]"
  if not finite(x) or x.dtype ~= "float32" or #x == 0 then return shape end
  x = x:detach()
  return ("%s, from %.3g to %.3g"):format(shape, x:min():item(), x:max():item())
end

-- An op whose result is the first that is not finite, with what it was given, if no layer's is
-- before it.
local function watch_ops(seen)
  core.watch(function(name, y, where, arguments)
    if seen.layer or seen.op or not core.is_tensor(y) or finite(y) then return end
    local given = {}
    for i, x in ipairs(arguments) do given[i] = range(x) end
    seen.name, where = name, where:match "^(.*): $"
    seen.op = ("%s of %s%s"):format(name, table.concat(given, " and "),
      where and (" (%s)"):format(where) or "")
  end)
end

-- Notes the first layer and all terms that are not finite, for one more run of the body.
local function watch(loop)
  local seen = { terms = {} }
  loop.seen = seen
  log.watch = function(model, term, value)
    if not finite(value) then seen.terms[#seen.terms + 1] = { model = model, term = term } end
  end
  require("vaelua.chain").trace(function(layer, y)
    if not seen.layer and not finite(y) then seen.layer = layer end
  end)
  watch_ops(seen)
end

local function unwatch()
  log.watch = nil
  core.watch(nil)
  require("vaelua.chain").trace(nil)
end

--- The batch is drawn once more: what it holds comes before all that is computed of it.
function M.batch(loop, ...)
  local seen = loop.seen
  seen.op, seen.layer = nil, nil
  for i = 1, select("#", ...) do
    local x = select(i, ...)
    if core.is_tensor(x) and not finite(x) then
      seen.batch = ("the batch itself holds such a value: %s"):format(range(x))
    end
  end
  return ...
end

--- Asks the flags of a loop's optimisers; sets loop.replay where one is up.
function M.check(loop)
  for _, o in ipairs(loop.optimisers) do
    local step = o:flag()
    if step then
      local w = loop.window[o]
      local turn = w and w[step] or at_hand
      loop.replay = { turn = turn.turn, clock = turn.clock, optimiser = o }
      watch(loop)
      return
    end
  end
  loop.window = {}
end

-- ---- telling ----------------------------------------------------------------------------------

-- A term tells more than the loss that it is a part of.
local function term_of(seen)
  local found
  for _, t in ipairs(seen.terms) do
    if not found or found.term == "loss" or t.term ~= "loss" and t.term < found.term then
      found = t
    end
  end
  return found
end

local function what(loop)
  local seen, found = loop.seen, term_of(loop.seen)
  local text
  if found then
    text = ("%s: '%s' is not finite"):format(found.model, found.term)
  else
    text = loop.replay.optimiser:label() .. ": the loss or a gradient is not finite"
  end
  if seen.layer and not seen.batch then
    text = text .. "; the first layer with such a value is " .. seen.layer
  end
  return text, found
end

-- Where it began, in a line of its own.
local function origin(seen)
  if seen.batch then return "\n  " .. seen.batch end
  if seen.op then return "\n  it began with " .. seen.op end
  if seen.layer or #seen.terms > 0 then return "" end
  return "\n  all that was computed is finite, so a gradient is not: of sqrt at 0, say, or of x / y"
    .. " at y near 0"
end

local function where(loop, turn)
  if not loop.turns then return ("step %d"):format(turn) end
  return ("epoch %d, batch %d"):format((turn - 1) // loop.turns + 1, (turn - 1) % loop.turns + 1)
end

local OUTSIDE = { log = "x:clamp(1e-6):log()", sqrt = "(x + 1e-6):sqrt()",
                  div = "x / (y + 1e-6)", logit = "x:clamp(1e-6, 1 - 1e-6):logit()" }

local function advice(loop, found)
  local lr, seen = loop.replay.optimiser.lr, loop.seen
  if seen.batch then return "its rows are those of x:ne(x):flatten():rowsum():gt(0)" end
  if not (seen.op or seen.layer or found) then
    return "keep away from there: (x + 1e-12):sqrt(), x / (y + 1e-6)"
  end
  if seen.op and OUTSIDE[seen.name] then
    return ("keep what it is given where it is defined: %s; or a smaller lr (now %g)"):format(
      OUTSIDE[seen.name], lr)
  end
  local text = ("try a smaller lr (now %g)"):format(lr)
  if found and found.term == "kl" then
    return text .. ", or keep the log variance in bounds: logvar:clamp(-10, 10)"
  end
  return text .. " or clip the gradient: { clip = 1 }"
end

-- The optimiser may be used again, from the weights before the flagged step.
local function lower_flag(o)
  local saved = {}
  for _, e in ipairs(o:state()) do
    local path, t = e[1], e[2]
    if path:find("^state/") then
      local numbers = t:totable()
      numbers[4] = 0
      t = core.tensor(numbers, "float64")
    end
    saved[path] = t
  end
  o:restore(saved)
end

--- After the batch was given once more: stops the loop and says what was found.
function M.tell(loop)
  unwatch()
  for _, o in ipairs(loop.optimisers) do
    if o:flag() then lower_flag(o) end
  end
  local text, found = what(loop)
  local file = loop.file and "\n  the last good checkpoint is " .. loop.file or ""
  core.fail("diverged", ("%s (%s)%s\n  %s%s"):format(text,
    where(loop, loop.replay.turn), origin(loop.seen), advice(loop, found), file))
end

--- An optimiser has stepped outside of all loops, where nobody else would ask.
function M.outside(o)
  if o:flag() then
    lower_flag(o)
    core.fail("diverged", o:label() .. ": the loss or a gradient is not finite; the weights are as "
                          .. "they were before this step")
  end
end

--- The loop is left in some other way.
M.forget = unwatch

return M
