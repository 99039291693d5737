-- arguments_spec.lua - every public function with arguments of the wrong kind: what comes is an
-- answer or a message in the words of the user, never an error of Lua from inside of ours, nor the
-- address of a table.

local core = require "vaelua.core"
local va = require "vaelua"

local set = va.set(va.rand(8, 8, 8, 1), va.tensor({ 1, 2, 1, 2, 1, 2, 1, 2 }, "int32"))
local data = va.data { train = set, test = set }
local vae = va.models.vae { name = "arguments", shape = data.shape, z = 2 }
local x = va.ones(2, 3)

local function nothing() end

local WRONG = {
  {}, { 1 }, { -1 }, { 0.5 }, { "x" }, { true }, { {} }, { { 1, 2 } }, { nothing }, { va.ones(3) },
  { set }, { data }, { vae }, { vae, set }, { vae, data }, { 1, 2 }, { 1, "x" }, { vae, "x" },
  { x, "x" }, { x, {} }, { x, va.ones(4) }, { vae, { 1 } }, { set, vae }, { 1, 2, 3 },
  { vae, x, 3 }, { "x", {} }, { "x", 3 }, { "x", nothing }, { vae, {} }, { x, x, {} },
  { x, 1, { zz = 1 } }, { vae, set, { epochs = 1, batch = "x" } },
}

local INNER = { "attempt to", "bad argument", "/lua/vaelua/", "0x%x%x%x%x" }

local function words(list)
  local text = {}
  for i = 1, #list do
    text[i] = core.is_tensor(list[i]) and "tensor" or type(list[i]) == "table" and "table"
              or tostring(list[i])
  end
  return table.concat(text, ", ")
end

local function try(who, f)
  for _, list in ipairs(WRONG) do
    local good, message = pcall(f, table.unpack(list))
    for _, inner in ipairs(good and {} or INNER) do
      if tostring(message):find(inner) then
        error(("%s(%s): %s"):format(who, words(list), message), 0)
      end
    end
  end
end

local function names_in(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function all(who, t, names, self)
  for _, name in ipairs(names or names_in(t)) do
    it(who .. name, function()
      try(who .. name, function(...)
        if self then return t[name](self, ...) end
        return t[name](...)
      end)
    end)
  end
end

describe("wrong arguments of", function()
  all("va.", va, { "adam", "adamw", "sgd", "grad", "var", "step", "no_grad", "op", "ema", "check",
                   "data", "set", "steps", "fit", "early", "log", "history", "protocol", "images",
                   "score", "sampler", "traverse", "interp", "slerp", "top_kl", "neighbours", "pca",
                   "tensor", "item", "split", "sort", "topk" })
  all("va.", core.ops)
  all("nn.", va.nn, { "chain", "param", "buffer", "model", "frozen", "residual", "layer" })
  all("nn.", va.nn, names_in(core.layers))
  all("dist.", va.dist, { "normal", "laplace", "bernoulli", "continuous_bernoulli", "categorical",
                          "delta", "mixture", "joint", "flow" })
  all("dist.normal.", va.dist.normal, { "unit" })
  all("schedule.", va.schedule, { "ramp", "cyclic", "control" })
  all("loss.", va.loss, { "squared", "absolute", "mmd", "kl_parts" })
  all("augment.", va.augment, { "flip", "shift", "binarise" })
  all("set:", set, { "epochs", "batches", "first", "subset", "class", "split", "map", "collect" },
      set)
  all("model:", vae, { "encode", "decode", "reconstruct", "sample", "params", "posterior",
                       "likelihood" }, vae)
  all("x:", core.methods, nil, va.ones(4, 3))
end)
