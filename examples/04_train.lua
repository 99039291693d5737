-- 04_train.lua - the visible loop: a classifier of two moons.
local va = require "vaelua"
local nn = va.nn

local data = va.data "two_moons"
local body = nn.chain(data.shape, { nn.linear(32), nn.relu, nn.linear(2) })
local net = nn.model("net", { body = body })

function net:classify(x) return va.dist.categorical(self.body(x)) end

function net:loss(x, y) return -self:classify(x):logp(y):mean() end

local adam = va.adam(net, { lr = 1e-2 })
local cosine = va.schedule.ramp(1e-2, 1e-3, 10, { shape = "cosine" })
for t, x, y in data.train:epochs(10, 64) do      -- the body trains; t = 3.42: 42 % into epoch 4
  adam.lr = cosine(t)
  local loss = net:loss(x, y)
  adam:step(loss)
  va.log(t, net, loss)
end

local right = va.average()
for x, y in data.test:batches(100) do            -- here nothing is recorded
  right:add(net.body(x):argmax():eq(y))
end
print(("test accuracy %.3f"):format(right:value()))
assert(right:value() > 0.95)
