--[[ reconstructions:10 - pictures: test images and, below them, what each model makes of them. ]]

local score = require "vaelua.score"

return function(model, data, n)
  score.need(model, "the model", "posterior", "likelihood")
  local x, y = data.test:first(math.min(n or 10, #data.test))
  return {
    reconstructions = score.picture(model:reconstruct(x, y), { columns = #x, beside = x,
      section = "reconstruction" }),
  }
end
