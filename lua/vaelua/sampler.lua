--[[ sampler.lua - va.sampler: where the codes of samples come from.

    local draw = va.sampler("gmm:10", vae, data.train)
    va.show(vae:decode(draw(64)))
    print(draw)                     what it is, and how well it fits the codes

  A sampler is a file samplers/NAME.lua that returns function(model, set, argument, code), which
  gives a function (n, y) -> codes, the words that a table shows, and a table of what made it. What
  it fits, it fits to the codes of the set (training data): to one drawn code an image, or to the
  mean codes with "gmm:10:mean" or { "gmm", 10, code = "mean" }. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
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
  fail.unknown("sampler", name, core.modules("samplers"))
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

-- ---- the codes that are fitted ------------------------------------------------------------------

-- Codes by model and set, while one evaluation lasts (evaluate.lua): its samplers are fitted to the
-- same ones.
M.kept = nil

local function code_of(q, code)
  if code == "draw" then return q:sample() end
  return score.need(q, "the posterior", "mean"):mean()
end

local function collect(model, set, code, name)
  return M.apart("draw", "codes/" .. name, set.collect, set, function(x, y)
    local z = code_of(model:posterior(x, y), code)
    if type(z) == "table" then score.refuse("the code of %s is a list of tensors", name) end
    return z:reshape(#x, -1)
  end)
end

-- One code a row of the set, [N, Z] float32: code is "draw" (default) or "mean". A code that is a
-- list of tensors has no density that the samplers here could fit.
function M.codes(model, set, code)
  score.need(model, "the model", "posterior")
  code = code or "draw"
  local of_model = M.kept and M.kept[model] or {}
  local kept = of_model[set] or {}
  of_model[set] = kept
  if M.kept then M.kept[model] = of_model end
  local codes = kept[code] or collect(model, set, code, require "vaelua.nn".name_of(model))
  kept[code] = codes
  return codes
end

-- ---- samplers -----------------------------------------------------------------------------------

local Sampler = {}
Sampler.__index = Sampler

function Sampler:__call(n, y) return self.draw(n, y) end

function Sampler:__tostring()
  local loglik = self.protocol.loglik
  return loglik and ("%s (log density %.2f nats)"):format(self.words, loglik) or self.words
end

local OPTIONS = { [1] = true, [2] = true, code = true }

-- "gmm:10:mean" or { "gmm", 10, code = "mean" } as name, argument, code.
local function read(spec)
  if type(spec) == "string" then
    local text, code = spec:match("^(.+):(mean)$")
    local name, argument = M.parse(text or spec)
    return name, argument, code
  end
  if type(spec) ~= "table" or type(spec[1]) ~= "string" then
    fail("sampler: a name such as \"prior\" or \"gmm:10\", { \"gmm\", 10, code = "
      .. "\"mean\" } or a function is needed, got " .. type(spec))
  end
  for name in pairs(spec) do
    if not OPTIONS[name] then
      fail("sampler: there is no option '%s'; known is code", tostring(name))
    end
  end
  if spec.code ~= nil and spec.code ~= "mean" and spec.code ~= "draw" then
    fail("sampler: code is \"mean\" or \"draw\", got %s", tostring(spec.code))
  end
  local name, argument = M.parse(spec[1])
  if spec[2] ~= nil then argument = spec[2] end
  return name, argument, spec.code
end

-- The sampler, the words for it, and what made it.
function M.make(spec, model, set)
  local draw, words, protocol
  local nn = require "vaelua.nn"
  if not nn.is_model(model) and not (type(model) == "table" and model.inner) then
    fail("sampler: a model is needed second, got " .. fail.came(model))
  end
  if type(spec) == "function" then
    draw, words = spec, "a function"
  else
    local name, argument, code = read(spec)
    local text = table.concat({ name, tostring(argument or ""), code }, ":")
    local key = nn.name_of(model)
    draw, words, protocol = M.apart("sample", text .. "/" .. key, find(name), model, set, argument,
                                    code)
    words = words or text
  end
  local s = setmetatable({ draw = draw, words = words, protocol = protocol or {} }, Sampler)
  return s, words, s.protocol
end

-- "drawn training codes", "mean training codes"; for a deterministic encoder they are the same.
function M.words(code)
  return (code == "mean" and "mean" or "drawn") .. " training codes"
end

--- va.sampler(spec, model, set): an object that is called as (n, y) and gives codes; its fields
--- words and protocol say what it is, protocol.loglik how well it fits.
function M.sampler(spec, model, set)
  return (M.make(spec, model, set))
end

return M
