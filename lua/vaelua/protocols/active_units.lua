--[[ active_units, active_units:0.05 - how many units of the code are used: those whose posterior
  mean has a variance (n - 1) of at least 0.01 over the test set (Burda, Grosse and Salakhutdinov
  2016). For a code that is a list of tensors, over all of them. ]]

local core = require "vaelua.core"
local score = require "vaelua.score"

local ops = core.ops

return function(model, data, delta)
  score.need(model, "the model", "posterior")
  local means = data.test:collect(function(x, y)
    return score.need(model:posterior(x, y), "the posterior", "mean"):mean()
  end)
  if core.is_tensor(means) then means = { means } end
  local active, units = 0, 0
  for _, m in ipairs(means) do
    local flat = m:reshape(#m, -1)
    active = active + core.item(ops.active_units(flat, { delta = delta or 0.01 }))
    units = units + flat.shape[2]
  end
  return {
    active_units = score.score(active, ("of %d"):format(units), "higher",
                               { label = "active units", n = #means[1], whole = true,
        section = "latents", protocol = { delta = delta or 0.01, code = "mean" } }),
  }
end
