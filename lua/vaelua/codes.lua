--[[ codes.lua - mean codes of a set as rows, for protocols about the latent space. ]]

local score = require "vaelua.score"

local M = {}

--- [N, Z] float32, and the labels int32 [N] or nil; refuses codes that are lists of tensors.
function M.means(model, set)
  score.need(model, "the model", "posterior")
  local codes = set:collect(function(x, y)
    local mean = score.need(model:posterior(x, y), "the posterior", "mean"):mean()
    if type(mean) == "table" then score.refuse("the code is a list of tensors") end
    return mean:reshape(#x, -1)
  end)
  local sum = codes:sum():item()
  if sum - sum ~= 0 then score.refuse("some codes are not finite") end
  local _, y = set:first(#set)
  return codes, y and y.dtype == "int32" and y or nil
end

--- Units with the largest numbers first: a list of { unit, number }, from numbers [Z].
function M.ranked(numbers)
  local list = {}
  for unit, v in ipairs(numbers:totable()) do list[unit] = { unit, v } end
  table.sort(list, function(a, b)
    if a[2] ~= b[2] then return a[2] > b[2] end
    return a[1] < b[1]
  end)
  return list
end

--- How much every unit carries: mean KL to the prior over the set, [Z], and "nats"; for a posterior
--- without one the variance of the code, and "variance".
function M.importance(model, set)
  local total
  for x, y in set:batches(500) do
    local q = model:posterior(x, y)
    if not score.answers(q, "kl_each") or score.kind(q) == "delta" then
      return M.means(model, set):var(1), "variance"
    end
    local sum = q:kl_each(model:prior(y)):reshape(#x, -1):sum(1)
    total = total and total + sum or sum
  end
  return total / #set, "KL, nats"
end

return M
