-- file.lua - reading whole files.

local M = {}

--- The bytes of a file; nil, and why, where it cannot be read.
function M.read(path)
  local f <close>, why = io.open(path, "rb")
  if not f then return nil, why end
  return f:read("a")
end

return M
