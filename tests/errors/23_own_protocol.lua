-- A mistake in a protocol of the script.
local va = require "vaelua"
local set = va.set(va.rand(8, 8, 8, 1))
local data = va.data { train = set, test = set }
local ae = va.models.ae { name = "ae", shape = data.shape, z = 2 }
va.protocol("energy", function (model, d)
  local x = d.test:first(4)
  return { energy = va.score(model:encode(x):norm():item(), "nats", "lower") }
end)
va.report(ae, data, { "energy" })
