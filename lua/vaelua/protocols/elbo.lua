--[[ elbo - the evidence lower bound on the test set, with one drawn code an image.

  rate: KL of the posterior to the prior; distortion: −log p(x|z); −ELBO is their sum (β is not in
  it).  A posterior without a density has neither rate nor bound: they read "not defined". ]]

local average = require "vaelua.average".average
local draws = require "vaelua.draws"
local score = require "vaelua.score"

return function(model, data)
  local rate, distortion, bound = average(), average(), average()
  local density = true
  draws.each(model, data.test, function(d)
    density = density and score.answers(d.posterior, "logp")
    local rec = -d.likelihood:logp(d.x)
    distortion:add(rec)
    rate:add(d.kl)
    bound:add(rec + d.kl)
  end)
  local nats = "nats per image"
  local function defined(a, label, order, value)
    local extra = { label = label, order = order }
    if not density then
      return score.undefined("no density: the code of this model is deterministic", nats, "lower",
                             extra)
    end
    local s = score.score(a, nats, "lower", extra)
    return value and value(s) or s
  end
  local rate_score = defined(rate, "KL to the prior (rate)", 1)
  rate_score.better = nil                -- neither high nor low is good in itself
  return {
    rate = rate_score,
    distortion = score.score(distortion, nats, "lower", { hidden = true }),
    nelbo = defined(bound, "−ELBO", 2),
    elbo = density and score.score(-bound:value(), nats, "higher", { hidden = true })
           or score.undefined("no density: the code of this model is deterministic", nats,
                              "higher", { hidden = true }),
  }
end
