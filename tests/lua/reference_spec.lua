-- reference_spec.lua - convolutions, norms, losses and optimisers against PyTorch
-- (tests/reference/make.py made the numbers).

local va = require "vaelua"
local core = require "vaelua.core"
local ops = core.ops
local ref = va.read "tests/reference/torch.npz"

local function close(a, b, tolerance, what)
  assert.are.same(a.shape, b.shape, what)
  local scale = math.max(1, b:abs():max():item())
  local off = (a - b):abs():max():item() / scale
  assert(off < (tolerance or 2e-6), ("%s is off by %.3g"):format(what, off))
end

-- f(inputs...) and its gradients, against case `name` whose inputs are `keys`.
local function check(name, keys, f, tolerance)
  it(name, function()
    local inputs = {}
    for i, key in ipairs(keys) do inputs[i] = va.var(ref[name .. "." .. key]) end
    local y = f(table.unpack(inputs))
    close(y, ref[name .. ".y"], tolerance, name)
    local grads = core.grad((y * ref[name .. ".r"]):sum(), inputs)
    for i, key in ipairs(keys) do
      close(grads[i], ref[name .. ".d" .. key], tolerance and 5 * tolerance or 1e-5,
        name .. ": gradient of " .. key)
    end
  end)
end

describe("PyTorch's values of", function()
  local xwb = { "x", "w", "b" }
  check("conv1", xwb, function(x, w, b) return ops.conv(x, w, b, { stride = 2, pad = 1 }) end)
  check("conv2", xwb, function(x, w, b) return ops.conv(x, w, b, { pad = 1 }) end)
  check("conv3", xwb, function(x, w, b) return ops.conv(x, w, b, { stride = 2, pad = 1 }) end)
  check("deconv1", xwb, function(x, w, b) return ops.deconv(x, w, b, { stride = 2, pad = 1 }) end)
  check("deconv2", xwb, function(x, w, b) return ops.deconv(x, w, b, { stride = 2, pad = 1 }) end)
  check("deconv3", xwb, function(x, w, b) return ops.deconv(x, w, b, { stride = 2, pad = 1 }) end)
  check("linear", xwb, function(x, w, b) return ops.linear(x, w, b) end)
  local xgb = { "x", "g", "b" }
  check("layernorm", xgb, function(x, g, b) return ops.layernorm(x, g, b) end)
  check("groupnorm", xgb, function(x, g, b) return ops.groupnorm(x, 2, g, b) end)
  check("batchnorm", xgb, function(x, g, b) return ops.batchnorm_train(x, g, b) end)
  check("maxpool", { "x" }, function(x) return ops.maxpool(x, 2) end)
  check("avgpool", { "x" }, function(x) return ops.avgpool(x, 2) end)
  for _, name in ipairs { "softmax", "logsoftmax", "gelu", "silu", "softplus" } do
    check(name, { "x" }, function(x) return x[name](x) end)
  end
  check("bce", { "x" }, function(x) return -va.dist.bernoulli(x):logp(ref["bce.target"]) end)
  check("squared", { "x" }, function(x) return va.loss.squared(x, ref["squared.target"]) end)
  check("categorical", { "x" }, function(x)
    return va.dist.categorical(x):logp(ref["categorical.labels"])
  end)
  check("normal_kl", { "m", "v" }, function(m, v)
    return va.dist.normal(m, v):kl(va.dist.normal.unit())
  end)
  check("normal_logp", { "x", "m", "v" }, function(x, m, v) return va.dist.normal(m, v):logp(x) end)
  check("laplace_logp", { "x", "m", "s" }, function(x, m, s)
    return va.dist.laplace(m, s):logp(x)
  end)
  check("continuous_bernoulli", { "x" }, function(x)
    return va.dist.continuous_bernoulli(x):logp(ref["bce.target"])
  end, 2e-5)
end)

describe("PyTorch's steps of", function()
  local start, gradients = ref["optim.start"], ref["optim.gradients"]
  local makers = {
    adam = function(p) return va.adam(p, { lr = 0.1, betas = { 0.9, 0.99 }, eps = 1e-8 }) end,
    adam_decay = function(p) return va.adam(p, { lr = 0.1, decay = 0.05 }) end,
    adamw = function(p) return va.adamw(p, { lr = 0.1, decay = 0.05 }) end,
    sgd = function(p) return va.sgd(p, { lr = 0.1 }) end,
    momentum = function(p) return va.sgd(p, { lr = 0.1, momentum = 0.9 }) end,
    clipped = function(p) return va.adam(p, { lr = 0.1, clip = 0.5 }) end,
  }
  for name, make in pairs(makers) do
    it(name, function()
      local p = va.nn.param(start + 0)
      local optimiser = make(p)
      for i = 1, 3 do optimiser:step((p * gradients[i]):sum()) end
      close(p, ref["optim." .. name], 2e-6, name)
    end)
  end
end)
