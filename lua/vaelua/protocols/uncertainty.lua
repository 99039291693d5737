--[[ uncertainty:16 - does a model know where it is wrong? For each of the first 500 test images
  that many codes are drawn from the posterior; the decoded means have, for every pixel, a mean and
  a standard deviation (n - 1). { "uncertainty", 16, images = 2000 } takes more images.

  sd_rank: Spearman's rank correlation of sd and |error of the mean| over the pixels of an image,
  mean over the images. sd_rank_images: the same over images, of the mean sd and the squared error.
  coverage_90: share of pixels inside mean ± 1.645 sd, calibrated at 0.9; a normal likelihood adds
  its own variance, any other only what the code leaves open, as the protocol's interval says.
  diversity: squared distance of two pictures whose codes lie half a standard deviation of the codes
  apart in a random direction; the plot has other distances too. It needs no posterior.
  A deterministic code has one picture: the others are not defined. ]]

local average = require "vaelua.average".average
local codes = require "vaelua.codes"
local compared = require "vaelua.compared"
local core = require "vaelua.core"
local score = require "vaelua.score"
local stats = require "vaelua.stats"

local ops = core.ops
local SHOWN, SECTION = 8, "uncertainty"
local LEVELS = { 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99 }
local APART = { 0.1, 0.25, 0.5, 1, 2 }

-- ---- draws --------------------------------------------------------------------------------------

local function spread(draws) return draws:var(1):clamp(0):sqrt() end

