--[[ traversals:5 - pictures: the code of a test image with one unit at a time going from -3 to 3 in
  eleven steps, for the units that carry most: those with the largest mean KL to the prior over the
  test set, for a deterministic code those with the largest variance (from its mean by that many
  standard deviations). { "traversals", 5, image = 3 } takes the third test image. ]]

local codes = require "vaelua.codes"
local compared = require "vaelua.compared"
local core = require "vaelua.core"
local fail = require "vaelua.fail"
local score = require "vaelua.score"

local ops = core.ops
local STEPS, REACH = 11, 3

return function(model, data, rows, options)
  score.need(model, "the model", "posterior", "likelihood")
  compared.check("traversals", options, { "image" })
  local image = compared.whole("traversals", "image", options.image, 1, 1)
  if image > #data.test then
    fail("traversals: image %d of %d test images", image, #data.test)
  end
  local means, y = codes.means(model, data.test)
  local numbers, what = codes.importance(model, data.test)
  local list = codes.ranked(numbers)
  rows = math.min(rows or 5, #list)
  local spread = what == "variance"
  local z, strips, names = means:rows(image, image), {}, {}
  for i = 1, rows do
    local unit = list[i][1]
    local one = ops.one_hot(core.tensor({ unit }, "int32"), #list)
    local at = ops.linspace(-REACH, REACH, STEPS):reshape(STEPS, 1)
    if spread then
      local column = means:slice(2, unit, unit)
      at = column:mean():item() + at * math.sqrt(list[i][2])
    end
    strips[i] = z * (1 - one) + at * one
    names[i] = ("%d: %.2g"):format(unit, list[i][2])
  end
  local labels = y and y:rows(image, image):tile(rows * STEPS)
  return { traversals = score.picture(model:decode(ops.cat(strips, 1), labels), {
    columns = STEPS, row_labels = names, section = "generation", label = "traversals",
    caption = ("One unit a row, named with its %s, from -%d to %d%s."):format(what, REACH, REACH,
      spread and " standard deviations" or "") }) }
end
