-- reference/luacats.lua - the catalogue as annotations for lua-language-server (LuaCATS).

local reference = require "vaelua.reference"
local types = require "vaelua.reference.types"

local M = {}

-- Words of Lua that cannot name a parameter.
local RESERVED = { ["end"] = true, ["repeat"] = true, ["function"] = true }

-- What cannot be found by asking: fields and operators of the kinds.
local CLASSES = {
  { "Tensor", [[
---@field shape integer[]
---@field dtype "float32"|"int32"|"uint8"|"float64"
---@field device string
---@field [integer] vaelua.Tensor
---@operator add(vaelua.Tensor|number): vaelua.Tensor
---@operator sub(vaelua.Tensor|number): vaelua.Tensor
---@operator mul(vaelua.Tensor|number): vaelua.Tensor
---@operator div(vaelua.Tensor|number): vaelua.Tensor
---@operator mod(vaelua.Tensor|number): vaelua.Tensor
---@operator pow(vaelua.Tensor|number): vaelua.Tensor
---@operator unm: vaelua.Tensor
---@operator len: integer]] },
  { "Layer", "" },
  { "Chain", [[
---@field input any
---@field output any
---@field [integer] any
---@operator len: integer
---@operator call(vaelua.Tensor): vaelua.Tensor]] },
  { "Model", [[
---@field posterior fun(self: vaelua.Model, x: any, y?: any): any
---@field likelihood fun(self: vaelua.Model, z: any, y?: any): any
---@field loss fun(self: vaelua.Model, x: any, beta?: number, y?: any): any, table?
---@field classify fun(self: vaelua.Model, x: any): any
---@field [string] any]] },
  { "Distribution", "---@field [integer] any" },
  { "Optimiser", [[
---@field lr number
---@field count integer
---@field params table]] },
  { "Set", [[
---@field shape integer[]
---@field classes string[]
---@operator add(vaelua.Set): vaelua.Set
---@operator len: integer]] },
  { "Average", "" },
  { "Data", [[
---@field name string
---@field train vaelua.Set
---@field test vaelua.Set
---@field shape integer[]
---@field classes string[] ]] },
}

local TARGET = { Tensor = "Tensor", ["nn.init"] = "va.nn.init", va = "va" }

local function target(group)
  return TARGET[group.name] or group.class and group.name or "va." .. group.name
end

local function comment(out, e)
  for line in (e.doc .. "\n"):gmatch("([^\n]*)\n") do
    if line ~= "" then out[#out + 1] = "--- " .. line end
  end
  if e.no_gradient then out[#out + 1] = "---\n--- No gradient: " .. e.no_gradient end
  if e.example then
    out[#out + 1] = "---\n--- ```lua\n--- " .. e.example .. "\n--- ```"
  end
end

-- The trailing table: a class of its own where the options are known.
local function options_class(out, group, e)
  if #e.options == 0 then return nil end
  local name = ("vaelua.%s.%s.options"):format(group.name, e.name)
  out[#out + 1] = "---@class " .. name
  for _, p in ipairs(e.options) do
    out[#out + 1] = ("---@field %s? %s%s"):format(p.name, p.kind,
      p.default and " default " .. p.default or "")
  end
  out[#out + 1] = ""
  return name
end

-- A table that is called and has functions of its own (dist.normal, normal.unit).
local function callable(out, e, full, names)
  local list = {}
  for i, p in ipairs(e.params) do list[i] = ("%s: %s"):format(names[i], p.kind) end
  while out[#out]:find("^%-%-%-@") do out[#out] = nil end
  out[#out + 1] = ("---@overload fun(%s): %s"):format(table.concat(list, ", "), e.returns)
  local lines = { full .. " = {}\n" }
  for _, part in ipairs(e.parts) do
    lines[#lines + 1] = ("---@param ... any\n---@return %s\nfunction %s.%s(...) end\n"):format(
      e.returns, full, part)
  end
  return table.concat(lines, "\n")
end

local function entry(out, group, e)
  local options = options_class(out, group, e)
  comment(out, e)
  local names = {}
  local function param(name, kind, optional, default)
    if RESERVED[name] then name = name .. "_" end
    names[#names + 1] = name
    out[#out + 1] = ("---@param %s%s %s%s"):format(name, optional and "?" or "", kind,
      default and " default " .. default or "")
  end
  local last, optional
  for _, p in ipairs(e.params) do
    local is_options = types.is_options(p.name)
    optional = optional or p.optional or is_options
    last = last or is_options and options ~= nil
    param(p.name, is_options and options or p.kind, optional, p.default)
  end
  local final = e.params[#e.params]
  local many = e.vararg or final and final.name == "shape" and final.kind == types.of_kind "shape"
  if options and not last and not many then param("options", options, true) end
  if many then
    names[#names + 1] = "..."
    out[#out + 1] = "---@param ... any"
  end
  if e.returns ~= "nil" then
    out[#out + 1] = "---@return " .. e.returns
  end
  local full = target(group) .. (group.class and ":" or ".") .. e.name
  local text = e.parts and callable(out, e, full, names)
               or ("function %s(%s) end\n"):format(full, table.concat(names, ", "))
  out[#out + 1] = text
end

--- meta/vaelua.d.lua.
function M.meta()
  local out = { "---@meta vaelua", "-- vaelua.d.lua - annotations for lua-language-server, made by "
    .. "`make docs`: not to be edited.\n" }
  for _, c in ipairs(CLASSES) do
    out[#out + 1] = "---@class vaelua." .. c[1]
    if c[2] ~= "" then out[#out + 1] = (c[2]:gsub("%s+$", "")) end
    out[#out + 1] = ("local %s = {}\n"):format(c[1])
  end
  out[#out + 1] = "---@class vaelua\n---@field _VERSION string\nlocal va = {}\n"
  out[#out + 1] = "---@type table<string, fun(options?: table): vaelua.Model>\nva.models = {}\n"
  for _, group in ipairs(reference.catalogue()) do
    local files = group.entries[1] and group.entries[1].file
    if not group.class and not files and group.name ~= "va" then
      out[#out + 1] = target(group) .. " = {}\n"
    end
    for _, e in ipairs(files and {} or group.entries) do entry(out, group, e) end
  end
  out[#out + 1] = "return va\n"
  return table.concat(out, "\n")
end

return M
