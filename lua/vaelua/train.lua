-- train.lua - the loops: s:epochs, s:batches, s:collect, va.steps, va.seeds, and va.fit over them.
--
-- A loop is what makes a body train: while it runs its mode holds, and every turn is one step: the
-- graph of the turn before is forgotten, the step number that addresses random numbers goes on, and
-- at fixed numbers the log is read, at the end of an epoch a checkpoint is written.  Between two
-- steps and nowhere else the loop looks at Ctrl-C.
--
-- Loops are numbered within a seed.  The order of an epoch is addressed by (seed, loop, epoch), and
-- the clock counts the turns of all training loops of a seed, so that (seed, loop, step) says all
-- that a resumed run has to know.  A training loop in the body of another belongs to that one's
-- turn: it has no checkpoint of its own.

local core = require "vaelua.core"
local checkpoint = require "vaelua.checkpoint"
local diverge = require "vaelua.diverge"
local fail = require "vaelua.fail"
local log = require "vaelua.log"
local model = require "vaelua.model"
local optim = require "vaelua.optim"
local parameters = require "vaelua.parameters"
local progress = require "vaelua.progress"
local run = require "vaelua.run"

local ops = core.ops
local M = {}

-- ---- seeds ------------------------------------------------------------------------------------

local era                 -- the seed at hand: how often it was begun, its loops and its clock
local passes = {}

local function begin_seed(s)
  core.seed(s)
  passes[s] = (passes[s] or 0) + 1
  era = { seed = s, pass = passes[s], loops = 0, clock = 0 }
  log.new_seed()
  checkpoint.new_seed()
  model.new_seed()
  optim.new_seed()
end

-- The seed may also have been set by the program or by va.args, before anything was made.
local function era_now()
  if not era or era.seed ~= core.seed() then
    local s = core.seed()
    passes[s] = (passes[s] or 0) + 1
    era = { seed = s, pass = passes[s], loops = 0, clock = 0 }
  end
  return era
end

--- f(...) with seeds, names, labels and logs of its own; afterwards all is as before.
function M.apart(f, ...)
  local seed, mine, counted = core.seed(), era, passes
  local names = model.swap_names { taken = {}, living = setmetatable({}, { __mode = "v" }) }
  local labels = optim.swap_labels { labels = {}, living = setmetatable({}, { __mode = "v" }) }
  local books = log.swap_books { era = {}, named = {}, open = {}, kept = {} }
  local states = checkpoint.swap_states { states = {}, things = setmetatable({}, { __mode = "v" }),
                                          made = 0 }
  local label, text = run.label, progress.seed_text
  era, passes = nil, {}
  local _ <close> = setmetatable({}, { __close = function()
    core.seed(seed)
    era, passes = mine, counted
    model.swap_names(names)
    optim.swap_labels(labels)
    log.swap_books(books)
    checkpoint.swap_states(states)
    run.label, progress.seed_text = label, text
  end })
  return f(...)
end

function log.step() return era_now().clock end

local function need_integer(who, what, n, least)
  local whole = math.tointeger(n)
  if type(n) ~= "number" or not whole or whole < least then
    core.fail("user", ("%s: %s must be an integer from %d, got %s")
                      :format(who, what, least, fail.came(n)))
  end
  return whole
end

--- va.seed(s): sets the seed; models, loops and logs are counted anew.
function M.seed(s)
  begin_seed(need_integer("seed", "the seed", s, 0))
end

--- va.seeds(n): n seeds, from the one at hand on; logs, scores and files carry them.
function M.seeds(n)
  n = need_integer("seeds", "n", n, 1)
  local first, i = core.seed(), 0
  local function leave() run.label, progress.seed_text = "", nil end
  local function next_seed()
    i = i + 1
    if i > n then return leave() end
    local s = first + i - 1
    begin_seed(s)
    if n > 1 then
      run.label, progress.seed_text = "-s" .. s, ("seed %d/%d"):format(i, n)
    end
    return s
  end
  return next_seed, nil, nil, setmetatable({}, { __close = leave })
end

--- va.state(table): see checkpoint.lua.
M.state = checkpoint.state

-- ---- coroutines --------------------------------------------------------------------------------

-- A mode belongs to the loop that one is in.  A body that yields would leave its mode to whoever
-- goes on, so coroutine.yield is refused as long as a loop is open in its coroutine.  And what dies
-- of an error under coroutine.resume closes none of its variables, so its loops are ended there.
local inside = setmetatable({}, { __mode = "k" })     -- coroutine -> its open loops
local plain_yield, plain_resume = coroutine.yield, coroutine.resume

local function end_loops_of(co)
  local loops = inside[co] or {}
  while #loops > 0 do loops[#loops].finish() end
end

