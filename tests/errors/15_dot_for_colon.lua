-- A function of a model that is called with a dot.
local va = require "vaelua"
local nn, dist = va.nn, va.dist
local vae = nn.model("vae", { enc = nn.chain(2, { nn.linear(4) }) })
function vae:posterior(x) return dist.normal(self.enc(x):split(2)) end
local x = va.randn(4, 2)
print(vae.posterior(x):mean())
