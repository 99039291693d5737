-- The whole data set in the place of the part to train.
local va = require "vaelua"
local data = va.data "two_moons"
local nn = va.nn
local ae = nn.model("ae", { enc = nn.chain(2, { nn.linear(1) }), dec = nn.chain(1, { nn.linear(2) }) })
function ae:loss(x) return va.loss.squared(self.dec(self.enc(x)), x):mean() end
va.fit(ae, data, { epochs = 1 })
