-- A misspelt method of a tensor.
local va = require "vaelua"
local x = va.randn(8, 3)
print(x:sofmax():sum():item())
