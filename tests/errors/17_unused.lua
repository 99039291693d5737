-- An optimiser of a part that the loss does not reach.
local va = require "vaelua"
local nn = va.nn
local one, two = nn.chain(2, { nn.linear(2) }), nn.chain(2, { nn.linear(2) })
local adam = va.adam(two)
for _, x in va.data("two_moons").train:epochs(1, 100) do
  adam:step(one(x):square():mean())
end
