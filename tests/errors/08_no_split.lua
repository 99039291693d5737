-- The heads for mean and log variance are not taken apart.
local va = require "vaelua"
local nn, dist = va.nn, va.dist
local z = 2
local vae = nn.model("vae", {
  enc = nn.chain(2, { nn.linear(16), nn.relu, nn.linear(2 * z) }),
  dec = nn.chain(z, { nn.linear(16), nn.relu, nn.linear(2) }),
})
function vae:posterior(x) return dist.normal(self.enc(x)) end
local x = va.randn(4, 2)
local code, kl = vae:posterior(x):draw(vae:prior())
print(vae.dec(code), kl)
