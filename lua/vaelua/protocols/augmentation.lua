--[[ augmentation:10 - what pictures of a generative model are worth to a classifier with so few
  labelled images a class (10): its accuracy on the test set.

  models.classifier is trained four times from the same weights, with Adam for { "augmentation", 10,
  steps = 400 } steps of 50 pictures: on the labelled images alone, on flips and shifts of them, and
  on batches half of which are reconstructions from drawn codes, or samples of each class from a
  normal fitted to its codes (augment.lua). Which images have labels depends on the seed. ]]

local augment = require "vaelua.augment"
local average = require "vaelua.average".average
local compared = require "vaelua.compared"
local core = require "vaelua.core"
local models = require "vaelua.models"
local optim = require "vaelua.optim"
local score = require "vaelua.score"

local RATE, BATCH = 1e-3, 50

local function trained(set, data, steps)
  local net = models.classifier { name = "augmentation", shape = data.shape,
                                  classes = #data.classes }
  local adam = optim.adam(net, { lr = RATE })
  for _ = 1, steps do
    local x, y = set:take(core.ops.randint(1, #set, { BATCH }))
    optim.train(function() adam:step((net:loss(x, 1, y))) end)
  end
  return net
end

local function right(net, test)
  local a = average()
  for x, y in test:batches(500) do a:add(net:classify(x):mode():eq(y)) end
  return a
end

return function(model, data, labels, options)
  score.need(model, "the model", "posterior", "likelihood")
  compared.check("augmentation", options, { "steps" })
  labels = compared.whole("augmentation", "the number of labels a class", labels, 10, 1)
  local steps = compared.whole("augmentation", "steps", options.steps, 400, 1)
  if not data.classes then score.refuse("the data have no classes") end
  local few = data.train:subset(labels, { per_class = true, seed = core.seed() })
  local results = {}
  for order, way in ipairs {
    { "labels_alone", "labels alone", few },
    { "flips", "flips and shifts", few:map(augment.flip):map(augment.shift(2)) },
    { "reconstructions", "half reconstructions", few:map(augment.reconstruct(model)) },
    { "samples", "half samples", few:map(augment.sample(model, few)) },
  } do
    results["accuracy_" .. way[1]] = score.score(right(trained(way[3], data, steps), data.test), "",
      "higher", { label = ("accuracy, %d labels a class: %s"):format(labels, way[2]),
                  order = order, section = "practice", protocol = {
                    classifier = "models.classifier", labels_per_class = labels, steps = steps,
                    train_count = #few } })
  end
  return results
end
