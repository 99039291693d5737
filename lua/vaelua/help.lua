-- help.lua - va.help, `vaelua help NAME` and `?name` at the prompt.
--
-- Nothing is written here about any function: ops, layers and metrics describe themselves in their
-- records, functions in Lua by the `---` lines above them, files (protocols, samplers, data sets,
-- models) by the comment that they open with.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local read_file = require "vaelua.file".read

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
  local text = path and read_file(path)
  return text and heading(text)
end

local commented           -- what comments() has found

-- Comments above the functions of our Lua files: name -> text.
local function comments()
  if commented then return commented end
  local found = {}
  local modules = core.modules("")
  modules[#modules + 1] = "prompt/tools"
  for _, module in ipairs(modules) do
    local above = {}
    for line in (core.source(module) or ""):gmatch("([^\n]*)\n") do
      local text = line:match("^%-%-%-?%s?(.*)$")
      local name = line:match("^function [%w_.]+[.:]([%w_]+)") or line:match("^M%.([%w_]+)%s*=")
      if text and (#above > 0 or line:find("^%-%-%- ")) then
        above[#above + 1] = text
      else
        if name and #above > 0 then found[name] = found[name] or table.concat(above, "\n  ") end
        above = {}
      end
    end
  end
  commented = found
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

local records             -- by name, once they are asked for

local function record_of(name)
  if not records then
    records = {}
    for _, r in ipairs(core.records()) do records[r.name] = records[r.name] or r end
  end
  return records[name]
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
      local options = require "vaelua.reference".optimiser(o)
      return ("va.%s(%s)   an optimiser\n  %s\n  example: va.%s"):format(name, options,
        o.doc:gsub("%s+", " "), o.example)
    end
  end
end

local known, GROUPS

local function names()
  if known then return table.move(known, 1, #known, 1, {}) end
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
  for _, g in ipairs(GROUPS) do add(g[1]) end
  table.sort(list)
  known = list
  return names()
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

-- What is said of a name, for the search: records and layers, else the comment of a function or
-- the head of a file.
local function said_of(name, layers)
  local r = record_of(name)
  if r then return r.doc end
  if layers[name] then return layers[name] end
  if comments()[name] then return comments()[name] end
  for _, o in ipairs(core.optim_kinds()) do
    if o.name == name then return o.doc end
  end
  local text = about_file(name)
  return text and text:match("\n%s*(.*)$") or ""
end

-- { name, what is said of it } of all names that have the words, in their name or what is said.
local function search(word)
  local found, lower, layers = {}, word:lower(), {}
  for _, r in ipairs(core.layer_records()) do layers[r.name] = r.doc end
  for _, name in ipairs(names()) do
    local said = said_of(name, layers):gsub("%s+", " ")
    if name:lower():find(lower, 1, true) or said:lower():find(lower, 1, true) then
      found[#found + 1] = { name, said }
    end
  end
  return found
end

local MOST_FOUND, WIDTH = 20, 96

-- A line for each, cut.
local function found_text(found)
  local lines, width = {}, 8
  for i = 1, math.min(#found, MOST_FOUND) do width = math.max(width, #found[i][1]) end
  for i = 1, math.min(#found, MOST_FOUND) do
    local line = ("%-" .. width .. "s  %s"):format(found[i][1], found[i][2])
    local long = (utf8.len(line) or 0) > WIDTH
    lines[i] = long and line:sub(1, utf8.offset(line, WIDTH) - 1) .. "…" or line
  end
  if #found > MOST_FOUND then
    lines[#lines + 1] = ("… %d more"):format(#found - MOST_FOUND)
  end
  return table.concat(lines, "\n")
end

local function not_found(word)
  local found = search(word)
  local lines = { ("nothing is called '%s'%s"):format(word, fail.near(word, names())) }
  if #found > 0 then lines[2] = "found in:\n" .. found_text(found) end
  return table.concat(lines, "\n")
end

-- ---- groups -------------------------------------------------------------------------------------

local function names_in(t) return require "vaelua.reference".names(t) end

-- Names of va that are no ops; names of a table of it.
local function of_va()
  local t = {}
  for name in pairs(getmetatable(require "vaelua").__names[2]) do
    if not core.ops[name] then t[name] = true end
  end
  return names_in(t)
end

local function of_table(name)
  return function() return names_in(require "vaelua"[name]) end
end

-- Group, what it holds, function that gives its names.
GROUPS = {
  { "ops", "va.NAME or x:NAME", function() return names_in(core.ops) end },
  { "va", "va.NAME: training, scores, pictures, files", of_va },
  { "nn", "layers, chains and models", of_table "nn" },
  { "dist", "distributions", of_table "dist" },
  { "schedule", "numbers that change with the epoch", of_table "schedule" },
  { "augment", "changes of pictures", of_table "augment" },
  { "loss", "losses that are no method of a distribution", of_table "loss" },
  { "stats", "tests and intervals", of_table "stats" },
}
for _, folder in ipairs(FOLDERS) do
  GROUPS[#GROUPS + 1] = { folder, "by name", function() return core.modules(folder) end }
end

local function wrapped(list)
  local lines, line = {}, " "
  for _, name in ipairs(list) do
    if #line + 1 + #name > 79 then lines[#lines + 1], line = line, " " end
    line = line .. " " .. name
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

-- All names of a group, or nil.
local function group(name)
  for _, g in ipairs(GROUPS) do
    if g[1] == name or name == "layers" and g[1] == "nn" then
      local list = g[3]()
      return ("%s: %s, %d names\n%s"):format(g[1], g[2], #list, wrapped(list))
    end
  end
end

local GUIDE = [[
?softmax           about an op, a layer, a function or a protocol; also help "softmax"
help "two words"   searches the descriptions; also ?"words"
?nn                all names of a group; in a shell: vaelua help nn
fit(m, data, { l   Tab completes names, options, files and runs
ans who() mem()    the last result; your globals; memory. time(f, n): seconds of a call
x; !ls :bt         not printed; the shell; calls of the error. reload "models.vae"
examples/          to be read in order from 01_tensors.lua, each under 40 lines

group     names]]

-- A line for each group; on a terminal they are cut (M.shown).
local function guide()
  local lines = { GUIDE }
  for _, g in ipairs(GROUPS) do
    local list = g[3]()
    lines[#lines + 1] = ("%-10s %4d  %s"):format(g[1], #list, table.concat(list, " "))
  end
  return table.concat(lines, "\n")
end

--- Text about a name: "va." and "nn." may stand before it.
function M.text(word)
  word = (word or ""):match("^%s*(.-)%s*$")
  if word == "" then return guide(), true end
  local quoted = word:match('^"(.*)"$') or word:match("^'(.*)'$")
                 or word:find("%s") and not word:find("[%(%)]") and word
  if quoted then
    local found = search(quoted)
    return #found > 0 and found_text(found) or not_found(quoted), #found > 0
  end
  local name = word:match("([%w_]+)[%s%(%)]*$") or word
  local parts = { about(name) }
  parts[#parts + 1] = group(name)
  if #parts == 0 then return not_found(name), false end
  return table.concat(parts, "\n\n"), true
end

-- A line as lines of at most so many characters, broken at blanks, all with its indentation.
local function broken(line, width)
  local indent, out, at = line:match("^%s*"), {}, nil
  for word in line:gmatch("%S+") do
    local longer = at and at .. " " .. word
    if longer and (utf8.len(longer) or #longer) <= width then
      at = longer
    else
      out[#out + 1] = at
      at = indent .. word
    end
  end
  out[#out + 1] = at
  return table.concat(out, "\n")
end

-- The line of a group in the guide: names that have room.
local function cut(line, width)
  if #line <= width then return line end
  return line:sub(1, width - 2):gsub("%s+%S*$", "") .. " …"
end

--- The text as it is shown: on a terminal lines that are longer than it is wide are broken, and
--- those of groups are cut.
function M.shown(text)
  if not core.isatty(1) then return text end
  local width = core.columns() - 1
  return (text:gsub("[^\n]+", function(line)
    if line:find("^%l+ +%d+  %l") then return cut(line, width) end
    return (utf8.len(line) or #line) > width and broken(line, width) or nil
  end))
end

--- va.help(name): prints what is known about a function; without a name, what there is.
function M.help(word)
  print(M.shown((M.text(word))))
end

--- vaelua help NAME and ?name; the exit status.
function M.command(word)
  local text, found = M.text(word)
  print(M.shown(text))
  return found and 0 or 1
end

return M
