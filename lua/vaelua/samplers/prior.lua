--[[ prior, prior:0.8 - codes from the model's prior.

  The argument is a temperature t: codes are mean + t (z - mean). A model without a prior of its
  own is given N(0, I), whatever its codes look like: for a deterministic autoencoder that is a
  choice of the one who asks, and the table says so. ]]

local score = require "vaelua.score"

local function cooled(z, mean, t)
  return mean + t * (z - mean)
end

return function(model, _, temperature)
  if temperature and (type(temperature) ~= "number" or temperature < 0) then
    score.refuse("prior:%s: the temperature must be a number of at least 0", temperature)
  end
  local own = getmetatable(model).parts(model).prior ~= nil
  local words = own and "the model's prior" or "prior N(0, I)"
  if temperature then words = ("%s at temperature %g"):format(words, temperature) end
  return function(n, y)
    local p = model:prior(y)
    local z = p:sample(n)
    if not temperature then return z end
    if type(z) == "table" or not score.answers(p, "mean") then
      score.refuse("this prior has no mean to cool towards")
    end
    return cooled(z, p:mean(), temperature)
  end, words, { temperature = temperature }
end
