--[[ frechet - the Fréchet distance of pictures from the real test pictures, on the features of the
  built-in network (vaelua.features), whose name and version are part of the score's: it is not
  comparable with distances on other features.  Covariances with n - 1, all in float64. ]]

local core = require "vaelua.core"
local features = require "vaelua.features"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

return report.images(function(made, data)
  local net = features.for_shape(data.shape)
  local x, y = net:of(made).features, net:of(data.test).features
  local note
  if math.min(#x, #y) <= x.shape[2] then
    note = ("biased upwards: %d pictures, %d features"):format(math.min(#x, #y), x.shape[2])
  end
  return {
    frechet = score.score(core.ops.frechet(x, y), "", "lower",
      { label = ("Fréchet distance (%s)"):format(net.title), n = #x, note = note }),
  }
end)
