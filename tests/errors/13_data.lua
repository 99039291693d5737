-- A data set that is not there.
local va = require "vaelua"
local data = va.data "fashon_mnist"
print(data.shape)
