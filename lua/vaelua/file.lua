-- file.lua - what modules share that read and write files.

local M = {}

-- The bytes of a file; nil, and why, where it cannot be read.
function M.read(path)
  local f <close>, why = io.open(path, "rb")
  if not f then return nil, why end
  return f:read("a")
end

-- A text as a field of a CSV file.
function M.field(text)
  return text:find('[,"\n\r]') and '"' .. text:gsub('"', '""') .. '"' or text
end

return M