local function guarded_yield(...)
  local co = coroutine.running()
  if inside[co] then
    end_loops_of(co)
    core.fail("user", "a coroutine cannot yield out of the body of a loop: the mode (training or "
                      .. "evaluation) belongs to the loop")
  end
  return plain_yield(...)
end

local function settle(co, ok, ...)
  if not ok and inside[co] then end_loops_of(co) end
  return ok, ...
end

coroutine.resume = function(co, ...) return settle(co, plain_resume(co, ...)) end -- luacheck: ignore

local function enter_coroutine(loop)
  local co, main = coroutine.running()
  loop.coroutine = co
  inside[co] = inside[co] or {}
  table.insert(inside[co], loop)
  if not main then coroutine.yield = guarded_yield end                            -- luacheck: ignore
end

local function leave_coroutine(loop)
  local loops = inside[loop.coroutine]
  table.remove(loops)
  if #loops == 0 then inside[loop.coroutine] = nil end
  if next(inside) == nil then coroutine.yield = plain_yield end                   -- luacheck: ignore
end

-- ---- any loop ---------------------------------------------------------------------------------

local function open(loop, mode)
  loop.outer = log.loop
  loop.depth = core.mode_push(mode)
  log.loop = loop
  enter_coroutine(loop)
  loop.open = true
end

local function close(loop)
  if not loop.open then return end
  loop.open = false
  core.mode_pop(loop.depth)
  log.loop = loop.outer
  leave_coroutine(loop)
end

-- The four values of a generic for: what __close does runs at the end of the loop, on break,
-- return and error.
local function iterator(turn, finish)
  return turn, nil, nil, setmetatable({}, { __close = function(_, err) finish(err) end })
end

-- ---- training loops ---------------------------------------------------------------------------

local STEPS_A_SAVE = 1000 -- of a loop without epochs

