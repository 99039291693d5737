--[[ prdc, prdc:3 - precision, recall, density and coverage (Naeem et al. 2020) of pictures among
  the real test pictures, with balls to the k-th (5) nearest neighbour; a point is inside a ball if
  its distance is below the radius. { "prdc", features = ..., k = ... }. ]]

local compared = require "vaelua.compared"
local report = require "vaelua.evaluate"

local ABOUT = { name = "prdc", preset = "prdc", inside = "distance < radius", scores = {
  { "precision", "precision" }, { "recall", "recall" }, { "density", "density" },
  { "coverage", "coverage" } } }

return report.images(function(...) return compared.neighbours(ABOUT, ...) end)
