--[[ reload.lua - va.reload: an edited architecture in the place of the one at hand.

    va.reload "models.vae"        -- vae: kept enc.1 enc.3 dec.1; new enc.4; lost dec.5

  The module's file is loaded again, and what it made is made again by the same call: every living
  model that came from a function of that module gets its new parts and functions, in place. Weights
  and the optimiser's moments of layers whose name and shapes survive are kept; others start anew.
  With an error anywhere in the new file everything stays as it was. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local file = require "vaelua.file"
local keys = require "vaelua.keys"
local models = require "vaelua.model"
local optim = require "vaelua.optim"
local origin = require "vaelua.origin"
local parameters = require "vaelua.parameters"
local train = require "vaelua.train"

local M = {}

-- ---- the file -----------------------------------------------------------------------------------

-- The name of the module that lies in a file.
local function module_in(path)
  local real = core.realpath(path)
  for _, name in ipairs(real and keys.sorted(package.loaded) or {}) do
    local at = not name:find("^vaelua") and package.searchpath(name, package.path)
    if at and core.realpath(at) == real then return name end
  end
  return (path:gsub("%.lua$", ""):gsub("^%./", ""):gsub("/", "."))
end

-- Where a model was made, if that is no module: "train.lua", "the prompt".
local function script_of(m)
  local calls = origin.of(m)
  local last = calls[#calls]
  if not last or not last.script then return nil end
  if last.source:find("^=prompt") then return "the prompt" end
  if last.source:find("^=") then return last.source:sub(2) end
  return last.source:match("[^/@]+$")
end

local HOW = "what reload can make again comes from a function of a module: put it into a file of "
            .. "its own (vae.lua: return function(...) ... return model end), call require \"vae\" "
            .. "there, and reload \"vae\""

-- The module's full name, its text and where that lies: models.vae may be one of our own,
-- vaelua.models.vae.
local function find(name)
  if type(name) ~= "string" then
    fail("reload: the name of a module is needed, got %s", type(name))
  end
  if name:find("%.lua$") then name = module_in(name) end
  local path = package.searchpath(name, package.path)
  if path then return name, assert(file.read(path)), path end
  local below = name:gsub("^vaelua%.", ""):gsub("%.", "/")
  local own = core.source(below)
  if own then return "vaelua." .. below:gsub("/", "."), own, "vaelua/" .. below .. ".lua" end
  local m = models.find(name)
  if m then
    fail("reload: '%s' is a model%s, not a module; %s", name,
      script_of(m) and " that was made in " .. script_of(m) or "", HOW)
  end
  fail("reload: there is no module '%s' in package.path%s", name,
    fail.near(name, keys.sorted(package.loaded)))
end

-- A script is not run again, with its training and all.
local function refuse_script(name, path)
  local script, real = core.program and core.program.script, core.realpath(path) or path
  local is_script = script and core.realpath(script) == real
  for _, m in ipairs(models.all()) do
    for _, call in ipairs(origin.of(m)) do
      local alike = not package.loaded[name] and origin.is_source_of(call.source, name)
      is_script = is_script or call.script and (alike or core.realpath(call.source:sub(2)) == real)
    end
  end
  if is_script then
    fail("reload: %s is a script, and would run again, training and all; %s", path, HOW)
  end
end

local function load_text(name, text, path)
  local ours = name:find("^vaelua%.")
  local chunk, why = load(text, "@" .. path, "t", ours and _ENV or _G)
  if not chunk then fail("reload: %s; everything is as it was", why) end
  local good, value = pcall(train.apart, origin.run, chunk, name, path)
  if not good then fail("reload: %s; everything is as it was", tostring(value)) end
  return value == nil and true or value
end

-- ---- the models ---------------------------------------------------------------------------------

-- The outermost call of the module among these.
local function call_of(calls, name)
  local found
  for _, call in ipairs(calls) do
    local main = call.main and not call.script and origin.is_source_of(call.source, name)
    if call.module == name or main then found = call end
  end
  return found
end

-- The same for a model; if none is known, that of its chains, and true.
local function maker_of(m, name)
  local call = call_of(origin.of(m), name)
  if call then return call, false end
  for _, calls in ipairs(origin.of(m).parts or {}) do call = call or call_of(calls, name) end
  return call, true
end

local function call_again(call, value)
  if call.main then return end
  local args = call.args
  if call.key == "()" and not call.way then return value(table.unpack(args, 2, args.n)) end
  local f, missing = origin.find(call, value)
  if not f then fail("the new module has no '%s'", missing) end
  return f(table.unpack(args, 1, args.n))
end

-- The new twin of a model; nil if the call made a part of it alone.
local function twin_of(m, call, value, part)
  return train.apart(function()
    local made = call_again(call, value)
    if models.is_model(made) then return made end
    local name = models.name_of(m):gsub("#%d+$", "")
    if call.main then
      if models.is_model(value) then return value end
      for _, v in pairs(type(value) == "table" and value or {}) do
        if models.is_model(v) and models.name_of(v) == name then return v end
      end
    end
    return models.find(name) or not part and fail("the new module makes no model '%s'", name) or nil
  end)
end

-- ---- what stays ---------------------------------------------------------------------------------

local function same_kind(a, b)
  return a.kind == b.kind and a.tensor.dtype == b.tensor.dtype
         and table.concat(a.tensor.shape, ",") == table.concat(b.tensor.shape, ",")
end

local function layer_of(path) return path:match("^(.*)%.[^.]+$") or path end

-- Which tensors of the old model stand for those of the new one. A layer is kept as a whole or not.
local function compare(old, new)
  local before, whole = {}, {}
  for _, e in ipairs(old) do before[e.path] = e end
  for _, e in ipairs(new) do
    local layer = layer_of(e.path)
    local fits = before[e.path] ~= nil and same_kind(before[e.path], e)
    whole[layer] = whole[layer] ~= false and fits
  end
  for _, e in ipairs(old) do          -- a bias that is gone makes it another layer
    local found = false
    for _, f in ipairs(new) do found = found or f.path == e.path end
    if not found and whole[layer_of(e.path)] ~= nil then whole[layer_of(e.path)] = false end
  end
  return before, whole
end

local function add_once(list, seen, word)
  if not seen[word] then
    seen[word] = true
    list[#list + 1] = word
  end
end

-- Puts the twin in the model's place; what happened goes into the result.
local function replace(m, twin, result)
  local old, new = parameters.find(m), parameters.find(twin)
  local before, whole = compare(old, new)
  local stand_in, kept, fresh, lost = {}, {}, {}, {}
  for _, e in ipairs(new) do
    if whole[layer_of(e.path)] then
      stand_in[e.tensor], kept[before[e.path].tensor] = before[e.path].tensor, e.path
    elseif e.kind == "param" then
      fresh[#fresh + 1] = { e.path, e.tensor }
    end
  end
  for _, e in ipairs(old) do
    if not kept[e.tensor] then lost[e.tensor] = e.path end
  end
  models.become(m, twin, function(t) return stand_in[t] or t end)
  optim.follow(lost, kept, fresh)
  local name, seen = models.name_of(m), { kept = {}, new = {}, lost = {} }
  for _, e in ipairs(new) do
    local layer = layer_of(e.path)
    local where = whole[layer] and "kept" or "new"
    add_once(result[where], seen[where], name .. "/" .. layer)
  end
  for _, e in ipairs(old) do
    if lost[e.tensor] and whole[layer_of(e.path)] == nil then
      add_once(result.lost, seen.lost, name .. "/" .. layer_of(e.path))
    end
  end
  models.tell_changed(m)
end

-- ---- the result ---------------------------------------------------------------------------------

local Result = { __name = "reload" }

function Result.__tostring(r)
  local parts = {}
  for _, where in ipairs { "kept", "new", "lost" } do
    if #r[where] > 0 then parts[#parts + 1] = where .. " " .. table.concat(r[where], " ") end
  end
  return #parts > 0 and table.concat(parts, "; ") or r.note
end

-- Why nothing was made again.
local function note_of(living, name)
  local text = "no living model was made by this module; new ones will be"
  for _, m in ipairs(living) do
    local where, maker = script_of(m), nil
    for _, calls in ipairs { origin.of(m), table.unpack(origin.of(m).parts or {}) } do
      for _, call in ipairs(calls) do maker = call.module or maker end
    end
    if maker and maker ~= name then
      return ("%s\n%s was made by the module %s: reload %q (a call that ends in return f(...) "
        .. "leaves no trace of its own)"):format(text, models.name_of(m), maker, maker)
    elseif where and where:find "^[^%(]" then
      return ("%s\n%s was made in %s: %s"):format(text, models.name_of(m), where, HOW)
    end
  end
  return text
end

--- va.reload(module): loads the module again, by its name or the path of its file, and rebuilds the
--- models that it made, in place. The result has lists of layers, kept, new and lost, and prints
--- itself. A script is not run again: the function that makes the model belongs into a module.
function M.reload(name)
  local full, text, path = find(name)
  refuse_script(full, path)
  local calls, known = {}, package.loaded[full] ~= nil or full:find("^vaelua%.") ~= nil
  for _, m in ipairs(models.all()) do
    local call, part = maker_of(m, full)
    if call then calls[#calls + 1], known = { m, call, part }, true end
  end
  if not known then
    fail("reload: the module '%s' is not loaded, and has made nothing: require %q", full, full)
  end
  local value, twins = load_text(full, text, path), {}
  for _, c in ipairs(calls) do
    local good, twin = pcall(twin_of, c[1], c[2], value, c[3])
    if not good then
      fail("reload: '%s' cannot be made again: %s; everything is as it was", models.name_of(c[1]),
        (tostring(twin):gsub("^[^\n:]+:%d+: (the new module)", "%1")))
    end
    if twin then twins[#twins + 1] = { c[1], twin } end
  end
  package.loaded[full] = value
  local own = full:match("^vaelua%.models%.(.+)$")
  if own then rawset(require "vaelua.models", own, value) end
  local result = setmetatable({ kept = {}, new = {}, lost = {} }, Result)
  for _, t in ipairs(twins) do replace(t[1], t[2], result) end
  if #twins == 0 then result.note = note_of(models.all(), full) end
  return result
end

return M
