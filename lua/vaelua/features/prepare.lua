--[[ prepare.lua - pictures in 0..1 as a feature network is fed with them: rounding, resizing,
  channels and the scale of the input.

  rounding: "none"; "uint8", to the nearest of 256 levels; "truncate", to the level below. Pictures
  beyond 0..1 are clipped where they are rounded. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local score = require "vaelua.score"
local ops = core.ops

local M = {}

local choices = {
  resize = { "tf1", "half-pixel", "antialias", "pil-bicubic" },
  rounding = { "none", "uint8", "truncate" },
  input = { "128", "unit" },
}

local defaults = { resize = "tf1", rounding = "none", input = "128" }

--- The options with their defaults; unknown ones are errors.
function M.options(given)
  local how = {}
  for name, value in pairs(given or {}) do
    local list = choices[name]
    if not list then
      fail("features: there is no option '%s' (options: input, resize, rounding)", tostring(name))
    end
    local known = false
    for _, choice in ipairs(list) do known = known or choice == value end
    if not known then
      fail('features: %s must be one of "%s", got "%s"', name, table.concat(list, '", "'),
        tostring(value))
    end
    how[name] = value
  end
  for name, value in pairs(defaults) do how[name] = how[name] or value end
  return how
end

--- x in 0..1, rounded.
function M.rounded(x, rounding)
  if rounding == "none" then return x end
  local levels = x:clamp(0, 1) * 255
  levels = rounding == "uint8" and levels:round() or levels:floor()
  return levels / 255
end

--- [N, side, side, 3] for the Inception network: the scale is (x - 128) / 128 of 0..255, or 2 x - 1
--- of 0..1 ("unit"). Grey pictures are repeated to three channels after resizing.
function M.for_inception(x, how, side)
  local channels = x.shape[4]
  if #x.shape ~= 4 or (channels ~= 1 and channels ~= 3) then
    score.refuse("the Inception network needs pictures with 1 or 3 channels, got rows of {%s}",
      table.concat(x.shape, ", ", 2))
  end
  x = M.rounded(x, how.rounding) * 255
  if x.shape[2] ~= side or x.shape[3] ~= side then
    x = ops.resize(x, side, side, { rule = how.resize })
    if how.resize == "pil-bicubic" then x = x:clamp(0, 255) end
  end
  x = how.input == "unit" and x * (2 / 255) - 1 or (x - 128) * (1 / 128)
  return channels == 1 and ops.cat({ x, x, x }, -1) or x
end

return M
