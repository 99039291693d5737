--[[ recon - how well the test pictures come back.

  With the mean code: mean squared and absolute error per pixel, squared error per image, PSNR, SSIM
  and the negative log-likelihood (for a Bernoulli likelihood the cross-entropy) of the picture.
  With a sampled code, as in training: the negative log-likelihood once more. Both are named, since
  they differ.

    { "recon", ssim = "tm<=1.4.1", range = 1 }     SSIM without its border; the range of pixels ]]

local core = require "vaelua.core"
local average = require "vaelua.average".average
local compared = require "vaelua.compared"
local draws = require "vaelua.draws"
local fail = require "vaelua.fail"
local presets = require "vaelua.presets"
local score = require "vaelua.score"

local ops = core.ops

local function logp_words(likelihood)
  return score.kind(likelihood) == "bernoulli" and "cross-entropy" or "−log p(x|z)"
end

-- Pictures need two axes beside the channels for SSIM, and some width beside its window.
local function has_ssim(shape, side)
  return #shape == 3 and shape[1] >= side and shape[2] >= side
end

local function measure(model, data, range, ssim)
  local a, words = {}, nil
  for _, name in ipairs { "squared", "absolute", "at_mean", "sampled", "psnr", "ssim" } do
    a[name] = average()
  end
  for x, y in data.test:batches(500) do
    local q = score.need(model:posterior(x, y), "the posterior", "mean")
    local p = model:likelihood(q:mean(), y)
    local made = score.need(p, "the likelihood", "mean"):mean()
    words = words or logp_words(p)
    a.squared:add(ops.squared(made, x))
    a.absolute:add(ops.absolute(made, x))
    a.psnr:add(ops.psnr(made, x, { range = range }))
    if ssim then a.ssim:add(ops.ssim(made, x, { range = range, crop = ssim.crop })) end
    if score.answers(p, "logp") then a.at_mean:add(-p:logp(x)) end
  end
  draws.each(model, data.test, function(d) a.sampled:add(-d.likelihood:logp(d.x)) end)
  return a, words
end

return function(model, data, _, options)
  compared.check("recon", options, { "ssim", "range" })
  score.need(model, "the model", "posterior", "likelihood")
  local range = options.range or 1
  if type(range) ~= "number" or not (range > 0) then
    fail("recon: range must be a number above 0, got " .. tostring(range))
  end
  if #data.test == 0 then score.refuse("there are no pictures") end
  local preset, ssim_name = presets.find("ssim", options.ssim, "tm>=1.4.2")
  local side = preset.crop and 11 or 6
  local ssim = has_ssim(data.shape, side) and preset or nil
  local a, words = measure(model, data, range, ssim)
  local pixels = 1
  for _, n in ipairs(data.shape) do pixels = pixels * n end
  local scores, order = {}, 0
  local function add(name, v, unit, better, label, protocol, n)
    order = order + 1
    protocol.code = protocol.code or "mean"
    local extra = { label = label, order = order, n = n, protocol = protocol,
                    section = "reconstruction" }
    scores[name] = type(v) == "string" and score.undefined(v, unit, better, extra)
                   or score.score(v, unit, better, extra)
  end
  local n, nats = a.squared:count(), "nats per image"
  add("mse", a.squared:value() / pixels, "per pixel", "lower", "mean squared error", {}, n)
  add("squared_error", a.squared, "squared error per image", "lower", "squared error", {})
  add("mae", a.absolute:value() / pixels, "per pixel", "lower", "mean absolute error", {}, n)
  add("cross_entropy", a.at_mean, nats, "lower", words .. ", z = mean", {})
  add("cross_entropy_sampled", a.sampled, nats, "lower", words .. ", z sampled",
      { code = "draw", draws = 1 })
  add("psnr", a.psnr, "dB", "higher", "PSNR", { range = range, average = "of each picture's dB" })
  add("ssim", ssim and a.ssim or ("SSIM needs pictures of at least %d x %d pixels"):format(side,
      side), "", "higher", "SSIM", { range = range, window = "Gaussian 11, sigma 1.5",
      preset = "ssim/" .. ssim_name })
  return scores
end
