-- vae_step.lua - ms a training step of the VAE: forward, backward and Adam at batch 128.
--
--     vaelua tests/bench/vae_step.lua [steps]      prints "vaelua <ms>", the median
--
-- The model of vae_torch.py, its peer: the same layers, loss and noise.

local va = require "vaelua"
local core = require "vaelua.core"
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

local steps = tonumber(arg and arg[1]) or 200
local x = va.rand(128, 28, 28, 1)

local vae = nn.model("vae", {
  enc = nn.chain({ 28, 28, 1 }, {
    nn.conv(32, 3, { stride = 2 }), nn.relu, nn.conv(64, 3, { stride = 2 }), nn.relu, nn.linear(40),
  }),
  dec = nn.chain(20, {
    nn.linear { 7, 7, 64 }, nn.relu, nn.deconv(32, 3, { stride = 2 }), nn.relu,
    nn.deconv(1, 3, { stride = 2 }),
  }),
})

local adam = va.adam(vae, { lr = 1e-3 })
local times, start = {}, core.clock()
for _ in va.steps(steps + 20) do
  local z, kl = normal(vae.enc(x):split(2)):draw(normal.unit())
  local loss = (kl - bernoulli(vae.dec(z)):logp(x)):mean()
  adam:step(loss)
  times[#times + 1] = core.clock() - start
  start = core.clock()
end
for _ = 1, 20 do table.remove(times, 1) end
table.sort(times)
print(("vaelua %.3f"):format(times[#times // 2 + 1] * 1000))
