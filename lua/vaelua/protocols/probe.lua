--[[ probe, probe:10000 - how much of the classes a mean code tells: accuracy on the test set of two
  simple classifiers of codes, fitted to the codes of that many training images (10,000).

  linear: multinomial logistic regression on standardised codes, squared weights times 1e-4 / 2
  added to the mean cross-entropy, by 300 steps of Adam over all rows from zero weights. kNN: the
  commonest class among the 5 nearest training codes, the nearer one where classes tie. ]]

local average = require "vaelua.average".average
local codes = require "vaelua.codes"
local compared = require "vaelua.compared"
local core = require "vaelua.core"
local descend = require "vaelua.descend"
local score = require "vaelua.score"

local ops = core.ops
local STEPS, RATE, DECAY, NEIGHBOURS, ROWS = 300, 0.05, 1e-4, 5, 500

-- Accuracy of each row's most likely class; x has a column of ones.
local function linear(x, y, tx, ty, k)
  local n, target = #x, ops.one_hot(y, k)
  local function gradients(weights)
    local w = weights[1]
    return { x:transpose():matmul(x:matmul(w):softmax() - target) / n + DECAY * w }
  end
  local start = { ops.zeros({ x.shape[2], k }) }
  local w = descend("probe", start, STEPS, function() return RATE end, gradients)[1]
  return tx:matmul(w):argmax():eq(ty)
end

local function vote(labels, k)
  local count, best = {}, nil
  for _, label in ipairs(labels) do count[label] = (count[label] or 0) + 1 end
  for _, label in ipairs(labels) do        -- from the nearest on
    if not best or count[label] > count[best] then best = label end
  end
  return best or k
end

local function neighbours(x, y, tx, ty, right)
  local classes = y:totable()
  for first = 1, #tx, ROWS do
    local last = math.min(first + ROWS - 1, #tx)
    local _, near = (-ops.sqdist(tx:rows(first, last), x)):topk(math.min(NEIGHBOURS, #x))
    local guess = {}
    for i, row in ipairs(near:totable()) do
      local labels = {}
      for j, place in ipairs(row) do labels[j] = classes[place] end
      guess[i] = vote(labels)
    end
    right:add(core.tensor(guess, "int32"):eq(ty:rows(first, last)))
  end
  return right
end

return function(model, data, count, options)
  compared.check("probe", options, {})
  count = compared.whole("probe", "the number of training images", count, 10000, 2)
  local train = data.train:subset(math.min(count, #data.train))
  local x, y = codes.means(model, train)
  local tx, ty = codes.means(model, data.test)
  if not y or not ty then score.refuse("the data have no classes") end
  local mean, sd = x:mean(1), x:std(1)
  sd = ops.where(sd:gt(1e-6), sd, ops.ones(sd.shape))
  local function ready(z) return ops.cat({ (z - mean) / sd, ops.ones({ #z, 1 }) }, 2) end
  local right = average()
  right:add(linear(ready(x), y, ready(tx), ty, #data.classes))
  local function made(a, label, order, extra)
    local protocol = { code = "mean", train_count = #train }
    for key, value in pairs(extra) do protocol[key] = value end
    return score.score(a, "", "higher", { label = label, order = order, section = "latents",
                                          protocol = protocol })
  end
  return {
    probe_linear = made(right, "accuracy of a linear probe", 1, { classifier = "logistic",
                                                                  decay = DECAY, steps = STEPS }),
    probe_knn = made(neighbours(x, y, tx, ty, average()), "accuracy of nearest codes", 2,
                     { classifier = "kNN", neighbours = NEIGHBOURS }),
  }
end
