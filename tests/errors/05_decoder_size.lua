-- A decoder whose pictures are smaller than those of the data.
local va = require "vaelua"
local nn, dist = va.nn, va.dist
local vae = nn.model("vae", {
  enc = nn.chain({ 28, 28, 1 }, { nn.conv(4, 3, { stride = 2 }), nn.relu, nn.linear(2 * 4) }),
  dec = nn.chain(4, { nn.linear { 7, 7, 4 }, nn.relu, nn.deconv(1, 3, { stride = 2 }) }),
})
function vae:posterior(x) return dist.normal(self.enc(x):split(2)) end
function vae:likelihood(z) return dist.bernoulli(self.dec(z)) end
local x = va.rand(2, 28, 28, 1)
local z = vae:posterior(x):sample()
print(vae:likelihood(z):logp(x):mean():item())
