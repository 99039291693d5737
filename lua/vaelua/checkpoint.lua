-- checkpoint.lua - what a training loop needs to go on as if it had never stopped.
--
-- One safetensors file for each loop of a seed, written in one piece at a boundary between two
-- steps: a loop that trains two models writes both, so they can never be of different moments.
--
--     vae/enc.1.weight            parameters and buffers of every model that the loop uses
--     vae/adam/m/enc.1.weight     what its optimisers remember
--     log/vae/train/kl            sums of an epoch that is not over
--     __metadata__                strings: format, seed, loop, step, clock ... and the numbers of
--                                 va.state, of controllers and of the log
--
-- Order and noise are addressed by (seed, loop, step), so there is no generator to save.  A loop
-- is found again by its key: the seed, how often that seed was begun, the loop's number in it.
-- Numbers are written so that they come back with the same bits (%a).

local core = require "vaelua.core"
local digest = require "vaelua.digest"
local fail = require "vaelua.fail"
local log = require "vaelua.log"
local parameters = require "vaelua.parameters"
local run = require "vaelua.run"

local M = {}

local FORMAT = "1"

-- ---- numbers as text --------------------------------------------------------------------------

local special = { inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0, ["-nan"] = 0 / 0 }

-- A value as something that JSON keeps exactly: a tagged string, or a table of such.
local function encode(v)
  local kind = math.type(v) or type(v)
  if kind == "integer" then return ("i%d"):format(v) end
  if kind == "float" then return ("f%a"):format(v) end
  if kind == "boolean" then return v and "b1" or "b0" end
  if kind == "string" then return "s" .. v end
  local t = {}
  for k, item in pairs(v) do t[encode(k)] = encode(item) end
  return t
end

local function decode(text)
  if type(text) == "table" then
    local t = {}
    for k, item in pairs(text) do t[decode(k)] = decode(item) end
    return t
  end
  local tag, rest = text:sub(1, 1), text:sub(2)
  if tag == "i" then return math.tointeger(tonumber(rest)) end
  if tag == "f" then return special[rest] or tonumber(rest) end
  if tag == "b" then return rest == "1" end
  return rest
end

local function pack(t)
  return next(t) and core.json(encode(t)) or "{}"
end

local function unpack_numbers(text)
  return text and text ~= "{}" and decode(core.unjson(text)) or {}
end

M.pack, M.unpack = pack, unpack_numbers

-- ---- va.state ---------------------------------------------------------------------------------

local states = {}         -- tables of this seed, in the order in which they were given

local function check_state(t)
  if type(t) ~= "table" then
    fail("state: a table is needed, got " .. type(t))
  end
  for k, v in pairs(t) do
    local fine = type(v) == "number" or type(v) == "string" or type(v) == "boolean"
    if not fine or type(k) ~= "string" and math.type(k) ~= "integer" then
      fail("state: '%s' is a %s; it holds numbers, strings and booleans", tostring(k), type(v))
    end
  end
end

