--[[ descend.lua - Adam on tensors of a protocol's or sampler's own, which belong to no model.

  The kernels are those of va.adam; no optimiser, loop or checkpoint of the script knows of it. ]]

local core = require "vaelua.core"
local optim = require "vaelua.optim"
local score = require "vaelua.score"

--- descend(who, start, steps, rate, gradients): what becomes of a list of tensors; rate(t) is the
--- learning rate of a step, gradients(tensors) gives one for each.
return function(who, start, steps, rate, gradients)
  local group = { tensors = {}, beta1 = 0.9, beta2 = 0.999, eps = 1e-8 }
  for i, t in ipairs(start) do group.tensors[i] = optim.var(t) end
  local adam = core.optim("adam", { group }, 0)
  for t = 1, steps do
    core.optim_set(adam, 1, "lr", rate(t))
    core.optim_add(adam, gradients(group.tensors), nil)
    core.optim_apply(adam)
  end
  local done, stuck = core.optim_steps(adam)
  if stuck then score.refuse("%s: step %d of %d was not finite", who, done + 1, steps) end
  local found = {}
  for i, t in ipairs(group.tensors) do found[i] = t:detach() end
  return found
end
