--[[ precision_recall, precision_recall:5 - improved precision and recall (Kynkäänniemi et al. 2019)
  of pictures among the real test pictures, with balls to the k-th (3) nearest neighbour; a point
  at just the radius is inside. { "precision_recall", preset = "ipr" or "prc/torch-fidelity",
  features = ..., k = ... }. The scores are named ipr_precision and ipr_recall: those of prdc are
  other numbers. ]]

local compared = require "vaelua.compared"
local report = require "vaelua.evaluate"

local ABOUT = { name = "precision_recall", preset = "ipr", inside = "distance <= radius", scores = {
  { "ipr_precision", "improved precision" }, { "ipr_recall", "improved recall" } } }

return report.images(function(...) return compared.neighbours(ABOUT, ...) end)