-- x, mean, sd and total variance of the pixels of one batch, each [N, D].
local function pictures(model, x, y, k)
  local z = model:posterior(x, y):tile(k):sample()
  local p = score.need(model:likelihood(z, y and y:tile(k)), "the likelihood", "mean")
  local draws = p:mean():reshape(k, #x, -1)
  local sd = spread(draws)
  local noise = score.kind(p) == "normal" and p:var():reshape(k, #x, -1):mean(1)
  return { x = x:flatten(), y = y, mean = draws:mean(1), sd = sd, noise = noise,
           wide = noise and (sd * sd + noise):sqrt() or sd }
end

-- ---- what they say ------------------------------------------------------------------------------

-- Adds one batch to the sums; a constant sd or error has no ranks and is left out.
local function add(sums, b)
  local off = (b.x - b.mean):abs()
  local sd, far = b.sd:totable(), off:totable()
  local labels = b.y and b.y.dtype == "int32" and b.y:totable()
  local mean_sd, squared = b.sd:mean(2):totable(), off:square():sum(2):totable()
  for i = 1, #sd do
    local rho = stats.spearman(sd[i], far[i]).rho
    if rho then sums.rank:add(rho) end
    sums.sd[#sums.sd + 1], sums.squared[#sums.squared + 1] = mean_sd[i], squared[i]
    local class = labels and sums.class[labels[i]]
    if class then
      class.sd:add(mean_sd[i])
      class.squared:add(squared[i])
      if rho then class.rank:add(rho) end
    end
  end
  for i, level in ipairs(LEVELS) do
    local reach = stats.normal_quantile(0.5 + level / 2)
    sums.inside[i]:add(off:le(b.wide * reach):mean(2))
  end
end

local function new_sums(classes)
  local sums = { rank = average(), sd = {}, squared = {}, inside = {}, class = {} }
  for i in ipairs(LEVELS) do sums.inside[i] = average() end
  for k in ipairs(classes or {}) do
    sums.class[k] = { sd = average(), squared = average(), rank = average() }
  end
  return sums
end

-- Originals, means, sd and errors of the first images as one picture of four rows.
local function shown(b, shape, k)
  local n = math.min(SHOWN, #b.x)
  local sd, off = b.sd:rows(1, n), (b.x - b.mean):abs():rows(1, n)
  local most, worst = sd:max():item(), off:max():item()
  local function drawn(t) return t:reshape(n, table.unpack(shape)) end
  local x = ops.cat({ drawn(b.x:rows(1, n)), drawn(b.mean:rows(1, n)),
                      drawn(sd / math.max(most, 1e-12)), drawn(off / math.max(worst, 1e-12)) }, 1)
  return score.picture(x, { columns = n, section = SECTION, label = "variation of draws",
    row_labels = { "original", "mean", "sd", "|error|" },
    caption = ("%d draws an image; white is an sd of %.3f, an error of %.3f."):format(k, most,
                                                                                      worst) })
end

local function class_table(sums, classes)
  local lines = {}
  for k, class in ipairs(classes) do
    local s = sums.class[k]
    local function cell(a) return a:count() > 0 and score.score(a) or "no images" end
    lines[k] = { class, s.sd:count(), cell(s.sd), cell(s.squared), cell(s.rank) }
  end
  return score.table({ "class", "images", "mean sd per pixel", "squared error per image",
                       "rank correlation of sd and error" }, lines,
                     { label = "Spread by class", section = SECTION })
end

-- ---- pictures of codes that lie near each other -------------------------------------------------

local function diversity(model, set)
  local z = codes.means(model, set)
  local _, y = set:first(#set)
  local sd, from, numbers = z:std(1), model:decode(z, y), {}
  for i, r in ipairs(APART) do
    local step = ops.randn(z.shape)
    step = step / (step:square():sum(2):sqrt():unsqueeze(2) + 1e-12) * sd * math.sqrt(z.shape[2])
    numbers[i] = average():add(ops.squared(model:decode(z + step * r, y), from))
  end
  return numbers
end

local function diversity_results(numbers, protocol, results)
  local y = {}
  for i, a in ipairs(numbers) do y[i] = a:value() end
  results.diversity = score.score(numbers[3], "squared error per image", nil, { order = 4,
    label = "diversity of pictures half an sd apart", section = SECTION, protocol = protocol })
  results.diversity_plot = score.plot({ { x = APART, y = y },
    { x = "distance of codes, in their standard deviation", y = "squared error per image" } },
    { label = "Pictures of nearby codes", section = SECTION })
end

-- ---- the protocol -------------------------------------------------------------------------------

local LABELS = { sd_rank = "rank correlation of sd and error, pixels",
                 sd_rank_images = "rank correlation of sd and error, images",
                 coverage_90 = "coverage of 90 % intervals" }

local function defined(sums, protocol, results)
  local function made(v, name, order, better)
    results[name] = score.score(v, "", better, { label = LABELS[name], order = order,
                                                 section = SECTION, protocol = protocol })
  end
  made(sums.rank, "sd_rank", 1, "higher")
  local whole = stats.spearman(sums.sd, sums.squared)
  if whole.rho then made(whole.rho, "sd_rank_images", 2, "higher") end
  made(sums.inside[9], "coverage_90", 3)
  local y = {}
  for i, a in ipairs(sums.inside) do y[i] = a:value() end
  results.coverage_plot = score.plot({ { x = LEVELS, y = y, label = "pixels inside" },
    { x = { 0, 1 }, y = { 0, 1 }, style = "dotted", label = "calibrated" },
    { x = "interval", y = "share of pixels inside" } },
    { label = "Coverage of intervals", section = SECTION, caption = "Intervals from " ..
      protocol.interval .. "." })
end

return function(model, data, k, options)
  score.need(model, "the model", "posterior", "likelihood")
  compared.check("uncertainty", options, { "images" })
  k = compared.whole("uncertainty", "the number of draws", k, 16, 2)
  local images = compared.whole("uncertainty", "images", options.images, 500, 2)
  local set = data.test:subset(math.min(images, #data.test))
  local x, y = set:first(1)
  local protocol, results = { draws = k, count = #set }, {}
  local code = model:posterior(x, y):sample()
  if type(code) == "table" then score.refuse("the code is a list of tensors") end
  if score.kind(model:posterior(x, y)) == "delta" then
    for name, label in pairs(LABELS) do
      results[name] = score.undefined("a deterministic code: all draws are equal", "", nil,
                                      { label = label, section = SECTION })
    end
  else
    local sums, first = new_sums(data.classes), nil
    for bx, by in set:batches(100) do
      local b = pictures(model, bx, by, k)
      first = first or b
      add(sums, b)
    end
    protocol.interval = first.noise and "code and pixel noise" or "code alone"
    defined(sums, protocol, results)
    if #data.shape == 3 then results.draws = shown(first, data.shape, k) end
    if data.classes and first.y then results.class_spread = class_table(sums, data.classes) end
  end
  diversity_results(diversity(model, set), { count = #set, code = "mean" }, results)
  return results
end
