-- options.lua - the options of a call: a table of names behind its other arguments.

local fail = require "vaelua.fail"
local keys = require "vaelua.keys"

local M = {}

-- The given ones, or {}; a name that the table `known` does not have is an error.
function M.checked(who, given, known)
  for name in pairs(fail.need_options(who, given)) do
    if known[name] == nil then fail.option(who, name, keys.sorted(known)) end
  end
  return given or {}
end

-- Defaults, and over them the named ones of each table; there are no others.
function M.over(who, defaults, ...)
  local o = {}
  for name, v in pairs(defaults) do o[name] = v end
  for _, given in ipairs { ... } do
    for name, v in pairs(M.checked(who, given, defaults)) do o[name] = v end
  end
  return o
end

return M
