-- two_moons.lua - two half circles in the plane that reach into each other: 2,000 points to train,
-- 1,000 to test, two classes. Made here, the same in every run, whatever its seed.

local core = require "vaelua.core"
local mix = require "vaelua.mix"

local NOISE = 0.08

-- Class 1 is the upper half of the unit circle, class 2 the lower half of one at (1, 0.5).
local function points(random, n)
  local x, y = {}, {}
  for i = 1, n do
    local class, angle = i % 2 + 1, math.pi * random:uniform()
    local a, b = math.cos(angle), math.sin(angle)
    if class == 2 then a, b = 1 - a, 0.5 - b end
    x[i], y[i] = { a + NOISE * random:normal(), b + NOISE * random:normal() }, class
  end
  return { x = core.tensor(x), y = core.tensor(y, "int32") }
end

return {
  title = "two moons",
  make = function()
    local random = mix.new(1)
    local train = points(random, 2000)
    return { train = train, test = points(random, 1000), classes = { "upper", "lower" } }
  end,
}
