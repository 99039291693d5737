-- A method that other libraries have.
local va = require "vaelua"
local x = va.randn(4, 2, 3)
print(x:view(4, 6))
