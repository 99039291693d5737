-- A loss that is finite with a gradient that is not: the root of 0.
local va = require "vaelua"
local nn = va.nn
local ae = nn.model("ae", { enc = nn.chain(2, { nn.linear(1) }), dec = nn.chain(1, { nn.linear(2) }) })
function ae:loss(x)
  local y = self.dec(self.enc(x))
  return (y - y):square():rowsum():sqrt():mean()
end
va.fit(ae, va.data("two_moons").train, { epochs = 1, batch = 500 })
