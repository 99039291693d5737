-- fail.lua - a mistake of the user: fail(format, ...) raises the message, made as by string.format,
-- behind the file and line of the script, fail.usage(format, ...) and fail.data(format, ...) those
-- about the command line and about files.  Also the words that such messages share.

local core = require "vaelua.core"
local keys = require "vaelua.keys"

local M = {}

-- What other libraries call something that has another name here.
local elsewhere = {
  weight_decay = "decay", learning_rate = "lr", batch_size = "batch", batchsize = "batch",
  num_epochs = "epochs", n_epochs = "epochs", latent_dim = "z", latent = "z", padding = "pad",
  num_samples = "n", keepdim = "keep", clip_norm = "clip", max_norm = "clip", grad_clip = "clip",
  Sequential = "chain", ConvTranspose2d = "deconv", conv_transpose = "deconv", LeakyReLU = "lrelu",
  leaky_relu = "lrelu", Parameter = "param", Module = "model", SiLU = "silu", swish = "silu",
  BCEWithLogitsLoss = "bce_logits",
  manual_seed = "seed", concat = "cat", concatenate = "cat", load = "read", save = "write",
  mse_loss = "loss", MSELoss = "loss",
}

local NAMES_AT_ONCE = 500         -- that core.nearest looks at

-- The name that was meant, or nil: what another library calls so, else the nearest in spelling.
function M.nearest(word, names)
  local meant, list, winners = elsewhere[word], {}, {}
  for _, name in ipairs(names) do
    if name == meant then return name end
    if type(name) == "string" then list[#list + 1] = name end
  end
  table.sort(list)
  for i = 1, #list, NAMES_AT_ONCE do
    local near = core.nearest(tostring(word), table.move(list, i, i + NAMES_AT_ONCE - 1, 1, {}))
    winners[#winners + 1] = near
  end
  return core.nearest(tostring(word), winners)
end

--- " (did you mean 'sample'?)" for a word that is near to one of the names, else "". before: what
--- users type before each name.
function M.near(word, names, before)
  local near = M.nearest(word, names)
  return near and (" (did you mean '%s%s'?)"):format(before or "", near) or ""
end

--- What came, in words: a number or a text as it is, of anything else what it is.
function M.came(v)
  if type(v) == "string" then return ("%q"):format(v) end
  if core.is_tensor(v) then return "a tensor [" .. table.concat(v.shape, ", ") .. "]" end
  if type(v) == "table" or type(v) == "function" or type(v) == "userdata" then
    local meta = getmetatable(v)
    return "a " .. (type(meta) == "table" and meta.__name or type(v))
  end
  return tostring(v)
end

--- A table of functions in which a misspelt name is an error: who is what it is called.
function M.strict(who, t)
  return setmetatable(t, { __index = function(_, name)
    M("%s has no '%s'%s", who, tostring(name), M.near(name, keys.sorted(t)))
  end })
end

--- There is no such protocol, sampler, ...: what was meant, else all that there are.
function M.unknown(kind, name, known)
  local near = M.near(name, known)
  M("there is no %s '%s'%s", kind, tostring(name),
    near ~= "" and near or "; known are " .. table.concat(known, ", "))
end

--- An argument that must be a tensor, a set, a function or a table of options (or nil).
function M.need_tensor(who, what, v)
  if not core.is_tensor(v) then M("%s: %s must be a tensor, got %s", who, what, M.came(v)) end
  return v
end

function M.need_set(who, what, v)
  if type(v) == "table" and getmetatable(v) == require "vaelua.set" then return v end
  local inner = type(v) == "table" and getmetatable(v) ~= nil and pcall(function()
    assert(getmetatable(v.train) == require "vaelua.set")
  end)
  M("%s: %s must be a set, got %s", who, what,
    inner and "a data set with several: data.train is one" or M.came(v))
end

-- Whether it can be called.
function M.callable(v)
  local meta = getmetatable(v)
  return type(v) == "function" or type(meta) == "table" and meta.__call ~= nil
end

function M.need_function(who, what, v)
  if not M.callable(v) then
    M("%s: %s must be a function, got %s", who, what, M.came(v))
  end
  return v
end

-- A whole number from the least on, as an integer.
function M.need_integer(who, what, n, least)
  local whole = math.tointeger(n)
  if type(n) ~= "number" or not whole or whole < least then
    M("%s: %s must be an integer from %d, got %s", who, what, least, M.came(n))
  end
  return whole
end

function M.need_options(who, given)
  if given ~= nil and (type(given) ~= "table" or core.is_tensor(given)) then
    M("%s: options stand in a table, { name = value }, got %s", who, M.came(given))
  end
  return given or {}
end

--- An option that who does not have; names: those that it has.
function M.option(who, name, names)
  local near = M.near(name, names)
  M("%s has no option '%s'%s (options: %s)", who, tostring(name), near,
    #names > 0 and table.concat(names, ", ") or "none")
end

-- A message made as by string.format; one without arguments is taken as it is.
local function raise(kind, format, ...)
  core.fail(kind, select("#", ...) > 0 and format:format(...) or format)
end

-- A mistake on the command line.
function M.usage(format, ...) raise("usage", format, ...) end

-- A file or data that are not what they should be.
function M.data(format, ...) raise("data", format, ...) end

return setmetatable(M, { __call = function(_, format, ...) raise("user", format, ...) end })
