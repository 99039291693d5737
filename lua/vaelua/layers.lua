-- layers.lua - the items of a chain: layers of the core with their weights, functions, and layers
-- written in Lua.
--
-- Every item has input and output, the shapes of a row, and a metatable that answers
--   run(self, x, training, frozen, act) -> y [, log det]   what the chain calls
--   parts(self)                         the parameters by name
--   place(self, path, owner)            where it lies in a model: it draws its weights there
--   copy(self, copy)                    an item of its own, tensors by copy(tensor)
--   text(self)                          what the user wrote
--   change_init(self, change)           other initial values for its weights
-- Weights that have no place yet are drawn at first use.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local parameters = require "vaelua.parameters"
local ops = core.ops

local M = {}

local trying = false      -- the shape of a function is being found: nothing is drawn

-- ---- shapes -------------------------------------------------------------------------------------

local function shape_text(shape)
  return #shape == 0 and "one number" or table.concat(shape, " x ")
end

local function batch_text(shape)
  return #shape == 0 and "[N]" or "[N, " .. table.concat(shape, ", ") .. "]"
end

local function list_text(shape) return "[" .. table.concat(shape, ", ") .. "]" end

local function same(a, b)
  if #a ~= #b then return false end
  for i = 1, #a do
    if a[i] ~= b[i] then return false end
  end
  return true
end

local function count_of(shape)
  local n = 1
  for _, size in ipairs(shape) do n = n * size end
  return n
end

-- A number, a list of sizes, or something built, whose output is meant.
function M.shape_from(v, who)
  if type(v) == "number" then v = { v } end
  if type(v) == "table" and getmetatable(v) ~= nil then v = v.output end
  if type(v) ~= "table" then
    fail("%s: a shape is a number, a list of sizes or a chain, got %s", who, type(v))
  end
  local shape = {}
  for i, size in ipairs(v) do
    if math.type(size) ~= "integer" and size ~= math.floor(size) or size < 1 then
      fail("%s: size %d of the shape is %s, but must be an integer from 1", who, i, size)
    end
    shape[i] = math.tointeger(size)
  end
  return shape
end

local function fail_at(at, text, message)
  fail("layer %s '%s': %s", at, text, message)
end

-- Guards close what a block has opened, whatever ends it.
local function guard(close) return setmetatable({}, { __close = close }) end

-- Runs f(...) without a record, with random numbers of its own and no weights drawn.
local function in_trial(f, ...)
  local was, mode = trying, core.mode_push("eval")
  local stream = core.stream_push("init", "shape", 0)
  local _ <close> = guard(function()
    trying = was
    core.stream_cut(stream)
    core.mode_pop(mode)
  end)
  trying = true
  return f(...)
end

-- The shape of a row of f's result on two rows of zeros.
local function try(f, input, at, text)
  local ok, y = pcall(in_trial, f, ops.zeros { 2, table.unpack(input) })
  local batch = list_text { 2, table.unpack(input) }
  if not ok then
    fail_at(at, text, ("fails on zeros of shape %s: %s"):format(batch, tostring(y)))
  elseif not core.is_tensor(y) then
    fail_at(at, text, ("must return a tensor, got %s"):format(type(y)))
  elseif y.shape[1] ~= 2 then
    fail_at(at, text, ("must keep the batch axis: from %s it made %s"):format(
      batch, list_text(y.shape)))
  end
  return { table.unpack(y.shape, 2) }
end

-- ---- layers of the core -------------------------------------------------------------------------

local Built = { __name = "layer" }

--- nil, but in a script a misspelt name is an error.
function M.missing(who, name, names)
  if type(name) ~= "string" then return nil end
  local near = fail.near(name, names)
  if near == "" then return nil end
  local caller = debug.getinfo(3, "S")
  for _, known in ipairs(names) do
    if known == name then return nil end
  end
  if core.ours(caller and caller.source or "") then return nil end
  fail("%s has no field '%s'%s", who, name, near)
end

local function draw(self)
  local values, by_name = {}, {}
  for i, p in ipairs(self.specs) do
    local t
    if trying then
      t = ops.zeros(p.shape)
    else
      t = core.init(p.init, p.a, self.path .. "." .. p.name, p.shape)
      parameters.note(t, p.buffer and "buffer" or "param")
    end
    values[i], by_name[p.name] = t, t
  end
  if not trying then self.values, self.by_name = values, by_name end
  return values
