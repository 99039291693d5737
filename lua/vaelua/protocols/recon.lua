--[[ recon - how well the test pictures come back.

  With the mean code: squared error per pixel and per image, PSNR, SSIM and the negative
  log-likelihood (for a Bernoulli likelihood the cross-entropy) of the picture. With a sampled
  code, as in training: the negative log-likelihood once more. Both are named, since they differ. ]]

local core = require "vaelua.core"
local average = require "vaelua.average".average
local draws = require "vaelua.draws"
local score = require "vaelua.score"

local ops = core.ops

local function logp_words(likelihood)
  return score.kind(likelihood) == "bernoulli" and "cross-entropy" or "−log p(x|z)"
end

-- Pictures need two axes beside the channels for SSIM, and a window's width of pixels.
local function has_ssim(shape)
  return #shape == 3 and shape[1] >= 6 and shape[2] >= 6
end

return function(model, data)
  score.need(model, "the model", "posterior", "likelihood")
  local a = {}
  for _, name in ipairs { "squared", "at_mean", "sampled", "psnr", "ssim" } do
    a[name] = average()
  end
  local words
  for x, y in data.test:batches(500) do
    local q = score.need(model:posterior(x, y), "the posterior", "mean")
    local p = model:likelihood(q:mean(), y)
    local made = score.need(p, "the likelihood", "mean"):mean()
    words = words or logp_words(p)
    a.squared:add(ops.squared(made, x))
    a.psnr:add(ops.psnr(made, x))
    if has_ssim(data.shape) then a.ssim:add(ops.ssim(made, x)) end
    if score.answers(p, "logp") then a.at_mean:add(-p:logp(x)) end
  end
  draws.each(model, data.test, function(d) a.sampled:add(-d.likelihood:logp(d.x)) end)
  local pixels = 1
  for _, n in ipairs(data.shape) do pixels = pixels * n end
  local per_pixel = a.squared:value() / pixels
  return {
    mse = score.score(per_pixel, "per pixel", "lower",
                      { label = "mean squared error", order = 1, n = a.squared:count() }),
    squared_error = score.score(a.squared, "per image", "lower",
                                { label = "squared error", order = 2 }),
    cross_entropy = score.score(a.at_mean, "nats per image", "lower",
                                { label = words .. ", z = mean", order = 3 }),
    cross_entropy_sampled = score.score(a.sampled, "nats per image", "lower",
                                        { label = words .. ", z sampled", order = 4 }),
    psnr = score.score(a.psnr, "dB", "higher", { label = "PSNR", order = 5 }),
    ssim = has_ssim(data.shape) and score.score(a.ssim, "", "higher", { label = "SSIM", order = 6 })
      or score.undefined("SSIM needs pictures of at least 6 x 6 pixels", "", "higher",
                         { label = "SSIM", order = 6 }),
  }
end
