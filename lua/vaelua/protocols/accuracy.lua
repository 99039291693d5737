--[[ accuracy - the share of test images whose most likely class is their label, and the
  cross-entropy of the labels in nats, for a model that answers classify(x).

  { "accuracy", labels = 10 } says that it was trained with 10 labels a class: scores of other
  numbers of labels are other rows. ]]

local average = require "vaelua.average".average
local compared = require "vaelua.compared"
local score = require "vaelua.score"

return function(model, data, _, options)
  score.need(model, "the model", "classify")
  compared.check("accuracy", options, { "labels" })
  local right, entropy = average(), average()
  for x, y in data.test:batches(500) do
    local p = model:classify(x)
    right:add(p:mode():eq(y))
    entropy:add(-p:logp(y))
  end
  local trained = options.labels and (", %s labels a class"):format(options.labels) or ""
  local function made(a, unit, better, label, order)
    return score.score(a, unit, better, { label = label .. trained, order = order,
      section = "practice", protocol = { labels_per_class = options.labels } })
  end
  return {
    accuracy = made(right, "", "higher", "accuracy", 1),
    label_entropy = made(entropy, "nats per image", "lower", "cross-entropy of the labels", 2),
  }
end
