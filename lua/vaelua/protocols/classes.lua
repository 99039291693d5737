--[[ classes - which classes pictures are of, by the built-in classifier, beside those of the real
  test pictures by the same classifier: is a mode missing?

  class_distance: total variation between both histograms, half the sum of |share - real share|, in
  0..1. classes_lost: how many classes have less than a tenth of their real share. The floor (real
  training pictures) shows what chance and the classifier do. ]]

local compared = require "vaelua.compared"
local core = require "vaelua.core"
local features = require "vaelua.features"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

local LOST = 0.1          -- of the real share

-- Shares of the classes among the most likely ones, a list.
local function shares(logits, k)
  return core.ops.one_hot(logits:argmax(), k):mean(1):totable()
end

return report.images(function(made, data, _, options)
  compared.check("classes", options, {})
  local net = features.find(nil, data)
  local x, y = compared.made(net, made).logits, compared.real(net, data).logits
  local k = y.shape[2]
  local mine, real = shares(x, k), shares(y, k)
  local distance, lost, lines, names = 0, 0, {}, {}
  for c = 1, k do
    distance = distance + math.abs(mine[c] - real[c]) / 2
    if mine[c] < LOST * real[c] then lost = lost + 1 end
    lines[c] = { data.classes and data.classes[c] or tostring(c), mine[c], real[c] }
    names[c] = ("%d %s"):format(c, lines[c][1])
  end
  local protocol = compared.protocol(net, nil, { classifier = net.title, count = #x,
                                                 reference_count = #y })
  local function made_of(v, unit, label, extra)
    extra.label, extra.section, extra.protocol = label, "classes", protocol
    return score.score(v, unit, "lower", extra)
  end
  return {
    class_distance = made_of(distance, "", "class histogram, total variation", { order = 1 }),
    classes_lost = made_of(lost, ("of %d"):format(k), "classes lost", { order = 2, whole = true }),
    class_shares = score.table({ "class", "share", "real share" }, lines, {
      label = "Classes of pictures", section = "classes", hidden = true }),
    class_bars = score.plot({ { y = mine, style = "bars", label = "pictures" },
                              { y = real, style = "bars", label = "real" },
                              { x = "class", y = "share" } },
                            { label = "Classes of pictures", section = "classes",
                              caption = table.concat(names, ", ") .. "." }),
  }
end)