-- Adds v to a list once.
local function add_once(list, v)
  if not list[v] then
    list[v] = true
    list[#list + 1] = v
  end
end

-- What checkpoint, log and progress know of a loop.
local function training_loop(kind, total)
  local e = era_now()
  local loop = {
    kind = kind, training = true, total = total, done = 0, rows = 1, inner = 0,
    era = e, seed = e.seed, pass = e.pass, models = {}, optimisers = {}, books = {}, window = {},
  }
  function loop.clock() return e.clock end
  function loop.set_clock(n) e.clock = n end
  loop.name_of, loop.find_model, loop.find_optimiser = model.name_of, model.find, optim.find
  function loop.uses(m) add_once(loop.models, m) end
  function loop.steps(o)
    add_once(loop.optimisers, o)
    for _, m in ipairs(o:models()) do loop.uses(m) end
  end
  function loop.weights(m)
    local list = {}
    for i, p in ipairs(parameters.find(m)) do list[i] = { p.path, p.tensor } end
    return list
  end
  function loop.t(i) return i end
  function loop.names()
    local text = log.names(loop)
    return text ~= "" and text or kind == "steps" and "steps" or "training"
  end
  function loop.summary() return log.summary(loop) end
  return loop
end

-- The outermost training loop around, whose checkpoint covers everything inside.
local function owner(loop)
  local outer, found = loop.outer, nil
  while outer do
    if outer.training then found = outer end
    outer = outer.outer
  end
  return found
end

local function number_loop(loop)
  local top = owner(loop)
  if top then
    top.inner = top.inner + 1
    loop.nested, loop.name = true, top.name .. "." .. top.inner
  else
    local e = loop.era
    e.loops = e.loops + 1
    loop.number, loop.name = e.loops, tostring(e.loops)
  end
end

--- Told by an optimiser at every step (and by an average of weights): it belongs to the loop.
function M.stepped(o)
  local loop = log.loop
  while loop and not loop.training do loop = loop.outer end
  if not loop then return diverge.outside(o) end
  loop.steps(o)
  local top = owner(loop)
  if top then top.steps(o) end
  diverge.stepped(loop, o)
end

--- Told by whatever else changes a model in a loop.
function M.changed(m)
  local loop = log.loop
  while loop do
    if loop.training then loop.uses(m) end
    loop = loop.outer
  end
end

local function at_epoch_end(loop)
  return loop.turns ~= nil and loop.done % loop.turns == 0
end

local function save(loop)
  if not loop.nested then checkpoint.save(loop) end
end

local function start(loop)
  open(loop, "train")
  number_loop(loop)
  if not loop.nested then checkpoint.restore(loop) end
  progress.open(loop)
end

-- A turn's work is launched (core/backend/turn.h); what it has to say is said once.
local function end_turn(loop, failed)
  if not loop.plans then return end
  local told = core.turn_end(loop.plans, failed)
  if told then run.say(("%s: %s"):format(loop.names(), told)) end
end

local function finish(loop, err)
  if loop.over then return end
  loop.over = true
  end_turn(loop, err ~= nil)
  if loop.plans then core.loop_close(loop.plans) end
  if loop.replay then diverge.forget() end
  progress.close(loop)
  close(loop)
end

-- Ctrl-C between two steps: what is done is saved; a script ends, the prompt goes on.
local function interrupt(loop)
  save(loop)
  finish(loop)
  if core.program and core.program.interactive then
    run.say(("stopped at %sstep %d of %d; the model is kept%s"):format(
      loop.epochs and ("epoch %d, "):format((loop.done - 1) // loop.turns + 1) or "", loop.done,
      loop.total, loop.file and ", checkpoint saved" or ""))
    return
  end
  local where = loop.file and "; goes on with --resume " .. (run.current().folder) or ""
  core.fail("interrupt", ("stopped at step %d of %d%s"):format(loop.done, loop.total, where))
end

-- The boundary behind a turn.
local function boundary(loop)
  loop.done = loop.done + 1
  loop.rows_seen = loop.rows_seen + (loop.set and loop.rows or 0)
  local epoch_end = at_epoch_end(loop)
  local at_step = epoch_end or loop.done == loop.total or log.is_due(loop.done)
  if at_step then diverge.check(loop) end
  if loop.replay then return end
  log.flush(loop, at_step)
  progress.turn(loop)
  if epoch_end or loop.done == loop.total then progress.epoch(loop) end
  if core.interrupted() and core.interrupted() ~= 0 then return interrupt(loop) end
  if epoch_end or loop.done == loop.total or not loop.turns and loop.done % STEPS_A_SAVE == 0 then
    save(loop)
  end
end

-- break and return: the turn counts, and the loop is not taken up again.
local function leave(loop)
  end_turn(loop)
  loop.done = loop.done + 1
  loop.broken = true
  diverge.check(loop)
  if loop.replay then diverge.tell(loop) end
  log.flush(loop, true)
  save(loop)
end

-- A turn begins: what a batch needs beforehand (prepare) is none of its work.
local function begin_turn(loop, draw, i)
  if loop.prepare then loop.prepare(i) end
  if not loop.replay then
    loop.plans = loop.plans or core.loop_new()
    core.turn_begin(loop.plans)
  end
  if loop.replay then return diverge.batch(loop, draw(loop, i)) end
  return draw(loop, i)
end

-- One call of the iterator; draw(loop) gives the values of the turn.
local function training_turn(loop, draw)
  if loop.over then return nil end
  end_turn(loop)
  if not loop.open then
    start(loop)
    if loop.ended then return finish(loop) end
  elseif loop.replay then
    diverge.tell(loop)
  else
    boundary(loop)
  end
  if loop.over then return nil end
  if loop.replay then
    core.step_next(loop.replay.clock)
    return begin_turn(loop, draw, loop.replay.turn)
  end
  if loop.done >= loop.total then return finish(loop) end
  core.interrupted()      -- tells the program that this loop looks at Ctrl-C
  loop.set_clock(loop.clock() + 1)
  diverge.turn(loop, loop.done + 1, loop.clock())
  core.step_next(loop.clock())
  return begin_turn(loop, draw, loop.done + 1)
end

local function train(loop, draw)
  function loop.finish() finish(loop) end
  return iterator(function() return training_turn(loop, draw) end, function(err)
    if loop.open and err == nil and not loop.over then
      local ok, message = pcall(leave, loop)
      finish(loop)
      if not ok then error(message, 0) end
    end
    finish(loop, err)
  end)
end

--- va.steps(n): a training loop without data; gives 1 .. n.
function M.steps(n)
  local loop = training_loop("steps", need_integer("steps", "n", n, 0))
  return train(loop, function(_, i) return i end)
end

--- va.eager([on=true]): loops run call by call, for debugging; the same bits, slower on a GPU.
--- va.eager(false): their turns are noted and launched at once again. Gives what it was.
function M.eager(on)
  if on ~= nil and type(on) ~= "boolean" then
    core.fail("user", "eager: true or false is needed, got " .. type(on))
  end
  return core.eager(on ~= false)
end

-- ---- loops over a set -------------------------------------------------------------------------

local Set = require "vaelua.set"

local function check_names(who, given, known)
  for name in pairs(given) do
    if known[name] == nil then
      local names = {}
      for k in pairs(known) do names[#names + 1] = k end
      table.sort(names)
      fail.option(who, name, names)
    end
  end
end

-- Defaults, and over them the named ones of each table.
local function options(who, defaults, ...)
  local o = {}
  for name, v in pairs(defaults) do o[name] = v end
  for _, given in ipairs { ... } do
    fail.need_options(who, given)
    check_names(who, given, defaults)
    for name, v in pairs(given) do o[name] = v end
  end
  return o
end

-- The order of one epoch: int32 [n].  Addressed by (seed, loop, epoch), so it can be drawn again
-- in the middle of that epoch.
local function order_of(loop, epoch, shuffle)
  local n = #loop.set
  if not shuffle then return ops.arange(1, n) end
  local stream = core.stream_push("order", loop.name, epoch)
  local order = ops.randperm(n)
  core.stream_cut(stream)
  return order
end

--- s:epochs(E, B, { shuffle=true, short=true }): iterator of t, x, y.
function Set:epochs(E, B, given)
  if getmetatable(self) ~= Set then
    fail("epochs: call it with ':', set:epochs(epochs, batch), not with '.'")
  end
  if type(E) == "table" then
    fail("epochs: two numbers are needed, s:epochs(epochs, batch, { shuffle = true }), got %s",
      fail.came(E))
  end
  E = need_integer("epochs", "the number of epochs", E, 0)
  B = need_integer("epochs", "the batch", B, 1)
  local o = options("epochs", { shuffle = true, short = true }, given)
  local n = #self
  local turns = o.short and (n + B - 1) // B or n // B
  if turns == 0 then
    core.fail("user", ("epochs: a set of %d rows has no batch of %d"):format(n, B))
  end
  local loop = training_loop("epochs", E * turns)
  loop.set, loop.turns, loop.epochs = self, turns, E
  function loop.t(i)      -- a quotient inside of an epoch, an exact integer at its end
    return i % turns == 0 and i // turns or (i - 1) // turns + (i % turns) / turns
  end
  local order, drawn
  function loop.prepare(i)      -- the order of an epoch; it stays where the first one was
    local epoch = (i - 1) // turns + 1
    if drawn == epoch or drawn and not o.shuffle then return end
    local new = order_of(loop, epoch, o.shuffle)
    order, drawn = order and core.reorder(order, new) or new, epoch
  end
  return train(loop, function(_, i)
    local first = (i - 1) % turns * B + 1
    local last = math.min(first + B - 1, n)
    loop.rows = last - first + 1
    local x, y = self:take(core.window(order, first, last - first + 1))
    return loop.t(i), x, y
  end)
end

-- Batches of a set in order, in the mode of evaluation.
local function evaluation(set, B, draw)
  local loop = { done = 0, books = {}, rows = 1, uses = function() end }
  local n, first = #set, 1
  local function turn()
    if not loop.open then
      if loop.over then return nil end
      open(loop, "eval")
    end
    if first > n then
      loop.over = true
      if not loop.outer then log.flush(loop, true) end
      return close(loop)
    end
    loop.done = loop.done + 1
    core.step_next(loop.done)
    local last = math.min(first + B - 1, n)
    loop.rows = last - first + 1
    local x, y = set:take(ops.arange(first, last))
    first = last + 1
    return draw(x, y)
  end
  function loop.finish()
    loop.over = true
    close(loop)
  end
  return iterator(turn, function(err)
    if loop.open and err == nil and not loop.outer then log.flush(loop, true) end
    loop.finish()
  end)
end

--- s:batches(B): iterator of x, y, in order, evaluation.
function Set:batches(B)
  B = need_integer("batches", "the batch", B or 500, 1)
  return evaluation(self, B, function(x, y) return x, y end)
end

--- s:collect(f, { batch=500 }): f(x, y) gives a tensor or a list of tensors; the result is those
--- of all batches, one below the other.
function Set:collect(f, given)
  local o = options("collect", { batch = 500 }, given)
  fail.need_function("collect", "the first argument", f)
  local parts, listed, width = {}, false, nil
  for x, y in self:batches(o.batch) do
    local r = f(x, y)
    listed = not core.is_tensor(r)
    if listed and type(r) ~= "table" then
      core.fail("user", "collect: the function must give a tensor or a list, got " .. type(r))
    end
    r = listed and r or { r }
    width = width or #r
    for i = 1, width do
      parts[i] = parts[i] or {}
      table.insert(parts[i], r[i])
    end
  end
  for i = 1, width or 0 do parts[i] = #parts[i] > 1 and ops.cat(parts[i], 1) or parts[i][1] end
  if listed then return parts end
  return parts[1]
end

-- ---- fit --------------------------------------------------------------------------------------

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
  local o = options("fit", FIT, table.unpack(tables))
  for _, name in ipairs { "lr", "beta" } do
    local v = o[name]
    if type(v) ~= "number" and type(v) ~= "function" and not (getmetatable(v) or {}).__call then
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
  local o = options("early", { patience = 5, better = "higher" }, given)
  if o.better ~= "higher" and o.better ~= "lower" then
    core.fail("user", "early: better is \"higher\" or \"lower\", got " .. tostring(o.better))
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
