-- A misspelt layer.
local va = require "vaelua"
local nn = va.nn
print(nn.chain({ 8, 8, 1 }, { nn.conv2d(4, 3), nn.relu, nn.linear(2) }))
