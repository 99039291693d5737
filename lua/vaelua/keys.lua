-- keys.lua - the keys of a table in an order that does not change from run to run.

local M = {}

-- Numbers before names, both ascending.
function M.less(a, b)
  if type(a) == type(b) then return a < b end
  return type(a) == "number"
end

local function of_types(types, ...)
  local keys, seen = {}, {}
  for _, t in ipairs { ... } do
    for k in pairs(t) do
      if types[type(k)] and not seen[k] then seen[k], keys[#keys + 1] = true, k end
    end
  end
  table.sort(keys, M.less)
  return keys
end

local ORDERED, NAMES = { number = true, string = true }, { string = true }

-- The keys of one or more tables, each once: numbers and names, other keys are left out.
function M.sorted(...) return of_types(ORDERED, ...) end

-- The names alone, where a table may also be a list.
function M.names(...) return of_types(NAMES, ...) end

return M
