-- model.lua - models: a table of parts and functions with a name.
--
-- A model is a proxy in front of its fields, so that three things happen by themselves: a part
-- that is put in draws its weights at its path, a function that is put in runs with the random
-- numbers of (noise, the model's name), and a misspelt field is an error. A script gives it
-- posterior, likelihood and prior; encode, decode, reconstruct and sample follow from these.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local chain = require "vaelua.chain"
local keys = require "vaelua.keys"
local origin = require "vaelua.origin"
local parameters = require "vaelua.parameters"

local M = {}

local Model = {}          -- what every model has
local function meta_of(m) return getmetatable(m) end

local function need_model(v, who)
  if not M.is_model(v) then
    fail("%s: a model is needed, got %s", who, type(v))
  end
  return v
end

-- ---- names --------------------------------------------------------------------------------------

local taken, living = {}, setmetatable({}, { __mode = "v" })
local seed_of_names

--- A seed begins: names are counted anew.
function M.new_seed()
  taken, living, seed_of_names = {}, setmetatable({}, { __mode = "v" }), core.seed()
end

--- Another set of names for what is put together from now on; gives the one so far.
function M.swap_names(names)
  local before = { taken = taken, living = living, seed = seed_of_names }
  taken, living, seed_of_names = names.taken, names.living, names.seed
  return before
end

-- vae, and vae#2 for the second one of a seed.
local function free_name(name)
  if seed_of_names ~= core.seed() then M.new_seed() end
  local n = (taken[name] or 0) + 1
  taken[name] = n
  return n == 1 and name or free_name(("%s#%d"):format(name, n))
end

--- The living model of this seed with that name, or nil.
function M.find(name) return living[name] end

--- All living models of this seed, by name.
function M.all()
  local list = {}
  for _, name in ipairs(keys.sorted(living)) do list[#list + 1] = living[name] end
  return list
end

--- Counts a model of another set of names among those of this one, under a name that is free here.
function M.adopt(m)
  local meta = meta_of(m)
  meta.name = free_name(meta.name)
  living[meta.name] = m
  for _, e in ipairs(parameters.find(m)) do parameters.move(e.tensor, meta.name) end
end

--- Is v a model?
function M.is_model(v)
  local meta = type(v) == "table" and getmetatable(v)
  return type(meta) == "table" and meta.is_model == true
end

--- Also of a frozen model.
function M.name_of(m) return meta_of(m).name or M.name_of(rawget(m, "inner")) end

-- ---- random numbers -----------------------------------------------------------------------------

-- One guard for each depth of the streams: closing it cuts that stream and all above it.
local guards = setmetatable({}, { __index = function(t, depth)
  t[depth] = setmetatable({}, { __close = function() core.stream_cut(depth) end })
  return t[depth]
end })

-- Runs f with random numbers of its own. A protocol's stream is left as it is: its scores must
-- not depend on what else is asked of the model.
local function with_stream(purpose, name, f, ...)
  if core.stream_purpose() ~= "noise" then return f(...) end
  local _ <close> = guards[core.stream_push(purpose, name)]
  return f(...)
end

local function wrapped(meta, f)
  return function(...) return with_stream("noise", meta.name, f, ...) end
end

-- ---- fields -------------------------------------------------------------------------------------

-- Absent ones of these are asked for, by protocols and by scripts, and simply nil.
local contract = { posterior = true, likelihood = true, loss = true, classify = true,
                   forward = true }

-- enc2 beside enc is another name, not a misspelt one.
local function misspelt(meta, name)
  local near = core.nearest(name, keys.names(meta.fields, Model, contract))
  return near and near:gsub("[%d_]", "") ~= name:gsub("[%d_]", "") and near
end

local function get(m, name)
  local meta = meta_of(m)
  local v = meta.fields[name]
  if v == nil then v = Model[name] end
  if v ~= nil or type(name) ~= "string" or contract[name] then return v end
  if name == "name" then return meta.name end
  local near = misspelt(meta, name)
  if near then fail("%s has no field '%s'%s", meta.name, name, fail.near(name, { near })) end
  return nil
end

local function put(m, name, v)
  local meta = meta_of(m)
  meta.raw[name] = type(v) == "function" and v or nil
  meta.fields[name] = type(v) == "function" and wrapped(meta, v) or v
  if type(v) == "table" or core.is_tensor(v) then
    parameters.settle(parameters.find(v, tostring(name), meta.name), meta.name)
  end
end

local function walk_fields(m)
  local fields = meta_of(m).fields
  local names, i = keys.sorted(fields), 0
  return function()
    i = i + 1
    if names[i] ~= nil then return names[i], fields[names[i]] end
  end
end

-- ---- printing -----------------------------------------------------------------------------------

local function part_rows(name, v, rows, seen)
  if chain.is_chain(v) then
    rows[#rows + 1] = { number = "", text = ("%s: %s"):format(name, chain.shape_text(v.input)),
                        output = "" }
    chain.rows(v, rows, seen, 1)
  elseif core.is_tensor(v) or type(v) == "table" then
    local count = chain.count(core.is_tensor(v) and { v } or v, seen)
    if count > 0 then
      local what = core.is_tensor(v) and "parameter" or M.is_model(v) and "model " .. M.name_of(v)
                   or "list"
      rows[#rows + 1] = { number = "", text = ("%s: %s"):format(name, what), count = count,
                          output = core.is_tensor(v) and table.concat(v.shape, " x ") or "" }
    end
  end
end

local function text_of(m)
  local meta, seen = meta_of(m), {}
  local rows = { { number = "", text = meta.name, output = "output", shown = "params" } }
  for name, v in walk_fields(m) do part_rows(tostring(name), v, rows, seen) end
  local total = 0
  for _, r in ipairs(rows) do total = total + (r.count or 0) end
  rows[#rows + 1] = { number = "", text = "total", output = "", count = total }
  return chain.table_text(rows)
end

-- ---- making -------------------------------------------------------------------------------------

local function make(name)
  local meta = { __name = "model", is_model = true, name = name, fields = {}, raw = {},
                 __names = { Model },
                 __index = get, __newindex = put, __pairs = walk_fields, __tostring = text_of,
                 parts = function(m) return meta_of(m).fields end }
  function meta.__call(m, ...)
    local forward = meta.fields.forward
    if forward == nil then
      fail("the model '%s' cannot be called; it has no function forward", meta.name)
    end
    return forward(m, ...)
  end
  local m = setmetatable({}, meta)
  living[name] = m
  return m
end

--- The model has the parts and functions of another from now on; parts that `as` maps are replaced.
--- Whoever holds one of the two sees the same fields.
function M.become(m, other, as)
  local fresh = M.copied(other, as)
  local meta, theirs, new = meta_of(m), meta_of(other), meta_of(fresh)
  meta.fields, meta.raw = new.fields, new.raw
  theirs.fields, theirs.raw = new.fields, new.raw
  theirs.name, new.name = meta.name, meta.name
  living[meta.name] = m
  for _, e in ipairs(parameters.find(m)) do parameters.move(e.tensor, meta.name) end
end

--- nn.model(name, parts)
function M.new(name, parts)
  if type(name) ~= "string" or not name:find("^[%w_%-%.#]+$") then
    fail("nn.model: a name is needed first, a word such as \"vae\", got %s",
      type(name) == "string" and ("%q"):format(name) or type(name))
  end
  if parts ~= nil and (type(parts) ~= "table" or getmetatable(parts) ~= nil) then
    fail("nn.model: the parts must be a table, got %s", type(parts))
  end
  local m = make(free_name(name))
  for _, k in ipairs(keys.sorted(parts or {})) do put(m, k, parts[k]) end
  origin.note(m, parts)
  return m
end

-- ---- the contract -------------------------------------------------------------------------------

local function need(m, name)
  local f = m[name]
  if f == nil then
    local word = M.name_of(m):gsub("[^%w_].*", "")
    fail("the model '%s' has no %s: function %s:%s(...) is needed for this", M.name_of(m), name,
      word, name)
  end
  return f
end

--- The prior of a model that does not say: unit normal over the input of its chain dec.
function Model:prior()
  local dec = self.dec
  if type(dec) ~= "table" or not dec.input then
    fail("the model '%s' has no prior, and no chain 'dec' whose input says the shape "
      .. "of a code", M.name_of(self))
  end
  return require "vaelua.dist".normal.unit(dec.input)
end

-- What posterior or likelihood gave.
local function distribution(m, name, example, ...)
  local d = need(m, name)(m, ...)
  if core.is_tensor(d) or type(d) ~= "table" or not d.mean then
    fail("%s of the model '%s' must return a distribution, such as %s, got %s", name,
      M.name_of(m), example, fail.came(d))
  end
  return d
end

--- The mean of the posterior.
function Model:encode(x, y)
  return distribution(self, "posterior", "va.dist.normal(h:split(2))", x, y):mean()
end

--- The mean of the likelihood.
function Model:decode(z, y)
  return distribution(self, "likelihood", "va.dist.bernoulli(logits)", z, y):mean()
end

--- From the mean code, not from a drawn one.
function Model:reconstruct(x, y) return self:decode(self:encode(x, y), y) end

--- n rows drawn from the prior and decoded.
function Model:sample(n, y)
  return with_stream("sample", M.name_of(self), function()
    return self:decode(self:prior(y):sample(n or 1), y)
  end)
end

--- m:params([pattern]): parameters by path, in order.
function Model:params(pattern) return chain.params(self, pattern) end

-- ---- copies -------------------------------------------------------------------------------------

local function tell_changed(m)
  local train = package.loaded["vaelua.train"]
  if type(train) == "table" and train.changed then train.changed(m) end
end
M.tell_changed = tell_changed

--- m:copy(other): values of parameters and buffers with equal path and shape. Gives the names of
--- m's that were left out.
function Model:copy(other)
  if not M.is_model(other) and not chain.is_chain(other) then
    fail("copy: a model is needed, got %s", type(other))
  end
  local theirs, left = {}, {}
  for _, e in ipairs(parameters.find(other)) do theirs[e.path] = e.tensor end
  for _, e in ipairs(parameters.find(self)) do
    local from = theirs[e.path]
    if from and parameters.same_shape(from, e.tensor) then
      core.set(e.tensor, from)
    else
      left[#left + 1] = e.path
    end
  end
  tell_changed(self)
  return left
end

-- A function that copies parts: tensors by note(tensor), shared ones once, functions not at all.
local function copier(note, rename)
  local done = {}
  local function copy(v)
    if core.is_tensor(v) then
      if not parameters.kind_of(v) then return v end
      done[v] = done[v] or note(v)
      return done[v]
    end
    if type(v) ~= "table" then return v end
    if done[v] then return done[v] end
    local meta = getmetatable(v)
    if meta == nil then
      local twin = {}
      done[v] = twin
      for k, e in pairs(v) do twin[k] = copy(e) end
      return twin
    end
    if M.is_model(v) then
      done[v] = M.cloned(v, rename(M.name_of(v)), copy)
    elseif type(meta) == "table" and meta.copy then
      done[v] = meta.copy(v, copy)
    end
    return done[v] or v
  end
  return copy
end

function M.cloned(m, name, copy)
  local twin, meta = make(free_name(name)), meta_of(m)
  for _, k in ipairs(keys.sorted(meta.fields)) do
    put(twin, k, meta.raw[k] or copy(meta.fields[k]))
  end
  return twin
end

--- A copy in which as(tensor) stands for every parameter and buffer.
function M.copied(m, as)
  return M.cloned(m, M.name_of(m), copier(as, function(inner) return inner end))
end

--- m:clone(name): the same architecture and functions, weights of its own with equal values.
function Model:clone(name)
  name = name or M.name_of(self)
  return M.cloned(self, name, copier(function(t)
    return parameters.note(parameters.copy_of(t), parameters.kind_of(t))
  end, function(inner) return inner end))
end

--- va.ema(model, decay): a copy whose weights follow those of the model: after each step,
--- e:update() moves them by (1 - decay) of the distance. They are buffers: saved, not trained.
function M.ema(m, decay)
  need_model(m, "va.ema")
  decay = decay or 0.999
  if type(decay) ~= "number" or decay < 0 or decay >= 1 then
    fail("va.ema: the decay must be a number from 0 to below 1, got %s", fail.came(decay))
  end
  parameters.find(m)
  local pairs_of = {}
  local copy = copier(function(t)
    local twin = parameters.note(parameters.copy_of(t), "buffer")
    pairs_of[#pairs_of + 1] = { twin, t, parameters.kind_of(t) }
    return twin
  end, function(inner) return inner .. "-ema" end)
  local e = M.cloned(m, M.name_of(m) .. "-ema", copy)
  -- Running statistics and other buffers are taken over as they are.
  function e:update()
    for _, p in ipairs(pairs_of) do
      if p[3] == "param" then core.lerp(p[1], p[2], 1 - decay) else core.set(p[1], p[2]) end
    end
    tell_changed(self)
  end
  return e
end

-- ---- files --------------------------------------------------------------------------------------

-- A bare word lies in the run's checkpoints, or beside the script's working folder without a run.
local function path_of(m, where)
  if type(where) ~= "string" or where == "" then
    fail("save and load need \"best\" or another word, or a path, got %s", type(where))
  end
  if where:find("[/%.]") then return where end
  local name = (M.name_of(m) .. "-" .. where):gsub("[/%s]", "_")
  local reading = package.loaded["vaelua.open"]
  local run = reading and reading.run_at_hand() or require "vaelua.run".current()
  return run and run.checkpoint(name) or name .. ".safetensors"
end

local silent = false      -- a script is read by va.open: nothing is saved

--- Whether save does nothing from now on; gives what it was.
function M.silence(on)
  silent, on = on, silent
  return on
end

--- m:save("best" or path, [metadata]). Names in the file are NAME/PATH.
function Model:save(where, metadata)
  if silent then return end
  local tensors, name = {}, M.name_of(self)
  for _, e in ipairs(parameters.find(self)) do tensors[name .. "/" .. e.path] = e.tensor end
  local notes = { format = "1", model = name, seed = tostring(core.seed()) }
  for k, v in pairs(fail.need_options("save", metadata)) do notes[tostring(k)] = tostring(v) end
  local path = path_of(self, where)
  core.file_write(path, tensors, notes)
  return path
end

-- Tensors by path: those of the model's own name, or of the only model in the file.
local function by_path(tensors, name)
  local heads, plain = {}, {}
  for key in pairs(tensors) do heads[key:match("^([^/]+)/") or ""] = true end
  local head = heads[name] and name or nil
  if not head and next(heads, next(heads)) == nil then head = next(heads) end
  for key, t in pairs(tensors) do
    if head and head ~= "" and key:sub(1, #head + 1) == head .. "/" then
      plain[key:sub(#head + 2)] = t
    elseif head == "" or head == nil then
      plain[key] = t
    end
  end
  return plain
end

--- m:load("best" or path): all parameters and buffers, each of the right shape.
function Model:load(where)
  local path, name = path_of(self, where), M.name_of(self)
  local tensors = core.file_read(path)
  if core.is_tensor(tensors) then
    fail.data("%s holds one tensor, not the weights of a model", path)
  end
  local saved, wanted = by_path(tensors, name), parameters.find(self)
  for _, e in ipairs(wanted) do
    local t = saved[e.path]
    if not t then
      fail.data("%s has no '%s', which the model '%s' needs", path, e.path, name)
    elseif not parameters.same_shape(t, e.tensor) then
      fail.data("%s: '%s' has shape [%s], the model '%s' needs [%s]", path, e.path,
        table.concat(t.shape, ", "), name, table.concat(e.tensor.shape, ", "))
    end
  end
  for _, e in ipairs(wanted) do core.set(e.tensor, saved[e.path]) end
  tell_changed(self)
  return self
end

return M
