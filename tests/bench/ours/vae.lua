-- vae.lua - training steps of the VAE and the autoencoder, an epoch of both, memory of a training.
-- The peer is theirs/vae.py: the same layers, losses, noise and optimiser.

local va = require "vaelua"
local worker = require "tests.bench.ours.worker"

-- Both on each batch, logs included: what experiments/compare.lua does before it evaluates.
local function epoch(set, models, adam)
  for t, x in set:epochs(1, 128) do
    for _, m in ipairs(models) do
      local loss, terms = m:loss(x, 1)
      adam[m]:step(loss)
      va.log(t, m, loss, terms)
    end
  end
end

local function both(shape)
  local vae, ae = va.models.vae { shape = shape, z = 20 }, va.models.ae { shape = shape, z = 20 }
  return { vae, ae }, { [vae] = va.adam(vae, { lr = 1e-3 }), [ae] = va.adam(ae, { lr = 1e-3 }) }
end

worker.serve {
  step = function(batch, precision, name)
    va.precision(precision)                        -- holds for the whole worker
    local model = va.models[name] { shape = { 28, 28, 1 }, z = 20 }
    local x, adam = va.rand(batch, 28, 28, 1), va.adam(model, { lr = 1e-3 })
    return function(seconds)
      return worker.steps(function() adam:step((model:loss(x, 1))) end, seconds)
    end
  end,

  epoch = function()
    local data = va.data "fashion_mnist"
    local models, adam = both(data.shape)
    epoch(data.train:subset(1024), models, adam)
    return function() return { worker.once(epoch, data.train, models, adam) } end
  end,

  -- MB that the process has held at most behind so many pictures.
  memory = function(pictures)
    local data = va.data "fashion_mnist"
    return function()
      epoch(data.train:subset(pictures), both(data.shape))
      return { worker.most_memory() }
    end
  end,
}
