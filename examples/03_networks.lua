-- 03_networks.lua - layers state their outputs; a chain infers and checks the rest.
local va = require "vaelua"
local nn = va.nn

local net = nn.model("net", {
  body = nn.chain({ 28, 28, 1 }, {
    nn.conv(8, 3, { stride = 2 }), nn.relu,       -- 14 x 14 x 8
    nn.conv(16, 3, { stride = 2 }), nn.relu,      -- 7 x 7 x 16
    nn.linear(10),
  }),
})
print(net)
print(net.body(va.randn(5, 28, 28, 1)).shape[2])  -- 10

-- A function is a layer too; its shape is found by trying it.
local odd = nn.chain(4, { nn.linear(8), function(x) return x:square() end, nn.linear(2) })
print(odd(va.ones(1, 4)))

-- Mistakes are told when the chain is built, with the layer's number.
print(select(2, pcall(nn.chain, { 28, 28, 1 }, { nn.conv(8, 3), nn.maxpool(64) })))

-- A layer of one's own.
local scale = nn.layer {
  name = "scale",
  build = function(self, shape)
    self.w = nn.param(va.ones(shape))
    return shape
  end,
  forward = function(self, x) return x * self.w end,
}
print(nn.chain({ 3 }, { scale() })(va.ones(2, 3)))
