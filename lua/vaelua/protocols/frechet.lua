--[[ frechet - the Fréchet distance of pictures from the real test pictures on the features of a
  network.

    "frechet"                                  the built-in network, pictures as they are
    { "frechet", preset = "fid/tm-1.0", features = "inception:64" }
    { "frechet", reference = FILE }            statistics (mu, sigma) or features of the real ones
    { "frechet", infinity = true }             extrapolated to infinitely many (FID∞)

  Presets stand in vaelua.presets; distances of different presets or networks cannot be compared.
  With infinity the distance is measured at 15 counts from min(5000, max(N / 10, 2)) to N and the
  line of distance against 1 / n is followed to 0 (Chong and Forsyth 2020; as in dgm-eval). On
  features of at most 256 numbers the score has its noise: the standard deviation over 20 bootstrap
  samples of the pictures. ]]

local core = require "vaelua.core"
local compared = require "vaelua.compared"
local features = require "vaelua.features"
local file = require "vaelua.file"
local presets = require "vaelua.presets"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

local ops = core.ops
local COUNTS, SEED = 15, 2020
local RESAMPLES, WIDEST = 20, 256

local function moments(x, what, divisor)
  if #x < 2 then
    score.refuse("too few samples for a covariance: %d %s, at least 2 are needed", #x, what)
  end
  local m = ops.moments(x, { divisor = divisor })
  return { mean = m[1], cov = m:rows(2, #m), count = #x }
end

-- Statistics of the real pictures: of a file, or of the test set.
local function reference(net, data, path)
  if not path then return moments(compared.real(net, data).features, "real pictures"), {} end
  local r = features.read_reference(path, net)
  local from = { reference = path:match("[^/]+$"),
                 reference_sha256 = core.sha256((assert(file.read(path)))) }
  if r.features then r = moments(r.features, "rows in " .. path) end
  return r, from
end

local function distance(real, x, preset)
  local divisor = preset.cov == "n_real - 1" and (real.count or 0) - 1 or nil
  if divisor == -1 then
    score.refuse("the reference file does not say how many pictures it is of, and the preset "
      .. "divides by that")
  end
  local fake = moments(x, "pictures", divisor)
  local d = ops.frechet_moments(real.mean, real.cov, fake.mean, fake.cov):item()
  if preset.float32 then d = ("<f"):unpack(("<f"):pack(d)) end
  return d, fake
end

-- Intercept of the least-squares line of the distance against 1 / n.
local function extrapolated(real, x, preset)
  local n, sx, sy, sxx, sxy = #x, 0, 0, 0, 0
  local first = math.min(5000, math.max(n // 10, 2))
  for i = 0, COUNTS - 1 do
    local some = first + (n - first) * i // (COUNTS - 1)
    local rows = ops.legacy_permutation(n, { seed = SEED + i }):rows(1, some)
    local u, d = 1 / some, distance(real, x:pick(rows), preset)
    sx, sy, sxx, sxy = sx + u, sy + d, sxx + u * u, sxy + u * d
  end
  local slope = (COUNTS * sxy - sx * sy) / (COUNTS * sxx - sx * sx)
  return (sy - slope * sx) / COUNTS
end

-- Standard error over the pictures of one model: of distances of resampled ones. Wide features
-- would take longer than it is worth.
local function noise(real, x, preset)
  if x.shape[2] > WIDEST then return nil end
  local sum, squares = 0, 0
  for _ = 1, RESAMPLES do
    local d = distance(real, x:pick(ops.randint(1, #x, { #x })), preset)
    sum, squares = sum + d, squares + d * d
  end
  return math.sqrt(math.max(squares - sum * sum / RESAMPLES, 0) / (RESAMPLES - 1))
end

-- Why a distance of few pictures is biased: the rank of their covariance.
local function few(real, fake, width)
  local words = {}
  for _, side in ipairs { { "generated", fake }, { "real", real } } do
    local m = side[2]
    if m.count and m.count <= width then
      words[#words + 1] = ("the covariance of %d %s pictures has rank %d of %d"):format(m.count,
        side[1], ops.covariance_rank(m.cov):item(), width)
    end
  end
  return words[1] and "biased upwards: " .. table.concat(words, "; ") or nil
end

return report.images(function(made, data, _, options)
  compared.check("frechet", options, { "preset", "features", "reference", "infinity" })
  local preset, name = presets.find("frechet", options.preset, "frechet")
  local net = compared.network(data, options, preset)
  local x = compared.made(net, made).features
  local real, from = reference(net, data, options.reference)
  local value, fake = distance(real, x, preset)
  if options.infinity then
    if #x < 10 * COUNTS then
      score.refuse("FID∞ needs at least %d pictures, got %d", 10 * COUNTS, #x)
    end
    value = extrapolated(real, x, preset)
  end
  from.count, from.reference_count = #x, real.count or "not stated"
  from.covariance, from.infinity = preset.cov, options.infinity and true or false
  local title = options.preset and ("%s, %s"):format(name, net.title) or net.title
  return {
    frechet = score.score(value, "", "lower",
      { label = ("Fréchet distance%s (%s)"):format(options.infinity and " ∞" or "", title),
        n = #x, noise = noise(real, x, preset),
        note = few(real, fake, x.shape[2]), section = "generation",
        protocol = compared.protocol(net, name, from) }),
  }
end)
