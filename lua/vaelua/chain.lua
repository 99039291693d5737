-- chain.lua - chains of layers: built from descriptions, checked, run, printed.
--
-- A chain is given the shape of one row of its input and a list of descriptions; it asks each
-- layer for the shape of its output, so that a mistake is told when the chain is built, with the
-- layer's number. What it holds afterwards are items, one for each entry of the list:
--
--   built     a layer of the core with its own parameters
--   own       a layer written in Lua (nn.layer): the item is the `self` of build and forward
--   call      a Lua function, or anything that can be called
--   residual  x + f(x)
--   chain     a plain list, or a chain that was built elsewhere and is shared
--
-- Every item's metatable answers run, parts, place, copy, text (see the list of classes below).
-- Weights are drawn when an item is told its place in a model, or at first use.

local core = require "vaelua.core"
local parameters = require "vaelua.parameters"
local ops = core.ops

local M = {}

local trying = false      -- the shape of a function is being found: nothing is drawn

-- ---- shapes --------------------------------------------------------------------------------------

local function shape_text(shape)
  return #shape == 0 and "one number" or table.concat(shape, " x ")
end
M.shape_text = shape_text

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
    core.fail("user", ("%s: a shape is a number, a list of sizes or a chain, got %s"):format(
      who, type(v)))
  end
  local shape = {}
  for i, size in ipairs(v) do
    if math.type(size) ~= "integer" and size ~= math.floor(size) or size < 1 then
      core.fail("user", ("%s: size %d of the shape is %s, but must be an integer from 1"):format(
        who, i, size))
    end
    shape[i] = math.tointeger(size)
  end
  return shape
end

local function fail_at(at, text, message)
  core.fail("user", ("layer %s '%s': %s"):format(at, text, message))
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

-- ---- layers of the core ----------------------------------------------------------------------------

local Built = { __name = "layer" }

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

-- ---- functions -------------------------------------------------------------------------------------

local Call = { __name = "layer" }
Call.__index = Call

function Call.run(self, x) return (self.f(x)) end
function Call.parts() return {} end
function Call.place() end
function Call.copy(self) return self end
function Call.text(self) return self.title end

local function call(f, input, at, text)
  return setmetatable({ f = f, title = text, input = input, output = try(f, input, at, text) }, Call)
end

