-- features.lua: trains the feature network that the Fréchet distance and the Inception Score use
-- (lua/vaelua/features.lua): a small classifier of Fashion-MNIST, with flips and shifts.
--   vaelua experiments/features.lua                   writes checkpoints/fashion_mnist.safetensors
-- A version is its weights: to make one, put the file into lua/vaelua/features/ under a new name
-- and add its line, with the SHA-256 that is printed here, to the versions in features.lua.
local va = require "vaelua"
local features = require "vaelua.features"

local cfg = va.args { epochs = 12, batch = 128, lr = 2e-3, decay = 0.02, seed = 1,
                      quick = { epochs = 1 } }
local data = va.data "fashion_mnist"
local train = data.train:map(va.augment.flip):map(va.augment.shift(1))

local body, head = features.parts(data.shape, #data.classes)
local net = va.nn.model("features", { body = body, head = head })

function net:classify(x) return va.dist.categorical(self.head(self.body(x))) end

local warm = 1                            -- epochs to the full rate; then down to 0 on a cosine
local function rate(t)
  if t < warm then return cfg.lr * t / warm end
  return cfg.lr * (1 + math.cos(math.pi * (t - warm) / math.max(cfg.epochs - warm, 1))) / 2
end

local adam = va.adamw(net, { lr = cfg.lr, decay = cfg.decay })
for t, x, y in train:epochs(cfg.epochs, cfg.batch) do
  adam.lr = rate(t)
  local loss = -net:classify(x):logp(y):mean()
  adam:step(loss)
  va.log(t, net, loss)
end

local accuracy = va.report(net, data, { "accuracy" })[net].accuracy.value
local path, hash = features.save(data.name, body, head, {
  script = "experiments/features.lua", seed = tostring(cfg.seed), epochs = tostring(cfg.epochs),
  data = data.name, accuracy = ("%.4f"):format(accuracy) })
va.note("weights %s, test accuracy %.4f, SHA-256 %s", path, accuracy, hash)
