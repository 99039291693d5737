--[[ interpolation, interpolation:mean - codes between those of two training images: a random pair,
  and a place on the straight line between them, uniform in 0..1 (Ghosh et al., "From variational
  to deterministic autoencoders", ICLR 2020). Samples near a training image are part of it. ]]

local core = require "vaelua.core"
local samplers = require "vaelua.sampler"
local score = require "vaelua.score"

local ops = core.ops

return function(model, set, argument, code)
  if argument then score.refuse("interpolation takes no argument, got %s", argument) end
  local codes = samplers.codes(model, set, code)
  local n = #codes
  if n < 2 then score.refuse("interpolation: at least 2 training codes are needed, got %d", n) end
  local function draw(m)
    local i = ops.randint(1, n, { m })
    local j = ops.randint(1, n - 1, { m })
    j = (j:as("float32") + j:ge(i)):as("int32")        -- another row than i
    local w = ops.rand({ m, 1 })
    return codes:pick(i) * (1 - w) + codes:pick(j) * w
  end
  return draw, "between pairs of " .. samplers.words(code),
         { code = code or "draw", count = n }
end
