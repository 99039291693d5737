-- density.lua - what all distributions share: their class, their parameters, and what follows from
-- sample and logp. The distributions are in dist.lua and composite.lua.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local parameters = require "vaelua.parameters"
local ops = core.ops

-- ---- classes ------------------------------------------------------------------------------------

local Base = {}           -- methods that all distributions share
local forms = {}          -- kind of q -> kind of p -> function(q, p): the divergence of each unit

-- missing: method -> why there is none.
local function class(kind, missing)
  local methods = { missing = missing or {} }
  local meta = { __name = "distribution", kind = kind, methods = methods,
                 __names = { methods, Base } }
  local function names()
    local list = {}
    for _, t in ipairs { methods, Base } do
      for name in pairs(t) do
        if not methods.missing[name] and name ~= "missing" then list[#list + 1] = name end
      end
    end
    return list
  end
  function meta.__index(_, name)
    local why = methods.missing[name]
    local f = not why and (methods[name] or Base[name])
    if f or type(name) ~= "string" then return f or nil end
    if why then fail("%s has no %s: %s", kind, name, why) end
    fail("%s has no %s%s", kind, name, fail.near(name, names()))
  end
  function meta.__tostring(self)
    local words = { kind }
    for i = 1, #self do
      if core.is_tensor(self[i]) then
        words[#words + 1] = "[" .. table.concat(self[i].shape, ", ") .. "]"
      end
    end
    return table.concat(words, " ")
  end
  return methods, meta
end

local function kind_of(d)
  local meta = getmetatable(d)
  return type(meta) == "table" and meta.kind or nil
end

-- ---- parameters ---------------------------------------------------------------------------------

local function parameter(kind, name, v)
  if type(v) == "number" or core.is_tensor(v) then return v end
  fail("%s: %s must be a tensor or a number, got %s%s", kind, name, fail.came(v),
    v == nil and name:find "^log" and "; one tensor with both is taken apart by h:split(2)" or "")
end

local function tensor_parameter(kind, name, v)
  if core.is_tensor(v) then return v end
  fail("%s: %s must be a tensor, got %s", kind, name, fail.came(v))
end

-- a as a tensor of the shape that it has together with b.
local function like(a, b)
  if not core.is_tensor(b) then return core.is_tensor(a) and a or ops.full({}, a) end
  if not core.is_tensor(a) then return ops.full(b.shape, a) end
  return parameters.same_shape(a, b) and a or a + ops.zeros(b.shape)
end

-- A parameter for n rows. One that has rows already must have that many, or a single one.
local function for_rows(kind, v, n)
  if not core.is_tensor(v) then return v end
  local shape = v.shape
  if #shape <= 1 then return v:reshape(1, -1):expand { n, shape[1] or 1 } end
  if shape[1] == n then return v end
  if shape[1] == 1 then
    shape[1] = n
    return v:expand(shape)
  end
  fail("%s: sample(%d), but it has %d rows; sample() draws one for each", kind, n, shape[1])
end

local function need_count(kind, n)
  if math.type(n) ~= "integer" or n < 1 then
    fail("%s: sample needs a number of draws from 1, got %s", kind, fail.came(n))
  end
  return n
end

-- The distribution with f applied to all its tensors.
local function mapped(d, f)
  local twin = {}
  for k, v in pairs(d) do twin[k] = v end
  for i = 1, #d do twin[i] = core.is_tensor(d[i]) and f(d[i]) or d[i] end
  return setmetatable(twin, getmetatable(d))
end

--- Every row k times, as x:tile.
function Base:tile(k) return mapped(self, function(t) return t:tile(k) end) end

--- The rows at int32 indices.
function Base:pick(index) return mapped(self, function(t) return t:pick(index) end) end

-- Distributions of one kind below each other.
local function joined(list)
  local first = list[1]
  local twin = mapped(first, function(t) return t end)
  for i = 1, #first do
    if core.is_tensor(first[i]) then
      local parts = {}
      for k, d in ipairs(list) do parts[k] = d[i] end
      twin[i] = ops.cat(parts, 1)
    end
  end
  return twin
end

-- ---- what follows from sample and logp ----------------------------------------------------------

local function closed(q, p)
  local row = forms[kind_of(q)]
  return row and row[kind_of(p)]
end

local function need_dist(p, who)
  if type(p) ~= "table" then
    fail("%s needs a distribution, got %s", who, fail.came(p))
  end
end

-- log q(z) - log p(z) of a draw z of q.
local function estimate(q, p, z)
  if p.logp == nil then
    fail("the divergence of %s from this distribution is not defined: it has no logp", kind_of(q))
  end
  return q:logp(z) - p:logp(z)
end

--- One draw and its divergence from p, [N].
function Base:draw(p)
  need_dist(p, "draw")
  local z = self:sample()
  if closed(self, p) then return z, self:kl(p) end
  return z, estimate(self, p, z)
end

--- The divergence from p, [N]: in closed form, else of one draw.
function Base:kl(p)
  need_dist(p, "kl")
  local form = closed(self, p)
  if form then return form(self, p):rowsum() end
  return estimate(self, p, self:sample())
end

--- The divergence from p of every unit, in the shape of the mean.
function Base:kl_each(p)
  need_dist(p, "kl_each")
  local form = closed(self, p)
  if not form then
    fail("kl_each is not defined: there is no closed form for %s and %s", kind_of(self),
      kind_of(p) or "a distribution of your own")
  end
  return form(self, p)
end

--- The entropy, [N]: in closed form, else of one draw.
function Base:entropy() return -self:logp(self:sample()) end

return { Base = Base, forms = forms, class = class, kind_of = kind_of, parameter = parameter,
         tensor_parameter = tensor_parameter, like = like, for_rows = for_rows,
         need_count = need_count, need_dist = need_dist, joined = joined }
