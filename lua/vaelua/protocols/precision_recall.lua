--[[ precision_recall, precision_recall:5 - improved precision and recall (Kynkäänniemi et al. 2019)
  of pictures among the real test pictures, with balls to the k-th (3) nearest neighbour; a point
  at just the radius is inside. { "precision_recall", preset = "ipr" or "prc/torch-fidelity",
  features = ..., k = ... }. The scores are named ipr_precision and ipr_recall: those of prdc are
  other numbers. ]]

local core = require "vaelua.core"
local compared = require "vaelua.compared"
local presets = require "vaelua.presets"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

return report.images(function(made, data, argument, options)
  compared.check("precision_recall", options, { "preset", "features", "k" })
  local preset, name = presets.find("precision_recall", options.preset, "ipr")
  local k = compared.whole("precision_recall", "k", argument or options.k, preset.k, 1)
  local net = compared.network(data, options, preset)
  local fake, real = compared.made(net, made).features, compared.real(net, data).features
  if math.min(#fake, #real) <= k then
    score.refuse("k = %d neighbours need more than %d pictures, got %d generated and %d real", k, k,
      #fake, #real)
  end
  local numbers = core.ops.prdc(real, fake, { k = k, edge = preset.edge }):totable()
  local scores = {}
  for i, each in ipairs { "precision", "recall" } do
    scores["ipr_" .. each] = score.score(numbers[i], "", "higher",
      { label = ("improved %s (k = %d, %s)"):format(each, k, net.title), order = i, n = #fake,
        section = "generation", protocol = compared.protocol(net, name, { neighbours = k,
          inside = "distance <= radius", count = #fake, reference_count = #real }) })
  end
  return scores
end)
