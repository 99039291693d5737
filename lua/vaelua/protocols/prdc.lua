--[[ prdc, prdc:3 - precision, recall, density and coverage (Naeem et al. 2020) of pictures among
  the real test pictures, with balls to the k-th (5) nearest neighbour; a point is inside a ball if
  its distance is below the radius. { "prdc", features = ..., k = ... }. ]]

local core = require "vaelua.core"
local compared = require "vaelua.compared"
local presets = require "vaelua.presets"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

local NAMES = { "precision", "recall", "density", "coverage" }

return report.images(function(made, data, argument, options)
  compared.check("prdc", options, { "preset", "features", "k" })
  local preset, name = presets.find("prdc", options.preset, "prdc")
  local k = compared.whole("prdc", "k", argument or options.k, preset.k, 1)
  local net = compared.network(data, options, preset)
  local fake, real = compared.made(net, made).features, compared.real(net, data).features
  if math.min(#fake, #real) <= k then
    score.refuse("k = %d neighbours need more than %d pictures, got %d generated and %d real", k, k,
      #fake, #real)
  end
  local numbers = core.ops.prdc(real, fake, { k = k, edge = preset.edge }):totable()
  local scores = {}
  for i, each in ipairs(NAMES) do
    scores[each] = score.score(numbers[i], "", "higher",
      { label = ("%s (k = %d, %s)"):format(each, k, net.title), order = i, n = #fake,
        section = "generation", protocol = compared.protocol(net, name, { neighbours = k,
          inside = "distance < radius", count = #fake, reference_count = #real }) })
  end
  return scores
end)
