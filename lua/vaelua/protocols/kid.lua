--[[ kid - the kernel distance (Binkowski et al. 2018) of pictures from the real test pictures: the
  unbiased squared maximum mean discrepancy with (x y / D + 1)^3, mean over 100 subsets of 1000
  pictures. It may be below 0. { "kid", preset = "kid/torch-fidelity", features = ..., subsets =
  ..., size = ... }. The standard deviation over subsets is no standard error: subsets overlap. ]]

local core = require "vaelua.core"
local compared = require "vaelua.compared"
local presets = require "vaelua.presets"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

return report.images(function(made, data, _, options)
  compared.check("kid", options, { "preset", "features", "subsets", "size" })
  local preset, name = presets.find("kid", options.preset, "kid/torch-fidelity")
  local subsets = compared.whole("kid", "subsets", options.subsets, preset.subsets, 1)
  local size = compared.whole("kid", "size", options.size, preset.size, 2)
  local net = compared.network(data, options, preset)
  local x, y = compared.made(net, made).features, compared.real(net, data).features
  local few = math.min(#x, #y)
  if name == "kid/clean" then size = math.min(size, few) end
  if few < size then
    score.refuse("the subsets are of %d pictures and there are %d (size = %d would do)", size, few,
      few)
  end
  local numbers = core.ops.kid(x, y, { subsets = subsets, size = size }):totable()
  return {
    kid = score.score(numbers[1], "", "lower",
      { label = ("Kernel distance (%s)"):format(net.title), n = #x, section = "generation",
        sd = name ~= "kid/clean" and numbers[2] or nil,
        spread = ("over %d subsets of %d, not a standard error"):format(subsets, size),
        protocol = compared.protocol(net, name, { subsets = subsets, subset_size = size,
          kernel = "(x y / D + 1)^3", count = #x, reference_count = #y }) }),
  }
end)
