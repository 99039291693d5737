--[[ interpolations:8 - pictures: ways in code space between the codes of test images, eleven steps
  a row, both ends included: straight lines, or with { "interpolations", 8, path = "slerp" } arcs
  (Shoemake 1985). ]]

local compared = require "vaelua.compared"
local core = require "vaelua.core"
local fail = require "vaelua.fail"
local score = require "vaelua.score"
local show = require "vaelua.show"

local ops = core.ops
local STEPS = 11
local PATHS = { linear = show.interp, slerp = show.slerp }

return function(model, data, rows, options)
  score.need(model, "the model", "posterior", "likelihood")
  compared.check("interpolations", options, { "path" })
  local path = options.path or "linear"
  if not PATHS[path] then
    fail("interpolations: path is \"linear\" or \"slerp\", got %s", tostring(path))
  end
  rows = math.min(rows or 8, #data.test // 2)
  local x, y = data.test:first(2 * rows)
  local z = model:encode(x, y)
  if type(z) == "table" then score.refuse("the code is a list of tensors") end
  local strips = {}
  for i = 1, rows do
    local way = PATHS[path](z[i], z[rows + i], STEPS)
    local labels = y and ops.cat({ y:rows(i, i):tile((STEPS + 1) // 2),
                                   y:rows(rows + i, rows + i):tile(STEPS // 2) }, 1)
    strips[i] = model:decode(way, labels)
  end
  return { interpolations = score.picture(ops.cat(strips, 1), { columns = STEPS,
    section = "generation", label = path == "slerp" and "interpolations on arcs"
                                    or "interpolations" }) }
end