end

function Built.__index(self, name)
  if rawget(self, "specs") then
    for _, p in ipairs(self.specs) do
      if p.name == name then
        if not rawget(self, "values") then draw(self) end
        return self.by_name[name]
      end
    end
    local names = { "input", "output" }
    for i, p in ipairs(self.specs) do names[i + 2] = p.name end
    return M.missing("the layer " .. self.title, name, names)
  end
  return nil
end

local function detached(values)
  local out = {}
  for i, t in ipairs(values) do out[i] = t:detach() end
  return out
end

function Built.run(self, x, training, frozen, act)
  local v = rawget(self, "values") or draw(self)
  if frozen then v, training = detached(v), false end
  if training and self.name == "dropout" then
    local stream = core.stream_push("dropout", self.owner or "")
    local _ <close> = guard(function() core.stream_cut(stream) end)
    return core.layer_run(self.layer, x, act, true)
  end
  return core.layer_run(self.layer, x, act, training, table.unpack(v))
end

function Built.parts(self)
  if not rawget(self, "values") then draw(self) end
  return self.by_name
end

function Built.place(self, path, owner)
  if owner then self.owner = owner end
  if rawget(self, "values") then return end
  self.path = path
  draw(self)
end

function Built.copy(self, copy)
  local twin = {}
  for k, v in pairs(self) do twin[k] = v end
  if rawget(self, "values") then
    twin.values, twin.by_name = {}, {}
    for i, p in ipairs(self.specs) do
      twin.values[i] = copy(self.values[i])
      twin.by_name[p.name] = twin.values[i]
    end
  end
  return setmetatable(twin, Built)
end

function Built.text(self) return self.title end

-- Weights that are not drawn yet will be drawn so; others are drawn again, at their place.
function Built.change_init(self, change)
  for i, p in ipairs(self.specs) do
    if not p.buffer and #p.shape >= 2 then
      local kind, a = change(p.shape)
      if rawget(self, "values") then
        core.set(self.values[i], core.init(kind, a, self.path .. "." .. p.name, p.shape))
      else
        p.init, p.a = kind, a
      end
    end
  end
end

local function built(layer, input, at, path)
  local text = core.layer_text(layer)
  local output, message = core.layer_shape(layer, input)
  if not output then fail_at(at, text, (message:gsub("^[%w_]+: ", ""))) end
  local self = setmetatable({
    layer = layer, name = text:match("^[%w_]+"), title = text, input = input, output = output,
    specs = core.layer_params(layer, input), path = path, fuses = core.layer_fuses(layer),
  }, Built)
  if #self.specs == 0 then self.values, self.by_name = {}, {} end
  return self
end

-- ---- functions ----------------------------------------------------------------------------------

local Call = { __name = "layer" }
Call.__index = Call

function Call.run(self, x) return (self.f(x)) end
function Call.parts() return {} end
function Call.place() end
function Call.copy(self) return self end
function Call.text(self) return self.title end

local function call(f, input, at, text)
  local output = try(f, input, at, text)
  return setmetatable({ f = f, title = text, input = input, output = output }, Call)
end

-- ---- layers written in Lua ----------------------------------------------------------------------

-- The item is the table that the user's build fills; what is ours lies in its metatable, one for
-- each item. build runs once to find the shape, and once more when the item's place is known, so
-- that numbers drawn in it are addressed by that place like all other initial weights.
local own_functions = {}

local function clear(self)
  for k in pairs(self) do self[k] = nil end
end

local function run_build(self, meta)
  if not meta.spec.build then return nil end
  return meta.spec.build(self, { table.unpack(meta.input) },
    table.unpack(meta.args, 1, meta.args.n))
end

local function draw_own(self, meta)
  local stream = core.stream_push("init", meta.path, 0)
  local _ <close> = guard(function() core.stream_cut(stream) end)
  clear(self)
  run_build(self, meta)
  meta.drawn = true
  if meta.change then M.change_init(self, meta.change) end
end

