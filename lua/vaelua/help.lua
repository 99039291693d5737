-- help.lua - va.help, `vaelua help NAME`, `?name` at the prompt, and what the prompt prints.
--
-- Nothing is written here about any function: ops, layers and metrics describe themselves in their
-- records, functions in Lua by the `---` lines above them, files (protocols, samplers, data sets,
-- models) by the comment that they open with.

local core = require "vaelua.core"

local M = {}

-- ---- records ------------------------------------------------------------------------------------

-- "x:tensor axis:axis=-1 | keep:bool=false" -> "x, axis=-1, { keep=false }"
local function signature(line)
  local places, named = {}, {}
  local into = places
  for word in (line or ""):gmatch("%S+") do
    local name, rest = word:match("^([^:]+):(.*)$")
    if word == "|" then
      into = named
    elseif name and not rest:find("^address") then
      local default, maybe = rest:match("=(.*)$"), rest:find("%?$")
      into[#into + 1] = maybe and ("[%s]"):format(name)
                        or default and ("%s=%s"):format(name, default) or name
    end
  end
  if #named > 0 then places[#places + 1] = "{ " .. table.concat(named, ", ") .. " }" end
  return table.concat(places, ", ")
end

local function about_record(r)
  local lines = { ("va.%s(%s)"):format(r.name, signature(r.args)), "  " .. r.doc:gsub("%s+", " ") }
  if r.example then lines[#lines + 1] = "  example: va." .. r.example end
  if r.no_gradient then lines[#lines + 1] = "  no gradient: " .. r.no_gradient end
  return table.concat(lines, "\n")
end

-- ---- comments -----------------------------------------------------------------------------------

--- The comment that a Lua text opens with, without its dashes; nil if there is none.
local function heading(text)
  text = text:gsub("^#![^\n]*\n", "")
  local block = text:match("^%-%-%[%[(.-)%]%]")
  if block then return (block:gsub("^%s+", ""):gsub("%s+$", "")) end
  local lines = {}
  for line in text:gmatch("([^\n]*)\n?") do
    local rest = line:match("^%-%-+%s?(.*)$")
    if not rest then break end
    lines[#lines + 1] = rest
  end
  return #lines > 0 and (table.concat(lines, "\n"):gsub("%s+$", "")) or nil
end

function M.heading_of_file(path)
  local f = path and io.open(path)
  if not f then return nil end
  local text = f:read("a")
  f:close()
  return heading(text)
end

-- Comments above the functions of our Lua files: name -> text.
local function comments()
  local found = {}
  for _, module in ipairs(core.modules("")) do
    local above = {}
    for line in (core.source(module) or ""):gmatch("([^\n]*)\n") do
      local text = line:match("^%-%-%-?%s?(.*)$")
      local name = line:match("^function [%w_]+[.:]([%w_]+)") or line:match("^M%.([%w_]+)%s*=")
      if text and (#above > 0 or line:find("^%-%-%- ")) then
        above[#above + 1] = text
      else
        if name and #above > 0 then found[name] = found[name] or table.concat(above, "\n  ") end
        above = {}
      end
    end
  end
  return found
end

M.heading, M.comments = heading, comments

-- Files that are found by their name.
local FOLDERS = { "protocols", "samplers", "data", "models" }

local function about_file(name)
  for _, folder in ipairs(FOLDERS) do
    for _, file in ipairs(core.modules(folder)) do
      if file == name then
        local text = heading(core.source(folder .. "/" .. file) or "")
        return ("%s (%s)\n  %s"):format(name, folder, (text or ""):gsub("\n", "\n  "))
      end
    end
  end
end

-- ---- finding ------------------------------------------------------------------------------------

local function record_of(name)
  for _, r in ipairs(core.records()) do
    if r.name == name then return r end
  end
end

-- A layer with a record of its own, or an op that is also one.
local function layer(name)
  if not core.layers[name] then return nil end
  local text = ("nn.%s(%s)   a layer"):format(name, signature(core.layer_args(name)))
  for _, r in ipairs(core.layer_records()) do
    if r.name == name then
      text = text .. "\n  " .. r.doc:gsub("%s+", " ")
      if r.example then text = text .. "\n  example: " .. r.example end
    end
  end
  return text
end

local function optimiser(name)
  for _, o in ipairs(core.optim_kinds()) do
    if o.name == name then
      return ("va.%s(what, { %s })   an optimiser\n  %s\n  example: va.%s"):format(name,
        o.options:gsub(" ", ", "), o.doc:gsub("%s+", " "), o.example)
    end
  end
end

local function names()
  local list, seen = {}, {}
  local function add(name)
    if not seen[name] then seen[name], list[#list + 1] = true, name end
  end
  for _, r in ipairs(core.records()) do add(r.name) end
  for name in pairs(core.layers) do add(name) end
  for _, o in ipairs(core.optim_kinds()) do add(o.name) end
  for name in pairs(comments()) do add(name) end
  for _, folder in ipairs(FOLDERS) do
    for _, file in ipairs(core.modules(folder)) do add(file) end
  end
  table.sort(list)
  return list
end

--- All names that help knows, sorted.
M.names = names

-- Everything that is called so: an op and a layer may share a name.
local function about(name)
  local parts, r = {}, record_of(name)
  if r then parts[#parts + 1] = about_record(r) end
  parts[#parts + 1] = layer(name)
  parts[#parts + 1] = optimiser(name)
  local text = comments()[name]
  if text then parts[#parts + 1] = name .. "\n  " .. text end
  parts[#parts + 1] = about_file(name)
  return #parts > 0 and table.concat(parts, "\n\n") or nil
end

-- Names that contain the word, and records whose text does.
local function search(word)
  local found, lower = {}, word:lower()
  for _, name in ipairs(names()) do
    local r = record_of(name)
    if name:lower():find(lower, 1, true) or r and r.doc:lower():find(lower, 1, true) then
      found[#found + 1] = name
    end
  end
  return found
end

local function not_found(word)
  local lines, near, found = {}, core.nearest(word, names()), search(word)
  lines[1] = ("nothing is called '%s'%s"):format(word,
    near and (" (did you mean '%s'?)"):format(near) or "")
  if #found > 0 then lines[2] = "search: " .. table.concat(found, ", ", 1, math.min(#found, 30)) end
  return table.concat(lines, "\n")
end

local GUIDE = [[
?name, va.help "name", vaelua help name    about an op, a layer, a function or a protocol
?"words"                                   searches the descriptions
examples/01_tensors.lua and on             read in order, each under 40 lines

names by kind:]]

local function wrapped(title, list)
  local lines, line = {}, ("  %-11s"):format(title)
  for _, name in ipairs(list) do
    if #line + #name > 96 then lines[#lines + 1], line = line, (" "):rep(13) end
    line = line .. name .. " "
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function guide()
  local ops, layers = {}, {}
  for _, r in ipairs(core.records()) do ops[#ops + 1] = r.name end
  for name in pairs(core.layers) do layers[#layers + 1] = name end
  table.sort(ops)
  table.sort(layers)
  local lines = { GUIDE, wrapped("ops", ops), wrapped("layers", layers) }
  for _, folder in ipairs(FOLDERS) do
    lines[#lines + 1] = wrapped(folder, core.modules(folder))
  end
  return table.concat(lines, "\n")
end

--- Text about a name: "va." and "nn." may stand before it.
function M.text(word)
  word = (word or ""):match("^%s*(.-)%s*$")
  if word == "" then return guide(), true end
  local quoted = word:match('^"(.*)"$') or word:match("^'(.*)'$")
  if quoted then
    local found = search(quoted)
    return #found > 0 and table.concat(found, ", ") or not_found(quoted), #found > 0
  end
  local name = word:match("([%w_]+)[%s%(%)]*$") or word
  local text = about(name)
  return text or not_found(name), text ~= nil
end

--- va.help(name): prints what is known about a function; without a name, what there is.
function M.help(word)
  print((M.text(word)))
end

--- vaelua help NAME and ?name; the exit status.
function M.command(word)
  local text, found = M.text(word)
  print(text)
  return found and 0 or 1
end

-- ---- the prompt ---------------------------------------------------------------------------------

local DEEP, MANY = 3, 20

local function text_of(v)
  if type(v) == "string" then return (("%q"):format(v):gsub("\\\n", "\\n")) end
  if core.is_tensor(v) then return (tostring(v):match("^[^\n]*")) end
  return tostring(v)
end

local function sorted_keys(t)
  local keys = {}
  for k in next, t do keys[#keys + 1] = k end
  table.sort(keys, function(a, b)
    if type(a) == type(b) and (type(a) == "number" or type(a) == "string") then return a < b end
    return type(a) < type(b) or type(a) == type(b) and tostring(a) < tostring(b)
  end)
  return keys
end

-- A table, three levels deep and twenty entries a level.
local function inspect(v, depth, indent)
  local meta = getmetatable(v)
  if type(v) ~= "table" or type(meta) == "table" and meta.__tostring then return text_of(v) end
  if next(v) == nil then return "{}" end
  if depth == 0 then return "{ … }" end
  local keys, lines, inner = sorted_keys(v), {}, indent .. "  "
  for i, k in ipairs(keys) do
    if i > MANY then
      lines[#lines + 1] = ("%s… %d more"):format(inner, #keys - MANY)
      break
    end
    local name = type(k) == "string" and k:find("^[%a_][%w_]*$") and k or "[" .. text_of(k) .. "]"
    lines[#lines + 1] = ("%s%s = %s,"):format(inner, name, inspect(rawget(v, k), depth - 1, inner))
  end
  return "{\n" .. table.concat(lines, "\n") .. "\n" .. indent .. "}"
end

local function shown(v)
  if core.is_tensor(v) then return core.text(v) end
  if type(v) == "table" then return inspect(v, DEEP, "") end
  return text_of(v)
end

local function duration(s)
  if s < 1e-3 then return ("%.0f µs"):format(s * 1e6) end
  if s < 1 then return ("%.1f ms"):format(s * 1e3) end
  return ("%.2f s"):format(s)
end

--- Prints what a line at the prompt gave; its first value is also in _.
function M.show_results(seconds, ...)
  local count = select("#", ...)
  for i = 1, count do print(shown((select(i, ...)))) end
  if count > 0 then rawset(_G, "_", (...)) end
  if not core.isatty(1) or count == 0 and seconds < 0.1 then return end
  local grey, plain = "", ""
  if core.program.options.color then grey, plain = "\27[90m", "\27[0m" end
  print(("%s-- %s%s"):format(grey, duration(seconds), plain))
end

-- Names of va are found without va.; those of Lua (load, print) stay Lua's.
local function open_names(va)
  local meta = getmetatable(_G) or {}
  meta.__index = function(_, name)
    if name == "va" then return va end
    local found, value = pcall(function() return va[name] end)
    if found then return value end
    if not tostring(value):find("va has no '", 1, true) then error(value, 0) end
  end
  setmetatable(_G, meta)
end

--- Called once before the first prompt.
function M.open_prompt()
  core.program.interactive = true
  open_names(require "vaelua")
  if core.isatty(0) and not core.program.options.quiet then
    print(("vaelua %s · %s\n?name for help · Ctrl-D leaves"):format(core.version,
      core.device_line()))
  end
end

return M
