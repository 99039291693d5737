-- A mistake in a function that a set runs on each batch.
local va = require "vaelua"
local set = va.set(va.rand(8, 8, 8, 1)):map(function (x, y)
  return x:reshape(-1, 3), y
end)
local ae = va.models.ae { name = "ae", shape = { 8, 8, 1 }, z = 2 }
va.fit(ae, set, { epochs = 1, batch = 4 })
