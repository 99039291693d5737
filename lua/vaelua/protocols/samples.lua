--[[ samples:64 - pictures: the first of every source (samplers, reconstructions, real ones). ]]

local report = require "vaelua.evaluate"
local score = require "vaelua.score"

return report.images(function(made, _, n)
  local x = made:first(math.min(n or 64, #made))
  return { samples = score.picture(x, { columns = math.ceil(math.sqrt(#x)),
                                       section = "generation" }) }
end)
