-- reference/luacats.lua - the catalogue as annotations for lua-language-server (LuaCATS).

local core = require "vaelua.core"
local reference = require "vaelua.reference"
local types = require "vaelua.reference.types"

local M = {}

-- Words of Lua that cannot name a parameter.
local RESERVED = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat "
  .. "return then true until while"):gmatch("%a+") do RESERVED[word] = true end

-- What cannot be found by asking: fields and operators of the kinds.
local CLASSES = {
  { "Tensor", [[
---@field shape integer[]
---@field dtype vaelua.dtype
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
---@field input integer[]
---@field output integer[]
---@field [integer] any
---@operator len: integer
---@operator call(vaelua.Tensor): vaelua.Tensor]] },
  { "Model", [[
---@field posterior fun(self: vaelua.Model, x: any, y?: any): vaelua.Distribution
---@field likelihood fun(self: vaelua.Model, z: any, y?: any): vaelua.Distribution
---@field loss fun(self: vaelua.Model, x: any, beta?: number, y?: any): vaelua.Tensor, table?
---@field classify fun(self: vaelua.Model, x: any): vaelua.Distribution
---@field [string] any]] },
  { "Distribution", "---@field [integer] vaelua.Tensor|vaelua.Distribution" },
  { "Optimiser", [[
---@field lr number
---@field count integer
---@field params table<string, vaelua.Tensor>]] },
  { "Set", [[
---@field shape integer[]
---@field classes string[]
---@operator add(vaelua.Set): vaelua.Set
---@operator len: integer]] },
  { "Average", "" },
  { "Sampler", [[
---@field words string
---@field protocol table<string, any>
---@overload fun(n: integer, y?: vaelua.Tensor): vaelua.Tensor]] },
  { "Score", [[
---@field name? string
---@field value number
---@field unit string
---@field better? "higher"|"lower"
---@field n? integer
---@field sd? number
---@field low? number
---@field high? number
---@field label? string
---@field protocol? table<string, any>
---@field reason? string
---@field [string] any]] },
  { "History", [[
---@field loss number[]
---@field last table<string, number>
---@field [string] any]] },
  { "Data", [[
---@field name string
---@field train vaelua.Set
---@field test vaelua.Set
---@field shape integer[]
---@field classes string[] ]] },
  { "Run", [[
---@field name string
---@field folder string
---@field seed integer
---@field models table<string, vaelua.Model>
---@field data? vaelua.Data
---@field config table<string, any>
---@field history table<string, table>]] },
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

-- The places of a call { name, kind, optional, default }, the table of options among them.
local function places(e, options)
  local list = {}
  for i, p in ipairs(e.params) do
    local own = options and i == e.options_at
    local kind = own and p.kind:gsub("%f[%w]table$", options) or p.kind
    list[i] = { name = p.name, kind = kind, default = p.default,
                optional = p.optional or types.is_options(p.name), many = p.many,
                shifts = p.shifts }
  end
  if options and not e.options_at then
    list[#list + 1] = { name = "options", kind = options, optional = true }
  end
  if e.vararg then list[#list + 1] = { name = "...", kind = "any", many = true } end
  local final = list[#list]
  if not e.lua and final and final.name == "shape" then     -- zeros(2, 3) or zeros { 2, 3 }
    list[#list + 1] = { name = "...", kind = "integer", many = true }
  end
  if e.repeated then list[#list + 1] = { name = "...", kind = options, many = true } end
  for i = #list - 1, 1, -1 do            -- what stands before something needed is needed
    local next_needed = not list[i + 1].optional and not list[i + 1].many
    if next_needed and not e.by_kind then list[i].optional = nil end
  end
  return list
end

local function union(list, from)
  local kinds, seen = {}, {}
  for i = from, #list do
    for kind in (list[i].kind .. "|"):gmatch("([^|]+)|") do
      if not seen[kind] then seen[kind], kinds[#kinds + 1] = true, kind end
    end
  end
  return seen.any and "any" or table.concat(kinds, "|")
end

-- Any number of arguments with others behind them: all from there on are one "..." .
local function flat(list)
  local first
  for i, p in ipairs(list) do
    if p.many and not first then first = i end
  end
  if not first then return list end
  while first > 1 and first < #list and list[first - 1].optional do first = first - 1 end
  local short = table.move(list, 1, first - 1, 1, {})
  short[first] = { name = "...", kind = union(list, first), many = true }
  return short
end

-- The lists that are left when places that are told by their kind are left out: [name], z, [y].
local function variants(list)
  local all = { {} }
  for i, p in ipairs(list) do
    local inner = p.shifts and i < #list
    local there = inner and { name = p.name, kind = p.kind } or p
    for k = 1, #all do
      local without = inner and table.move(all[k], 1, #all[k], 1, {})
      table.insert(all[k], there)
      all[#all + 1] = without or nil
    end
  end
  return all
end

-- Ops take their options in the place of what may be left out: x:sum { keep = true }.
local function skipping(list)
  local n = #list - 1
  while n > 0 and list[n].optional do n = n - 1 end
  if n >= #list - 1 or list[#list].name ~= "options" then return { list } end
  local short = table.move(list, 1, n, 1, {})
  short[n + 1] = { name = "options", kind = list[#list].kind }
  return { list, short }
end

local function name_of(p) return RESERVED[p.name] and p.name .. "_" or p.name end

local function fun(list, returns, self)
  local words = { self and "self: vaelua." .. self }
  for _, p in ipairs(list) do
    words[#words + 1] = ("%s%s: %s"):format(name_of(p), p.optional and "?" or "", p.kind)
  end
  return ("fun(%s)%s"):format(table.concat(words, ", "), returns ~= "nil" and ": " .. returns
                                                         or "")
end

local function params(out, list)
  local names = {}
  for i, p in ipairs(list) do
    names[i] = name_of(p)
    out[#out + 1] = ("---@param %s%s %s%s"):format(names[i],
      p.optional and "?" or "", p.kind, p.default and " default " .. p.default or "")
  end
  return table.concat(names, ", ")
end

local function entry(out, group, e)
  local options = options_class(out, group, e)
  local full = target(group) .. (group.class and ":" or ".") .. e.name
  local list = flat(places(e, options))
  local many = list[#list] and list[#list].many
  if e.parts then                   -- a table that is called and has functions of its own
    out[#out + 1] = ("---@class vaelua.%s.%s"):format(group.name, e.name)
    comment(out, e)
    out[#out + 1] = "---@overload " .. fun(list, e.returns)
    out[#out + 1] = full .. " = {}\n"
    for _, part in ipairs(e.parts) do
      entry(out, { name = group.name .. "." .. e.name, prefix = group.prefix }, part)
    end
    return
  end
  comment(out, e)
  local forms = e.by_kind and not many and variants(list)
                or (not e.lua or e.skips) and skipping(list) or { list }
  if e.returns == "T" then
    out[#out + 1] = "---@generic T"
    forms[1][1].kind = "T"
  end
  local names = params(out, forms[1])
  if e.returns ~= "nil" then out[#out + 1] = "---@return " .. e.returns end
  for i = 2, #forms do out[#out + 1] = "---@overload "
    .. fun(forms[i], e.returns, group.class and group.name) end
  for _, form in ipairs(types.overloads[group.name .. "." .. e.name] or {}) do
    out[#out + 1] = "---@overload " .. form
  end
  out[#out + 1] = ("function %s(%s) end\n"):format(full, names)
end

-- "a"|"b"|string: names by which something is found in a folder.
local function alias(out, name, folder)
  local words = {}
  for i, word in ipairs(core.modules(folder)) do words[i] = ("%q"):format(word) end
  out[#out + 1] = ("---@alias vaelua.%s %s|string"):format(name, table.concat(words, "|"))
end

local function models(out, group)
  for _, e in ipairs(group.entries) do options_class(out, group, e) end
  out[#out + 1] = "---@class vaelua.models"
  for _, e in ipairs(group.entries) do
    out[#out + 1] = ("---@field %s fun(options: vaelua.models.%s.options): vaelua.Model"):format(
      e.name, e.name)
  end
  out[#out + 1] = "---@field [string] fun(options: table): vaelua.Model\nva.models = {}\n"
end

--- meta/vaelua.d.lua.
function M.meta()
  local out = { "---@meta vaelua", "-- vaelua.d.lua - annotations for lua-language-server, made by "
    .. "`make docs`: not to be edited.\n" }
  out[#out + 1] = '---@alias vaelua.dtype "float32"|"int32"|"uint8"|"float64"'
  alias(out, "protocol", "protocols")
  alias(out, "sampler", "samplers")
  alias(out, "dataset", "data")
  out[#out + 1] = ""
  for _, c in ipairs(CLASSES) do
    out[#out + 1] = "---@class vaelua." .. c[1]
    if c[2] ~= "" then out[#out + 1] = (c[2]:gsub("%s+$", "")) end
    out[#out + 1] = ("local %s = {}\n"):format(c[1])
  end
  out[#out + 1] = "---@class vaelua\n---@field _VERSION string\nlocal va = {}\n"
  for _, group in ipairs(reference.catalogue()) do
    local files = group.entries[1] and group.entries[1].file
    if group.name == "models" then models(out, group) end
    if not group.class and not files and group.name ~= "va" then
      out[#out + 1] = ("---@class vaelua.%s\n%s = {}\n"):format(group.name, target(group))
    end
    for _, e in ipairs(files and {} or group.entries) do entry(out, group, e) end
  end
  out[#out + 1] = "return va\n"
  return table.concat(out, "\n")
end

return M
