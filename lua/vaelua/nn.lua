-- nn.lua - layers, chains, parameters and models, as scripts see them: `va.nn`.
--
-- nn.conv, nn.relu and all other layers of the core are makers: called with arguments they
-- describe a layer, named without a call they stand for nn.relu(), and an activation that is
-- called with a tensor is the op. chain.lua builds and runs chains, parameters.lua finds what is
-- trained, model.lua makes models.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local chain = require "vaelua.chain"
local keys = require "vaelua.keys"
local model = require "vaelua.model"
local parameters = require "vaelua.parameters"
local ops = core.ops

local nn = {
  chain = chain.new,
  param = parameters.param,
  buffer = parameters.buffer,
  model = model.new,
  is_model = model.is_model,
  name_of = model.name_of,
  models = model.all,
  find = model.find,
  new_seed = model.new_seed,
  trace = chain.trace,
  is_chain = chain.is_chain,
}

--- Parameters of a model, chain or list, in order: { path, tensor } each.
function nn.parameters(m) return parameters.of_kind(m, "param") end

--- What is saved but not trained.
function nn.buffers(m) return parameters.of_kind(m, "buffer") end

-- ---- makers -------------------------------------------------------------------------------------

local Maker = { __name = "layer", is_maker = true }

function Maker.__call(self, ...)
  if self.op and core.is_tensor((...)) then return self.op(...) end
  return self.make(...)
end

function Maker.__tostring(self) return "nn." .. self.name end

local function core_maker(name)
  return setmetatable({ name = name, args = core.layer_args(name), make = core.layers[name],
                        op = ops[name] }, Maker)
end

--- nn.layer { name, build, forward, ... }: a maker of layers written in Lua. build(self, shape,
--- ...) makes what the layer needs (self.w = nn.param(...)) and returns the shape of its output;
--- forward(self, x) returns y, or y and log det [N] of a flow step. Other fields are methods.
function nn.layer(spec)
  if type(spec) ~= "table" or type(spec.forward) ~= "function" then
    fail("nn.layer: a table with forward = function(self, x) is needed")
  end
  for k, v in pairs(spec) do
    if (k == "build" and type(v) ~= "function") or (k == "name" and type(v) ~= "string") then
      fail("nn.layer: %s must be a %s, got %s", k, k == "name" and "string" or "function", type(v))
    end
  end
  local name = spec.name or "layer"
  return setmetatable({
    name = name, args = "...",
    make = function(...)
      return setmetatable({ spec = spec, args = table.pack(...) }, chain.Own)
    end,
  }, Maker)
end

--- nn.residual(list): x + f(x), with a 1x1 convolution (a linear layer for plain rows) where the
--- shapes differ.
function nn.residual(list)
  if type(list) ~= "table" or getmetatable(list) ~= nil then
    fail("nn.residual: a list of layers is needed, got %s", type(list))
  end
  return setmetatable({ list = list }, chain.Residual)
end

-- ---- frozen -------------------------------------------------------------------------------------

local Frozen = { __name = "frozen" }

local freeze

local function frozen_value(v)
  if core.is_tensor(v) then return parameters.kind_of(v) and v:detach() or v end
  if chain.is_chain(v) or model.is_model(v) then return freeze(v) end
  if type(v) == "table" and getmetatable(v) == nil then
    local list = {}
    for k, e in pairs(v) do list[k] = frozen_value(e) end
    return list
  end
  return v
end

-- A model's functions run with the frozen model as self.
function Frozen.__index(self, k) return frozen_value(rawget(self, "inner")[k]) end

function Frozen.__newindex()
  fail("nn.frozen: a frozen part is not changed")
end

function Frozen.__call(self, x, ...)
  local inner = rawget(self, "inner")
  if chain.is_chain(inner) then return chain.run_frozen(inner, x) end
  if inner.forward == nil then
    fail("nn.frozen: the model '%s' cannot be called; call one of its functions",
      model.name_of(inner))
  end
  return inner.forward(self, x, ...)
end

function Frozen.__tostring(self) return "frozen " .. tostring(rawget(self, "inner")) end

function freeze(what)
  return setmetatable({ inner = what }, Frozen)
end

--- nn.frozen(chain or model): the same with constant weights, behaving as in evaluation.
--- Gradients still reach its input.
function nn.frozen(what)
  if not (chain.is_chain(what) or model.is_model(what)) then
    fail("nn.frozen: a chain or a model is needed, got %s", type(what))
  end
  return freeze(what)
end

-- ---- initial values -----------------------------------------------------------------------------

nn.init = {}

-- Other initial values for the weights below `what` (for `what` itself, if it is a parameter).
-- choose(fan_in, fan_out) -> kind, a of core.init.
local function init_with(name, what, choose)
  local function change(shape) return choose(core.init_fans(shape)) end
  if core.is_tensor(what) then
    if not parameters.kind_of(what) then
      fail("nn.init.%s: not a parameter or buffer (nn.param makes one)", name)
    end
    chain.init_tensor(what, change)
  elseif type(what) == "table" then
    chain.change_init(what, change)
  else
    fail("nn.init.%s: a chain, a model or a parameter is needed, got %s", name, type(what))
  end
  return what
end

--- Kaiming He (2015): normal with variance gain^2 / fan_in; gain sqrt(2) suits ReLU.
function nn.init.kaiming(what, gain)
  return init_with("kaiming", what, function(fan_in)
    return "normal", (gain or math.sqrt(2)) / math.sqrt(fan_in)
  end)
end

--- Glorot and Bengio (2010): uniform with variance 2 gain^2 / (fan_in + fan_out).
function nn.init.xavier(what, gain)
  return init_with("xavier", what, function(fan_in, fan_out)
    return "uniform", (gain or 1) * math.sqrt(6 / (fan_in + fan_out))
  end)
end

--- Saxe et al. (2014): orthonormal rows or columns, times gain.
function nn.init.orthogonal(what, gain)
  return init_with("orthogonal", what, function() return "orthogonal", gain or 1 end)
end

--- Normal with mean 0 and the given standard deviation.
function nn.init.normal(what, deviation)
  return init_with("normal", what, function() return "normal", deviation or 0.02 end)
end

--- Uniform in [-limit, limit].
function nn.init.uniform(what, limit)
  return init_with("uniform", what, function() return "uniform", limit or 0.05 end)
end

--- The same value everywhere.
function nn.init.constant(what, value)
  return init_with("constant", what, function() return "constant", value or 0 end)
end

--- Zeros.
function nn.init.zeros(what) return nn.init.constant(what, 0) end

setmetatable(nn.init, { __index = function(_, name)
  fail("nn.init has no '%s' (constant, kaiming, normal, orthogonal, uniform, xavier, "
    .. "zeros)", tostring(name))
end })

-- ---- names --------------------------------------------------------------------------------------

return setmetatable(nn, {
  __names = { core.layers },
  __index = function(_, name)
    if core.layers[name] then
      local maker = core_maker(name)
      rawset(nn, name, maker)
      return maker
    end
    fail("nn has no '%s'%s", tostring(name), fail.near(name, keys.sorted(nn, core.layers)))
  end,
})
