-- dist.lua - probability distributions: `va.dist`.
--
-- A distribution is a table with methods. Its parameters are tensors whose first axis is the
-- batch, or numbers, or tensors of one row ([20]: a prior). log-probabilities and divergences are
-- in nats, one number a row [N], summed over all other axes.
--
-- What a distribution cannot do it has not: asking for the method is an error that says why, and
-- protocols show that reason. Divergences are exact where a closed form is known (the table
-- `forms`), else one draw's estimate, log q(z) - log p(z). density.lua has what all share,
-- composite.lua those that are made of others.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local composite = require "vaelua.composite"
local density = require "vaelua.density"
local keys = require "vaelua.keys"
local ops = core.ops

local Base, forms, class, kind_of = density.Base, density.forms, density.class, density.kind_of
local parameter, tensor_parameter = density.parameter, density.tensor_parameter
local like, for_rows = density.like, density.for_rows
local need_count, need_dist = density.need_count, density.need_dist

local M = { mixture = composite.mixture, joint = composite.joint, flow = composite.flow }

local HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)

-- ---- normal and Laplace -------------------------------------------------------------------------

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
  fail("%s has no shape to sample from: give it one, normal.unit(20), or tensors", kind_of(self))
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

-- A unit normal with the shape of a row meets rows of that shape alone: numbers would stretch.
local function check_width(q, p)
  local rows = core.is_tensor(q[1]) and q[1] or core.is_tensor(q[2]) and q[2]
  if not p.shape or not rows or #rows.shape < 2 then return end
  local shape = rows.shape
  local row = table.concat(shape, ", ", 2)
  if row ~= table.concat(p.shape, ", ") then
    fail("kl: the prior is normal.unit(%s), but a code is [%s]: normal.unit(%s) would fit",
      table.concat(p.shape, ", "), row, row)
  end
end

forms.normal = { normal = function(q, p)
  check_width(q, p)
  return ops.normal_kl_each(q[1], q[2], p[1], p[2])
end }

function Normal:kl(p)
  need_dist(p, "kl")
  if kind_of(p) ~= "normal" then return Base.kl(self, p) end
  check_width(self, p)
  local q1, q2 = two_for(self)
  if p[1] == 0 and p[2] == 0 then return ops.normal_kl(q1, q2) end    -- in one kernel
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

--- dist.normal(mean, logvar): independent normals; numbers broadcast. normal.unit(shape) is the
--- unit normal; without a shape for kl and logp only.
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
      fail("%s: size %d is %s, but must be an integer from 1", who, i, fail.came(n))
    end
  end
  return { table.unpack(list) }
end

M.normal = setmetatable({
  --- N(0, I): without a shape for kl and logp; with the shape of a row it also samples.
  --- normal.unit(sizes ...): the unit normal of rows of this shape; without one for kl and logp.
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

--- dist.laplace(mean, logscale): independent Laplace distributions; numbers broadcast.
function M.laplace(mean, logscale)
  return setmetatable({ parameter("laplace", "mean", mean),
                        parameter("laplace", "logscale", logscale), shape = false },
                      laplace_meta)
end

-- ---- Bernoulli ----------------------------------------------------------------------------------

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

--- dist.bernoulli(logits): independent Bernoulli variables; targets may lie between 0 and 1.
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

-- By the inverse of its distribution function, with gradient: log(1 + u (exp(l) - 1)) / l for
-- l < 0; for l > 0 through 1 - x, whose logit is -l.
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

--- dist.continuous_bernoulli(logits): values in 0..1 (Loaiza-Ganem and Cunningham 2019).
function M.continuous_bernoulli(logits)
  return setmetatable({ tensor_parameter("continuous_bernoulli", "logits", logits) },
    continuous_meta)
end

-- ---- categorical --------------------------------------------------------------------------------

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

--- dist.categorical(logits): classes 1..K over the last axis.
function M.categorical(logits)
  tensor_parameter("categorical", "logits", logits)
  if #logits.shape == 0 then
    fail("categorical: logits need an axis of classes, got one number")
  end
  return setmetatable({ logits }, categorical_meta)
end

-- ---- delta --------------------------------------------------------------------------------------

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

--- dist.delta(z): a deterministic code; it has no density.
function M.delta(z)
  return setmetatable({ tensor_parameter("delta", "z", z) }, delta_meta)
end

return setmetatable(M, { __index = function(_, name)
  fail("va.dist has no '%s'%s", tostring(name), fail.near(name, keys.sorted(M)))
end })
