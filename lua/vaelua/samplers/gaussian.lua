--[[ gaussian, gaussian:mean - codes from one normal with full covariance, fitted to the training
  codes: the mixture (gmm.lua) with one component. ]]

local fit = require "vaelua.samplers.gmm"

return function(model, set, _, code) return fit(model, set, 1, code) end