-- ---- layers written in Lua ---------------------------------------------------------------------------

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
  for _, k in ipairs(parameters.sorted_keys(self)) do
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
  return (meta.spec.name or "layer") .. (#words > 0 and "(" .. table.concat(words, ", ") .. ")" or "")
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

-- ---- chains ------------------------------------------------------------------------------------------

local Chain, Residual = { __name = "chain" }, { __name = "layer" }
local methods = {}

function Chain.__index(self, k)
  if type(k) == "number" then return self.items[k < 0 and #self.items + 1 + k or k] end
  return methods[k]
end

function Chain.__len(self) return #self.items end

-- { item, function that runs it, activation }: conv, deconv and linear take a ReLU along.
local function plan_of(items)
  local plan, i = {}, 1
  while i <= #items do
    local item, after = items[i], items[i + 1]
    local fused = getmetatable(item) == Built and item.fuses and getmetatable(after) == Built
                  and after.name == "relu"
    plan[#plan + 1] = { number = i, item = item, run = getmetatable(item).run, act = fused and "relu" or nil }
    i = i + (fused and 2 or 1)
  end
  return plan
end

local tracer              -- sees every layer's output: function(name of the layer, y)

--- The function that sees what layers make from now on, or nil.
function M.trace(f) tracer = f end

local function trace(self, i, item, y)
  if getmetatable(item) == Chain or getmetatable(item) == Residual then return end
  tracer(("%s layer %d '%s'"):format(self.path or "chain", i, getmetatable(item).text(item)), y)
end

-- The sum of the log determinants that flow steps return travels along.
function Chain.run(self, x, training, frozen)
  local plan, total = self.plan, nil
  for i = 1, #plan do
    local step = plan[i]
    local y, logdet = step.run(step.item, x, training, frozen, step.act)
    x = y
    if tracer then trace(self, step.number, step.item, y) end
    if logdet then total = total and total + logdet or logdet end
  end
  if total then return x, total end
  return x
end

-- Labels may come as [N] to an embedding of one label a row.
local function is_label(self, shape)
  local first = self.items[1]
  return #shape == 1 and #self.input == 1 and self.input[1] == 1
         and getmetatable(first) == Built and first.name == "embedding"
end

local function check_input(self, x)
  local who = self.path or "chain"
  if not core.is_tensor(x) then
    core.fail("user", ("%s: needs a tensor %s, got %s"):format(who, batch_text(self.input), type(x)))
  end
  local shape, input = x.shape, self.input
  local fits = #shape == #input + 1
  for i = 1, #input do fits = fits and shape[i + 1] == input[i] end
  if fits or is_label(self, shape) then return end
  local hint = same(shape, input) and "; one row needs a batch axis: x:unsqueeze(1)"
               or #shape > 1 and count_of(shape) == shape[1] * count_of(input)
                  and "; x:reshape(-1, " .. table.concat(input, ", ") .. ") would fit" or ""
  core.fail("user", ("%s: needs %s, got %s%s"):format(who, batch_text(input), list_text(shape), hint))
end

function Chain.__call(self, x)
  check_input(self, x)
  return Chain.run(self, x, core.mode() == "train", false)
end

--- The chain with constant weights and the behaviour of evaluation.
function M.run_frozen(self, x)
  check_input(self, x)
  return Chain.run(self, x, false, true)
end

function Chain.parts(self) return self.items end

function Chain.place(self, path)
  if path ~= "" and not rawget(self, "path") then self.path = path end
end

function Chain.copy(self, copy)
  local items = {}
  for i, item in ipairs(self.items) do items[i] = copy(item) end
  return setmetatable({ items = items, plan = plan_of(items), input = self.input,
                        output = self.output, path = self.path }, Chain)
end

function Chain.text() return "chain" end

function methods.params(self, pattern) return M.params(self, pattern) end

-- ---- residual ------------------------------------------------------------------------------------------

Residual.__index = Residual

function Residual.run(self, x, training, frozen)
  local y = Chain.run(self.body, x, training, frozen)
  if self.skip then x = Chain.run(self.skip, x, training, frozen) end
  return x + y
end

-- enc.3.1.weight for the body, enc.3.skip.1.weight for what brings x to its shape.
function Residual.parts(self)
  local parts = { skip = self.skip }
  for i, item in ipairs(self.body.items) do parts[i] = item end
  return parts
end

function Residual.place() end

function Residual.copy(self, copy)
  return setmetatable({ body = copy(self.body), skip = self.skip and copy(self.skip),
                        input = self.input, output = self.output }, Residual)
end

function Residual.text() return "residual" end

-- Layers that bring a row of shape `from` to `to`.
local function bridge(from, to)
  local l = core.layers
  if #to == 1 then return { l.linear(to[1]) } end
  if #from ~= 3 or #to ~= 3 then return nil end
  local down, up = from[1] // to[1], to[1] // from[1]
  if down >= 1 and from[1] == to[1] * down and from[2] == to[2] * down then
    return { l.conv(to[3], 1, { stride = down }) }
  elseif up >= 1 and to[1] == from[1] * up and to[2] == from[2] * up then
    return { l.upsample(up), l.conv(to[3], 1) }
  end
  return nil
end

-- ---- building ------------------------------------------------------------------------------------------

local build_item

local function build(input, list, at, path)
  local items, shape = {}, input
  for i, entry in ipairs(list) do
    items[i] = build_item(entry, shape, at .. i, path .. i)
    shape = items[i].output
  end
  local extra = next(list, #list > 0 and #list or nil)
  if extra ~= nil and type(extra) == "string" then
    core.fail("user", ("nn.chain: the list of layers has a field '%s'; layers stand in order, "
      .. "without names"):format(extra))
  end
  return setmetatable({ items = items, plan = plan_of(items), input = input, output = shape }, Chain)
end

local function residual(list, input, at, path)
  local body = build(input, list, at .. ".", path .. ".")
  local self = { body = body, input = input, output = body.output }
  if not same(input, body.output) then
    local layers = bridge(input, body.output)
    if not layers then
      fail_at(at, "residual", ("cannot bring its input %s to the shape of its output %s"):format(
        list_text(input), list_text(body.output)))
    end
    self.skip = build(input, layers, at .. ".skip.", path .. ".skip.")
  end
  return setmetatable(self, Residual)
end

-- Something that was built before: a chain, or an item of one. It is shared.
local function shared(v, input, at)
  if not same(v.input, input) then
    fail_at(at, getmetatable(v).text(v), ("was built for %s, but gets %s"):format(
      batch_text(v.input), batch_text(input)))
  end
  return v
end

-- nn.NAME without a call.
local function from_maker(maker, at)
  local ok, made = pcall(maker)
  if not ok then
    fail_at(at, maker.name, ("needs its arguments: nn.%s(%s)"):format(maker.name, maker.args or ""))
  end
  return made
end

function build_item(v, input, at, path)
  if core.is_layer(v) then return built(v, input, at, path) end
  if type(v) == "function" then return call(v, input, at, "function") end
  local meta = type(v) == "table" and getmetatable(v)
  if not meta and type(v) == "table" then return build(input, v, at .. ".", path .. ".") end
  if type(meta) ~= "table" then
    fail_at(at, tostring(v), ("a layer, a function, a chain or a list is needed, got %s"):format(
      type(v)))
  end
  if meta.is_maker then return build_item(from_maker(v, at), input, at, path) end
  if meta == M.Residual then return residual(v.list, input, at, path) end
  if meta == M.Own then return own(v, input, at, path) end
  if meta.run and meta.parts then return shared(v, input, at) end
  if meta.__call then return call(v, input, at, meta.__name or "function") end
  fail_at(at, meta.__name or "table", "cannot be called")
end

-- Descriptions, made by nn.residual and by makers of nn.layer.
M.Residual = { __name = "residual" }
M.Own = { __name = "layer" }

function M.new(input, list)
  if type(list) ~= "table" or getmetatable(list) ~= nil then
    core.fail("user", ("nn.chain: a shape and a list of layers are needed, got %s as the list")
      :format(core.is_layer(list) and "a layer" or type(list)))
  end
  return build(M.shape_from(input, "nn.chain"), list, "", "")
end

function M.is_chain(v) return getmetatable(v) == Chain end

-- ---- one item by itself ----------------------------------------------------------------------------------

for _, class in ipairs { Built, Call, Residual } do
  function class.__call(self, x) return class.run(self, x, core.mode() == "train", false) end
  function class.__tostring(self) return class.text(self) end
end

--- Parameters below a part that match a pattern of their path, as an ordered table.
function M.params(part, pattern)
  local list = {}
  for _, e in ipairs(parameters.of_kind(part, "param")) do
    if not pattern or e[1]:find(pattern) then list[#list + 1] = e end
  end
  return parameters.ordered(list)
end

-- ---- other initial values ----------------------------------------------------------------------------------

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
  for _, k in ipairs(parameters.sorted_keys(children)) do
    local child = children[k]
    if core.is_tensor(child) then
      if #child.shape >= 2 then M.init_tensor(child, change) end
    else
      M.change_init(child, change, seen)
    end
  end
end

-- ---- printing --------------------------------------------------------------------------------------------

local function thousands(n)
  local text = tostring(n)
  repeat
    local longer, k = text:gsub("^(-?%d+)(%d%d%d)", "%1,%2")
    text = longer
  until k == 0
  return text
end
M.thousands = thousands

-- Trained numbers below a part that were not counted yet: shared ones count once.
function M.count(part, seen)
  local n = 0
  for _, e in ipairs(parameters.of_kind(part, "param")) do
    if not seen[e[2]] then
      seen[e[2]] = true
      n = n + count_of(e[2].shape)
    end
  end
  return n
end

--- Adds a row for each item: { number, text, output, count }. Lists inside are indented.
function M.rows(chain, rows, seen, depth)
  for i, item in ipairs(chain.items) do
    local meta = getmetatable(item)
    local inner = meta == Chain and item or meta == Residual and item.body or nil
    local row = { number = ("  "):rep(depth) .. i, text = meta.text(item),
                  output = shape_text(item.output) }
    rows[#rows + 1] = row
    if inner then
      M.rows(inner, rows, seen, depth + 1)
      if meta == Residual and item.skip then
        rows[#rows + 1] = { number = ("  "):rep(depth + 1) .. "+", text = "skip",
                            output = shape_text(item.output), count = M.count(item.skip, seen) }
      end
    else
      row.count = M.count(item, seen)
    end
  end
  return rows
end

--- Rows as aligned lines; width of the columns from what stands in them.
function M.table_text(rows)
  local w = { number = 3, text = 20, output = 6, count = 6 }
  for _, r in ipairs(rows) do
    r.shown = r.shown or r.count and (r.count == 0 and "-" or thousands(r.count)) or ""
    w.number, w.text = math.max(w.number, #r.number), math.max(w.text, #r.text)
    w.output, w.count = math.max(w.output, #r.output), math.max(w.count, #r.shown)
  end
  local form = ("%%-%ds  %%-%ds  %%-%ds  %%%ds"):format(w.number, w.text, w.output, w.count)
  local lines = {}
  for i, r in ipairs(rows) do
    lines[i] = (form:format(r.number, r.text, r.output, r.shown):gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

function Chain.__tostring(self)
  local seen = {}
  local rows = M.rows(self, { { number = "", text = "chain of " .. shape_text(self.input),
                                output = "output", shown = "params" } }, seen, 0)
  local total = 0
  for _, r in ipairs(rows) do total = total + (r.count or 0) end
  rows[#rows + 1] = { number = "", text = "total", output = "", count = total }
  return M.table_text(rows)
end

return M
