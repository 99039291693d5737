-- init.lua - the table that `require "vaelua"` returns.
--
-- The ops of the core are functions of it; everything else lives in a module of
-- its own that is loaded when one of its names is first used, so that starting
-- costs next to nothing. A module returns a table of the names that it adds.

local core = require "vaelua.core"

local va = { _VERSION = core.version }

-- Which module has which names. A name that is its own module stands in `tables`.
local tables = { "nn", "dist", "schedule", "augment", "loss", "stats" }
local modules = {
  tensor = { "tensor", "item", "split", "sort", "topk", "memory", "device", "precision",
             "read", "write" },
  optim = { "adam", "adamw", "sgd", "grad", "var", "step", "no_grad", "train", "op", "ema" },
  check = { "check" },
  profile = { "profile" },
  args = { "args", "setup" },
  data = { "data", "set" },
  train = { "steps", "fit", "seeds", "seed", "state", "early", "eager" },
  log = { "log", "history", "note" },
  report = { "evaluate", "report", "protocol", "images", "score", "question" },
  average = { "average" },
  sampler = { "sampler" },
  open = { "open" },
  reload = { "reload" },
  show = { "show", "traverse", "interp", "slerp" },
  plot = { "plot", "hist", "scatter", "heat" },
  latents = { "top_kl", "neighbours", "pca", "attribute", "variance" },
  help = { "help" },
}

local home = {}
for module, names in pairs(modules) do
  for _, name in ipairs(names) do home[name] = module end
end
for _, name in ipairs(tables) do home[name] = name end

local function load_name(name)
  local module = home[name]
  local loaded = require("vaelua." .. module)
  if module == name and type(loaded) == "table" and rawget(loaded, name) == nil then
    return loaded
  end
  return loaded[name]
end

local function names_known()
  local names = {}
  for name in pairs(core.ops) do names[#names + 1] = name end
  for name in pairs(home) do names[#names + 1] = name end
  table.sort(names)
  return names
end

setmetatable(va, {
  __names = { core.ops, home },
  __index = function(_, name)
    local value = home[name] and load_name(name)      -- va.log is both: log.lua tells them apart
    if not value then value = core.ops[name] end
    if value == nil and name == "models" then value = require "vaelua.models" end
    if value == nil then
      core.fail("user", ("va has no '%s'%s"):format(tostring(name),
        require("vaelua.fail").near(name, names_known())))
    end
    rawset(va, name, value)
    return value
  end,
})

require "vaelua.tensor" -- methods of tensors that are written in Lua

return va
