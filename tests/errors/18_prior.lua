-- A prior of another width than the code.
local va = require "vaelua"
local nn, dist = va.nn, va.dist
local vae = nn.model("vae", { enc = nn.chain(2, { nn.linear(2 * 4) }) })
function vae:posterior(x) return dist.normal(self.enc(x):split(2)) end
function vae:prior() return dist.normal.unit(8) end
local z, kl = vae:posterior(va.randn(4, 2)):draw(vae:prior())
print(z, kl)
