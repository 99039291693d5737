-- 02_gradients.lua - gradients of one number with respect to any tensors.
local va = require "vaelua"

-- va.var makes a tensor whose gradient can be asked for.
local x = va.var(va.tensor { 1, 2, 3 })
local y = (x * x):sum()
print("dy/dx = 2 x:", va.grad(y, x))

-- A parameter and an optimiser: fit a line to points by hand.
local t = va.linspace(-1, 1, 64)
local seen = 3 * t + 0.5
local a, b = va.nn.param(va.zeros()), va.nn.param(va.zeros())
local sgd = va.sgd({ a, b }, { lr = 0.5 })
for _ in va.steps(100) do
  local loss = (a * t + b - seen):square():mean()
  sgd:step(loss)
end
print(("a = %.3f  b = %.3f"):format(a:item(), b:item()))
assert(math.abs(a:item() - 3) < 1e-2 and math.abs(b:item() - 0.5) < 1e-2)

-- An op of one's own, and the tool that checks its gradient by differences.
local cube = va.op {
  name = "cube",
  forward = function(v) return v * v * v end,
  backward = function(dy, _, v) return dy * 3 * v * v end,
}
print(va.check(cube, va.randn(4, 3)))
