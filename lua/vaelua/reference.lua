-- reference.lua - what every name of vaelua is: the one catalogue from which the annotations for
-- editors, the reference page, the man page and the completion of shells are written.
--
-- Nothing is told here that is told elsewhere. Ops, layers and optimisers come from their records;
-- functions in Lua from their own parameters and the comment above them; options and commands from
-- the text of `vaelua --help` and `vaelua runs --help`. The types of Lua parameters follow from
-- their names (reference/types.lua).
--
--     make docs      writes meta/vaelua.d.lua, and all others into build/docs/

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local types = require "vaelua.reference.types"

local M = {}

local function sorted(t, keep)
  local names = {}
  for _, name in ipairs(keys.names(t)) do
    if not name:find("^_") and (not keep or keep(name)) then names[#names + 1] = name end
  end
  return names
end

-- ---- signatures ---------------------------------------------------------------------------------

local function parameter(name, kind, default, optional)
  return { name = name, kind = kind, default = default, optional = optional or default ~= nil }
end

-- "x:tensor axis:axis=-1 | keep:bool=false": places, options.
local function of_record(line)
  local places, named = {}, {}
  local into = places
  for word in (line or ""):gmatch("%S+") do
    local name, rest = word:match("^([^:]+):(.*)$")
    if word == "|" then
      into = named
    elseif name and not rest:find("^address") then
      local kind, default = rest:match("^([%a%d]+)%??=?(.*)$")
      into[#into + 1] = parameter(name, types.of_kind(kind), default ~= "" and default or nil,
                                  rest:find("?", 1, true) ~= nil)
    end
  end
  return places, named
end

-- Cuts at commas outside of brackets.
local function cut(text)
  local parts, depth, from = {}, 0, 1
  for at, c in text:gmatch("()([%[%]{}(),])") do
    if c == "," and depth == 0 then
      parts[#parts + 1], from = text:sub(from, at - 1), at + 1
    elseif c:find("[%[{(]") then
      depth = depth + 1
    elseif c ~= "," then
      depth = depth - 1
    end
  end
  parts[#parts + 1] = text:sub(from)
  for i, p in ipairs(parts) do parts[i] = p:match("^%s*(.-)%s*$") end
  return parts
end

-- One part of a call in a comment: "x", "x=3", "[x]" (may be left out), "x ..." (any number).
local function read_part(part)
  local inner = part:match("^%[%s*(.-)%s*%]$")
  local name, default = (inner or part):match("^([%a_][%w_]*)%s*=%s*(.-)$")
  local many = name == nil and part:match("^([%a_][%w_]*)%s*%.%.%.$")
  name = name or many or (inner or part):match("^([%a_][%w_]*)$")
  if not name then return part == "..." and { name = "...", kind = "any", many = true } or nil end
  local p = parameter(name, types.of_name(name, default), default ~= "" and default or nil,
                      inner ~= nil)
  p.many, p.shifts = many and true, inner and true
  return p
end

-- What a comment says between the brackets of the call of a function, or nil.
local function call_in(doc, name)
  local call = doc:match("%f[%w_]" .. name .. "%s*(%b())")
  return call and call:sub(2, -2)
end

-- The options: what stands in braces in that call, or "nn.layer { name, build }" at the start.
-- repeated: several such tables may be given.
local function options_of(doc, name)
  local call = call_in(doc, name)
  local inside = (call or doc:match("^[%w_.:]*%s*%b{}") or ""):match("(%b{})")
  if not inside then return {}, false end
  local parts, list = cut(inside:sub(2, -2)), {}
  for _, part in ipairs(parts) do
    local p = read_part(part)
    if not p then return {}, false end                      -- a list: { d, function(z1) -> d }
    if not p.many then list[#list + 1] = p end              -- "{ name, build, ... }" has others
  end
  return list, call ~= nil and call:find("}%s*%.%.%.%s*$") ~= nil
end

-- The places of a call that a comment shows.
local function places_of(doc, name)
  local list = {}
  for _, part in ipairs(cut(call_in(doc, name) or "")) do
    if not part:find("^{") then list[#list + 1] = read_part(part) end
  end
  return list
end

-- "[t]" and "x=3" of a comment make a parameter optional.
local function optional_in(doc, fn, name)
  for _, p in ipairs(places_of(doc, fn)) do
    if p.name == name then return p.optional, p.default end
  end
end

-- ---- functions in Lua ---------------------------------------------------------------------------

local text_of = {}

local function lines_of(source)
  if text_of[source] then return text_of[source] end
  local module, lines = source:match("vaelua/(.*)%.lua$"), {}
  local file = io.open(source:sub(2))          -- of a checkout, else what the program carries
  local text = file and file:read("a") or module and core.source(module) or ""
  if file then file:close() end
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  text_of[source] = lines
  return lines
end

-- The comment above a line; only one whose first line has three dashes, or at an entry of a module.
local function above(source, line)
  local lines, found = lines_of(source), {}
  for i = line - 1, 1, -1 do
    local text = lines[i]:match("^%s*%-%-%-?%s?(.*)$")
    if not text or text:find("^%-%-%-%-") or text:find("^ ?%-%-%-%-") then break end
    table.insert(found, 1, text)
  end
  return table.concat(found, " ")
end

-- The function that a call of v runs, and whether it is given v itself first.
local function called(v)
  if type(v) == "function" then return v, false end
  local meta = debug.getmetatable(v)
  local call = type(meta) == "table" and rawget(meta, "__call")
  if type(call) == "function" then return call, true end
end

-- The comment at M.name = ... of a module that hands on what another one has.
local function handed_on(module, name)
  local source = "@lua/vaelua/" .. module .. ".lua"
  for i, line in ipairs(lines_of(source)) do
    if line:find("^M%." .. name .. "%s*=") then return above(source, i) end
  end
  return ""
end

local said

-- What is said of a function of a group: in types.lua, where it is handed on, above it.
local function doc_of(where, name, info)
  local doc = types.said[where .. "." .. name]
  if not doc and core.source(where) then doc = handed_on(where, name) end
  if (doc or "") == "" and info and info.what ~= "C" then
    doc = above(info.source, info.linedefined)
  end
  if (doc or "") == "" and where == "va" then doc = said(name) end
  return doc or ""
end

local of_function

-- Functions in a table that is a function itself: dist.normal.unit.
local function parts_of(where, name, v)
  local list = {}
  if type(v) ~= "table" then return nil end
  for _, part in ipairs(sorted(v, function(k) return type(v[k]) == "function" end)) do
    list[#list + 1] = of_function(where .. "." .. name, part, v[part])
  end
  return #list > 0 and list or nil
end

-- Parameters by the function itself, but of what takes any number of them by its comment.
local function params_of(e, f, info, own)
  if e.vararg then
    e.params = places_of(e.doc, e.name)
    e.vararg = #e.params == 0 and call_in(e.doc, e.name) == nil
    if e.vararg and #e.options > 0 then
      e.params, e.vararg = { parameter("settings", "table") }, false
    end
  else
    for i = 1, info.nparams do
      local p = debug.getlocal(f, i)
      if not (i == 1 and (e.method or own)) then
        local optional, default = optional_in(e.doc, e.name, p)
        e.params[#e.params + 1] = parameter(p, types.of_name(p, default), default, optional)
      end
    end
  end
end

-- An entry: name, params { name, kind, default, optional, many }, doc, and options, the fields of
-- the table that stands at options_at, else behind all. by_kind: its arguments are told apart by
-- what they are; repeated: several tables of options may be given.
function of_function(where, name, v, method)
  local f, own = called(v)
  local info = f and debug.getinfo(f, "Su")
  local e = { name = name, params = {}, options = {}, doc = doc_of(where, name, info),
              method = method, parts = parts_of(where, name, v) }
  if not info then return e end
  e.lua = true
  e.vararg = info.what == "C" or info.isvararg
  e.by_kind = e.vararg
  e.skips = name == "sort"
  e.options, e.repeated = options_of(e.doc, name)
  params_of(e, f, info, own)
  if #e.options > 0 and not call_in(e.doc, name) then         -- nn.layer { name, build }
    e.options_at = 1
  elseif not e.by_kind then
    for i, p in ipairs(e.params) do
      if types.is_options(p.name) then e.options_at = i end
    end
    if not e.options_at then e.options = {} end
  end
  for _, p in ipairs(e.params) do types.settle(where, name, p) end
  for _, p in ipairs(e.options) do types.settle(where, name, p, true) end
  return e
end

-- ---- the catalogue ------------------------------------------------------------------------------

local function by_name(list)
  local found = {}
  for _, r in ipairs(list) do found[r.name] = r end
  return found
end

local comments

-- Comments by the name of a function, for what has no parameters to be asked for.
function said(name)
  comments = comments or require "vaelua.help".comments()
  return comments[name] and comments[name]:gsub("%s+", " ") or ""
end

local function of_op(r, method)
  local params, options = of_record(r.args)
  local doc = r.doc:gsub("%s+", " ")
  if method then table.remove(params, 1) end
  return { name = r.name, params = params, options = options, doc = doc, returns = "vaelua.Tensor",
           example = r.example and "va." .. r.example, no_gradient = r.no_gradient,
           method = method }
end

local function of_optimiser(o)
  local named, betas = {}, o.options:match("beta1=(%S+)")
  for name, default in o.options:gmatch("(%S+)=(%S+)") do
    if name == "beta1" then        -- the two are given as a list
      betas = ("{ %s, %s }"):format(betas, o.options:match("beta2=(%S+)"))
      named[#named + 1] = parameter("betas", "number[]", betas)
    elseif name ~= "beta2" then
      named[#named + 1] = parameter(name, "number", default)
    end
  end
  return { name = o.name, params = { parameter("what", types.of_name "what") }, options = named,
           doc = o.doc:gsub("%s+", " "), example = "va." .. o.example,
           returns = "vaelua.Optimiser" }
end

local function of_layer(name, records)
  local r = records[name]
  local ok, line = pcall(core.layer_args, name)
  local params, options = of_record(ok and line or r and r.args)
  if not r then                              -- an op of one input, which the chain gives
    table.remove(params, params[1] and params[1].name == "x" and 1 or #params + 1)
  end
  return { name = name, params = params, options = options, returns = "vaelua.Layer",
           doc = r and r.doc:gsub("%s+", " ") or ("va.%s as a layer."):format(name),
           example = r and r.example }
end

local function finished(e, where)
  e.where = where
  e.returns = e.returns or types.returns[where .. "." .. e.name] or "any"
  for _, part in ipairs(e.parts or {}) do finished(part, where .. "." .. e.name) end
  return e
end

-- Tables of va that have names of their own.
local TABLES = { "nn", "dist", "schedule", "augment", "loss", "stats" }

--- Names of a table of va: those in it, and those that its metatable lists.
function M.names(t)
  local all, meta = {}, debug.getmetatable(t)
  for k, v in pairs(t) do all[k] = v end
  for _, list in ipairs(type(meta) == "table" and rawget(meta, "__names") or {}) do
    for k in pairs(list) do all[k] = true end
  end
  return sorted(all)
end

local function is_table(name)
  for _, t in ipairs(TABLES) do if t == name then return true end end
  return false
end

--- Names of va, those of its tables (nn, dist ...) among them.
function M.va_names()
  local all = {}
  for _, t in ipairs(getmetatable(require "vaelua").__names) do
    for k in pairs(t) do all[k] = true end
  end
  return sorted(all)
end

local function of_va()
  local va, list = require "vaelua", {}
  local records, kinds = by_name(core.records()), by_name(core.optim_kinds())
  for _, name in ipairs(M.va_names()) do
    local record = records[name]
    local v = not is_table(name) and va[name]
    if record and v == core.ops[name] then
      list[#list + 1] = of_op(record)
    elseif kinds[name] then
      list[#list + 1] = of_optimiser(kinds[name])
    elseif v then
      list[#list + 1] = of_function("va", name, v)
    end
  end
  return list
end

local function of_table(name)
  local t, list = require "vaelua"[name], {}
  local records, ops = by_name(core.layer_records()), by_name(core.records())
  for _, entry in ipairs(M.names(t)) do
    local v = t[entry]
    if name == "nn" and core.layers[entry] then
      list[#list + 1] = of_layer(entry, records)
    elseif ops[entry] and v == core.ops[entry] then
      list[#list + 1] = of_op(ops[entry])
    elseif called(v) then
      list[#list + 1] = of_function(name, entry, v)
    end
  end
  return list
end

local function of_tensor()
  local list, records = {}, by_name(core.records())
  for _, name in ipairs(sorted(core.methods)) do
    local v = core.methods[name]
    list[#list + 1] = records[name] and v == core.ops[name] and of_op(records[name], true)
                      or of_function("Tensor", name, v, true)
  end
  return list
end

-- Methods of a kind of object: functions in the tables that its metatable names.
local function of_methods(where, ...)
  local list, seen = {}, {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    local meta = debug.getmetatable(v)
    local tables = rawget(meta, "__names") or { meta.__index }
    for _, t in ipairs(tables) do
      for name, f in pairs(t) do
        if type(f) == "function" and not name:find("^_") and name ~= "new" and not seen[name] then
          seen[name] = true
          list[#list + 1] = of_function(where, name, f, true)
        end
      end
    end
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

local function distributions()
  local va = require "vaelua"
  local x, d = va.zeros(2, 2), require "vaelua".dist
  local n = d.normal(x, x)
  return n, d.laplace(x, x), d.bernoulli(x), d.continuous_bernoulli(x), d.categorical(x),
         d.delta(x), d.mixture(n), d.joint { n, function() return n end }, d.flow(n, {})
end

-- An object of each kind that has methods: class name -> fields, objects.
local function classes()
  local va = require "vaelua"
  local nn = va.nn
  local chain = nn.chain(2, { nn.linear(2) })
  local model = nn.model("reference", { enc = chain })
  local list = {}
  for _, kind in ipairs {
    { "Chain", chain }, { "Model", model }, { "Distribution", distributions() },
  } do list[#list + 1] = { kind[1], of_methods(table.unpack(kind)) } end
  for _, kind in ipairs { { "Optimiser", va.sgd(model) }, { "Set", va.set(va.zeros(2, 2)) },
                          { "Average", va.average() } } do
    list[#list + 1] = { kind[1], of_methods(table.unpack(kind)) }
  end
  return list
end

local function files(folder)
  local list = {}
  for _, name in ipairs(core.modules(folder)) do
    local text = require "vaelua.help".heading(core.source(folder .. "/" .. name) or "") or ""
    text = text:gsub("%s+", " "):gsub("^[%w_/]+%.lua %- ", "")
    local made = folder == "models" and of_function(folder, name, require "vaelua".models[name])
    list[#list + 1] = { name = name, params = made and made.params or {}, doc = text, file = true,
                        options = made and made.options or {}, options_at = made and 1,
                        where = folder }
  end
  return list
end

local catalogue

--- Groups { name, prefix, title, class, entries } in the order of the page.
function M.catalogue()
  if catalogue then return catalogue end
  local groups = {}
  local function group(name, prefix, title, entries, class)
    for _, e in ipairs(entries) do if not e.file then finished(e, name) end end
    groups[#groups + 1] = { name = name, prefix = prefix, title = title, entries = entries,
                            class = class }
  end
  group("va", "va.", "Functions", of_va())
  for _, name in ipairs(TABLES) do group(name, "va." .. name .. ".", "va." .. name,
                                         of_table(name)) end
  local init = {}
  for _, name in ipairs(sorted(require "vaelua".nn.init)) do
    init[#init + 1] = of_function("nn.init", name, require "vaelua".nn.init[name])
  end
  group("nn.init", "va.nn.init.", "va.nn.init", init)
  group("Tensor", "x:", "Methods of tensors", of_tensor(), true)
  for _, c in ipairs(classes()) do
    local name = c[1]:lower()
    group(c[1], name .. ":", ("Methods of %s %s"):format(name:find("^[ao]") and "an" or "a", name),
          c[2], true)
  end
  for _, folder in ipairs { "protocols", "samplers", "data", "models" } do
    group(folder, "", folder:sub(1, 1):upper() .. folder:sub(2) .. ", by name", files(folder))
  end
  catalogue = groups
  return groups
end

-- ---- options and commands -----------------------------------------------------------------------

local function program() return os.getenv("VAELUA") or "/proc/self/exe" end

local function said_by(...)
  local path = core.realpath(program()) or program()
  local status, text = core.run_command { path, ... }
  if status ~= 0 then
    core.fail("user", ("reference: %s ends with %d"):format(table.concat({ ... }, " "), status))
  end
  return text
end

-- Lines of a help text: options { letter, name, value, doc }, examples, the rest as paragraphs.
local function read_help(text)
  local help = { options = {}, examples = {}, notes = {} }
  local words
  for line in text:gmatch("([^\n]*)\n") do
    local letter, name, value, doc = line:match("^  %-(%a), %-%-([%w-]+) ?([%u]*)%s+(.*)$")
    if not letter then name, value, doc = line:match("^  %-%-([%w-]+) ?([%u]*)%s+(.*)$") end
    if not name then letter, value, doc = line:match("^  %-(%a?) ?([%u]*)%s+(.*)$") end
    local call, what = line:match("^(vaelua.-)%s%s+(.*)$")
    call, what = call or line:match("^(vaelua.-) (with .*)$"), what or line:match(" (with .*)$")
    if doc then
      local short = doc:match("%(%-(%a)%)$")
      help.options[#help.options + 1] = { letter = letter or short, name = name,
        value = value ~= "" and value or nil, doc = doc:gsub(" %(%-%a%)$", "") }
      words = nil
    elseif call then
      help.examples[#help.examples + 1] = { call, what }
    elseif line:find("^usage:") then
      help.usage = line
    elseif line == "" then
      words = nil
    elseif words then
      words[#words + 1] = line
    else
      words = { line }
      help.notes[#help.notes + 1] = words
    end
  end
  for i, note in ipairs(help.notes) do help.notes[i] = table.concat(note, " ") end
  return help
end

--- What `vaelua --help` and `vaelua runs --help` say, read.
function M.program()
  local main, runs = read_help(said_by("--help")), read_help(said_by("runs", "--help"))
  local commands, words, seen = {}, {}, {}
  for _, e in ipairs(main.examples) do
    local word = e[1]:match("^vaelua (%l+)%f[%s\0]")
    if word then commands[#commands + 1] = { word, (e[2]:gsub(";.*", "")) } end
  end
  for _, e in ipairs(runs.examples) do
    local word = e[1]:match("^vaelua runs (%l+) ")
    if word and not seen[word] then seen[word], words[#words + 1] = true, word end
  end
  return { main = main, runs = runs, commands = commands, words = words }
end

--- Names that `vaelua help NAME` knows.
function M.help_names() return require "vaelua.help".names() end

--- "x, axis=-1, { keep=false }" of an entry.
function M.signature(e)
  local places, named = {}, {}
  local function put(into, p)
    into[#into + 1] = p.name ~= "..." and p.many and p.name .. " ..."
                      or p.default and ("%s=%s"):format(p.name, p.default)
                      or p.optional and ("[%s]"):format(p.name) or p.name
  end
  for _, p in ipairs(e.options) do put(named, p) end
  named = #named > 0 and "{ " .. table.concat(named, ", ") .. " }"
          .. (e.repeated and " ..." or "") or nil
  for i, p in ipairs(e.params) do
    if i == e.options_at and named then places[#places + 1] = named else put(places, p) end
  end
  if e.vararg then places[#places + 1] = "..." end
  if not e.options_at then places[#places + 1] = named end
  return table.concat(places, ", ")
end

--- The same of an optimiser of core.optim_kinds.
function M.optimiser(kind) return M.signature(of_optimiser(kind)) end

-- ---- options at the prompt ----------------------------------------------------------------------

-- The group of what is not a function of va itself, as far as its options need it.
local function entry_of(v, name)
  local records = by_name(core.records())
  if v == core.ops[name] and records[name] then return of_op(records[name]) end
  local is_layer = core.layers[name] and (v == core.layers[name]
                                          or v == rawget(require "vaelua.nn", name))
  if is_layer then return of_layer(name, by_name(core.layer_records())) end
  local kind = by_name(core.optim_kinds())[name]
  if kind then return of_optimiser(kind) end
  local f = called(v)
  local info = f and debug.getinfo(f, "S")
  local is_ours = info and (info.what == "C" and v == core.setup or core.ours(info.source))
  if not is_ours then return nil end
  return of_function(info.source:match("vaelua/(%l+)") or "va", name, v)
end

local function names_of(list)
  local names = {}
  for i, p in ipairs(list) do names[i] = p.name end
  return names
end

--- The same of a function M.name of a module, or of the module that is called like it, by its
--- comment; nil where there is none. Loads nothing.
function M.options_said(module, name)
  for _, file in ipairs(module and { module, name } or {}) do
    local source = "@lua/vaelua/" .. file .. ".lua"
    for i, line in ipairs(lines_of(source)) do
      if line:find("^function M%." .. name .. "%(") or line:find("^M%." .. name .. "%s*=") then
        local names = names_of((options_of(above(source, i), name)))
        if #names > 0 then return names end
      end
    end
  end
end

--- Names of the options that a function of ours takes, which is called by this name.
function M.options(v, name)
  local e = v ~= nil and entry_of(v, name)
  return names_of(e and e.options or {})
end

-- ---- writing ------------------------------------------------------------------------------------

-- Form -> module that writes it, and where `make docs` puts it.
local FORMS = {
  meta = { "luacats", "meta/vaelua.d.lua" }, page = { "page", "reference.html" },
  man = { "man", "vaelua.1" }, bash = { "shell", "vaelua.bash" }, zsh = { "shell", "_vaelua" },
  fish = { "shell", "vaelua.fish" },
}

--- The text of one form: meta, page, man, bash, zsh or fish.
function M.text(form)
  local known = FORMS[form]
  if not known then
    fail("reference: no form '%s', known are %s", tostring(form),
      table.concat(sorted(FORMS), ", "))
  end
  return require("vaelua.reference." .. known[1])[form]()
end

--- Writes all forms but meta into a folder, and meta/vaelua.d.lua where `root` says where.
function M.write(folder, root)
  for _, form in ipairs(sorted(FORMS, function(f) return root or f ~= "meta" end)) do
    local path = (form == "meta" and root or folder) .. "/" .. FORMS[form][2]
    core.mkdir(path:match("^(.*)/"))
    core.write(path, M.text(form))
  end
end

return M
