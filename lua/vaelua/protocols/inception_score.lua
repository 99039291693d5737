--[[ inception_score, inception_score:5 - exp of the mean of KL(p(y|x) || p(y)) over splits (10),
  with the class scores of the built-in network or of { features = ... }, and the standard deviation
  over splits. preset = "is/openai" (rows as they come), "is/torch-fidelity" or "is/torchmetrics"
  (vaelua.presets) say how rows are ordered and split, and which standard deviation it is. ]]

local core = require "vaelua.core"
local compared = require "vaelua.compared"
local presets = require "vaelua.presets"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

return report.images(function(made, data, argument, options)
  compared.check("inception_score", options, { "preset", "features", "splits" })
  local splits = compared.whole("inception_score", "splits", argument or options.splits, 10, 1)
  local preset, name = presets.find("inception_score", options.preset, "is/openai")
  local net = compared.network(data, options, preset)
  local logits = compared.made(net, made).logits
  if not logits then score.refuse("the network %s has no class scores", net.title) end
  if #logits < splits then
    score.refuse("%d pictures cannot be cut into %d splits", #logits, splits)
  end
  if preset.shuffle then logits = logits:pick(core.ops.legacy_permutation(#logits)) end
  local numbers = core.ops.inception_score(logits, splits, { chunk = preset.chunk }):totable()
  local sd = numbers[2] == numbers[2] and numbers[2] or nil
  local title = options.preset and ("%s, %s"):format(name, net.title) or net.title
  return {
    inception_score = score.score(numbers[1], "", "higher",
      { label = ("Inception Score (%s)"):format(title), n = #made, sd = sd, section = "generation",
        spread = ("over %d splits (%s)"):format(splits, preset.chunk and "sample" or "population"),
        protocol = compared.protocol(net, name, { splits = splits, count = #made,
          order = preset.shuffle and "RandomState(2020)" or "as given" }) }),
  }
end)
