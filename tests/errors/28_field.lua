-- A misspelt part of a model.
local va = require "vaelua"
local vae = va.nn.model("vae", { enc = va.nn.chain(2, { va.nn.linear(4) }) })
print(vae.encc(va.ones(1, 2)))
