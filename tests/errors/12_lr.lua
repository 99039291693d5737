-- A learning rate that is far too large.
local va = require "vaelua"
local nn = va.nn
local ae = nn.model("ae", {
  enc = nn.chain(2, { nn.linear(32), nn.relu, nn.linear(1) }),
  dec = nn.chain(1, { nn.linear(32), nn.relu, nn.linear(2) }),
})
function ae:loss(x) return va.loss.squared(self.dec(self.enc(x)), x):mean() end
va.fit(ae, va.data("two_moons").train, { epochs = 2, batch = 100, lr = 1e9 })
