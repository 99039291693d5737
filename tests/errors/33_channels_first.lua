-- Channels in front, as other libraries have them.
local va = require "vaelua"
local nn = va.nn
local enc = nn.chain({ 16, 16, 3 }, { nn.conv(8, 3, { stride = 2 }), nn.relu, nn.linear(4) })
print(enc(va.rand(2, 3, 16, 16)))
