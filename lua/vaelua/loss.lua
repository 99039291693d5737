-- loss.lua - losses that are no method of a distribution: `va.loss`.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local options = require "vaelua.options"
local ops = core.ops

local M = {
  --- Squared and absolute error, summed over all axes but the first: [N].
  squared = ops.squared,
  absolute = ops.absolute,
}

local function need_rows(who, name, x)
  if not core.is_tensor(x) or #x.shape ~= 2 then
    local what = core.is_tensor(x) and "[" .. table.concat(x.shape, ", ") .. "]" or type(x)
    fail("%s: %s must be a tensor [N, d], got %s", who, name, what)
  end
  return x
end

-- ---- maximum mean discrepancy -------------------------------------------------------------------

-- Mean over all pairs of different rows.
local function mean_apart(k)
  local n = #k
  return (k:sum() - k:diag():sum()) / (n * (n - 1))
end

--- va.loss.mmd(z, p, { kernel="imq" }): squared maximum mean discrepancy between the codes z
--- [N, d] and p, a distribution that is sampled N times or a tensor of samples; one number. The
--- estimate without bias (Gretton et al. 2012), which can be below 0. kernel: "imq", "rbf",
--- "polynomial" or a function of the squared distances [N, M] and d.
function M.mmd(z, p, given)
  need_rows("mmd", "z", z)
  local kernel = options.checked("mmd", given, { kernel = true }).kernel or "imq"
  if not core.is_tensor(p) and (type(p) ~= "table" or not p.sample) then
    fail("mmd: a distribution or a tensor of samples is needed second, got %s",
      fail.came(p))
  end
  local other = core.is_tensor(p) and p or p:sample(#z)
  need_rows("mmd", "p", other)
  if #z < 2 or #other < 2 then fail("mmd: at least two rows are needed on either side") end
  if type(kernel) ~= "function" then return ops.mmd(z, other, { kernel = kernel }) end
  local f, d = kernel, z.shape[2]
  return mean_apart(f(ops.sqdist(z, z), d)) + mean_apart(f(ops.sqdist(other, other), d))
         - 2 * f(ops.sqdist(z, other), d):mean()
end

-- ---- the parts of the KL ------------------------------------------------------------------------

-- Log weights [N, N] that make a sum over the batch an estimate of the sum over all n of the data:
-- the row's own image, one that stands for all that are not in the batch, the others (Chen et al.
-- 2018, stratified sampling).
local function log_weights(rows, n)
  local m = math.max(rows - 1, 1)
  local list = {}
  for i = 1, rows do
    local row = {}
    for j = 1, rows do row[j] = math.log(1 / m) end
    row[i % rows + 1] = math.log(math.max(n - m, 1) / (n * m))
    row[i] = math.log(1 / n)
    list[i] = row
  end
  return core.tensor(list)
end

local weights_of = {}     -- by rows and n; a training meets one or two

local function weights(rows, n)
  local key = rows .. "/" .. n
  weights_of[key] = weights_of[key] or log_weights(rows, n)
  return weights_of[key]
end

--- va.loss.kl_parts(q, z, n): index-code mutual information, total correlation and dimension-wise
--- KL to N(0, I), each [N]; their sum is an estimate of the KL (beta-TCVAE, Chen et al. 2018). q:
--- the normal posterior of the batch, z: a draw of it [N, d], n: images in the data set.
function M.kl_parts(q, z, n)
  need_rows("kl_parts", "z", z)
  local meta = getmetatable(q)
  if type(meta) ~= "table" or meta.kind ~= "normal" then
    fail("kl_parts: q must be a normal distribution")
  end
  if type(n) ~= "number" or n < #z then
    fail("kl_parts: n must be the size of the data set, at least %d, got %s", #z, tostring(n))
  end
  local m, v = q:mean(), q:var():log()
  local zs, ms, vs = z:unsqueeze(2), m:unsqueeze(1), v:unsqueeze(1)
  -- log q(z_i | x_j) of each unit, [N, N, d]
  local each = ((zs - ms):square() * (-vs):exp() + vs + math.log(2 * math.pi)) * -0.5
  local w = weights(#z, n)
  local log_q_code = q:logp(z)
  local log_q = (each:sum(3) + w):logsumexp(2)
  local log_product = (each + w:unsqueeze(3)):logsumexp(2):sum(-1)
  local log_p = require "vaelua.dist".normal.unit():logp(z)
  return log_q_code - log_q, log_q - log_product, log_product - log_p
end

return setmetatable(M, { __index = function(_, name)
  local names = { "absolute", "kl_parts", "mmd", "squared" }
  fail("va.loss has no '%s'%s (absolute, kl_parts, mmd, squared)", tostring(name),
    fail.near(name, names))
end })
