-- inception.lua - the forward pass of Inception-v3 on pictures of 299 x 299 x 3, with random
-- weights. The peer is theirs/inception.py.

local va = require "vaelua"
local inception = require "vaelua.features.inception"
local measure = require "tests.bench.measure"
local worker = require "tests.bench.ours.worker"

-- Small numbers; variances and scales of the norms are 1.
local function network()
  local tensors = {}
  for _, entry in ipairs(inception.tensors()) do
    local name, shape = entry[1], entry[2]
    local ones = name:find "running_var$" or name:find "bn%.weight$"
    tensors[name] = ones and va.ones(shape) or va.randn(shape) * 0.03
  end
  return inception.new(tensors, "random")
end

worker.serve {
  forward = function(batch)
    local net, x = network(), va.randn(batch, 299, 299, 3)
    return function(seconds)
      return measure.times(function() net:taps(x, "2048")["2048"]:at(1, 1) end, seconds)
    end
  end,
}
