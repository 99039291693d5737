-- A misspelt option.
local va = require "vaelua"
local net = va.nn.chain(2, { va.nn.linear(2) })
local adam = va.adam(net, { lr = 1e-3, weight_decay = 1e-2 })
print(adam)
