-- models.lua - `va.models`: models/NAME.lua, found by file name when it is first asked for.
--
-- A file returns function (options) -> model. Options are { name, shape, z, ... } with defaults of
-- the file's own; M.options reads them.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local options = require "vaelua.options"

local M = {}

--- The given options over the defaults; an unknown one is an error that lists the known.
function M.options(who, given, defaults)
  if type(given) ~= "table" then
    fail("models.%s: a table { name, shape, z, ... } is needed, got %s", who, type(given))
  end
  return options.over("models." .. who, defaults, given)
end

return setmetatable(M, { __index = function(_, name)
  for _, known in ipairs(core.modules "models") do
    if known == name then
      local make = require("vaelua.models." .. name)
      rawset(M, name, make)
      return make
    end
  end
  fail.unknown("model", name, core.modules "models")
end })
