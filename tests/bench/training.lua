-- training.lua - seconds of training the VAE and the autoencoder on Fashion-MNIST, both on each
-- batch, logs included: what experiments/compare.lua does before it evaluates.
--
--     vaelua tests/bench/training.lua [epochs]     prints "vaelua <seconds>"
--
-- The peer is `vae_torch.py THREADS train EPOCHS`.

local va = require "vaelua"
local core = require "vaelua.core"

local epochs = tonumber(arg and arg[1]) or 1
local data = va.data "fashion_mnist"
local vae = va.models.vae { shape = data.shape, z = 20 }
local ae = va.models.ae { shape = data.shape, z = 20 }
local adam = { [vae] = va.adam(vae, { lr = 1e-3 }), [ae] = va.adam(ae, { lr = 1e-3 }) }

local start = core.clock()
for t, x in data.train:epochs(epochs, 128) do
  for _, m in ipairs { vae, ae } do
    local loss, terms = m:loss(x, 1)
    adam[m]:step(loss)
    va.log(t, m, loss, terms)
  end
end
print(("vaelua %.3f"):format(core.clock() - start))
