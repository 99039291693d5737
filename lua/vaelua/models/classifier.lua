-- classifier.lua - a small convolutional classifier, and the features before its last layer.
--
-- Five 3x3 convolutions with batch normalisation, two of them of stride 2, a mean over the places
-- and one linear layer: 139,000 numbers for 28 x 28 grey pictures of 10 classes. classify(x) gives
-- a categorical distribution, features(x) the 128 numbers that scores of pictures are made from.

local fail = require "vaelua.fail"
local dist = require "vaelua.dist"
local models = require "vaelua.models"
local nn = require "vaelua.nn"

local defaults = { name = "classifier", shape = { 28, 28, 1 }, classes = 10, dropout = 0.2 }

local function block(filters, stride)
  return { nn.conv(filters, 3, { stride = stride, bias = false }), nn.batchnorm, nn.relu }
end

-- The mean over all places of a picture.
local function pooled(x) return x:mean { 2, 3 } end

--- va.models.classifier { name="classifier", shape={ 28, 28, 1 }, classes=10, dropout=0.2 }
return function(given)
  local o = models.options("classifier", given, defaults)
  local classes = type(o.classes) == "table" and #o.classes or o.classes
  if math.type(classes) ~= "integer" or classes < 2 then
    fail("models.classifier: classes must be a number from 2 or a list of names, got %s",
      tostring(o.classes))
  end
  local body = nn.chain(o.shape, {
    block(32, 1), block(32, 2), block(64, 1), block(64, 2), block(128, 1), pooled })
  local m = nn.model(o.name, {
    body = body,
    head = nn.chain(body, { nn.dropout(o.dropout), nn.linear(classes) }),
  })

  function m:features(x) return self.body(x) end

  function m:classify(x) return dist.categorical(self.head(self.body(x))) end

  --- y: the classes, int32 [N]. The arguments stand as in every model: loss(x, beta, y).
  function m:loss(x, beta, y)
    if y == nil then y = beta end
    local nll = -self:classify(x):logp(y)
    return nll:mean(), { nll = nll }
  end

  return m
end
