--[[ interpolations:8 - pictures: straight lines in code space between the codes of test images,
  eleven steps a row, both ends included. ]]

local core = require "vaelua.core"
local score = require "vaelua.score"

local ops = core.ops
local STEPS = 11

return function(model, data, rows)
  score.need(model, "the model", "posterior", "likelihood")
  rows = math.min(rows or 8, #data.test // 2)
  local x, y = data.test:first(2 * rows)
  local z = model:encode(x, y)
  if type(z) == "table" then score.refuse("the code is a list of tensors") end
  local from, to, strips = z:rows(1, rows), z:rows(rows + 1, 2 * rows), {}
  for i = 0, STEPS - 1 do
    local w = i / (STEPS - 1)
    local labels = y and (w < 0.5 and y:rows(1, rows) or y:rows(rows + 1, 2 * rows))
    strips[i + 1] = model:decode((1 - w) * from + w * to, labels)
  end
  local all = ops.stack(strips, 2)         -- [rows, STEPS, H, W, C]
  local shape = strips[1].shape
  shape[1] = rows * STEPS
  return { interpolations = score.picture(all:reshape(shape), { columns = STEPS }) }
end