--- va.state: the table is saved and restored with the loops that follow.
function M.state(t)
  check_state(t)
  states[#states + 1] = t
  return t
end

-- Things with a state of their own that a loop changes (averages), by the order in which they were
-- made; they live as long as the script holds them.
local things, made = setmetatable({}, { __mode = "v" }), 0

--- The thing is saved and restored with the loops that follow.  It answers state(), a list of
--- { path, tensor } and a table of numbers, and restore(tensors by path, numbers).
function M.keep(thing)
  made = made + 1
  things[made] = thing
end

function M.new_seed()
  states, things, made = {}, setmetatable({}, { __mode = "v" }), 0
end

--- Other states and things from now on; gives those so far.
function M.swap_states(set)
  local before = { states = states, things = things, made = made }
  states, things, made = set.states, set.things, set.made
  return before
end

local function save_states()
  local all = {}
  for i, t in ipairs(states) do
    check_state(t)
    all[i] = t
  end
  return pack(all)
end

local function restore_states(text)
  local all = unpack_numbers(text)
  for i, t in ipairs(states) do
    if all[i] then
      for k in pairs(t) do t[k] = nil end
      for k, v in pairs(all[i]) do t[k] = v end
    end
  end
end

-- ---- where a loop's file lies -----------------------------------------------------------------

local function key_of(loop)
  return ("%d.%d.%d"):format(loop.seed, loop.pass, loop.number)
end

local function names(list, name)
  local all = {}
  for i, v in ipairs(list) do all[i] = name(v) end
  return all
end

local function label(o) return o:label() end

-- The words that a loop's files are named by: its models, else its optimisers.
local function heads_of(loop)
  local heads = names(loop.models, loop.name_of)
  if #heads == 0 then heads = names(loop.optimisers, label) end
  for i, head in ipairs(heads) do heads[i] = head:gsub("[/%s]", "_") end
  return heads
end

-- NAME-last is always of the loop that trained NAME last.  An earlier loop's file goes aside as
-- NAME-loop1-last, for that loop's state is needed when the run is taken up.
local holders = {}        -- path -> { key, loop's number and pass, the loop if it ran here }

local function aside(path, holder)
  local suffix = (holder.pass > 1 and "-again" .. holder.pass or "") .. "-loop" .. holder.number
  return (path:gsub("%-last%.safetensors$", suffix .. "-last.safetensors"))
end

local function make_room(path, key)
  local holder = holders[path]
  if not holder or holder.key == key or not core.exists(path) then return end
  local to = aside(path, holder)
  assert(os.rename(path, to))
  if holder.loop then holder.loop.file = to end
  holders[to], holders[path] = holder, nil
end

-- The file of a loop with several models, under the name of each.
local function link(r, loop, heads)
  for _, head in ipairs(heads) do
    local path = r.checkpoint(head .. "-last")
    make_room(path, key_of(loop))
    pcall(core.remove, path)
    pcall(core.symlink, loop.file:match("[^/]+$"), path)   -- no links on this disk: one name less
  end
end

local index               -- key -> { path, metadata } of the run that goes on

local function read_index()
  index = {}
  local folder = run.resuming() and run.current().folder .. "/checkpoints"
  if not folder or not core.exists(folder) then return end
  for _, name in ipairs(core.list(folder)) do
    if name:find("%-last%.safetensors$") then
      local path = folder .. "/" .. name
      local is_link = core.realpath(path) ~= core.realpath(folder) .. "/" .. name
      local _, notes = core.file_read(path)
      if notes and notes.key and not is_link then
        index[notes.key] = { path = path }
        holders[path] = { key = notes.key, number = tonumber(notes.loop),
                          pass = tonumber(notes.pass) }
      end
    end
  end
end

-- ---- saving -----------------------------------------------------------------------------------

local function hash(text) return core.sha256(text) end

local function data_hash(loop)
  loop.data_hash = loop.data_hash or digest.set(loop.set)
  return loop.data_hash
end

local function metadata(loop, numbers)
  local p, machine = core.program or {}, run.machine()
  return {
    format = FORMAT, key = key_of(loop), kind = loop.kind,
    seed = tostring(loop.seed), pass = tostring(loop.pass), loop = tostring(loop.number),
    step = tostring(loop.done), total = tostring(loop.total), clock = tostring(loop.clock()),
    epoch = ("%.10g"):format(loop.t(loop.done)), turns = tostring(loop.turns),
    broken = tostring(loop.broken or false), inner = tostring(loop.inner),
    models = table.concat(names(loop.models, loop.name_of), "\n"),
    optimisers = table.concat(names(loop.optimisers, label), "\n"),
    state = save_states(), log = pack(numbers.log), lr = pack(numbers.lr),
    things = pack(numbers.things),
    settings = hash(run.settings_text()), data = data_hash(loop),
    isa = tostring(machine.isa), onednn = tostring(machine.onednn),
    device = tostring(machine.device),
    version = tostring(p.version), build = tostring(p.build),
  }
end

-- Everything that the loop changes, as name -> tensor.
local function gather(loop)
  local tensors, numbers = {}, { log = {}, lr = {}, things = {} }
  for _, m in ipairs(loop.models) do
    for _, p in ipairs(loop.weights(m)) do tensors[loop.name_of(m) .. "/" .. p[1]] = p[2] end
  end
  for _, o in ipairs(loop.optimisers) do
    for _, s in ipairs(o:state()) do tensors[o:label() .. "/" .. s[1]] = s[2] end
    numbers.lr[o:label()] = o.lr
  end
  for i, thing in pairs(things) do
    local list, plain = thing:state()
    for _, s in ipairs(list) do tensors[("average/%d/%s"):format(i, s[1])] = s[2] end
    numbers.things[i] = plain
  end
  log.save(loop, tensors, numbers.log)
  return tensors, numbers
end

--- Writes the file of a loop.  Only between two steps.
function M.save(loop)
  if #loop.models == 0 and #loop.optimisers == 0 then return end
  local r = run.current()
  if not r then return end
  local heads, key = heads_of(loop), key_of(loop)
  local path = r.checkpoint(table.concat(heads, "+") .. "-last")
  make_room(path, key)
  local tensors, numbers = gather(loop)
  core.file_write(path, tensors, metadata(loop, numbers))
  if loop.file and loop.file ~= path then      -- another model has joined, or it was aside
    core.remove(loop.file)
    holders[loop.file] = nil
  end
  loop.file = path
  holders[path] = { key = key, number = loop.number, pass = loop.pass, loop = loop }
  if #heads > 1 then link(r, loop, heads) end
end

-- ---- restoring --------------------------------------------------------------------------------

local function refuse(text, ...)
  fail.usage("--resume: " .. text:format(...))
end

local function check_same(loop, notes)
  if notes.format ~= FORMAT then
    refuse("%s has format %s, this program reads %s", loop.file, tostring(notes.format), FORMAT)
  end
  if notes.kind ~= loop.kind then
    refuse("loop %d of seed %d was over %s, now it is over %s", loop.number, loop.seed, notes.kind,
           loop.kind)
  end
  if notes.settings ~= hash(run.settings_text()) then refuse("the settings have changed") end
  if notes.data ~= data_hash(loop) then
    refuse("the data of loop %d have changed since the run began", loop.number)
  end
  if notes.turns ~= tostring(loop.turns) then
    refuse("an epoch of loop %d had %s steps, now it has %s", loop.number, notes.turns,
           tostring(loop.turns))
  end
  if tonumber(notes.total) > loop.total then
    refuse("loop %d had %s steps, now it has %d; it may only grow", loop.number, notes.total,
           loop.total)
  end
end

local told = {}

local function tell_once(text)
  if not told[text] then
    told[text] = true
    run.say(text)
  end
end

local function compare_machine(notes)
  local machine, p = run.machine(), core.program or {}
  local now = { isa = machine.isa, onednn = machine.onednn, device = machine.device,
                version = p.version, build = p.build }
  for _, name in ipairs { "device", "isa", "onednn", "version", "build" } do
    if notes[name] ~= tostring(now[name]) then
      tell_once(("resume: goes on, but not bit for bit: %s was %s, now %s")
                :format(name, notes[name], tostring(now[name])))
    end
  end
end

local function put(tensors, name, into)
  local t = tensors[name]
  if not t then refuse("the checkpoint has no '%s'", name) end
  if not parameters.same_shape(t, into) then
    refuse("'%s' had shape [%s], now it has [%s]", name, table.concat(t.shape, ", "),
           table.concat(into.shape, ", "))
  end
  core.set(into, t)
end

local function restore_models(loop, tensors, list)
  for name in list:gmatch("[^\n]+") do
    local model = loop.find_model(name)
    if not model then
      refuse("the loop had model '%s', which is not there when the loop begins", name)
    end
    for _, p in ipairs(loop.weights(model)) do put(tensors, name .. "/" .. p[1], p[2]) end
    loop.uses(model)
  end
end

local function below(tensors, prefix)
  local found = {}
  for name, t in pairs(tensors) do
    if name:sub(1, #prefix) == prefix then found[name:sub(#prefix + 1)] = t end
  end
  return found
end

local function restore_optimisers(loop, tensors, labels, rates)
  for name in labels:gmatch("[^\n]+") do
    local o = loop.find_optimiser(name)
    if not o then
      refuse("the loop had optimiser '%s', which is not there when the loop begins", name)
    end
    o:restore(below(tensors, name .. "/"))
    o.lr = rates[name]
    loop.steps(o)
  end
end

local function restore_things(tensors, text)
  local plain = unpack_numbers(text)
  for i, thing in pairs(things) do
    if plain[i] then thing:restore(below(tensors, ("average/%d/"):format(i)), plain[i]) end
  end
end

-- A loop that goes on makes those behind it in its seed begin anew.
local function forget_later(loop)
  local head = ("^%d%%.%d%%.(%%d+)$"):format(loop.seed, loop.pass)
  for key, entry in pairs(index) do
    local number = tonumber(key:match(head))
    if number and number > loop.number then
      core.remove(entry.path)
      index[key], holders[entry.path] = nil, nil
    end
  end
end

--- The files of loops in a folder of checkpoints: key -> { path =, notes = }.
function M.files(folder)
  local found = {}
  for _, name in ipairs(core.exists(folder) == "folder" and core.list(folder) or {}) do
    local path = folder .. "/" .. name
    local is_link = core.realpath(path) ~= core.realpath(folder) .. "/" .. name
    if name:find("%-last%.safetensors$") and not is_link then
      local tensors, notes = core.file_read(path)
      if notes and notes.key then found[notes.key] = { path = path, tensors = tensors,
                                                       notes = notes } end
    end
  end
  return found
end

M.key_of, M.FORMAT = key_of, FORMAT
M.reading = nil           -- function(loop): sets the weights of a run that is only looked at

--- At the first turn of a loop in a run that goes on: brings everything back.  Sets loop.done,
--- loop.ended, loop.broken and the clock.  False: the loop had not been reached.
function M.restore(loop)
  if M.reading then return M.reading(loop) end
  if not run.resuming() or not run.current() then return false end
  if not index then read_index() end
  local entry = index[key_of(loop)]
  if not entry then
    log.cut(loop.seed, loop.clock())
    return false
  end
  local tensors, notes = core.file_read(entry.path)
  loop.file = entry.path
  holders[entry.path].loop = loop
  check_same(loop, notes)
  compare_machine(notes)
  restore_models(loop, tensors, notes.models)
  restore_optimisers(loop, tensors, notes.optimisers, unpack_numbers(notes.lr))
  restore_things(tensors, notes.things)
  restore_states(notes.state)
  loop.done, loop.inner = math.tointeger(tonumber(notes.step)), tonumber(notes.inner)
  loop.set_clock(math.tointeger(tonumber(notes.clock)))
  loop.broken = notes.broken == "true"
  loop.ended = loop.broken or loop.done == loop.total
  if not loop.ended then
    forget_later(loop)
    log.cut(loop.seed, loop.clock())
  end
  log.restore(loop.clock(), tensors, unpack_numbers(notes.log))
  return true
end

return M
