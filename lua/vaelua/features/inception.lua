--[[ inception.lua - the Inception-v3 network of 2015-12-05 whose features FID, KID and the
  Inception Score are made from: the graph of TensorFlow's classify_image_graph_def.pb with 1008
  outputs, which differs from torchvision's: batch norm has eps 1e-3, average pools do not count
  padding, and the pool of the last block is a maximum.

  The weights are a file that the user names; the ports of mseitzer/pytorch-fid and
  toshas/torch-fidelity (.pth) are read as they are, and safetensors with the same names. Batch norm
  is folded into the convolutions. Taps: the means over the map behind the first pool (64 numbers),
  the second (192), block 6e (768) and 7c (2048), and the 2048 times the last matrix, without its
  bias ("logits_unbiased", 1008). ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local file = require "vaelua.file"
local ops = core.ops

local M = { SIDE = 299, EPS = 1e-3, CLASSES = 1008 }

M.widths = { ["64"] = 64, ["192"] = 192, ["768"] = 768, ["2048"] = 2048, logits_unbiased = 1008 }

-- ---- the graph ----------------------------------------------------------------------------------

-- A branch is a list of steps: a convolution with batch norm and ReLU, a pool by its name, or a
-- fork into branches. kernel: a number, or { height, width }. Kernels keep the size unless they
-- stride or are `valid`.
local function conv(name, filters, kernel, o)
  local kh, kw = kernel, kernel
  if type(kernel) == "table" then kh, kw = kernel[1], kernel[2] end
  o = o or {}
  return { name = name, filters = filters, kh = kh, kw = kw, stride = o.stride or 1,
           valid = o.valid or o.stride ~= nil }
end

local half, wide, tall = { stride = 2 }, { 1, 7 }, { 7, 1 }

local function block_a(pooled)
  return {
    { conv("branch1x1", 64, 1) },
    { conv("branch5x5_1", 48, 1), conv("branch5x5_2", 64, 5) },
    { conv("branch3x3dbl_1", 64, 1), conv("branch3x3dbl_2", 96, 3), conv("branch3x3dbl_3", 96, 3) },
    { "average", conv("branch_pool", pooled, 1) } }
end

local function block_b()
  return {
    { conv("branch3x3", 384, 3, half) },
    { conv("branch3x3dbl_1", 64, 1), conv("branch3x3dbl_2", 96, 3),
      conv("branch3x3dbl_3", 96, 3, half) },
    { "shrink" } }
end

local function block_c(n)
  return {
    { conv("branch1x1", 192, 1) },
    { conv("branch7x7_1", n, 1), conv("branch7x7_2", n, wide), conv("branch7x7_3", 192, tall) },
    { conv("branch7x7dbl_1", n, 1), conv("branch7x7dbl_2", n, tall),
      conv("branch7x7dbl_3", n, wide), conv("branch7x7dbl_4", n, tall),
      conv("branch7x7dbl_5", 192, wide) },
    { "average", conv("branch_pool", 192, 1) } }
end

local function block_d()
  return {
    { conv("branch3x3_1", 192, 1), conv("branch3x3_2", 320, 3, half) },
    { conv("branch7x7x3_1", 192, 1), conv("branch7x7x3_2", 192, wide),
      conv("branch7x7x3_3", 192, tall), conv("branch7x7x3_4", 192, 3, half) },
    { "shrink" } }
end

local function cross(name_a, name_b)
  return { fork = { { conv(name_a, 384, { 1, 3 }) }, { conv(name_b, 384, { 3, 1 }) } } }
end

local function block_e(pool)
  return {
    { conv("branch1x1", 320, 1) },
    { conv("branch3x3_1", 384, 1), cross("branch3x3_2a", "branch3x3_2b") },
    { conv("branch3x3dbl_1", 448, 1), conv("branch3x3dbl_2", 384, 3),
      cross("branch3x3dbl_3a", "branch3x3dbl_3b") },
    { pool, conv("branch_pool", 192, 1) } }
end

local function block(name, branches) return { block = name, fork = branches } end

local valid = { valid = true }

local graph = {
  conv("Conv2d_1a_3x3", 32, 3, half), conv("Conv2d_2a_3x3", 32, 3, valid),
  conv("Conv2d_2b_3x3", 64, 3), "shrink", { tap = "64" },
  conv("Conv2d_3b_1x1", 80, 1), conv("Conv2d_4a_3x3", 192, 3, valid), "shrink", { tap = "192" },
  block("Mixed_5b", block_a(32)), block("Mixed_5c", block_a(64)), block("Mixed_5d", block_a(64)),
  block("Mixed_6a", block_b()), block("Mixed_6b", block_c(128)), block("Mixed_6c", block_c(160)),
  block("Mixed_6d", block_c(160)), block("Mixed_6e", block_c(192)), { tap = "768" },
  block("Mixed_7a", block_d()), block("Mixed_7b", block_e("average")),
  block("Mixed_7c", block_e("largest")), { tap = "2048" },
}

-- ---- the weights --------------------------------------------------------------------------------

-- Calls found(full name, step, channels of its input) for every convolution, in order; returns the
-- channels behind the steps.
local function each_conv(steps, prefix, channels, found)
  for _, step in ipairs(steps) do
    if step.fork then
      local inside, sum = step.block and prefix .. step.block .. "." or prefix, 0
      for _, branch in ipairs(step.fork) do
        sum = sum + each_conv(branch, inside, channels, found)
      end
      channels = sum
    elseif step.filters then
      found(prefix .. step.name, step, channels)
      channels = step.filters
    end
  end
  return channels
end

--- The tensors that a file of weights has: { name, shape } each, in PyTorch's order of axes.
function M.tensors()
  local list = {}
  each_conv(graph, "", 3, function(name, step, channels)
    list[#list + 1] = { name .. ".conv.weight", { step.filters, channels, step.kh, step.kw } }
    for _, part in ipairs { "weight", "bias", "running_mean", "running_var" } do
      list[#list + 1] = { name .. ".bn." .. part, { step.filters } }
    end
  end)
  list[#list + 1] = { "fc.weight", { M.CLASSES, 2048 } }
  return list
end

local FIRST = "Conv2d_1a_3x3.conv.weight"

-- A wrapper may have put words before all names.
local function prefix_of(tensors)
  if tensors[FIRST] then return "" end
  for name in pairs(tensors) do
    if name:sub(-#FIRST - 1) == "." .. FIRST then return name:sub(1, -#FIRST - 1) end
  end
  return ""
end

local function bad_file(path, format, ...)
  fail.data("%s: not the weights of Inception-v3 of 2015-12-05: %s", path, format:format(...))
end

-- The named tensors of a file as float32; raises at the first that is missing or of another shape.
local function checked(tensors, path)
  if core.is_tensor(tensors) then bad_file(path, "it holds one tensor without a name") end
  local prefix, found = prefix_of(tensors), {}
  for _, entry in ipairs(M.tensors()) do
    local name, shape = entry[1], table.concat(entry[2], ", ")
    local t = tensors[prefix .. name]
    if not t then bad_file(path, "it has no tensor %s [%s]", prefix .. name, shape) end
    local has = table.concat(t.shape, ", ")
    if has ~= shape then
      bad_file(path, "its tensor %s is [%s], needed is [%s]", prefix .. name, has, shape)
    end
    found[name] = t:as("float32")
  end
  return found
end

-- Convolution and batch norm as one: w s and b - m s with s = g / sqrt(v + eps), NHWC.
local function folded(t, name)
  local s = t[name .. ".bn.weight"] / (t[name .. ".bn.running_var"] + M.EPS):sqrt()
  local w = t[name .. ".conv.weight"]:permute(1, 3, 4, 2)
  return { w = (w * s:reshape(-1, 1, 1, 1)):contiguous(),
           b = t[name .. ".bn.bias"] - t[name .. ".bn.running_mean"] * s }
end

-- ---- running ------------------------------------------------------------------------------------

local function run_conv(step, x, w)
  local pad = step.valid and 0 or nil
  return ops.conv(x, w.w, w.b, { stride = step.stride, pad = pad, act = "relu" })
end

local pools = {
  average = function(x) return ops.avgpool(x, 3, { stride = 1, pad = 1 }) end,
  largest = function(x) return ops.maxpool(x, 3, { stride = 1, pad = 1 }) end,
  shrink = function(x) return ops.maxpool(x, 3, { stride = 2 }) end,
}

local Network = {}
Network.__index = Network

local run

local function run_fork(self, step, prefix, x)
  local inside, parts = step.block and prefix .. step.block .. "." or prefix, {}
  for i, branch in ipairs(step.fork) do parts[i] = run(self, branch, inside, x) end
  return ops.cat(parts, -1)
end

function run(self, steps, prefix, x, taps, wanted)
  for _, step in ipairs(steps) do
    if pools[step] then
      x = pools[step](x)
    elseif step.fork then
      x = run_fork(self, step, prefix, x)
    elseif step.filters then
      x = run_conv(step, x, self.weights[prefix .. step.name])
    else
      taps[step.tap] = x:mean { 2, 3 }
      if step.tap == wanted then return x end
    end
  end
  return x
end

--- Taps up to the wanted one, by name, of pictures x [N, 299, 299, 3] in -1..1.
function Network:taps(x, wanted)
  local taps, last = {}, wanted == "logits_unbiased" and "2048" or wanted
  run(self, graph, "", x, taps, last)
  if taps["2048"] then taps.logits_unbiased = ops.linear(taps["2048"], self.last) end
  return taps
end

--- The network with the tensors of a table; path names their file in messages.
function M.new(tensors, path)
  local t, weights = checked(tensors, path), {}
  each_conv(graph, "", 3, function(name) weights[name] = folded(t, name) end)
  return setmetatable({ weights = weights, last = t["fc.weight"] }, Network)
end

-- ---- the file -----------------------------------------------------------------------------------

M.MISSING = "the Inception network's weights are missing: name their file by inception=FILE; it is "
  .. "pt_inception-2015-12-05-6726825d.pth of mseitzer/pytorch-fid or weights-inception-2015-12-05-"
  .. "6726825d.pth of toshas/torch-fidelity (each a release file of that project)"

local loaded = {}           -- path -> network with its SHA-256, the last one

--- The network of the file that the option `inception` names, with `sha256`; nil if none is named.
function M.load()
  local path = core.program.options.inception
  if not path or path == "" then return nil end
  if loaded.path ~= path then
    local bytes = file.read(path)
    if not bytes then fail.data("%s: cannot read the weights of Inception-v3", path) end
    local net = M.new(core.file_read(path), path)
    net.sha256 = core.sha256(bytes)
    loaded = { path = path, net = net }
  end
  return loaded.net
end

return M
