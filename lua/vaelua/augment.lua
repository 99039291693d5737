--[[ augment.lua - functions for s:map: what happens to a batch of pictures as it is drawn.

    local train = data.train:map(va.augment.flip):map(va.augment.shift(3))

  Each takes x [N,H,W,C] and y and gives both. The draws come from the set's own stream, one for
  each picture of the batch. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local ops = core.ops

local M = {}

local function need_pictures(who, x)
  if not core.is_tensor(x) or #x.shape ~= 4 then
    fail("augment.%s: pictures [N, H, W, C] are needed, got %s", who,
      core.is_tensor(x) and "{" .. table.concat(x.shape, ", ") .. "}" or type(x))
  end
  return table.unpack(x.shape)
end

--- Each picture is mirrored, left to right, with probability 1/2.
function M.flip(x, y)
  local n, _, w = need_pictures("flip", x)
  local backwards = ops.arange(w, 1, -1)
  local mirrored = x:permute(3, 1, 2, 4):pick(backwards):permute(2, 3, 1, 4)
  return ops.where(ops.rand(n, 1, 1, 1):lt(0.5), mirrored, x), y
end

-- Whole numbers from -most to most, as float32.
local function draws(most, shape) return ops.randint(-most, most, shape):as("float32") end

-- The places of the pixels are counted in float32, exact up to 2^24.
local MOST_PIXELS = 1 << 24

-- Every pixel of the result knows where it came from: one gather of all pixels of the batch.
local function shift(x, most)
  local n, h, w, c = need_pictures("shift", x)
  if n * h * w > MOST_PIXELS then
    fail("augment.shift: a batch of %d pictures of %d x %d is too large", n, h, w)
  end
  local row = ops.arange(0, h - 1):as("float32"):reshape(1, h, 1) + draws(most, { n, 1, 1 })
  local column = ops.arange(0, w - 1):as("float32"):reshape(1, 1, w) + draws(most, { n, 1, 1 })
  local inside = row:ge(0) * row:le(h - 1) * (column:ge(0) * column:le(w - 1))
  local first = ops.arange(0, n - 1):as("float32"):reshape(n, 1, 1) * (h * w) + 1
  local from = first + row:clamp(0, h - 1) * w + column:clamp(0, w - 1)
  local moved = x:reshape(n * h * w, c):pick(from:reshape(n * h * w):as("int32"))
  return moved:reshape(n, h, w, c) * inside:unsqueeze(-1)
end

--- Each picture is moved by up to 2 pixels either way, zeros come in; shift(k): by up to k.
function M.shift(x, y)
  if math.type(x) == "integer" and x >= 0 then
    return function(pictures, labels) return shift(pictures, x), labels end
  end
  return shift(x, 2), y
end

--- Each pixel becomes 1 with its grey value as probability, else 0, anew in every batch (dynamic
--- binarisation; Salakhutdinov and Murray 2008).
function M.binarise(x, y)
  fail.need_tensor("binarise", "x", x)
  return ops.rand(x.shape):lt(x), y
end

-- ---- from generative models ---------------------------------------------------------------------

-- With probability 1/2 each picture is the made one.
local function half(made, x) return ops.where(ops.rand(#x, 1, 1, 1):lt(0.5), made, x) end

local function need_model(who, model)
  if not require "vaelua.nn".is_model(model) then
    fail("augment.%s: a model is needed, got %s", who, type(model))
  end
end

local function decoded(model, codes, y)
  return require "vaelua.optim".no_grad(function() return model:decode(codes(), y) end)
end

--- reconstruct(model): each picture becomes, with probability 1/2, what the model decodes from a
--- drawn code of it.
function M.reconstruct(model)
  need_model("reconstruct", model)
  return function(x, y)
    need_pictures("reconstruct", x)
    return half(decoded(model, function() return model:posterior(x, y):sample() end, y), x), y
  end
end

-- The rows of a set, each so many times.
local DRAWS = 20

local function repeated(set)
  local rows = {}
  for i = 1, #set * DRAWS do rows[i] = (i - 1) % #set + 1 end
  return set:subset(core.tensor(rows, "int32"))
end

--- sample(model, set, [sampler="gaussian"]): each picture becomes, with probability 1/2, a sample
--- of its class: decoded from a code of a sampler that is fitted to the set's codes of that class,
--- 20 drawn ones an image.
function M.sample(model, set, spec)
  need_model("sample", model)
  local sampler, of_class = require "vaelua.sampler".sampler, {}
  if type(set) ~= "table" or not set.classes then
    fail("augment.sample: a set with classes is needed")
  end
  for k = 1, #set.classes do
    of_class[k] = sampler(spec or "gaussian", model, repeated(set:class(k)))
  end
  return function(x, y)
    need_pictures("sample", x)
    local z
    for k, draw in ipairs(of_class) do
      local mine = draw(#x, y)
      z = z and ops.where(y:eq(k):reshape(#x, 1), mine, z) or mine
    end
    return half(decoded(model, function() return z end, y), x), y
  end
end

return fail.strict("va.augment", M)
