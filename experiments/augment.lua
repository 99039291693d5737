-- augment.lua - are generated pictures worth anything to a classifier with few labels? A VAE is
-- trained on all images without labels; then classifiers are trained on few labelled images, alone,
-- with flips and shifts, and with batches half of which the VAE made, for the same number of steps.
--   vaelua experiments/augment.lua                    10, 50 and 200 labels a class, 5 seeds
--   vaelua experiments/augment.lua labels=5,20 z=10   other numbers of labels
--   vaelua experiments/augment.lua quick=true         10 labels, 3 seeds, short trainings
local va = require "vaelua"

local cfg = va.args { labels = { 10, 50, 200 }, seeds = 5, steps = 600, batch = 50, lr = 1e-3,
                      z = 20, epochs = 10, train = 60000, count = 10000,
                      quick = { labels = { 10 }, seeds = 3, steps = 100, epochs = 1 } }
local data = va.data "fashion_mnist"

-- What a classifier sees of the labelled images.
local function ways(vae, few)
  return { alone = few,
           shifted = few:map(va.augment.flip):map(va.augment.shift(2)),
           reconstructed = few:map(va.augment.reconstruct(vae)),
           sampled = few:map(va.augment.sample(vae, few)) }
end

for _, n in ipairs(cfg.labels) do
  va.question(("With %d labels a class: does it help to move the pictures, or to make others?")
    :format(n), ("accuracy labels=%d"):format(n))
end

for seed in va.seeds(cfg.seeds) do
  local vae = va.models.vae { shape = data.shape, z = cfg.z }
  va.fit(vae, data.train:subset(cfg.train), { epochs = cfg.epochs, batch = 128, lr = cfg.lr })

  local arms = {}                                     -- a model, and a column, for each way
  for i, name in ipairs { "alone", "shifted", "reconstructed", "sampled" } do
    local arm = va.nn.model(name, {})
    function arm:classify(x) return self.net:classify(x) end
    arms[i] = arm
  end
  for _, n in ipairs(cfg.labels) do
    local sets = ways(vae, data.train:subset(n, { per_class = true, seed = seed }))
    local epochs = math.max(1, cfg.steps * cfg.batch // (n * #data.classes))
    for _, arm in ipairs(arms) do
      arm.net = va.models.classifier { name = arm.name .. n, shape = data.shape,
                                       classes = data.classes }
      va.fit(arm.net, sets[arm.name], { epochs = epochs, batch = cfg.batch, lr = cfg.lr })
    end
    va.evaluate(arms, data, { { "accuracy", labels = n } }, { count = cfg.count })
  end
end
va.report()
