--[[ reload.lua - va.reload: an edited architecture in the place of the one at hand.

    va.reload "models.vae"        -- vae: kept enc.1 enc.3 dec.1; new enc.4; lost dec.5

  The module's file is loaded again, and what it made is made again by the same call: every living
  model that came from a function of that module gets its new parts and functions, in place. Weights
  and the optimiser's moments of layers whose name and shapes survive are kept; others start anew.
  With an error anywhere in the new file everything stays as it was. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local models = require "vaelua.model"
local optim = require "vaelua.optim"
local parameters = require "vaelua.parameters"
local train = require "vaelua.train"

local M = {}

-- ---- the file -----------------------------------------------------------------------------------

local function text_of(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

-- The module's full name, its text and where that lies: models.vae may be one of our own,
-- vaelua.models.vae.
local function find(name)
  if type(name) ~= "string" then
    fail("reload: the name of a module is needed, got %s", type(name))
  end
  local path = package.searchpath(name, package.path)
  if path then return name, text_of(path), path end
  local below = name:gsub("^vaelua%.", ""):gsub("%.", "/")
  local own = core.source(below)
  if own then return "vaelua." .. below:gsub("/", "."), own, "vaelua/" .. below .. ".lua" end
  fail("reload: there is no module '%s' in package.path%s", name,
    fail.near(name, keys.sorted(package.loaded)))
end

local function load_text(name, text, path)
  local chunk, why = load(text, "@" .. path, "t")
  if not chunk then fail("reload: %s; everything is as it was", why) end
  local good, value = pcall(chunk, name, path)
  if not good then fail("reload: %s; everything is as it was", tostring(value)) end
  return value == nil and true or value
end

-- ---- the models ---------------------------------------------------------------------------------

-- Whether a chunk is the file of a module, here or in the src/ of a run.
local function is_source_of(source, name)
  local path = "/" .. name:gsub("%.", "/")
  for _, ending in ipairs { path .. ".lua", path .. "/init.lua" } do
    if ("/" .. source:sub(2)):sub(-#ending) == ending then return true end
  end
  return false
end

-- The outermost call of the module that a model came from.
local function maker_of(m, name)
  local found
  for _, call in ipairs(models.makers_of(m)) do
    if call.module == name or call.main and is_source_of(call.source, name) then found = call end
  end
  return found
end

local function call_again(call, value)
  if call.main then return end
  local args = call.args
  if call.key == "()" then return value(table.unpack(args, 2, args.n)) end
  local f = value
  if call.key ~= "" then f = type(value) == "table" and value[call.key] or nil end
  if not f then fail("the new module has no '%s'", call.key == "" and "function" or call.key) end
  return f(table.unpack(args, 1, args.n))
end

-- The new twin of a model, or nothing.
local function twin_of(m, call, value)
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
    return models.find(name) or fail("the new module makes no model '%s'", name)
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
  return #parts > 0 and table.concat(parts, "; ")
         or "no living model was made by this module; new ones will be"
end

--- va.reload(module): loads the module again and rebuilds the models that it made, in place. The
--- result has lists of layers, kept, new and lost, and prints itself.
function M.reload(name)
  local full, text, path = find(name)
  local value, twins = load_text(full, text, path), {}
  for _, m in ipairs(models.all()) do
    local call = maker_of(m, full)
    if call then
      local good, twin = pcall(twin_of, m, call, value)
      if not good then
        fail("reload: '%s' cannot be made again: %s; everything is as it was", models.name_of(m),
          tostring(twin))
      end
      twins[#twins + 1] = { m, twin }
    end
  end
  package.loaded[full] = value
  local own = full:match("^vaelua%.models%.(.+)$")
  if own then rawset(require "vaelua.models", own, value) end
  local result = setmetatable({ kept = {}, new = {}, lost = {} }, Result)
  for _, t in ipairs(twins) do replace(t[1], t[2], result) end
  return result
end

return M
