-- A misspelt global name.
local va = require "vaelua"
local train = va.data("two_moons").train
for _, x in trian:batches(100) do print(x:mean():item()) end
