-- vae.lua: Gaussian VAE (Kingma & Welling 2014) with KL warm-up.   vaelua experiments/vae.lua z=16
local va = require "vaelua"
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

local cfg  = va.args { z = 20, beta = 1.0, epochs = 20, batch = 128, lr = 1e-3, seed = 1 }
local data = va.data "fashion_mnist"
local beta = va.schedule.ramp(0, cfg.beta, 5)       -- a schedule is a function of the epoch

local vae = nn.model("vae", {
  enc = nn.chain(data.shape, {                      -- {28, 28, 1}: sizes are inferred and checked
    nn.conv(32, 3, { stride = 2 }), nn.relu, nn.conv(64, 3, { stride = 2 }), nn.relu,
    nn.linear(2 * cfg.z) }),
  dec = nn.chain(cfg.z, {
    nn.linear { 7, 7, 64 }, nn.relu, nn.deconv(32, 3, { stride = 2 }), nn.relu,
    nn.deconv(1, 3, { stride = 2 }) }),
})

function vae:posterior(x)  return normal(self.enc(x):split(2)) end    -- mean, log variance
function vae:likelihood(z) return bernoulli(self.dec(z)) end          -- logits

function vae:loss(x, b)
  local z, kl = self:posterior(x):draw(self:prior())                  -- one draw and its KL
  local rec = -self:likelihood(z):logp(x)
  return (rec + b * kl):mean(), { rec = rec, kl = kl }
end

local adam = va.adam(vae, { lr = cfg.lr })
for t, x in data.train:epochs(cfg.epochs, cfg.batch) do               -- the body trains
  local loss, terms = vae:loss(x, beta(t))
  adam:step(loss)
  va.log(t, vae, loss, terms)
end
va.report(vae, data, { "elbo", "iwae:50", "active_units", "frechet", "samples:64" })
