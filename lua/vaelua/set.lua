--[[ set.lua - a set: rows x, labels y or none, and functions that change a batch as it is drawn.

    local s = va.set(x, y, { classes = { "cat", "dog" } })
    local x, y = s:first(8)
    for t, x, y in s:epochs(20, 128) do ... end        -- in train.lua

  Pictures stay uint8 on the device; a batch is gathered and scaled to 0..1 by one kernel. Labels
  are 1..K. Fields: x, y (or nil), shape of a row, classes (names, or nil), scale, maps.

  A sum of sets has `parts` in place of x, since each part keeps its own functions; `rows` says
  which of their rows, one behind the other, it has (nil: all). ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local mix = require "vaelua.mix"
local options = require "vaelua.options"
local ops = core.ops

local Set = {}
Set.__names = { Set, { classes = {} } }

local fields = { x = true, y = true, classes = true, parts = true, rows = true }

local function names_of(t)
  local names = {}
  for _, name in ipairs(keys.sorted(t)) do
    if not name:find("^__") then names[#names + 1] = name end
  end
  return names
end

-- Methods; the loops over a set come with train.lua.
function Set.__index(_, name)
  if rawget(Set, name) == nil and not fields[name] then require "vaelua.train" end
  local method = rawget(Set, name)
  if method == nil and not fields[name] then
    fail("a set has no method or field '%s'%s", name, fail.near(name, names_of(Set)))
  end
  return method
end

-- ---- making ------------------------------------------------------------------------------------

-- Labels as int32 1..K; anything else than whole numbers is kept as a target.
local function labels_of(y, count)
  if y.dtype == "uint8" then y = y:as("int32") end
  if #y.shape < 1 or #y ~= count then
    fail("set: %d rows, but labels of shape {%s}", count, table.concat(y.shape, ", "))
  end
  if y.dtype ~= "int32" then return y:as("float32") end
  if #y.shape ~= 1 then
    fail("set: labels are one number a row, got the shape {%s}", table.concat(y.shape, ", "))
  end
  return y
end

local function class_names(y, given)
  if not y or y.dtype ~= "int32" then return given end
  local low, high = 1, 0
  if #y > 0 then low, high = core.bounds(y) end
  if low < 1 then fail("set: labels count from 1, got %d", low) end
  if given and high > #given then
    fail("set: label %d, but %d names of classes", high, #given)
  end
  if given then return given end
  local names = {}
  for k = 1, high do names[k] = tostring(k) end
  return names
end

local function row_shape(x) return table.move(x.shape, 2, #x.shape, 1, {}) end

--- va.set(x, [y], { classes })
function Set.new(x, y, given)
  if type(y) == "table" then y, given = nil, y end
  local o = options.checked("set", given, { classes = true })
  if not core.is_tensor(x) then x = core.tensor(x) end
  if y ~= nil and not core.is_tensor(y) then y = core.tensor(y, "int32") end
  if #x.shape < 1 then fail("set: x needs rows, got one number") end
  if x.dtype ~= "uint8" then x = x:as("float32") end
  y = y and labels_of(y, #x)
  return setmetatable({
    x = x, y = y, shape = row_shape(x), classes = class_names(y, o.classes),
    scale = x.dtype == "uint8" and 1 / 255 or 1, maps = {},
  }, Set)
end

function Set:__len()
  if self.rows then return #self.rows end
  if self.x then return #self.x end
  local n = 0
  for _, part in ipairs(self.parts) do n = n + #part end
  return n
end

function Set:__tostring()
  return ("set of %d rows {%s}%s"):format(#self, table.concat(self.shape, ", "),
    self.classes and (", %d classes"):format(#self.classes) or "")
end

-- The same with other fields.
local function changed(s, new)
  local copy = {}
  for name, value in pairs(s) do copy[name] = value end
  for name, value in pairs(new) do copy[name] = value end
  return setmetatable(copy, Set)
end

-- ---- batches -----------------------------------------------------------------------------------

local function int32(index)
  return core.is_tensor(index) and index or core.tensor(index, "int32")
end

-- Each part gives its rows of the batch; then they are put into the order asked for.
local function take_from_parts(parts, index)
  local chosen, order, base = {}, {}, 0
  local wanted = index:totable()
  for p, part in ipairs(parts) do
    local mine, n = {}, #part
    for place, i in ipairs(wanted) do
      if i > base and i <= base + n then
        mine[#mine + 1] = i - base
        order[#order + 1] = place
      end
    end
    chosen[p], base = mine, base + n
  end
  local xs, ys = {}, {}
  for p, part in ipairs(parts) do
    if #chosen[p] > 0 then xs[#xs + 1], ys[#ys + 1] = part:take(int32(chosen[p])) end
  end
  local back = {}
  for at, place in ipairs(order) do back[place] = at end
  local rows = int32(back)
  return ops.cat(xs, 1):pick(rows), #ys > 0 and ops.cat(ys, 1):pick(rows) or nil
end

-- Random functions draw from a stream of their own, so that they change no other draw.
local function apply(maps, x, y)
  if #maps == 0 then return x, y end
  local stream = core.stream_push("noise", "augment")
  local _ <close> = setmetatable({}, { __close = function() core.stream_cut(stream) end })
  for _, f in ipairs(maps) do
    local mapped, label = f(x, y)
    if not core.is_tensor(mapped) or #mapped ~= #x then
      fail("map: the function must return x with as many rows as it was given (and y)")
    end
    x = mapped
    if label ~= nil then y = label end
  end
  return x, y
end

--- The rows of an int32 index: x float32, y.
function Set:take(index)
  index = int32(index)
  local x, y
  if self.parts then
    x, y = take_from_parts(self.parts, self.rows and self.rows:pick(index) or index)
  else
    x = ops.take_scaled(self.x, index, self.scale)
    y = self.y and self.y:pick(index)
  end
  return apply(self.maps, x, y)
end

local function count_of(s, who, n)
  local whole = math.tointeger(n)
  if type(n) ~= "number" or not whole or whole < 0 or whole > #s then
    fail("%s: the set has %d rows, asked for %s", who, #s, fail.came(n))
  end
  return whole
end

--- x, y of the first n rows.
function Set:first(n)
  n = count_of(self, "first", n)
  return self:take(ops.arange(1, n))
end

-- ---- other sets --------------------------------------------------------------------------------

-- The rows of an int32 index as a set.
local function rows_of(s, index)
  local y = s.y and s.y:pick(index)
  if s.parts then
    return changed(s, { y = y, rows = s.rows and s.rows:pick(index) or index })
  end
  return changed(s, { x = s.x:pick(index), y = y })
end

local function need_labels(s, who)
  if not s.y or s.y.dtype ~= "int32" then fail("%s: the set has no labels", who) end
  return s.y:totable()
end

-- At most n of each class, in the order of `from`.
local function each_class(s, n, from)
  local labels, left, chosen = need_labels(s, "subset"), {}, {}
  for k = 1, #s.classes do left[k] = n end
  for _, i in ipairs(from) do
    local k = labels[i]
    if left[k] > 0 then
      left[k] = left[k] - 1
      chosen[#chosen + 1] = i
    end
  end
  for k = 1, #s.classes do
    if left[k] > 0 then
      fail("subset: class %d (%s) has only %d rows", k, s.classes[k], n - left[k])
    end
  end
  return chosen
end

--- subset(n, { per_class=false, seed }): the first n rows, or n of each class; with a seed they
--- are chosen at random, the same ones whatever the run's seed. Rows stay in their order.
function Set:subset(n, given)
  local o = options.checked("subset", given, { per_class = true, seed = true })
  if type(n) ~= "number" then return rows_of(self, int32(n)) end
  n = count_of(self, "subset", n)
  if not o.per_class and not o.seed then
    if self.parts then return rows_of(self, ops.arange(1, n)) end
    return changed(self, { x = self.x:rows(1, n), y = self.y and self.y:rows(1, n) })
  end
  local from = {}
  for i = 1, #self do from[i] = i end
  if o.seed then mix.new(o.seed):shuffle(from) end
  local chosen = o.per_class and each_class(self, n, from) or table.move(from, 1, n, 1, {})
  table.sort(chosen)
  return rows_of(self, int32(chosen))
end

--- The rows of class k (a number or a name).
function Set:class(k)
  local labels, chosen = need_labels(self, "class"), {}
  for i, name in ipairs(self.classes) do
    if name == k then k = i end
  end
  if not self.classes[k] then
    fail("class: there is no class %s (1..%d)", fail.came(k), #self.classes)
  end
  for i, label in ipairs(labels) do
    if label == k then chosen[#chosen + 1] = i end
  end
  return rows_of(self, int32(chosen))
end

--- split(fraction): two sets; the rows of the second are spread evenly over the data, so that
--- data in the order of its classes is split fairly.
function Set:split(fraction)
  if type(fraction) ~= "number" or not (fraction > 0 and fraction < 1) then
    fail("split: a fraction between 0 and 1 is needed, got %s", fail.came(fraction))
  end
  local n, first, second = #self, {}, {}
  local keep = math.floor(n * fraction + 0.5)
  for i = 1, n do
    local part = i * keep // n > (i - 1) * keep // n and first or second
    part[#part + 1] = i
  end
  return rows_of(self, int32(first)), rows_of(self, int32(second))
end

--- map(f): f(x, y) -> x, y changes every batch as it is drawn.
function Set:map(f)
  if type(f) ~= "function" then fail("map: a function is needed, got %s", type(f)) end
  local maps = table.move(self.maps, 1, #self.maps, 1, {})
  maps[#maps + 1] = f
  local s = changed(self, { maps = maps })
  if #s > 0 then s.shape = row_shape((s:first(1))) end
  return s
end

local function same(a, b) return table.concat(a or {}, "\0") == table.concat(b or {}, "\0") end

--- a + b: the rows of a, then those of b; each row goes through the functions of its own set.
function Set.__add(a, b)
  if getmetatable(a) ~= Set or getmetatable(b) ~= Set then
    fail("a set can be added to a set only")
  end
  if not same(a.shape, b.shape) then
    fail("sets of rows {%s} and {%s} cannot be added", table.concat(a.shape, ", "),
         table.concat(b.shape, ", "))
  end
  if (a.y == nil) ~= (b.y == nil) or not same(a.classes, b.classes) then
    fail("sets with different classes cannot be added")
  end
  local y = a.y and ops.cat({ a.y, b.y }, 1)
  if a.x and b.x and #a.maps + #b.maps == 0 and a.x.dtype == b.x.dtype then
    return changed(a, { x = ops.cat({ a.x, b.x }, 1), y = y })
  end
  return setmetatable({ parts = { a, b }, y = y, shape = a.shape, classes = a.classes,
                        scale = 1, maps = {} }, Set)
end

return Set
