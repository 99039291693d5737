-- Arguments in another order.
local va = require "vaelua"
for t, x in va.data("two_moons").train:epochs { epochs = 5, batch = 100 } do print(t, x) end
