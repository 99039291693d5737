-- One name for scores of two units.
local va = require "vaelua"
local set = va.set(va.rand(8, 8, 8, 1))
local data = va.data { train = set, test = set }
local a = va.models.ae { name = "a", shape = data.shape, z = 2 }
local b = va.models.ae { name = "b", shape = data.shape, z = 2 }
va.protocol("size", function (model)
  return { size = va.score(1, model == a and "nats" or "bits", "lower") }
end)
va.report({ a, b }, data, { "size" })
