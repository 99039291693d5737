--[[ latents.lua - looking at codes: which units carry information, which pictures are alike, and
the plane in which codes differ most. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local options = require "vaelua.options"
local ops = core.ops

local M = {}

--- va.top_kl(model, set, n): the n units with the largest mean KL to the prior over the set, the
-- largest first: int32 [n].
function M.top_kl(model, set, n)
  fail.need_set("top_kl", "the second argument", set)
  if type(model) ~= "table" or not model.posterior then
    fail("top_kl: a model with a posterior is needed first, got %s", fail.came(model))
  end
  local total
  for x, y in set:batches(500) do
    local q = model:posterior(x, y)
    if not q.kl_each then
      fail("top_kl: the posterior of this model has no density per unit (kl_each)")
    end
    local sum = q:kl_each(model:prior(y)):sum(1)
    total = total and total + sum or sum
  end
  if #total.shape ~= 1 or math.type(n) ~= "integer" or n < 1 or n > #total then
    fail("top_kl: n must be 1..%d, got %s", #total, fail.came(n))
  end
  return select(2, total:topk(n))
end

-- The mean code of one class: name or number.
local function class_mean(model, set, class)
  local k = class
  for i, name in ipairs(set.classes or {}) do
    if name == class then k = i end
  end
  if math.type(k) ~= "integer" then
    local names = set.classes or {}
    fail("attribute: there is no class '%s'%s (classes: %s)", tostring(class),
      type(class) == "string" and fail.near(class, names) or "", table.concat(names, ", "))
  end
  local sum, n
  for x, y in set:class(k):batches(500) do
    local part = model:encode(x, y):sum(1)
    sum, n = sum and sum + part or part, (n or 0) + #x
  end
  return sum / n
end

--- va.attribute(model, set, a, b): mean code of class b minus that of class a, classes by name or
-- number: z + va.attribute(vae, data.train, "sneaker", "boot") makes a sneaker more of a boot.
-- Differences of means as in Larsen et al. 2016.
function M.attribute(model, set, a, b)
  return class_mean(model, set, b) - class_mean(model, set, a)
end

--- va.variance(model, x, n=32): variance by pixel of the pictures that n draws of the posterior of
-- each x decode to: where the model is unsure. [N, ...], with n - 1.
function M.variance(model, x, n)
  n = fail.need_integer("variance", "n", n or 32, 2)
  local q = model:posterior(x)
  local sum, squares
  local depth = core.mode_push("eval", true)
  local _ <close> = setmetatable({}, { __close = function() core.mode_pop(depth) end })
  local first = model:decode(q:sample())
  sum, squares = first * 0, first * 0
  for _ = 1, n do
    local away = model:decode(q:sample()) - first       -- from one draw: no large numbers cancel
    sum, squares = sum + away, squares + away * away
  end
  return (squares - sum * sum / n) / (n - 1)
end

--- va.neighbours(x, set, k): for every picture of x the k nearest rows of the set by squared
-- distance, the nearest first: pictures [N k, ...].
function M.neighbours(x, set, k)
  fail.need_tensor("neighbours", "x", x)
  fail.need_set("neighbours", "the second argument", set)
  if math.type(k) ~= "integer" or k < 1 or k > #set then
    fail("neighbours: k must be 1..%d, got %s", #set, fail.came(k))
  end
  local flat = x:flatten()
  local distances = {}
  for rows in set:batches(1000) do
    distances[#distances + 1] = ops.sqdist(flat, rows:flatten())
  end
  local order = ops.argsort(ops.cat(distances, 2), 2)
  local places = ops.slice(order, 2, 1, k)
  return (set:take(places:reshape(-1)))
end

--- va.pca(z, { d = 2 }): the codes [N, n] in the d directions of their largest variance, centred:
-- [N, d]. The sign of a direction is that of its largest entry, made positive.
function M.pca(z, given)
  fail.need_tensor("pca", "z", z)
  local d = options.checked("pca", given, { d = true }).d or 2
  if #z.shape ~= 2 or math.type(d) ~= "integer" or d < 1 or d > z.shape[2] then
    fail("pca: z must be [N, n] and d a whole number in 1..n, got [%s] and %s",
      table.concat(z.shape, ", "), fail.came(d))
  end
  local centred = z - z:mean(1)
  local n = z.shape[2]
  local vectors = ops.eigvecs(centred:transpose():matmul(centred) / #z)     -- ascending, in columns
  local directions = ops.pick(vectors:transpose(), ops.arange(n, n - d + 1, -1))
  local largest = ops.take_along(directions, directions:abs():argmax(-1):unsqueeze(2), 2)
  return centred:matmul((directions * largest:sign()):transpose())
end

return M
