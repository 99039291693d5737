--[[ inception_score, inception_score:5 - the Inception Score with the class scores of the built-in
  network (vaelua.features) in place of an ImageNet one; mean over 10 splits, and their standard
  deviation (population). ]]

local core = require "vaelua.core"
local features = require "vaelua.features"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

return report.images(function(made, data, splits)
  local net = features.for_shape(data.shape)
  splits = splits or 10
  local numbers = core.ops.inception_score(net:of(made).logits, splits):totable()
  return {
    inception_score = score.score(numbers[1], "", "higher",
      { label = ("Inception Score (%s)"):format(net.title), n = #made, sd = numbers[2],
        spread = ("over %d splits"):format(splits) }),
  }
end)
