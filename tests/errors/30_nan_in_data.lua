-- A data set with a missing value.
local va = require "vaelua"
local nn = va.nn
local set = va.set(va.tensor { { 1, 2 }, { 0 / 0, 1 }, { 2, 3 }, { 0, 1 } })
local ae = nn.model("ae", { enc = nn.chain(2, { nn.linear(1) }), dec = nn.chain(1, { nn.linear(2) }) })
function ae:loss(x) return va.loss.squared(self.dec(self.enc(x)), x):mean() end
va.fit(ae, set, { epochs = 1, batch = 4 })
