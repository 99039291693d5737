--[[ sampler.lua - va.sampler: where the codes of samples come from.

    local draw = va.sampler("gmm:10", vae, data.train)
    va.show(vae:decode(draw(64)))

  A sampler is a file samplers/NAME.lua that returns function(model, set, argument), which gives a
  function (n, y) -> codes and the words that a table shows.  What it fits, it fits to the codes of
  the set (training data). ]]

local core = require "vaelua.core"
local score = require "vaelua.score"

local M = {}

-- "gmm:10" is gmm and 10; the argument is a number where it reads as one.
function M.parse(spec)
  local name, argument = spec:match("^([^:]+):(.+)$")
  return name or spec, tonumber(argument) or argument
end

local function find(name)
  for _, known in ipairs(core.modules("samplers")) do
    if known == name then return require("vaelua.samplers." .. name) end
  end
  local known = core.modules("samplers")
  local near = core.nearest(name, known)
  core.fail("user", ("there is no sampler '%s'%s; known are %s"):format(name,
    near and (" (did you mean '%s'?)"):format(near) or "", table.concat(known, ", ")))
end

-- Runs f under a stream of random numbers of its own, in evaluation; cleans up after errors.
function M.apart(purpose, name, f, ...)
  local mode = core.mode_push("eval")
  local stream = core.stream_push(purpose, name)
  local results = table.pack(pcall(f, ...))
  core.stream_cut(stream)
  core.mode_pop(mode)
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

-- Codes of the training set by model, while one evaluation lasts (evaluate.lua): its samplers are
-- fitted to the same ones.
M.kept = nil

-- One drawn code a row of the set, [N, Z] float32; a code that is a list of tensors has no density
-- that the samplers here could fit.
function M.codes(model, set)
  score.need(model, "the model", "posterior")
  local kept = M.kept and M.kept[model]
  if kept then return kept end
  local name = require "vaelua.nn".name_of(model)
  local codes = M.apart("draw", "codes/" .. name, set.collect, set, function(x, y)
    local code = model:posterior(x, y):sample()
    if type(code) == "table" then score.refuse("the code of %s is a list of tensors", name) end
    return code:reshape(#x, -1)
  end)
  if M.kept then M.kept[model] = codes end
  return codes
end

-- The sampler and the words for it.
function M.make(spec, model, set)
  if type(spec) == "function" then return spec, "a function" end
  if type(spec) ~= "string" then
    core.fail("user", "sampler: a name such as \"prior\" or \"gmm:10\" is needed, got "
                      .. type(spec))
  end
  local name, argument = M.parse(spec)
  local make = find(name)
  local key = require "vaelua.nn".name_of(model)
  local draw, words = M.apart("sample", spec .. "/" .. key, make, model, set, argument)
  return draw, words or spec
end

function M.sampler(spec, model, set)
  local draw = M.make(spec, model, set)
  return draw
end

return M
