--[[ accuracy - the share of test images whose most likely class is their label, and the
  cross-entropy of the labels in nats, for a model that answers classify(x). ]]

local average = require "vaelua.average".average
local score = require "vaelua.score"

return function(model, data)
  score.need(model, "the model", "classify")
  local right, entropy = average(), average()
  for x, y in data.test:batches(500) do
    local p = model:classify(x)
    right:add(p:mode():eq(y))
    entropy:add(-p:logp(y))
  end
  return {
    accuracy = score.score(right, "", "higher", { order = 1 }),
    label_entropy = score.score(entropy, "nats per image", "lower",
                                { label = "cross-entropy of the labels", order = 2 }),
  }
end
