-- 05_vae.lua - a small VAE on made-up pictures: bars of random place and brightness.
local va = require "vaelua"
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

local place = va.randint(1, 8, 512)
local x = va.one_hot(place, 8):reshape(512, 1, 8, 1):expand(512, 8, 8, 1)
local data = va.data { train = va.set(x * 0.9), test = va.set(x:rows(1, 64) * 0.9) }

local vae = nn.model("vae", {
  enc = nn.chain(data.shape, { nn.linear(64), nn.relu, nn.linear(2 * 4) }),
  dec = nn.chain(4, { nn.linear(64), nn.relu, nn.linear { 8, 8, 1 } }),
})
function vae:posterior(v) return normal(self.enc(v):split(2)) end
function vae:likelihood(z) return bernoulli(self.dec(z)) end
function vae:loss(v, beta)
  local z, kl = self:posterior(v):draw(self:prior())
  local rec = -self:likelihood(z):logp(v)
  return (rec + beta * kl):mean(), { rec = rec, kl = kl }
end

local beta = va.schedule.ramp(0, 1, 5)
local h = va.fit(vae, data.train, { epochs = 30, batch = 64, lr = 1e-2, beta = beta })
print(("loss %.2f -> %.2f nats"):format(h.loss[1], h.last.loss))
assert(h.last.loss < h.loss[1])
print(vae:sample(2).shape[1], "samples")
