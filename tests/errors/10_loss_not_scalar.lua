-- A loss with one number a row.
local va = require "vaelua"
local nn = va.nn
local net = nn.chain(2, { nn.linear(2) })
local adam = va.adam(net, { lr = 1e-3 })
for _, x in va.data("two_moons").train:epochs(1, 100) do
  adam:step(va.loss.squared(net(x), x))
end
