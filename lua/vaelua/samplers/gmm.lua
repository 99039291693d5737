--[[ gmm:10 - codes from a mixture of K normals with full covariances, fitted to the training codes.

  Ex-post density estimation (Ghosh et al., "From variational to deterministic autoencoders", ICLR
  2020).  Fitted by EM from a k-means++ start to one drawn code of every training image, so that for
  a VAE it approximates the aggregate posterior; 1e-6 is added to the variances. ]]

local core = require "vaelua.core"
local samplers = require "vaelua.sampler"
local score = require "vaelua.score"

local ops = core.ops

-- The parts of a fitted mixture (core/metrics/cluster.c): K lists of weight, mean, factor.
local function unpack_mixture(g, d)
  local k, parts, sum = g.shape[1], {}, 0.0
  for i = 1, k do
    local row = g[i]
    local factor = row:slice(1, d + 2, 1 + d + d * d):reshape(d, d)
    sum = sum + row:at(1)
    parts[i] = { upto = sum, mean = row:slice(1, 2, d + 1), turned = factor:transpose() }
  end
  parts[k].upto = math.huge          -- sums of weights may end a rounding below 1
  return parts
end

-- n codes: every component makes n of them from the same noise, u [n] picks one a row.
local function draw(parts, n, d)
  local noise, u, z = ops.randn({ n, d }), ops.rand({ n, 1 }), nil
  for i = #parts, 1, -1 do
    local p = parts[i]
    local mine = ops.add(noise:matmul(p.turned), p.mean)
    z = z and ops.where(u:lt(p.upto):expand({ n, d }), mine, z) or mine
  end
  return z
end

return function(model, set, k)
  k = k or 10
  if math.type(k) ~= "integer" or k < 1 then
    score.refuse("gmm:%s: the number of components must be a whole number of at least 1", k)
  end
  local codes = samplers.codes(model, set)
  local d = codes.shape[2]
  local parts = unpack_mixture(ops.gmm(codes, ops.rand({ k })), d)
  local words = k == 1 and "normal fitted to training codes"
                or ("mixture of %d normals fitted to training codes"):format(k)
  return function(n) return draw(parts, n, d) end, words
end
