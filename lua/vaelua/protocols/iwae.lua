--[[ iwae:K - the importance-weighted bound (Burda, Grosse and Salakhutdinov 2016) with K draws an
  image (50): −log of the mean over k of p(x|z_k) p(z_k) / q(z_k|x), in nats. It approaches −log
  p(x) from above as K grows, so K is part of its name. ]]

local core = require "vaelua.core"
local average = require "vaelua.average".average
local score = require "vaelua.score"

local ops = core.ops
local ROWS = 4000         -- decoded at a time

-- log weights of k draws for every row of x: [k, N].
local function weights(model, x, y, k)
  local n = #x
  local q = model:posterior(x, y):tile(k)
  local xs, ys = x:tile(k), y and y:tile(k)
  local z = q:sample()
  local p = score.need(model:prior(ys), "the prior", "logp")
  local w = model:likelihood(z, ys):logp(xs) + p:logp(z) - q:logp(z)
  return w:reshape(k, n)
end

return function(model, data, k)
  k = k or 50
  if math.type(k) ~= "integer" or k < 1 then
    score.refuse("iwae:%s: the number of draws must be a whole number of at least 1", k)
  end
  score.need(model, "the model", "posterior", "likelihood", "prior")
  local extra = { label = ("−log p(x), importance weighted, K = %d"):format(k) }
  local bound, batch = average(), 100
  for x, y in data.test:batches(batch) do
    if not score.answers(model:posterior(x, y), "logp") then
      return { iwae = score.undefined("no density: the code of this model is deterministic",
                                      "nats per image", "lower", extra) }
    end
    local parts, left = {}, k
    while left > 0 do
      local some = math.min(left, math.max(1, ROWS // batch))
      parts[#parts + 1] = weights(model, x, y, some)
      left = left - some
    end
    local all = #parts == 1 and parts[1] or ops.cat(parts, 1)
    bound:add(math.log(k) - all:logsumexp(1))
  end
  return { iwae = score.score(bound, "nats per image", "lower", extra) }
end
