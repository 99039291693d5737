--[[ draws.lua - one drawn code for every image of a set, the same for all who ask.

  Protocols that need a sampled code (recon, elbo) see the same draws, since their stream of random
  numbers is named after the model alone; so the cross-entropy in one row of a table and the KL in
  another add up to the −ELBO in a third. ]]

local nn = require "vaelua.nn"
local samplers = require "vaelua.sampler"
local score = require "vaelua.score"

local M = {}

--- f{ x, y, posterior, z, kl, likelihood } for every batch; kl [N] is nats to the prior (0 for a
--- deterministic code).
function M.each(model, set, f)
  score.need(model, "the model", "posterior", "likelihood", "prior")
  samplers.apart("draw", nn.name_of(model), function()
    for x, y in set:batches(500) do
      local q = model:posterior(x, y)
      local z, kl = q:draw(model:prior(y))
      local p = score.need(model:likelihood(z, y), "the likelihood", "logp")
      f { x = x, y = y, posterior = q, z = z, kl = kl, likelihood = p }
    end
  end)
end

return M
