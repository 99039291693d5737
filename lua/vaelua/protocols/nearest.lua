--[[ nearest:8 - do pictures repeat training images? Squared distances of the pixels of the first
  2,000 pictures to the first 10,000 training images; others by
  { "nearest", 8, images = 10000, train = 60000 }.

  copied: the share of pictures that lie nearer to a training image than any other training image
  does to it (AuthPct of Alaa et al. 2022 is the share of the others). Real pictures give the floor:
  much more than theirs is memory. nearest_distance: mean over the pictures of the squared distance
  to the nearest training image, per image. Pictures: the first made ones and, below each, the
  training image that is nearest to it. For real pictures, which are training images themselves, the
  test images stand in. ]]

local average = require "vaelua.average".average
local compared = require "vaelua.compared"
local core = require "vaelua.core"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

local ops = core.ops
local IMAGES, TRAIN, ROWS, COLUMNS = 2000, 10000, 500, 2500

-- Squared distance to, and place of, the nearest row of y for every row of x; a row is not compared
-- with itself where both are the same rows. Blocks bound the memory.
local function nearest(x, y, same)
  local far, place = {}, {}
  for i = 1, #x, ROWS do
    local rows = x:rows(i, math.min(i + ROWS - 1, #x))
    local best, at
    for j = 1, #y, COLUMNS do
      local columns = y:rows(j, math.min(j + COLUMNS - 1, #y))
      local d = ops.sqdist(rows, columns)
      if same then
        local mine = ops.arange(i, i + #rows - 1):reshape(-1, 1)
        local theirs = ops.arange(j, j + #columns - 1):reshape(1, -1)
        d = ops.where(mine:as("float32"):eq(theirs:as("float32")), ops.full(d.shape, math.huge), d)
      end
      local least, where = d:min(2), d:argmin(2) + (j - 1)
      at = best and ops.where(least:lt(best), where:as("float32"), at) or where:as("float32")
      best = best and ops.minimum(best, least) or least
    end
    far[#far + 1], place[#place + 1] = best, at
  end
  return ops.cat(far, 1), ops.cat(place, 1):as("int32")
end

local own = setmetatable({}, { __mode = "k" })      -- training set -> its pixels and own distances

local function training(data, count)
  local kept = own[data.train]
  if not kept or kept.count ~= count then
    local x = data.train:first(count):flatten()
    kept = { count = count, x = x, far = nearest(x, x, true) }
    own[data.train] = kept
  end
  return kept
end

return report.images(function(made, data, n, options)
  compared.check("nearest", options, { "images", "train" })
  local images = compared.whole("nearest", "images", options.images, IMAGES, 1)
  local count = compared.whole("nearest", "train", options.train, TRAIN, 2)
  n = compared.whole("nearest", "the number of pictures", n, 8, 1)
  local train = training(data, math.min(count, #data.train))
  local pictures = made.source == "real" and data.test or made
  local x = pictures:first(math.min(images, #pictures))
  local far, place = nearest(x:flatten(), train.x)
  local copied, distance = average(), average()
  copied:add(far:lt(train.far:pick(place)))
  distance:add(far)
  local protocol = { preset = "pixels", reference = (data.name or "own data") .. " train",
                     reference_count = train.count, count = #x }
  n = math.min(n, #x)
  local shown = ops.cat({ x:rows(1, n), (data.train:take(place:rows(1, n))) }, 1)
  return {
    copied = score.score(copied, "", "lower", { order = 1, section = "classes",
      label = "share nearer to a training image than its neighbour", protocol = protocol }),
    nearest_distance = score.score(distance, "squared error per image", nil, { order = 2,
      section = "classes", label = "distance to the nearest training image",
      protocol = protocol }),
    nearest = score.picture(shown, { columns = n, row_labels = { "made", "nearest" },
      section = "classes", label = "nearest training images" }),
  }
end)