-- What forward sees as self in a frozen layer.
local function constant_view(self)
  return setmetatable({}, { __index = function(_, k)
    local v = self[k]
    return core.is_tensor(v) and v:detach() or v
  end })
end

function own_functions.run(self, x, _, frozen)
  local meta = getmetatable(self)
  if not meta.drawn and not trying then draw_own(self, meta) end
  return meta.spec.forward(frozen and constant_view(self) or self, x)
end

function own_functions.parts(self)
  local meta = getmetatable(self)
  if not meta.drawn and not trying then draw_own(self, meta) end
  return self
end

function own_functions.place(self, path)
  local meta = getmetatable(self)
  if meta.drawn or trying then return end
  meta.path = path
  draw_own(self, meta)
end

function own_functions.change_init(self, change)
  local meta = getmetatable(self)
  if not meta.drawn then
    meta.change = change
    return
  end
  for _, k in ipairs(keys.sorted(self)) do
    if core.is_tensor(self[k]) and #self[k].shape >= 2 then
      M.init_tensor(self[k], change, meta.path .. "." .. k)
    end
  end
end

function own_functions.text(self)
  local meta = getmetatable(self)
  local words = {}
  for i = 1, meta.args.n do
    local v = meta.args[i]
    words[i] = (type(v) == "number" or type(v) == "string") and tostring(v) or type(v)
  end
  local name = meta.spec.name or "layer"
  return #words > 0 and ("%s(%s)"):format(name, table.concat(words, ", ")) or name
end

local function own_item(spec, args, input, path)
  local meta = { spec = spec, args = args, input = input, path = path, __name = "layer" }
  for name, f in pairs(own_functions) do meta[name] = f end
  function meta.__index(_, k)
    if k == "input" or k == "output" then return meta[k] end
    return spec[k]
  end
  function meta.__call(self, x) return own_functions.run(self, x) end
  function meta.copy(self, copy)
    local twin = own_item(spec, args, input, meta.path)
    local other = getmetatable(twin)
    for k, v in pairs(self) do rawset(twin, k, copy(v)) end
    other.output, other.drawn = meta.output, meta.drawn
    return twin
  end
  return setmetatable({}, meta), meta
end

local function own(description, input, at, path)
  local self, meta = own_item(description.spec, description.args, input, path)
  local text = own_functions.text(self)
  local ok, output = pcall(in_trial, run_build, self, meta)
  if not ok then fail_at(at, text, tostring(output)) end
  if output == nil and not meta.spec.build then
    output = try(function(x) return (meta.spec.forward(self, x)) end, input, at, text)
  end
  meta.output = output == nil and input
                or M.shape_from(output, ("layer %s '%s': build"):format(at, text))
  return self
end

-- ---- other initial values -----------------------------------------------------------------------

--- New values for one parameter, at the place of its first ones.
function M.init_tensor(t, change, path)
  if parameters.kind_of(t) ~= "param" then return end
  local _, home = parameters.home_of(t)
  local kind, a = change(t.shape)
  core.set(t, core.init(kind, a, home or path or "", t.shape))
end

--- For all weights (parameters of two axes and more) below a part, a model or a list.
function M.change_init(v, change, seen)
  seen = seen or {}
  if type(v) ~= "table" or seen[v] then return end
  seen[v] = true
  local meta = getmetatable(v)
  if meta and meta.change_init then return meta.change_init(v, change) end
  local children = meta == nil and v or type(meta) == "table" and meta.parts and meta.parts(v) or {}
  for _, k in ipairs(keys.sorted(children)) do
    local child = children[k]
    if core.is_tensor(child) then
      if #child.shape >= 2 then M.init_tensor(child, change) end
    else
      M.change_init(child, change, seen)
    end
  end
end

-- ---- one item by itself -------------------------------------------------------------------------

for _, class in ipairs { Built, Call } do
  function class.__call(self, x) return class.run(self, x, core.mode() == "train", false) end
  function class.__tostring(self) return class.text(self) end
end

M.Built, M.built, M.call, M.own = Built, built, call, own
M.shape_text, M.batch_text, M.list_text = shape_text, batch_text, list_text
M.same, M.count_of, M.fail_at = same, count_of, fail_at

return M
