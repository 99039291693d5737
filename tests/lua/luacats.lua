-- luacats.lua - reads annotations as lua-language-server does, strictly: every line must be one
-- that it knows, every type well formed, and every name in a type a class, an alias or a type of
-- Lua. check(text) gives the faults as "line N: what".

local M = {}

local BUILTIN = {}
for name in ("any boolean function integer lightuserdata nil number self string table thread "
  .. "unknown userdata void"):gmatch("%a+") do BUILTIN[name] = true end

local RESERVED = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat "
  .. "return then true until while"):gmatch("%a+") do RESERVED[word] = true end

local OPERATORS = {}
for name in ("add sub mul div mod pow idiv unm band bor bxor bnot shl shr concat len call"):gmatch(
  "%a+") do OPERATORS[name] = true end

local UNARY = { unm = true, len = true, bnot = true }

-- ---- a line, from left to right -----------------------------------------------------------------

local Reader = {}
Reader.__index = Reader

local function fault(format, ...) error({ fault = format:format(...) }, 0) end

-- Takes what matches at the place, behind blanks; nil if nothing does.
function Reader:take(pattern)
  local from, last, found = self.text:find("^%s*(" .. pattern .. ")", self.at)
  if from then self.at = last + 1 end
  return from and found
end

function Reader:need(pattern, what)
  return self:take(pattern) or fault("%s is needed at '%s'", what, self.text:sub(self.at))
end

function Reader:name(what)
  local name = self:need("[%a_][%w_]*", what)
  if RESERVED[name] then fault("'%s' is a word of Lua", name) end
  return name
end

-- name?: type, ... up to the bracket.
function Reader:parameters()
  local seen = {}
  if self:take("%)") then return end
  repeat
    local name = self:take("%.%.%.") or self:name("a parameter")
    if seen[name] then fault("parameter '%s' twice", name) end
    if seen["..."] then fault("'%s' stands behind ...", name) end
    seen[name] = true
    local optional = name ~= "..." and self:take("%?")
    if self:take(":") then self:type() elseif name ~= "..." then fault("'%s' has no type", name) end
    if seen["?"] and not optional and name ~= "..." then
      fault("'%s' is needed, but stands behind what is optional", name)
    end
    if optional then seen["?"] = true end
  until not self:take(",")
  self:need("%)", "')'")
end

function Reader:list()
  repeat
    self:type()
    self:take("%.%.%.")
  until not self:take(",")
end

-- name, name? or [type]
function Reader:key()
  if self:take("%[") then
    self:type()
    self:need("%]", "']'")
  else
    self:name("a field")
    self:take("%?")
  end
end

-- { name: type, [1]: type }
function Reader:fields()
  repeat
    self:key()
    self:need(":", "':'")
    self:type()
  until not self:take(",")
  self:need("}", "'}'")
end

function Reader:unit()
  if self:take("%(") then
    self:type()
    self:need("%)", "')'")
  elseif self:take("{") then
    self:fields()
  elseif self:take('"[^"]*"') or self:take("%-?%d+") then
    return
  else
    local name = self:need("[%a_][%w_.]*", "a type")
    if name == "fun" then
      self:need("%(", "'('")
      self:parameters()
      if self:take(":") then self:list() end
    elseif self:take("<") then
      if name ~= "table" then fault("'%s' has no parameters", name) end
      self:type()
      self:need(",", "','")
      self:type()
      self:need(">", "'>'")
    elseif not BUILTIN[name] and name ~= "true" and name ~= "false" and not self.known[name]
           and name ~= self.state.generic then
      fault("there is no type '%s'", name)
    end
  end
end

function Reader:type()
  repeat
    self:unit()
    while self:take("%[%]") do end
    self:take("%?")
  until not self:take("|")
end

-- What is left is a description, which may not begin like more of the type.
function Reader:rest()
  local text = self.text:sub(self.at)
  if text ~= "" and not text:find("^%s+default ") and not text:find("^%s*$") then
    fault("'%s' is left over", text)
  end
end

-- ---- kinds of lines -----------------------------------------------------------------------------

local KINDS = {}

function KINDS.meta(r) r:name("a name") end

function KINDS.class(r)
  r:need("[%a_][%w_.]*", "a name")
  if r:take(":") then r:type() end
end

function KINDS.alias(r)
  r:need("[%a_][%w_.]*", "a name")
  r:type()
end

function KINDS.field(r)
  r:key()
  r:type()
end

function KINDS.param(r)
  local name = r:take("%.%.%.") or r:name("a parameter")
  local optional = r:take("%?")
  r:type()
  return name, optional
end

function KINDS.generic(r) r.state.generic = r:name("a name") end

KINDS["return"] = function(r) r:list() end

function KINDS.overload(r)
  if not r.text:find("^%s*fun%(", r.at) then fault("a function is needed") end
  r:type()
end

function KINDS.operator(r)
  local name = r:name("an operator")
  if not OPERATORS[name] then fault("there is no operator '%s'", name) end
  if r:take("%(") then
    if UNARY[name] then fault("'%s' has one operand", name) end
    r:type()
    r:need("%)", "')'")
  elseif not UNARY[name] then
    fault("'%s' has two operands", name)
  end
  r:need(":", "':'")
  r:type()
end

function KINDS.type(r) r:type() end

-- ---- a file -------------------------------------------------------------------------------------

local function names_defined(text)
  local known, twice = {}, nil
  for kind, name in text:gmatch("%-%-%-@(%l+) ([%w_.]+)") do
    if kind == "class" or kind == "alias" then
      twice = twice or known[name] and name
      known[name] = true
    end
  end
  return known, twice
end

-- The parameters above a function must be its own, in their order.
local function check_names(line, params)
  local inside = line:match("^function [%w_.:]+%((.-)%) end$")
  if not inside then fault("'%s' is no function without a body", line) end
  if inside ~= table.concat(params, ", ") then
    fault("parameters are (%s), annotated are (%s)", inside, table.concat(params, ", "))
  end
end

local function check_line(line, state)
  local kind = line:match("^%-%-%-%s*@([%a_]+)")
  if kind then
    if not line:find("^%-%-%-@") then fault("blanks before @") end
    if not KINDS[kind] then fault("there is no @%s", kind) end
    local r = setmetatable({ text = line, at = #kind + 5, known = state.known,
                             state = state }, Reader)
    local name, optional = KINDS[kind](r)
    r:rest()
    if kind == "param" then
      table.insert(state.params, name)
      if state.optional and not optional and name ~= "..." then
        fault("'%s' is needed, but stands behind what is optional", name)
      end
      state.optional = optional
    end
    if kind == "class" then state.fields = {} end
    if kind == "field" then
      local field = line:match("^%-%-%-@field ([%w_]+)")
      if field and state.fields[field] then fault("field '%s' twice", field) end
      if field then state.fields[field] = true end
    end
  elseif line:find("^function ") then
    local params = state.params
    state.params, state.optional, state.generic = {}, nil, nil
    check_names(line, params)
  elseif line ~= "" and not line:find("^%-%-") and #state.params > 0 then
    fault("parameters of no function")
  end
end

--- Faults of a file of annotations.
function M.check(text)
  local known, twice = names_defined(text)
  local state, faults, n = { known = known, params = {}, fields = {} }, {}, 0
  if twice then faults[1] = ("class '%s' twice"):format(twice) end
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    n = n + 1
    local good, e = pcall(check_line, line, state)
    if not good then
      faults[#faults + 1] = ("line %d: %s"):format(n, type(e) == "table" and e.fault or e)
    end
  end
  return faults
end

return M
