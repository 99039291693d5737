-- [N] meets [N, 1]: other libraries make [N, N] of it without a word.
local va = require "vaelua"
local nn = va.nn
local net = nn.chain(3, { nn.linear(1) })
local x, target = va.randn(16, 3), va.randn(16)
local loss = (net(x) - target):square():mean()
print(loss:item())
