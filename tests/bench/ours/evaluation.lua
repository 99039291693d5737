-- evaluation.lua - features of pictures, Fréchet distances, precision and recall, and how an
-- evaluation grows with the number of pictures. The peers are theirs/evaluation.py (PyTorch) and
-- theirs/science.py (scipy and scikit-learn).

local va = require "vaelua"
local core = require "vaelua.core"
local features = require "vaelua.features"
local measure = require "tests.bench.measure"
local worker = require "tests.bench.ours.worker"

local ops = core.ops
local BATCH = 500

local function read(t) t:reshape(-1):rows(1, 1):item() end      -- waits for it

-- f(), evaluated without a graph.
local function timed(f)
  return function(seconds)
    local depth = core.mode_push "eval"
    local list = measure.times(f, seconds)
    core.mode_pop(depth)
    return list
  end
end

-- Fréchet distance and Inception Score of so many pictures, which are made as they are needed: what
-- is held are their features.
local function whole(count)
  local net, x, f = features.for_shape { 28, 28, 1 }, va.rand(BATCH, 28, 28, 1), {}
  for i = 1, count // BATCH do f[i] = net.body(x) end
  local all = ops.cat(f, 1)
  local m = ops.moments(all)
  read(ops.frechet_moments(m[1], m:rows(2, 65), m[1], m:rows(2, 65)))
  read(ops.inception_score(net.head(all), 10))
end

worker.serve {
  features = function(count)
    local net, x = features.for_shape { 28, 28, 1 }, va.rand(BATCH, 28, 28, 1)
    return timed(function() for _ = 1, count // BATCH do read(net:logits(x)) end end)
  end,

  -- Of means and covariances of so many features.
  frechet = function(width)
    local wide = va.randn(width, width) / math.sqrt(width)
    local a = va.moments(va.randn(4 * width, width):matmul(wide))
    local b = va.moments(va.randn(4 * width, width):matmul(wide) * 1.1 + 0.1)
    return timed(function()
      read(ops.frechet_moments(a[1], a:rows(2, width + 1), b[1], b:rows(2, width + 1)))
    end)
  end,

  prdc = function(count)
    local real, fake = va.randn(count, 64), va.randn(count, 64)
    return timed(function() read(va.prdc(real, fake)) end)
  end,

  whole = function(count)
    return function()
      local depth = core.mode_push "eval"
      local seconds = worker.once(whole, count)
      core.mode_pop(depth)
      return { seconds }
    end
  end,

  memory = function(count)
    return function()
      local depth = core.mode_push "eval"
      whole(count)
      core.mode_pop(depth)
      return { worker.most_memory() }
    end
  end,
}
