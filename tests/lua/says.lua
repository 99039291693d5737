-- says.lua - what a call that must fail says.

local M = {}

-- The message of f(...), which must raise one.
function M.message_of(f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "nothing was raised")
  return tostring(message)
end

-- f(...) must raise a message that has the words in it.
function M.says(words, f, ...)
  local message = M.message_of(f, ...)
  assert(message:find(words, 1, true), ("%q is not in %q"):format(words, message))
end

return M
