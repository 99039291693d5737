-- A misspelt protocol.
local va = require "vaelua"
local set = va.set(va.rand(8, 8, 8, 1))
local data = va.data { train = set, test = set }
local vae = va.models.vae { name = "vae", shape = data.shape, z = 2 }
va.report(vae, data, { "elbo", "active_unit" })
