--[[ presets.lua - the named forms of scores that other programs compute: what each fixes, and what
  of the program it follows is emulated here.

  Of a Fréchet distance (fid/...), resize, rounding and input are what happens to pictures before
  the Inception network (vaelua.features.prepare); cov is what the covariance of the generated
  pictures is divided by; float32: the result is rounded to it. The root of the product of the
  covariances is always made by the symmetric route in float64, which has the value of scipy's
  sqrtm and of the sum of the roots of the eigenvalues wherever those are real and finite; the
  rescue by 1e-6 on the diagonals of the first is not made, since nothing has to be rescued. ]]

local fail = require "vaelua.fail"
local keys = require "vaelua.keys"

local M = {}

M.frechet = {
  frechet = { cov = "n - 1", source = "Heusel et al. 2017",
    emulates = "nothing: pictures as they are, float64" },
  ["fid/ttur"] = { resize = "tf1", rounding = "uint8", cov = "n - 1",
    source = "bioinf-jku/TTUR: fid.py",
    emulates = "8-bit image files, TF1 resizing, covariances with n - 1" },
  ["fid/pytorch-fid"] = { resize = "half-pixel", rounding = "uint8", input = "unit", cov = "n - 1",
    source = "mseitzer/pytorch-fid: fid_score.py, inception.py",
    emulates = "8-bit files divided by 255, half-pixel resizing, 2 x - 1" },
  ["fid/torch-fidelity"] = { resize = "tf1", rounding = "uint8", cov = "n - 1",
    source = "toshas/torch-fidelity 0.4: metric_fid.py",
    emulates = "8-bit pictures, TF1 resizing, no rescue" },
  ["fid/tm-0.8"] = { resize = "tf1", rounding = "uint8", cov = "n_real - 1", float32 = true,
    source = "Lightning-AI/torchmetrics 0.8: image/fid.py",
    emulates = "covariance of the generated pictures divided by n_real - 1, result as float32" },
  ["fid/tm-0.10"] = { resize = "tf1", rounding = "uint8", cov = "n - 1", float32 = true,
    source = "Lightning-AI/torchmetrics 0.10: image/fid.py",
    emulates = "the value of its sums over features and products, result as float32" },
  ["fid/tm-1.0"] = { resize = "tf1", rounding = "truncate", cov = "n - 1", float32 = true,
    source = "Lightning-AI/torchmetrics 1.0: image/fid.py (normalize=True)",
    emulates = "pictures in 0..1 times 255 and truncated, TF1 resizing, result as float32" },
  ["fid/tm-1.8"] = { resize = "antialias", rounding = "truncate", cov = "n - 1", float32 = true,
    source = "Lightning-AI/torchmetrics 1.8: image/fid.py (normalize=True)",
    emulates = "pictures in 0..1 times 255 and truncated, antialiased resizing, float32 result" },
  ["fid/clean"] = { resize = "pil-bicubic", rounding = "uint8", cov = "n - 1",
    source = "GaParmar/clean-fid: cleanfid/fid.py, resize.py",
    emulates = "8-bit pictures, Pillow's bicubic resizing without rounding" },
}

-- shuffle: the rows are permuted by RandomState(2020) first. chunk: splits of N / S rows rounded up
-- and the sample's standard deviation, else equal splits and the population's.
M.inception_score = {
  ["is/openai"] = { shuffle = false, chunk = false,
    source = "openai/improved-gan: inception_score/model.py",
    emulates = "order as given, equal splits, population sd; float64 in place of float32" },
  ["is/torch-fidelity"] = { resize = "tf1", rounding = "uint8", shuffle = true, chunk = false,
    source = "toshas/torch-fidelity 0.4: metric_isc.py",
    emulates = "its shuffle by RandomState(2020), equal splits, population sd, float64" },
  ["is/torchmetrics"] = { resize = "tf1", rounding = "uint8", shuffle = true, chunk = true,
    source = "Lightning-AI/torchmetrics: image/inception.py",
    emulates = "chunks and sample sd; its unseeded shuffle is RandomState(2020)'s here" },
}

M.kid = {
  ["kid/torch-fidelity"] = { resize = "tf1", rounding = "uint8", subsets = 100, size = 1000,
    source = "toshas/torch-fidelity 0.4: metric_kid.py",
    emulates = "its subsets by RandomState(2020), mean and population sd, in float64" },
  ["kid/torchmetrics"] = { resize = "tf1", rounding = "uint8", subsets = 100, size = 1000,
    source = "Lightning-AI/torchmetrics: image/kid.py",
    emulates = "its estimator; its unseeded subsets are RandomState(2020)'s here" },
  ["kid/clean"] = { resize = "pil-bicubic", rounding = "uint8", subsets = 100, size = 1000,
    source = "GaParmar/clean-fid: cleanfid/fid.py",
    emulates = "its estimator; subsets of at most all pictures, by RandomState(2020)" },
}

-- edge: a point at just the radius of a ball is inside.
M.prdc = {
  prdc = { k = 5, edge = false, source = "Naeem et al. 2020; clovaai/generative-evaluation-prdc",
    emulates = "distance < radius to the 5th neighbour, itself not counted" },
}

M.precision_recall = {
  ipr = { k = 3, edge = true,
    source = "Kynkäänniemi et al. 2019; kynkaat/improved-precision-and-recall-metric",
    emulates = "distance <= radius to the 3rd neighbour, itself not counted" },
  ["prc/torch-fidelity"] = { resize = "tf1", rounding = "uint8", k = 3, edge = true,
    source = "toshas/torch-fidelity 0.4: metric_prc.py",
    emulates = "distance <= radius to the 4th neighbour, itself counted" },
}

M.ssim = {
  ["tm>=1.4.2"] = { crop = false, source = "Lightning-AI/torchmetrics: functional/image/ssim.py",
    emulates = "the reflected border stays in the mean, variances not below 0" },
  ["tm<=1.4.1"] = { crop = true, source = "Lightning-AI/torchmetrics: functional/image/ssim.py",
    emulates = "pixels whose window reaches over the border are left out" },
}

--- The preset of a family by its name; unknown ones are errors that list the known.
function M.find(family, name, default)
  name = name or default
  local known = M[family]
  if known[name] then return known[name], name end
  local names = keys.sorted(known)
  fail("%s: there is no preset '%s'%s; known are %s", family, tostring(name),
    fail.near(name, names), table.concat(names, ", "))
end

return M
