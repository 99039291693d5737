--[[ digest.lua - SHA-256 of what a set holds: its rows, labels and choice of rows, and those of the
sets that it is the sum of. Functions of map are not in it. ]]

local core = require "vaelua.core"

local M = {}

local taken = setmetatable({}, { __mode = "k" })      -- of large tensors, each once

local function tensor(t)
  taken[t] = taken[t] or core.tensor_hash(t)
  return taken[t]
end

--- digest.set(set): 64 hexadecimal digits; "" for no set.
function M.set(set)
  if not set then return "" end
  local sums = {}
  for _, field in ipairs { "x", "y", "rows" } do
    if set[field] then sums[#sums + 1] = field .. tensor(set[field]) end
  end
  for _, part in ipairs(set.parts or {}) do sums[#sums + 1] = M.set(part) end
  return core.sha256(table.concat(sums, " "))
end

return M
