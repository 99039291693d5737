--[[ input.lua - what the functions of stats are given: lists of finite numbers, checked here.

  Every message names the function and the argument. ]]

local fail = require "vaelua.fail"
local options = require "vaelua.options"

local M = {}

--- A list of finite numbers, at least `least` of them.
function M.list(who, name, list, least)
  if type(list) ~= "table" then
    fail("stats.%s: %s must be a list of numbers, got %s", who, name, type(list))
  end
  for i = 1, #list do
    local v = list[i]
    if type(v) ~= "number" then
      fail("stats.%s: %s[%d] must be a number, got %s", who, name, i, type(v))
    elseif v ~= v or v == math.huge or v == -math.huge then
      fail("stats.%s: %s[%d] is %s; finite numbers are needed", who, name, i,
           v ~= v and "NaN" or v > 0 and "infinite" or "minus infinite")
    end
  end
  if #list < (least or 1) then
    fail("stats.%s: %s has %d %s, at least %d are needed", who, name, #list,
         #list == 1 and "number" or "numbers", least or 1)
  end
  return list
end

--- Two lists of the same length, at least `least` pairs.
function M.pairs(who, a, b, least, names)
  names = names or { "a", "b" }
  M.list(who, names[1], a, 0)
  M.list(who, names[2], b, 0)
  if #a ~= #b then
    fail("stats.%s: pairs are needed, but %s has %d numbers and %s has %d", who, names[1], #a,
         names[2], #b)
  end
  if #a < (least or 2) then
    fail("stats.%s: %d %s; at least %d are needed", who, #a, #a == 1 and "pair" or "pairs",
         least or 2)
  end
  return a, b
end

--- The differences a - b of pairs; a alone is taken as differences.
function M.differences(who, a, b)
  if b == nil then return M.list(who, "the list of differences", a, 2) end
  M.pairs(who, a, b)
  local d = {}
  for i, v in ipairs(a) do d[i] = v - b[i] end
  return d
end

--- A number between 0 and 1, neither of them.
function M.share(who, name, v, default)
  if v == nil then return default end
  if type(v) ~= "number" or not (v > 0 and v < 1) then
    fail("stats.%s: %s must be a number between 0 and 1, got %s", who, name, tostring(v))
  end
  return v
end

--- A whole number from low to high.
function M.whole(who, name, v, low, high)
  local n = type(v) == "number" and math.tointeger(v)
  if not n or n < low or high and n > high then
    fail("stats.%s: %s must be a whole number %s, got %s", who, name,
         high and ("from %d to %d"):format(low, high) or ("of at least %d"):format(low),
         tostring(v))
  end
  return n
end

--- Options with known names.
function M.options(who, given, ...)
  local known = {}
  for _, name in ipairs { ... } do known[name] = true end
  return options.checked("stats." .. who, given, known)
end

return M
