--[[ vae, vae:2000, vae:2000:mean - codes from a second VAE, trained on the training codes (Dai and
  Wipf, "Diagnosing and enhancing VAE models", ICLR 2019).

  Encoder and decoder have three layers of 128; the code of the second stage is as wide as that of
  the first, and its likelihood is a normal with one learned variance, whose noise is part of the
  samples. Adam for so many steps (2000) of 256 codes, learning rate 1e-3 falling to 0. Codes are
  standardised first. Its weights are plain tensors here: they are no model of the script, and its
  random numbers are the sampler's own. ]]

local core = require "vaelua.core"
local descend = require "vaelua.descend"
local samplers = require "vaelua.sampler"
local score = require "vaelua.score"
local optim = require "vaelua.optim"

local ops = core.ops
local WIDTH, LAYERS, BATCH, RATE = 128, 3, 256, 1e-3

-- ---- the network --------------------------------------------------------------------------------

-- Adds weights and biases from d numbers to `out` to the list.
local function add_layers(list, d, out)
  for layer = 1, LAYERS + 1 do
    local to = layer > LAYERS and out or WIDTH
    local spread = layer > LAYERS and math.sqrt(1 / d) or math.sqrt(2 / d)
    list[#list + 1] = ops.randn({ d, to }) * spread
    list[#list + 1] = ops.zeros({ to })
    d = to
  end
end

local function run(weights, first, x)
  for i = first, first + 2 * LAYERS, 2 do
    x = x:matmul(weights[i]) + weights[i + 1]
    if i < first + 2 * LAYERS then x = x:relu() end
  end
  return x
end

local DEC = 2 * LAYERS + 3            -- the decoder's first weight

local function new_weights(d)
  local list = {}
  add_layers(list, d, 2 * d)
  add_layers(list, d, d)
  list[#list + 1] = core.tensor(0.0)   -- log variance of the likelihood
  return list
end

-- -ELBO of codes x [N, d], one number.
local function loss(weights, x)
  local mean, logvar = run(weights, 1, x):split(2)
  local u, gamma = ops.reparameterise(mean, logvar), weights[#weights]
  local rec = (x - run(weights, DEC, u)):square() * (-gamma):exp() + gamma
  return (0.5 * rec:rowsum() + ops.normal_kl(mean, logvar)):mean()
end

-- ---- training -----------------------------------------------------------------------------------

local function train(codes, steps)
  local function rate(t) return RATE * (1 - (t - 1) / steps) end
  return descend("vae", new_weights(codes.shape[2]), steps, rate, function(weights)
    local x = codes:pick(ops.randint(1, #codes, { BATCH }))
    return optim.train(function() return core.grad(loss(weights, x), weights) end)
  end)
end

return function(model, set, steps, code)
  steps = steps or 2000
  if math.type(steps) ~= "integer" or steps < 1 then
    score.refuse("vae:%s: the number of steps must be a whole number of at least 1", steps)
  end
  local codes = samplers.codes(model, set, code)
  if #codes < 2 then score.refuse("vae: at least 2 training codes are needed, got %d", #codes) end
  local d, mean, sd = codes.shape[2], codes:mean(1), codes:std(1)
  local weights = train((codes - mean) / ops.maximum(sd, 1e-6), steps)
  local noise = (weights[#weights] * 0.5):exp()
  local function draw(n)
    local z = run(weights, DEC, ops.randn({ n, d })) + noise * ops.randn({ n, d })
    return z * sd + mean
  end
  local words = ("second-stage VAE (%d layers of %d, %d steps) on %s"):format(LAYERS, WIDTH, steps,
    samplers.words(code))
  return draw, words, { code = code or "draw", layers = LAYERS, width = WIDTH, steps = steps,
                        count = #codes }
end
