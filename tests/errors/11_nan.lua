-- The logarithm of a number below 0, in a term of the loss.
local va = require "vaelua"
local nn = va.nn
local ae = nn.model("ae", { enc = nn.chain(2, { nn.linear(8), nn.tanh, nn.linear(1) }) })
local adam = va.adam(ae, { lr = 1e-3 })
for t, x in va.data("two_moons").train:epochs(1, 100) do
  local code = ae.enc(x)
  local rec, sparse = va.loss.squared(code, x:slice(2, 1, 1)), code:log():rowsum()
  local loss = (rec + sparse):mean()
  adam:step(loss)
  va.log(t, ae, loss, { rec = rec, sparse = sparse })
end
