-- composite.lua - distributions made of others: mixture, joint, flow.

local core = require "vaelua.core"
local density = require "vaelua.density"
local fail = require "vaelua.fail"
local ops = core.ops

local class, kind_of, joined = density.class, density.kind_of, density.joined
local tensor_parameter = density.tensor_parameter
local need_count, need_dist = density.need_count, density.need_dist

local M = {}

-- ---- mixture ------------------------------------------------------------------------------------

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
    fail("mixture: logp needs a tensor, got %s", type(x))
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

--- dist.mixture(d, [logits]): the rows of d are the components; of equal weight without logits.
function M.mixture(d, logits)
  need_dist(d, "mixture")
  if not d.mean then fail("mixture needs a distribution, got %s", fail.came(d)) end
  local mean = d:mean()
  if logits == nil then logits = ops.zeros(#mean) end
  tensor_parameter("mixture", "logits", logits)
  if #logits.shape ~= 1 or #logits ~= #mean then
    fail("mixture: logits must be [%d], one for each row of the distribution, got [%s]", #mean,
      table.concat(logits.shape, ", "))
  end
  return setmetatable({ of = d, logits = logits }, mixture_meta)
end

-- ---- joint --------------------------------------------------------------------------------------

local Joint, joint_meta = class("joint", {
  kl_each = "not defined: a code of several parts has no one shape",
  pick = "its parts depend on the draws",
})

-- The distribution of part i, given the draws of the parts before it.
local function part(self, i, draws)
  local d = self[i]
  if type(d) == "function" then d = d(table.unpack(draws, 1, i - 1)) end
  if type(d) ~= "table" then
    fail("joint: part %d must give a distribution, got %s", i, type(d))
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
    fail("joint: %s needs a list of %d tensors, got %s", who, #self,
      type(z) == "table" and #z .. " of them" or type(z))
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
    fail("joint: draw needs a joint distribution of %d parts", #self)
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

--- dist.joint { d, function(z1) -> d, ... }: the code is the list of draws.
function M.joint(list)
  if type(list) ~= "table" or #list == 0 then
    fail("joint: a list is needed, a distribution and then functions of its draws")
  end
  need_dist(list[1], "joint: the first part")
  return setmetatable({ table.unpack(list) }, joint_meta)
end

-- ---- flow ---------------------------------------------------------------------------------------

local Flow, flow_meta = class("flow", {
  kl_each = "not defined: units mix in a flow", var = "not defined: it has no closed form",
  mode = "not defined: it has no closed form",
})

local function through(self, z)
  local total
  for i, f in ipairs(self.steps) do
    local y, logdet = f(z)
    if not core.is_tensor(logdet) then
      fail("flow: step %d must return z and its log determinant [N]", i)
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
      fail("flow: logp of a value that it did not draw is not defined: step %d has "
        .. "no method inverse", i)
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

--- dist.flow(base, steps): draws of base through functions z -> z, log det [N].
function M.flow(base, steps)
  need_dist(base, "flow")
  if type(steps) ~= "table" or getmetatable(steps) ~= nil then
    fail("flow: a list of functions z -> z, log determinant is needed, got %s", type(steps))
  end
  return setmetatable({ base = base, steps = steps }, flow_meta)
end

return M
