-- fail.lua - a mistake of the user: fail(format, ...) raises the message, made as by string.format,
-- behind the file and line of the script.

local core = require "vaelua.core"

local M = {}

--- " (did you mean 'sample'?)" for a word that is near to one of the names, else "".
function M.near(word, names)
  table.sort(names)
  local near = core.nearest(tostring(word), names)
  return near and (" (did you mean '%s'?)"):format(near) or ""
end

return setmetatable(M, { __call = function(_, format, ...)
  core.fail("user", select("#", ...) > 0 and format:format(...) or format)
end })
