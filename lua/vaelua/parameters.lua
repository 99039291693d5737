-- parameters.lua - what is trained and what is saved: made, found and named.
--
-- A parameter is a tracked tensor that was made here; a buffer is a tensor that is saved with its
-- model but not trained. Both are noted in weak tables, so that they are found wherever they lie:
-- finding walks the fields of a model, of chains, of lists, and names each by its path
-- ("enc.1.weight"). Lists of names are always in one order: by path, numbers as numbers.
--
-- What can be walked says so in its metatable: `parts(self)` gives its children as a table,
-- `place(self, path)` tells it where it lies, so that it can draw its weights there.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local ops = core.ops

local M = {}

local kind = setmetatable({}, { __mode = "k" })     -- tensor -> "param" or "buffer"
local home = setmetatable({}, { __mode = "k" })     -- tensor -> { owner, path }

-- ---- making -------------------------------------------------------------------------------------

local function checked(what, t)
  if type(t) == "number" then t = core.tensor(t) end
  if not core.is_tensor(t) then
    fail("%s needs a tensor, got %s", what, type(t))
  end
  return t
end

--- A tensor of its own with the values of t, without history.
function M.copy_of(t)
  local copy = ops.full(t.shape, 0, t.dtype)
  return core.set(copy, t)
end

--- Notes a fresh tensor as a parameter or a buffer.
function M.note(t, what)
  kind[t] = what
  if what == "param" then core.leaf(t) end
  return t
end

--- nn.param(tensor): a copy that optimisers train.
function M.param(t)
  return M.note(M.copy_of(checked("nn.param", t)), "param")
end

--- nn.buffer(tensor): a copy that is saved with its model but not trained.
function M.buffer(t)
  return M.note(M.copy_of(checked("nn.buffer", t)), "buffer")
end

--- "param", "buffer" or nil.
function M.kind_of(t) return kind[t] end

-- ---- order --------------------------------------------------------------------------------------

local function pieces(path)
  local list = {}
  for piece in path:gmatch("[^%.]+") do list[#list + 1] = tonumber(piece) or piece end
  return list
end

-- enc.2.bias < enc.10.bias < enc.10.weight < enc.x: piece by piece, numbers first.
function M.path_less(a, b)
  local p, q = pieces(a), pieces(b)
  for i = 1, math.min(#p, #q) do
    if p[i] ~= q[i] then return keys.less(p[i], q[i]) end
  end
  return #p < #q
end

-- Whether two tensors have one shape.
function M.same_shape(a, b)
  local p, q = a.shape, b.shape
  if #p ~= #q then return false end
  for i = 1, #p do
    if p[i] ~= q[i] then return false end
  end
  return true
end

-- ---- finding ------------------------------------------------------------------------------------

-- The children of a value: those that it names, or the fields of a plain table.
local function children_of(value)
  if type(value) ~= "table" then return nil end
  local meta = getmetatable(value)
  if meta == nil then return value end
  return type(meta) == "table" and meta.parts and meta.parts(value) or nil
end

local function join(path, key)
  return path == "" and tostring(key) or path .. "." .. key
end

-- Calls f(path, tensor or part) for everything below value, in order, each thing once.
local function walk(value, path, seen, f, owner)
  if core.is_tensor(value) then
    if kind[value] and not seen[value] then
      seen[value] = true
      f(path, value)
    end
    return
  end
  if type(value) ~= "table" or seen[value] then return end
  seen[value] = true
  local meta = getmetatable(value)
  if type(meta) == "table" and meta.place then meta.place(value, path, owner) end
  local children = children_of(value)
  if not children then return end
  for _, key in ipairs(keys.sorted(children)) do
    walk(children[key], join(path, key), seen, f, owner)
  end
end

--- The parameters and buffers below value: a list of { path =, tensor =, kind = } in order. What
--- has no weights yet draws them here, at its path. owner: name of the model, if there is one.
function M.find(value, path, owner)
  local list = {}
  walk(value, path or "", {}, function(p, t)
    list[#list + 1] = { path = p, tensor = t, kind = kind[t] }
  end, owner)
  table.sort(list, function(a, b) return M.path_less(a.path, b.path) end)
  return list
end

--- Those of one kind, as the list that others take: { path, tensor } each.
function M.of_kind(value, what)
  local list = {}
  for _, e in ipairs(M.find(value)) do
    if e.kind == what then list[#list + 1] = { e.path, e.tensor } end
  end
  return list
end

--- Remembers which model tensors lie in; the first one that has them keeps them.
function M.settle(list, owner)
  for _, e in ipairs(list) do
    if not home[e.tensor] then home[e.tensor] = { owner = owner, path = e.path } end
  end
end

--- The model that a tensor lies in is called otherwise now.
function M.move(t, owner)
  if home[t] then home[t].owner = owner end
end

--- Name of the model and path in it, or nil.
function M.home_of(t)
  local h = home[t]
  if h then return h.owner, h.path end
end

-- ---- ordered tables -----------------------------------------------------------------------------

local Ordered, NAMES, VALUES = { __name = "ordered table" }, {}, {}

function Ordered.__index(self, name) return rawget(self, VALUES)[name] end

function Ordered.__len(self) return #rawget(self, NAMES) end

function Ordered.__pairs(self)
  local i, names, values = 0, rawget(self, NAMES), rawget(self, VALUES)
  return function()
    i = i + 1
    if names[i] then return names[i], values[names[i]] end
  end
end

function Ordered.__tostring(self)
  local lines = {}
  for name, t in pairs(self) do
    lines[#lines + 1] = ("%-24s %s"):format(name, core.text(t, true))
  end
  return table.concat(lines, "\n")
end

--- A table from names to tensors that pairs walks in the order of the list.
function M.ordered(list)
  local names, values = {}, {}
  for i, e in ipairs(list) do names[i], values[e[1]] = e[1], e[2] end
  return setmetatable({ [NAMES] = names, [VALUES] = values }, Ordered)
end

return M
