-- A linear layer in front of a deconvolution that does not say the shape of a picture.
local va = require "vaelua"
local nn = va.nn
local z = 8
local dec = nn.chain(z, {
  nn.linear(7 * 7 * 16), nn.relu,
  nn.deconv(8, 3, { stride = 2 }), nn.relu,
  nn.deconv(1, 3, { stride = 2 }),
})
print(dec)
