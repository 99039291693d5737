-- A mistake in a coroutine.
local va = require "vaelua"
local rows = coroutine.wrap(function ()
  for i = 1, 4 do coroutine.yield(va.ones(3)[i]) end
end)
for row in rows do print(row) end
