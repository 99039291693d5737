-- A grey picture for a network that was built for colours.
local va = require "vaelua"
local nn = va.nn
local enc = nn.chain({ 32, 32, 3 }, { nn.conv(8, 3, { stride = 2 }), nn.relu, nn.linear(10) })
local x = va.rand(4, 32, 32, 1)
print(enc(x):mean():item())
