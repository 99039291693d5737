-- 01_tensors.lua - tensors are values: no operation changes its arguments.
local va = require "vaelua"

local x = va.tensor { { 1, 2, 3 }, { 4, 5, 6 } }        -- float32 [2, 3]
print(x)
print(x[1], x:rows(1, 1).shape[1])                      -- a row; rows keep axis 1
print((x * 2 + 1):totable()[2][3])                      -- 13.0

-- Axes and indices count from 1, negative ones from the end.
print(x:sum(1), x:mean(-1), x:max())
print(x:argmax())                                       -- int32, from 1

-- The same rank: axes of size 1 stretch. Else the smaller shape is the end of the larger.
print((x - x:mean(-1, { keep = true })).shape[2])
print((x + va.tensor { 10, 20, 30 }):at(1, 3))          -- 33.0

-- Comparisons are methods and give 0 and 1, so that a mean is a share.
print("share above 2:", x:gt(2):mean():item())

-- Views share memory; split gives several results.
local left, right = va.arange(1, 8):reshape(2, 4):split(2)
print(left, right)

-- Random numbers are addressed by the seed: the same script gives the same numbers.
va.seed(7)
local a = va.randn(2, 2)
va.seed(7)
assert(a:eq(va.randn(2, 2)):min():item() == 1)
