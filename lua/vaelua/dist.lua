-- dist.lua - probability distributions: `va.dist`.
--
-- A distribution is a table with methods. Its parameters are tensors whose first axis is the
-- batch, or numbers, or tensors of one row ([20]: a prior). log-probabilities and divergences are
-- in nats, one number a row [N], summed over all other axes.
--
-- What a distribution cannot do it has not: asking for the method is an error that says why, and
-- protocols show that reason. Divergences are exact where a closed form is known (the table
-- `forms`), else one draw's estimate, log q(z) - log p(z).

local core = require "vaelua.core"
local ops = core.ops

local M = {}

local HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

-- ---- classes ---------------------------------------------------------------------------------------

local Base = {}           -- methods that all distributions share
local forms = {}          -- kind of q -> kind of p -> function(q, p): the divergence of each unit

-- missing: method -> why there is none.
local function class(kind, missing)
  local methods = { missing = missing or {} }
  local meta = { __name = "distribution", kind = kind, methods = methods }
  local function names()
    local list = {}
    for _, t in ipairs { methods, Base } do
      for name in pairs(t) do
        if not methods.missing[name] and name ~= "missing" then list[#list + 1] = name end
      end
    end
    table.sort(list)
    return list
  end
  function meta.__index(_, name)
    local why = methods.missing[name]
    local f = not why and (methods[name] or Base[name])
    if f or type(name) ~= "string" then return f or nil end
    if why then core.fail("user", ("%s has no %s: %s"):format(kind, name, why)) end
    local near = core.nearest(name, names())
    core.fail("user", ("%s has no %s%s"):format(kind, name,
      near and (" (did you mean '%s'?)"):format(near) or ""))
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

function M.is_dist(v)
  return type(v) == "table" and (kind_of(v) ~= nil or v.sample ~= nil or v.logp ~= nil)
end

-- ---- parameters --------------------------------------------------------------------------------------

local function parameter(kind, name, v)
  if type(v) == "number" or core.is_tensor(v) then return v end
  core.fail("user", ("%s: %s must be a tensor or a number, got %s"):format(kind, name, type(v)))
end

local function tensor_parameter(kind, name, v)
  if core.is_tensor(v) then return v end
  core.fail("user", ("%s: %s must be a tensor, got %s"):format(kind, name, type(v)))
end

local function same_shape(a, b)
  local p, q = a.shape, b.shape
  if #p ~= #q then return false end
  for i = 1, #p do
    if p[i] ~= q[i] then return false end
  end
  return true
end

-- a as a tensor of the shape that it has together with b.
local function like(a, b)
  if not core.is_tensor(b) then return core.is_tensor(a) and a or ops.full({}, a) end
  if not core.is_tensor(a) then return ops.full(b.shape, a) end
  return same_shape(a, b) and a or a + ops.zeros(b.shape)
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
  core.fail("user", ("%s: sample(%d), but it has %d rows; sample() draws one for each"):format(
    kind, n, shape[1]))
end

local function need_count(kind, n)
  if math.type(n) ~= "integer" or n < 1 then
    core.fail("user", ("%s: sample needs a number of draws from 1, got %s"):format(kind, tostring(n)))
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

-- ---- what follows from sample and logp -----------------------------------------------------------------

local function closed(q, p)
  local row = forms[kind_of(q)]
  return row and row[kind_of(p)]
end

local function need_dist(p, who)
  if type(p) ~= "table" then
    core.fail("user", ("%s needs a distribution, got %s"):format(who, type(p)))
  end
end

-- log q(z) - log p(z) of a draw z of q.
local function estimate(q, p, z)
  if p.logp == nil then
    core.fail("user", ("the divergence of %s from this distribution is not defined: it has no logp")
      :format(kind_of(q)))
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

function Base:kl(p)
  need_dist(p, "kl")
  local form = closed(self, p)
  if form then return form(self, p):rowsum() end
  return estimate(self, p, self:sample())
end

function Base:kl_each(p)
  need_dist(p, "kl_each")
  local form = closed(self, p)
  if not form then
    core.fail("user", ("kl_each is not defined: there is no closed form for %s and %s"):format(
      kind_of(self), kind_of(p) or "a distribution of your own"))
  end
  return form(self, p)
end

function Base:entropy() return -self:logp(self:sample()) end

-- ---- normal and Laplace --------------------------------------------------------------------------------

local Normal, normal_meta = class "normal"
local Laplace, laplace_meta = class "laplace"

-- [1]: mean or location, [2]: log variance or log scale, shape: of a row, for one that has only
-- numbers. The draw of n rows, or one for each row.
local function two_for(self, n)
  local kind = kind_of(self)
  local a, b = self[1], self[2]
  if n ~= nil then
    need_count(kind, n)
    if self.shape then return ops.full({ n, table.unpack(self.shape) }, a), b end
    return for_rows(kind, a, n), for_rows(kind, b, n)
  end
  if self.shape then return ops.full({ 1, table.unpack(self.shape) }, a), b end
  return a, b
end

local function need_tensor(self, a, b)
  if core.is_tensor(a) or core.is_tensor(b) then return end
  core.fail("user", ("%s has no shape to sample from: %s"):format(kind_of(self),
    "give it one, normal.unit(20), or tensors"))
end

function Normal:sample(n)
  local m, v = two_for(self, n)
  need_tensor(self, m, v)
  return ops.reparameterise(m, v)
end

function Normal:logp(x)
  if not core.is_tensor(x) and self.shape then x = ops.full({ 1, table.unpack(self.shape) }, x) end
  return ops.normal_logp(x, self[1], self[2])
end

forms.normal = { normal = function(q, p)
  return ops.normal_kl_each(q[1], q[2], p[1], p[2])
end }

function Normal:kl(p)
  need_dist(p, "kl")
  if kind_of(p) ~= "normal" then return Base.kl(self, p) end
  local q1, q2 = two_for(self)
  return ops.normal_kl(q1, q2, p[1], p[2])
end

local function mean_like(self)
  if self.shape then return ops.full(self.shape, self[1]) end
  return like(self[1], self[2])
end

local function second_like(self)
  if self.shape then return ops.full(self.shape, self[2]) end
  return like(self[2], self[1])
end

function Normal:entropy()
  local v = second_like(self)
  return (v * 0.5 + (HALF_LOG_2PI + 0.5)):rowsum()
end

function Normal:mean() return mean_like(self) end
function Normal:mode() return mean_like(self) end
function Normal:var() return second_like(self):exp() end

local function new_normal(_, mean, logvar)
  return setmetatable({ parameter("normal", "mean", mean), parameter("normal", "logvar", logvar),
                        shape = false }, normal_meta)
end

local function sizes_from(who, ...)
  if select("#", ...) == 0 then return nil end
  local list = ...
  if type(list) ~= "table" then list = { ... } end
  for i, n in ipairs(list) do
    if math.type(n) ~= "integer" or n < 1 then
      core.fail("user", ("%s: size %d is %s, but must be an integer from 1"):format(
        who, i, tostring(n)))
    end
  end
  return { table.unpack(list) }
end

M.normal = setmetatable({
  --- N(0, I): without a shape for kl and logp; with the shape of a row it also samples.
  unit = function(...)
    return setmetatable({ 0, 0, shape = sizes_from("normal.unit", ...) or false }, normal_meta)
  end,
}, { __call = new_normal, __name = "distribution" })

-- The difference of two exponentials is Laplace; 1 - u is never 0.
function Laplace:sample(n)
  local m, s = two_for(self, n)
  need_tensor(self, m, s)
  m, s = like(m, s), like(s, m)
  local a, b = 1 - ops.rand(m.shape), 1 - ops.rand(m.shape)
  return m + s:exp() * (a:log() - b:log())
end

function Laplace:logp(x) return ops.laplace_logp(x, self[1], self[2]) end

function Laplace:entropy() return (like(self[2], self[1]) + (1 + math.log(2))):rowsum() end

function Laplace:mean() return like(self[1], self[2]) end
Laplace.mode = Laplace.mean
function Laplace:var() return (2 * like(self[2], self[1])):exp() * 2 end

-- log(b'/b) + |m - m'| / b' + b/b' exp(-|m - m'| / b) - 1
forms.laplace = { laplace = function(q, p)
  local d, s, t = like(q[1], q[2]) - p[1], like(q[2], q[1]), p[2]
  d = d:abs()
  local wide = core.is_tensor(t) and (-t):exp() or math.exp(-t)
  return t - s + d * wide + (s - t - d * (-s):exp()):exp() - 1
end }

function M.laplace(mean, logscale)
  return setmetatable({ parameter("laplace", "mean", mean),
                        parameter("laplace", "logscale", logscale), shape = false },
                      laplace_meta)
end

-- ---- Bernoulli -----------------------------------------------------------------------------------------

local Bernoulli, bernoulli_meta = class "bernoulli"
local Continuous, continuous_meta = class "continuous_bernoulli"

local function logits_for(self, n)
  if n == nil then return self[1] end
  return for_rows(kind_of(self), self[1], need_count(kind_of(self), n))
end

function Bernoulli:sample(n) return ops.bernoulli_sample(logits_for(self, n)) end
function Bernoulli:logp(x) return ops.bernoulli_logp(x, self[1]) end
function Bernoulli:mean() return self[1]:sigmoid() end
function Bernoulli:mode() return self[1]:gt(0) end

function Bernoulli:var()
  local p = self[1]:sigmoid()
  return p * (1 - p)
end

function Bernoulli:entropy()
  local l = self[1]
  return (l:softplus() - l * l:sigmoid()):rowsum()
end

forms.bernoulli = { bernoulli = function(q, p)
  local a, b = q[1], p[1]
  return a:sigmoid() * (a - b) - a:softplus() + b:softplus()
end }

function M.bernoulli(logits)
  return setmetatable({ tensor_parameter("bernoulli", "logits", logits) }, bernoulli_meta)
end

-- Density C(l) exp(l x) / (1 + exp(l)) on [0, 1] (Loaiza-Ganem and Cunningham 2019). Formulas that
-- lose their digits near l = 0 give way to a series there.
local function near_zero(l, limit, exact, series)
  local near = l:abs():lt(limit)
  return ops.where(near, series(ops.where(near, l, 0)), exact(ops.where(near, 1, l)))
end

function Continuous:logp(x) return ops.continuous_bernoulli_logp(x, self[1]) end

-- 1 / (1 - exp(-l)) - 1 / l
function Continuous:mean()
  return near_zero(self[1], 0.5, function(l)
    return l:sigmoid() / (l * 0.5):tanh() - 1 / l
  end, function(l)
    local s = l * l
    return 0.5 + l * (1 / 12 - s * (1 / 720 - s * (1 / 30240)))
  end)
end

-- 1 / l^2 - 1 / (4 sinh(l / 2)^2)
function Continuous:var()
  return near_zero(self[1], 1, function(l)
    local e = (-l:abs()):exp()
    return 1 / (l * l) - e / (1 - e):square()
  end, function(l)
    local s = l * l
    return 1 / 12 - s * (1 / 240 - s * (1 / 6048 - s * (1 / 172800)))
  end)
end

-- By the inverse of its distribution function, with gradient: log(1 + u (exp(l) - 1)) / l for l < 0;
-- for l > 0 through 1 - x, whose logit is -l.
function Continuous:sample(n)
  local l = logits_for(self, n)
  local u = ops.rand(l.shape)
  local near = l:abs():lt(1e-3)
  local below = ops.where(near, -1, -l:abs())
  local x = (u * below:expm1()):log1p() / below
  return ops.where(near, u + l * u * (1 - u) * 0.5, ops.where(l:gt(0), 1 - x, x))
end

function Continuous:mode() return self[1]:gt(0) end

function Continuous:entropy()
  local l = self[1]
  return (l:softplus() - l * self:mean() - l:continuous()):rowsum()
end

forms.continuous_bernoulli = { continuous_bernoulli = function(q, p)
  local a, b = q[1], p[1]
  return (a - b) * q:mean() - a:softplus() + b:softplus() + a:continuous() - b:continuous()
end }

function M.continuous_bernoulli(logits)
  return setmetatable({ tensor_parameter("continuous_bernoulli", "logits", logits) },
    continuous_meta)
end

-- ---- categorical ---------------------------------------------------------------------------------------

local Categorical, categorical_meta = class "categorical"

function Categorical:sample(n) return ops.categorical_sample(logits_for(self, n)) end

function Categorical:logp(y)
  local logits = self[1]
  if type(y) == "number" then
    local shape = logits.shape
    shape[#shape] = nil
    y = ops.full(shape, y, "int32")
  end
  if #logits.shape == 1 then logits = logits:unsqueeze(1):expand { #y, logits.shape[1] } end
  return ops.categorical_logp(logits, y)
end

--- The probabilities: the mean of the draws as one-hot rows.
function Categorical:mean() return self[1]:softmax() end

function Categorical:var()
  local p = self:mean()
  return p * (1 - p)
end

function Categorical:mode() return self[1]:argmax() end

function Categorical:entropy()
  local logp = self[1]:logsoftmax()
  return -(logp:exp() * logp):sum(-1):rowsum()
end

forms.categorical = { categorical = function(q, p)
  local a, b = q[1]:logsoftmax(), p[1]:logsoftmax()
  return (a:exp() * (a - b)):sum(-1)
end }

function M.categorical(logits)
  tensor_parameter("categorical", "logits", logits)
  if #logits.shape == 0 then
    core.fail("user", "categorical: logits need an axis of classes, got one number")
  end
  return setmetatable({ logits }, categorical_meta)
end

-- ---- delta ---------------------------------------------------------------------------------------------

local NO_DENSITY = "not defined: a deterministic code has no density"
local Delta, delta_meta = class("delta", { logp = NO_DENSITY, kl = NO_DENSITY,
                                           kl_each = NO_DENSITY, entropy = NO_DENSITY })

function Delta:sample(n)
  if n == nil then return self[1] end
  return for_rows("delta", self[1], need_count("delta", n))
end

--- The code, and 0 for a divergence that does not exist: the loss of an autoencoder has no such
--- term.
function Delta:draw() return self[1], ops.zeros(#self[1]) end
function Delta:mean() return self[1] end
Delta.mode = Delta.mean
function Delta:var() return ops.zeros(self[1].shape) end

function M.delta(z)
  return setmetatable({ tensor_parameter("delta", "z", z) }, delta_meta)
end

-- ---- mixture -------------------------------------------------------------------------------------------

local Mixture, mixture_meta = class("mixture", { mode = "not defined: it has no closed form" })

function Mixture:tile() return self end

function Mixture:sample(n)
  n = need_count("mixture", n or 1)
  local logits = self.logits
  local which = ops.categorical_sample(logits:unsqueeze(1):expand { n, #logits })
  return self.of:pick(which):sample()
end

-- Every row against every component: rows are repeated, components are tiled.
function Mixture:logp(x)
  local k = #self.logits
  if not core.is_tensor(x) then
    core.fail("user", ("mixture: logp needs a tensor, got %s"):format(type(x)))
  end
  local shape = x.shape
  local n = table.remove(shape, 1)
  local rows = x:unsqueeze(2):expand { n, k, table.unpack(shape) }
  local each = self.of:tile(n):logp(rows:reshape(n * k, table.unpack(shape)))
  return (each:reshape(n, k) + self.logits:logsoftmax()):logsumexp(-1)
end

local function weighted(self, t)
  local w, shape = self.logits:softmax(), { #self.logits }
  for i = 2, #t.shape do shape[i] = 1 end
  return (w:reshape(shape) * t):sum(1)
end

function Mixture:mean() return weighted(self, self.of:mean()) end

function Mixture:var()
  local m = self.of:mean()
  return weighted(self, self.of:var() + m * m) - self:mean():square()
end

function M.mixture(d, logits)
  need_dist(d, "mixture")
  local mean = d:mean()
  if logits == nil then logits = ops.zeros(#mean) end
  tensor_parameter("mixture", "logits", logits)
  if #logits.shape ~= 1 or #logits ~= #mean then
    core.fail("user", ("mixture: logits must be [%d], one for each row of the distribution, got [%s]")
      :format(#mean, table.concat(logits.shape, ", ")))
  end
  return setmetatable({ of = d, logits = logits }, mixture_meta)
end

-- ---- joint ---------------------------------------------------------------------------------------------

local Joint, joint_meta = class("joint", {
  kl_each = "not defined: a code of several parts has no one shape",
  pick = "its parts depend on the draws",
})

-- The distribution of part i, given the draws of the parts before it.
local function part(self, i, draws)
  local d = self[i]
  if type(d) == "function" then d = d(table.unpack(draws, 1, i - 1)) end
  if type(d) ~= "table" then
    core.fail("user", ("joint: part %d must give a distribution, got %s"):format(i, type(d)))
  end
  return d
end

local function along(self, f)
  local list = {}
  for i = 1, #self do list[i] = f(part(self, i, list), i) end
  return list
end

function Joint:sample(n)
  return along(self, function(d, i) return i == 1 and d:sample(n) or d:sample() end)
end

--- Means and modes follow each other: each part's, given those before it.
function Joint:mean() return along(self, function(d) return d:mean() end) end
function Joint:mode() return along(self, function(d) return d:mode() end) end

function Joint:var()
  local vars = {}
  along(self, function(d, i)
    vars[i] = d:var()
    return d:mean()
  end)
  return vars
end

local function need_list(self, z, who)
  if type(z) ~= "table" or #z ~= #self then
    core.fail("user", ("joint: %s needs a list of %d tensors, got %s"):format(who, #self,
      type(z) == "table" and #z .. " of them" or type(z)))
  end
end

function Joint:logp(z)
  need_list(self, z, "logp")
  local total
  for i = 1, #self do
    local logp = part(self, i, z):logp(z[i])
    total = total and total + logp or logp
  end
  return total
end

--- Draws of all parts, the divergence of all, and a list of those of each.
function Joint:draw(p)
  need_dist(p, "draw")
  if kind_of(p) ~= "joint" or #p ~= #self then
    core.fail("user", ("joint: draw needs a joint distribution of %d parts"):format(#self))
  end
  local kls, total = {}, nil
  local z = {}
  for i = 1, #self do
    z[i], kls[i] = part(self, i, z):draw(part(p, i, z))
    total = total and total + kls[i] or kls[i]
  end
  return z, total, kls
end

function Joint:kl(p)
  local _, kl = self:draw(p)
  return kl
end

-- A function of the draws may hold rows of its own batch: it is asked for each copy apart.
function Joint:tile(k)
  local twin = { self[1]:tile(k) }
  for i = 2, #self do
    twin[i] = type(self[i]) ~= "function" and self[i]:tile(k) or function(...)
      local parts = {}
      for copy = 1, k do
        local draws = {}
        for j, z in ipairs { ... } do
          local n = #z // k
          draws[j] = z:rows((copy - 1) * n + 1, copy * n)
        end
        parts[copy] = self[i](table.unpack(draws))
      end
      return joined(parts)
    end
  end
  return setmetatable(twin, joint_meta)
end

function M.joint(list)
  if type(list) ~= "table" or #list == 0 then
    core.fail("user", "joint: a list is needed, a distribution and then functions of its draws")
  end
  need_dist(list[1], "joint: the first part")
  return setmetatable({ table.unpack(list) }, joint_meta)
end

-- ---- flow ----------------------------------------------------------------------------------------------

local Flow, flow_meta = class("flow", {
  kl_each = "not defined: units mix in a flow", var = "not defined: it has no closed form",
  mode = "not defined: it has no closed form",
})

local function through(self, z)
  local total
  for i, f in ipairs(self.steps) do
    local y, logdet = f(z)
    if not core.is_tensor(logdet) then
      core.fail("user", ("flow: step %d must return z and its log determinant [N]"):format(i))
    end
    z, total = y, total and total + logdet or logdet
  end
  return z, total
end

-- A draw and its log density. The last one is remembered, so that logp of a draw needs no inverse.
local function drawn(self, n)
  local z0 = self.base:sample(n)
  local z, logdet = through(self, z0)
  local logq = self.base:logp(z0)
  if logdet then logq = logq - logdet end
  self.last, self.last_logp = z, logq
  return z, logq
end

function Flow:sample(n) return (drawn(self, n)) end

local function inverse_of(f)
  if type(f) ~= "table" then return nil end
  if f[1] ~= nil and #f == 1 then f = f[1] end       -- a chain of one step
  local ok, inverse = pcall(function() return f.inverse end)
  return ok and inverse and function(y) return inverse(f, y) end or nil
end

--- Of the last draw itself; of other values where every step has a method inverse.
function Flow:logp(z)
  if rawequal(z, rawget(self, "last")) then return self.last_logp end
  local total
  for i = #self.steps, 1, -1 do
    local inverse = inverse_of(self.steps[i])
    if not inverse then
      core.fail("user", ("flow: logp of a value that it did not draw is not defined: step %d has "
        .. "no method inverse"):format(i))
    end
    z = inverse(z)
    local _, logdet = self.steps[i](z)
    total = total and total + logdet or logdet
  end
  local logp = self.base:logp(z)
  return total and logp - total or logp
end

function Flow:draw(p)
  need_dist(p, "draw")
  local z, logq = drawn(self)
  return z, logq - p:logp(z)
end

function Flow:kl(p)
  local _, kl = self:draw(p)
  return kl
end

function Flow:entropy(n)
  local _, logq = drawn(self, n)
  return -logq
end

--- Where the base's mean goes: a code for pictures and probes, not the mean of the draws.
function Flow:mean() return (through(self, self.base:mean())) end

function Flow:tile(k)
  return setmetatable({ base = self.base:tile(k), steps = self.steps }, flow_meta)
end

function Flow:pick(index)
  return setmetatable({ base = self.base:pick(index), steps = self.steps }, flow_meta)
end

function M.flow(base, steps)
  need_dist(base, "flow")
  if type(steps) ~= "table" or getmetatable(steps) ~= nil then
    core.fail("user", ("flow: a list of functions z -> z, log determinant is needed, got %s"):format(
      type(steps)))
  end
  return setmetatable({ base = base, steps = steps }, flow_meta)
end

return setmetatable(M, { __index = function(_, name)
  local names = {}
  for k in pairs(M) do names[#names + 1] = k end
  table.sort(names)
  local near = core.nearest(tostring(name), names)
  core.fail("user", ("va.dist has no '%s'%s"):format(tostring(name),
    near and (" (did you mean '%s'?)"):format(near) or ""))
end })
