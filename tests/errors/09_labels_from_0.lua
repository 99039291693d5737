-- Labels that count from 0.
local va = require "vaelua"
local nn, dist = va.nn, va.dist
local net = nn.chain(2, { nn.linear(3) })
local x, y = va.randn(4, 2), va.tensor({ 0, 1, 2, 1 }, "int32")
print(dist.categorical(net(x)):logp(y):mean():item())
