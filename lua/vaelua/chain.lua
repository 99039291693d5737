-- chain.lua - chains of layers: built from descriptions, checked, run, printed.
--
-- A chain is given the shape of one row of its input and a list of descriptions; it asks each
-- layer for the shape of its output, so that a mistake is told when the chain is built, with the
-- layer's number. What it holds afterwards are items, one for each entry of the list:
--
--   a layer of the core, a function or a layer written in Lua (layers.lua)
--   residual  x + f(x)
--   chain     a plain list, or a chain that was built elsewhere and is shared

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local layers = require "vaelua.layers"
local origin = require "vaelua.origin"
local parameters = require "vaelua.parameters"

local Built, same, count_of, fail_at = layers.Built, layers.same, layers.count_of, layers.fail_at
local shape_text, batch_text, list_text = layers.shape_text, layers.batch_text, layers.list_text

local M = { shape_text = shape_text, change_init = layers.change_init,
            init_tensor = layers.init_tensor }

-- ---- chains -------------------------------------------------------------------------------------

local Chain, Residual = { __name = "chain" }, { __name = "layer" }
local methods = {}
Chain.__names = { methods }

function Chain.__index(self, k)
  if type(k) == "number" then return self.items[k < 0 and #self.items + 1 + k or k] end
  return methods[k] or layers.missing("a chain", k, { "input", "output", "params" })
end

function Chain.__len(self) return #self.items end

-- { item, function that runs it, activation }: conv, deconv and linear take a ReLU along.
local function plan_of(items)
  local plan, i = {}, 1
  while i <= #items do
    local item, after = items[i], items[i + 1]
    local fused = getmetatable(item) == Built and item.fuses and getmetatable(after) == Built
                  and after.name == "relu"
    plan[#plan + 1] = { number = i, item = item, run = getmetatable(item).run,
                        act = fused and "relu" or nil }
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

-- A chain of built items.
function M.of(items, input, output)
  return setmetatable({ items = items, plan = plan_of(items), input = input, output = output },
    Chain)
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
    fail("%s: needs a tensor %s, got %s", who, batch_text(self.input), type(x))
  end
  local shape, input = x.shape, self.input
  local fits = #shape == #input + 1
  for i = 1, #input do fits = fits and shape[i + 1] == input[i] end
  if fits or is_label(self, shape) then return end
  local hint = same(shape, input) and "; one row needs a batch axis: x:unsqueeze(1)"
               or #shape == 4 and #input == 3 and shape[2] == input[1] and shape[3] == input[2]
                  and ("; it was built for %d channel%s, the pictures have %d"):format(input[3],
                    input[3] == 1 and "" or "s", shape[4])
               or #shape == 4 and #input == 3 and shape[2] == input[3] and shape[4] == input[2]
                  and "; channels are the last axis: x:permute(1, 3, 4, 2)"
               or #shape > 1 and count_of(shape) == shape[1] * count_of(input)
                  and "; x:reshape(-1, " .. table.concat(input, ", ") .. ") would fit" or ""
  fail("%s: needs %s, got %s%s", who, batch_text(input), list_text(shape), hint)
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
  local twin = M.of(items, self.input, self.output)
  twin.path = rawget(self, "path")
  return twin
end

function Chain.text() return "chain" end

function methods.params(self, pattern) return M.params(self, pattern) end

-- ---- residual -----------------------------------------------------------------------------------

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

-- ---- building -----------------------------------------------------------------------------------

local build_item

local function build(input, list, at, path)
  local items, shape = {}, input
  for i, entry in ipairs(list) do
    items[i] = build_item(entry, shape, at .. i, path .. i)
    shape = items[i].output
  end
  local extra = next(list, #list > 0 and #list or nil)
  if extra ~= nil and type(extra) == "string" then
    fail("nn.chain: the list of layers has a field '%s'; layers stand in order, "
      .. "without names", extra)
  end
  return M.of(items, input, shape)
end

local function residual(list, input, at, path)
  local body = build(input, list, at .. ".", path .. ".")
  local self = { body = body, input = input, output = body.output }
  if not same(input, body.output) then
    local between = bridge(input, body.output)
    if not between then
      fail_at(at, "residual", ("cannot bring its input %s to the shape of its output %s"):format(
        list_text(input), list_text(body.output)))
    end
    self.skip = build(input, between, at .. ".skip.", path .. ".skip.")
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
    fail_at(at, maker.name,
      ("needs its arguments: nn.%s(%s)"):format(maker.name, maker.args or ""))
  end
  return made
end

function build_item(v, input, at, path)
  if core.is_layer(v) then return layers.built(v, input, at, path) end
  if type(v) == "function" then return layers.call(v, input, at, "function") end
  local meta = type(v) == "table" and getmetatable(v)
  if not meta and type(v) == "table" then return build(input, v, at .. ".", path .. ".") end
  if type(meta) ~= "table" then
    fail_at(at, tostring(v), ("a layer, a function, a chain or a list is needed, got %s"):format(
      type(v)))
  end
  if meta.is_maker then return build_item(from_maker(v, at), input, at, path) end
  if meta == M.Residual then return residual(v.list, input, at, path) end
  if meta == M.Own then return layers.own(v, input, at, path) end
  if meta.run and meta.parts then return shared(v, input, at) end
  if meta.__call then return layers.call(v, input, at, meta.__name or "function") end
  fail_at(at, meta.__name or "table", "cannot be called")
end

-- Descriptions, made by nn.residual and by makers of nn.layer.
M.Residual = { __name = "residual" }
M.Own = { __name = "layer" }

--- nn.chain(input, list): layers one behind the other. input: a number, a shape, or a chain, whose
--- output it is; sizes are inferred and checked here.
function M.new(input, list)
  if type(list) ~= "table" or getmetatable(list) ~= nil then
    fail("nn.chain: a shape and a list of layers are needed, got %s as the list",
      core.is_layer(list) and "a layer" or type(list))
  end
  local c = build(layers.shape_from(input, "nn.chain"), list, "", "")
  origin.note(c)
  return c
end

--- Is v a chain?
function M.is_chain(v) return getmetatable(v) == Chain end

-- ---- one item by itself -------------------------------------------------------------------------

function Residual.__call(self, x) return Residual.run(self, x, core.mode() == "train", false) end

Residual.__tostring = Residual.text

--- Parameters below a part that match a pattern of their path, as an ordered table.
function M.params(part, pattern)
  if pattern ~= nil and type(pattern) ~= "string" then
    fail("params: a pattern of names is a text, got %s", fail.came(pattern))
  end
  local list = {}
  for _, e in ipairs(parameters.of_kind(part, "param")) do
    if not pattern or e[1]:find(pattern) then list[#list + 1] = e end
  end
  return parameters.ordered(list)
end

-- ---- printing -----------------------------------------------------------------------------------

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
