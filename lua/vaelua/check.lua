-- check.lua - va.check: the gradients of a function against differences.
--
-- The function is made a number by fixed random weights r: <r, f(x)>. Along a random direction d
-- its derivative must be <gradient, d>; it is compared with central differences of two step sizes,
-- of which the better one counts (a large one is wrong where f bends, a small one where float32
-- has no digits left). Sums are float64. Where they differ, every element is looked at, and the
-- error names the worst one.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local ops = core.ops

local DIRECTIONS, MOST_ELEMENTS = 3, 4096

local function numbers(x)
  return ops.reshape(ops.as(x, "float32"):detach(), -1):totable()
end

local function dot(p, q)
  local sum, size = 0, 0
  for i = 1, #p do sum, size = sum + p[i] * q[i], size + math.abs(p[i] * q[i]) end
  return sum, size
end

-- Runs f with the same random numbers each time.
local function call(f, inputs)
  local depth = core.stream_push("test", "check", 0)
  local results = table.pack(pcall(f, table.unpack(inputs)))
  core.stream_cut(depth)
  if not results[1] then error(results[2], 0) end
  local y = results[2]
  if not core.is_tensor(y) then
    fail("check: the function must return a tensor, got %s", type(y))
  end
  return y
end

local function drawn(name, number, shape)
  local depth = core.stream_push("test", name, number)
  local x = ops.randn(shape)
  core.stream_cut(depth)
  return x
end

local function replaced(inputs, i, x)
  local list = { table.unpack(inputs) }
  list[i] = x
  return list
end

-- Derivative of <r, f> along d at input i, and the size of the terms in it.
local function difference(f, inputs, i, d, h, r)
  local up = numbers(call(f, replaced(inputs, i, inputs[i] + d * h)))
  local down = numbers(call(f, replaced(inputs, i, inputs[i] - d * h)))
  local slope = {}
  for k = 1, #up do slope[k] = (up[k] - down[k]) / (2 * h) end
  return dot(slope, r)
end

local function relative(f, inputs, i, d, r, expected, eps)
  local best, seen = math.huge, 0 / 0
  for _, h in ipairs { eps, eps / 5 } do
    local value, size = difference(f, inputs, i, d, h, r)
    local off = math.abs(value - expected) / (size + math.abs(expected) + 1e-3)
    if off < best or best == math.huge then best, seen = off, value end
  end
  return best ~= best and math.huge or best, seen
end

local function place_text(shape, k)
  local places = {}
  for axis = #shape, 1, -1 do
    places[axis] = (k - 1) % shape[axis] + 1
    k = (k - 1) // shape[axis] + 1
  end
  return "[" .. table.concat(places, ", ") .. "]"
end

-- The element of input i whose derivative is furthest off.
local function worst_element(f, inputs, i, grad, r, eps)
  local shape, worst = inputs[i].shape, { off = -1 }
  local g = numbers(grad)
  for k = 1, math.min(#g, MOST_ELEMENTS) do
    local unit = ops.one_hot(core.tensor(k):as "int32", #g):reshape(shape)
    local off, value = relative(f, inputs, i, unit, r, g[k], eps)
    if off > worst.off then worst = { off = off, at = k, gradient = g[k], value = value } end
  end
  return ("input %d, element %s: the gradient says %.6g, differences say %.6g"):format(i,
    place_text(shape, worst.at), worst.gradient, worst.value)
end

local function read_options(given)
  local o = { eps = 1e-2, tol = 5e-3 }
  for k, v in pairs(given) do
    if o[k] == nil or type(v) ~= "number" then
      fail("check has no option '%s' (options: eps, tol; both are numbers)", tostring(k))
    end
    o[k] = v
  end
  return o
end

local function read_inputs(...)
  local inputs, options = { ... }, {}
  if type(inputs[#inputs]) == "table" then options = table.remove(inputs) end
  for i, x in ipairs(inputs) do
    if not core.is_tensor(x) then
      fail("check: input %d must be a tensor, got %s", i, type(x))
    end
  end
  if #inputs == 0 then fail("check: a function and its inputs are needed") end
  return inputs, read_options(options)
end

local function check(f, inputs, o)
  local vars, which = {}, {}
  for i, x in ipairs(inputs) do
    inputs[i] = x:detach()
    vars[i] = x
    if x.dtype == "float32" then
      vars[i] = core.leaf(ops.contiguous(inputs[i]) + 0)
      which[#which + 1] = i
    end
  end
  local y = call(f, vars)
  local r = drawn("weights", 0, y.shape)
  local wanted, weights, worst, count = {}, numbers(r), 0, 0
  for k, i in ipairs(which) do wanted[k] = vars[i] end
  local grads = core.grad((y * r):sum(), wanted)
  for k, i in ipairs(which) do
    local grad = grads[k] or ops.zeros(inputs[i].shape)
    local g = numbers(grad)
    count = count + #g
    for n = 1, DIRECTIONS do
      local d = drawn("direction", n, inputs[i].shape)
      local expected = dot(g, numbers(d))
      local off = relative(f, inputs, i, d, weights, expected, o.eps)
      if not (off <= o.tol) then
        fail("check: " .. worst_element(f, inputs, i, grad, weights, o.eps))
      end
      worst = math.max(worst, off)
    end
  end
  return ("gradients agree with differences: %d inputs, %d elements, largest relative error %.1e")
    :format(#which, count, worst)
end

--- va.check(f, inputs ..., { eps=1e-2, tol=5e-3 }) -> a line that says how well they agree.
return { check = function(f, ...)
  fail.need_function("check", "the first argument", f)
  local inputs, o = read_inputs(...)
  local depth = core.mode_push "outside"
  local _ <close> = setmetatable({}, { __close = function() core.mode_pop(depth) end })
  return check(f, inputs, o)
end }
