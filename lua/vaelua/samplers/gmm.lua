--[[ gmm:10, gmm:10:mean - codes from a mixture of K normals with full covariances, fitted to the
  training codes.

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

return function(model, set, k, code)
  k = k or 10
  if math.type(k) ~= "integer" or k < 1 then
    score.refuse("gmm:%s: the number of components must be a whole number of at least 1", k)
  end
  local codes = samplers.codes(model, set, code)
  local n, d = #codes, codes.shape[2]
  if k > n then score.refuse("gmm:%d: %d codes are too few for %d components", k, n, k) end
  local sum = core.item(codes:sum())
  if sum ~= sum or math.abs(sum) == math.huge then
    score.refuse("gmm:%d: some training codes are not finite", k)
  end
  local g = ops.gmm(codes, ops.rand({ k }))
  local loglik = core.item(ops.gmm_logp(codes, g):mean())
  local parts = unpack_mixture(g, d)
  local what = k == 1 and "normal" or ("mixture of %d normals"):format(k)
  local words = ("%s fitted to %s"):format(what, samplers.words(code))
  return function(m) return draw(parts, m, d) end, words,
         { code = code or "draw", components = k, loglik = loglik, count = n }
end
