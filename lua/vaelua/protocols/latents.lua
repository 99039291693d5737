--[[ latents, latents:2000 - the space of mean codes of the test images, looked at and measured.

  silhouette: mean over the images of how well a code lies in its class (Rousseeuw 1987).
  cluster_nmi: normalised mutual information of the classes with as many k-means clusters.
  groups: the mean silhouette of two groups of classes, footwear (sandal, sneaker, ankle boot)
  against the rest, for data that have these classes: above 0 footwear lies apart.
  gap: squared maximum mean discrepancy (inverse multiquadratics, va.mmd) between drawn codes and as
  many draws of the prior: 0 where the aggregate posterior is the prior.
  Pictures: the plane of the two principal directions and a t-SNE map, both of the first 2,000 test
  images (the argument), and what every unit carries. ]]

local codes = require "vaelua.codes"
local compared = require "vaelua.compared"
local core = require "vaelua.core"
local latents = require "vaelua.latents"
local score = require "vaelua.score"

local ops = core.ops
local FOOTWEAR = { sandal = true, sneaker = true, ["ankle boot"] = true }
local STARTS, MOST = 5, 10000     -- of k-means; codes that are compared pair by pair

local NAMES = { silhouette = "silhouette of the classes",
                cluster_nmi = "NMI of k-means and classes",
                groups = "silhouette of footwear against the rest" }

-- 2 for footwear and 1 for the rest, or nil if the classes are others.
local function footwear(y, classes)
  local of, found = {}, 0
  for k, name in ipairs(classes) do
    of[k] = FOOTWEAR[name:lower()] and 2 or 1
    found = found + of[k] - 1
  end
  if found ~= 3 then return nil end
  return ops.pick(core.tensor(of, "int32"), y)
end

local function several(y) return core.item(y:max()) > core.item(y:min()) end

-- The three scores that need classes.
local function by_class(z, y, data, made)
  local all = {}
  if not y or not several(y) then
    local reason = y and "all test images are of one class" or "the data have no classes"
    for name in pairs(NAMES) do all[name] = made(nil, name, reason) end
    return all
  end
  local k = #data.classes
  all.silhouette = made(ops.silhouette(z, y):mean(), "silhouette")
  all.cluster_nmi = made(ops.nmi(ops.kmeans(z, ops.rand({ STARTS, k })), y), "cluster_nmi")
  local groups = footwear(y, data.classes)
  all.groups = groups and several(groups) and made(ops.silhouette(z, groups):mean(), "groups")
               or made(nil, "groups", "the data have no classes of footwear")
  return all
end

local function gap(model, data, count)
  local drawn = {}
  for x, y in data.test:subset(count):batches(500) do
    drawn[#drawn + 1] = model:posterior(x, y):sample():reshape(#x, -1)
  end
  local z = ops.cat(drawn, 1)
  local x, y = data.test:first(1)
  local p = model:prior(y)
  local prior = p:sample(#z):reshape(#z, -1)
  local kind = score.kind(model:posterior(x, y)) == "delta" and "codes" or "drawn codes"
  return ops.mmd(z, prior), kind
end

-- A series of points for every class.
local function points(map, y, classes)
  if not y then return { { x = map:slice(2, 1, 1), y = map:slice(2, 2, 2), points = true } } end
  local series, rows, labels = {}, map:totable(), y:totable()
  for k, name in ipairs(classes) do
    local s = { x = {}, y = {}, label = name, points = true, colour = k }
    for i, label in ipairs(labels) do
      if label == k then s.x[#s.x + 1], s.y[#s.y + 1] = rows[i][1], rows[i][2] end
    end
    if #s.x > 0 then series[#series + 1] = s end
  end
  return series
end

local function map_of(map, y, data, axes, label, caption)
  local series = points(map, y, data.classes)
  series[#series + 1] = axes
  return score.plot(series, { label = label, section = "latents", caption = caption })
end

local function units(model, data)
  local numbers, what = codes.importance(model, data.test)
  local lines, bars = {}, { y = {}, style = "bars" }
  for place, pair in ipairs(codes.ranked(numbers)) do
    lines[place], bars.y[place] = { place, pair[1], pair[2] }, pair[2]
  end
  return score.plot({ bars, { x = "units, the largest first", y = what } },
                    { label = "What every unit carries", section = "latents" }),
         score.table({ "place", "unit", what }, lines,
                     { label = "Units", section = "latents", hidden = true })
end

return function(model, data, count, options)
  score.need(model, "the model", "posterior", "prior")
  compared.check("latents", options, {})
  count = math.min(compared.whole("latents", "the number of points", count, 2000, 3), #data.test)
  local z, y = codes.means(model, data.test)
  if #z > MOST then z, y = z:rows(1, MOST), y and y:rows(1, MOST) end
  local function made(v, name, reason)
    local extra = { label = NAMES[name], section = "latents",
                    protocol = { code = "mean", count = #z } }
    if reason then return score.undefined(reason, "", "higher", extra) end
    return score.score(v, "", "higher", extra)
  end
  local all = by_class(z, y, data, made)
  local distance, kind = gap(model, data, count)
  all.gap = score.score(distance, "", "lower", { label = "MMD² of codes to the prior",
    section = "latents", protocol = { code = kind, count = count, kernel = "imq" } })
  all.unit_bars, all.units = units(model, data)
  if z:var(1):max():item() < 1e-12 or z.shape[2] < 2 then return all end
  local some, labels = z:rows(1, count), y and y:rows(1, count)
  local words = ("Mean codes of the first %d test images."):format(count)
  all.pca = map_of(latents.pca(some), labels, data, { x = "direction 1", y = "direction 2" },
                   "Principal directions", words)
  all.tsne = map_of(ops.tsne(some), labels, data, { x = "t-SNE 1", y = "t-SNE 2" }, "t-SNE",
                    words .. " Distances between clusters mean little.")
  return all
end
