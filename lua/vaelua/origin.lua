-- origin.lua - which calls of modules' functions made a model or a chain: what va.reload calls
-- again.
--
-- A call that ends in `return f(...)` is gone from the stack when f runs. So chains remember their
-- calls too: a function that ends in `return nn.model("vae", { enc = nn.chain(...) })` was there
-- when its chain was made. A local function of a module is known by the way to it through the
-- variables of the functions that the module gives away.

local M = {}

local DEEPEST = 4            -- variables from an exported function to a local one

local origins = setmetatable({}, { __mode = "k" })     -- model or chain -> its calls

--- Whether a chunk is the file of a module, here or in the src/ of a run.
function M.is_source_of(source, name)
  local path = "/" .. name:gsub("%.", "/")
  for _, ending in ipairs { path .. ".lua", path .. "/init.lua" } do
    if ("/" .. source:sub(2)):sub(-#ending) == ending then return true end
  end
  return false
end

-- ---- names of functions -------------------------------------------------------------------------

-- The functions that a module gives away: key -> function; "" is itself, "()" its call.
local function exports(value)
  if type(value) == "function" then return { [""] = value } end
  local list, meta = {}, type(value) == "table" and getmetatable(value)
  if type(value) == "table" then
    for k, v in next, value do
      if type(v) == "function" then list[k] = v end
    end
  end
  if type(meta) == "table" then list["()"] = rawget(meta, "__call") end
  return list
end

-- Under which name a module gives a function away. A module that is the function comes before a
-- table that has it too, as va.models has every maker.
local function export_of(f)
  for module, value in pairs(package.loaded) do
    if value == f then return module, "" end
    local meta = type(value) == "table" and getmetatable(value)
    if type(meta) == "table" and rawget(meta, "__call") == f then return module, "()" end
  end
  for module, value in pairs(package.loaded) do
    if type(value) == "table" and module ~= "_G" then
      for k, v in next, value do
        if v == f then return module, k end
      end
    end
  end
end

-- Names of variables that lead from one function to another, or nil.
local function way(from, to, depth, seen)
  seen[from] = true
  for i = 1, 255 do
    local name, v = debug.getupvalue(from, i)
    if not name then return nil end
    if v == to then return { name } end
    if type(v) == "function" and depth < DEEPEST and not seen[v] then
      local rest = way(v, to, depth + 1, seen)
      if rest then
        table.insert(rest, 1, name)
        return rest
      end
    end
  end
end

-- The module of a local function: its name, a key and the way from there.
local function local_of(f, source)
  for module, value in pairs(package.loaded) do
    if M.is_source_of(source, module) then
      local seen = {}
      for key, exported in pairs(exports(value)) do
        local names = way(exported, f, 1, seen)
        if names then return module, key, names end
      end
    end
  end
end

--- The function of a call in a module's new value; nil and the name that is missing.
function M.find(call, value)
  local f = exports(value)[call.key]
  if not f then return nil, call.key == "" and "function" or tostring(call.key) end
  for _, name in ipairs(call.way or {}) do
    local inner
    for i = 1, 255 do
      local known, v = debug.getupvalue(f, i)
      if not known then break end
      if known == name then inner = v end
    end
    if type(inner) ~= "function" then return nil, "local function " .. name end
    f = inner
  end
  return f
end

-- ---- calls --------------------------------------------------------------------------------------

local function arguments_of(level, info)
  local list = { n = 0 }
  for i = 1, info.nparams do
    list.n = i
    list[i] = select(2, debug.getlocal(level + 1, i))
  end
  if info.isvararg then
    local i = 1
    while true do
      local name, v = debug.getlocal(level + 1, -i)
      if not name then break end
      list.n = list.n + 1
      list[list.n], i = v, i + 1
    end
  end
  return list
end

--- Calls the main chunk of a module in place of require.
function M.run(chunk, ...)
  local value = chunk(...)
  return value
end

-- A main chunk that require has not called is a script's, or the prompt's.
local function is_required(level)
  local caller = debug.getinfo(level + 2, "f")
  return caller ~= nil and (caller.func == require or caller.func == M.run)
end

-- The calls that chains in a table came from.
local function calls_of_parts(parts, found, seen)
  seen[parts] = true
  for _, v in pairs(parts) do
    if origins[v] then
      found[#found + 1] = origins[v]
    elseif type(v) == "table" and getmetatable(v) == nil and not seen[v] then
      calls_of_parts(v, found, seen)
    end
  end
  return found
end

--- Notes the functions of modules that are being called, from the inside out, with their
--- arguments, for what the caller of the caller makes; a model has parts.
function M.note(made, parts)
  local level, list = 3, {}
  local info = debug.getinfo(level, "Suf")
  while info do
    local main = info.what == "main"
    local module, key, names
    if not main and info.what == "Lua" then
      module, key = export_of(info.func)
      if not module then module, key, names = local_of(info.func, info.source) end
    end
    if main or module then
      list[#list + 1] = { module = module, key = key, way = names, main = main,
                          script = main and not is_required(level), source = info.source,
                          args = arguments_of(level, info) }
    end
    level = level + 1
    info = debug.getinfo(level, "Suf")
  end
  list.parts = parts and calls_of_parts(parts, {}, {})
  origins[made] = list
end

--- The calls that a model or a chain came from: { module, key, way, args, source, main, script }
--- each; parts has such lists of the chains that a model began with.
function M.of(made) return origins[made] or {} end

return M
