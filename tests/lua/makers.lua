-- makers.lua - runs the calls in records with given inputs.
--
-- A call is a Lua expression over ops and makers (randn, rand_in, labels, spd, away, arange, t).
-- The makers note the float tensors that they make; a second run can be given other ones in
-- their place, so that a call is a function of its inputs.

local core = require "vaelua.core"
local ops = core.ops

local M = {}

-- The inputs of a run: made anew, or taken from `given` in order.
local function environment(run, extra)
  local function note(make)
    return function(...)
      local i = #run.inputs + 1
      local made = make(...)     -- also where it is not used: it takes its random numbers
      run.inputs[i] = run.given and run.given[i] or made
      return run.inputs[i]
    end
  end
  local env = {
    randn = note(ops.randn),
    rand = note(ops.rand),
    rand_in = note(function(low, high, ...) return ops.rand(...) * (high - low) + low end),
    away = note(function(point, ...)
      local x = ops.randn(...)
      return x + x:ge(0) * 0.2 - 0.1 + point
    end),
    spd = note(function(n)
      local a = ops.randn(n, n)
      return a:matmul(a:transpose()) + ops.eye(n) * n
    end),
    labels = function(n, k) return ops.randint(1, k, n) end,
    t = function(list) return core.tensor(list) end,
    tensor = core.tensor,
  }
  for name, f in pairs(extra or {}) do env[name] = f end
  return setmetatable(env, { __index = function(_, name) return ops[name] or _G[name] end })
end

-- The calls of a layer's record: its example, or a chain of that layer alone, and its cases.
function M.layer_calls(record)
  local calls = { record.example, table.unpack(record.cases) }
  if not record.example then
    calls[1] = ("nn.chain({ 2, 3 }, { nn.%s })(rand_in(0.2, 0.8, 4, 2, 3))"):format(record.name)
  end
  return calls
end

-- Evaluates text; the random numbers of a call are the same at each run.
function M.run(text, given, extra)
  local run = { inputs = {}, given = given }
  local depth = core.stream_push("test", text, 0)
  local f = assert(load("return " .. text, "=" .. text, "t", environment(run, extra)))
  local ok, y = pcall(f)
  core.stream_cut(depth)
  if not ok then error(text .. ": " .. tostring(y), 0) end
  run.y = y
  return run
end

-- What a value is, to the last bit: tensors by their checksum, tables by their entries.
function M.bytes_of(v)
  if core.is_tensor(v) then return core.tensor_hash(v) end
  if type(v) == "table" then
    local parts = {}
    for i, e in ipairs(v) do parts[i] = M.bytes_of(e) end
    return table.concat(parts, ",")
  end
  return type(v) == "number" and ("%a"):format(v) or tostring(v)
end

-- The same values with every second element in memory.
function M.strided(inputs)
  local out = {}
  for i, x in ipairs(inputs) do
    local wide = ops.stack({ x, x }, #x.shape + 1)
    out[i] = ops.squeeze(ops.slice(wide, #x.shape + 1, 1, 1), -1)
  end
  return out
end

local function flat(x)
  local list = ops.reshape(x, -1):totable()
  return list
end

function M.equal(a, b)
  local p, q = flat(a), flat(b)
  for i = 1, #p do
    if p[i] ~= q[i] and (p[i] == p[i] or q[i] == q[i]) then return false end
  end
  return #p == #q
end

local function dot(p, q)
  local sum, size = 0, 0
  for i = 1, #p do
    sum, size = sum + p[i] * q[i], size + math.abs(p[i] * q[i])
  end
  return sum, size
end

local function floats(inputs)
  local list = {}
  for i, x in ipairs(inputs) do
    if x.dtype == "float32" then list[#list + 1] = i end
  end
  return list
end

-- Inputs as tracked leaves.
local function leaves(inputs)
  local out = {}
  for i, x in ipairs(inputs) do
    out[i] = x.dtype == "float32" and core.leaf(ops.contiguous(x) + 0) or x
  end
  return out
end

local function fixed(name, shape)
  local depth = core.stream_push("test", name, 1)
  local x = ops.randn(shape)
  core.stream_cut(depth)
  return x
end

-- Gradient of <r, y> with respect to each input, and y.
local function analytic(text, inputs, extra)
  local vars = leaves(inputs)
  local run = M.run(text, vars, extra)
  local r = fixed("weights", run.y.shape)
  local wanted = {}
  for _, i in ipairs(floats(vars)) do wanted[#wanted + 1] = vars[i] end
  return core.grad((run.y * r):sum(), wanted), run.y, r
end

-- Derivative along d by central differences with step h, and the size of its terms.
local function numeric(text, inputs, which, d, h, r, extra)
  local up, down = {}, {}
  for i, x in ipairs(inputs) do up[i], down[i] = x, x end
  up[which], down[which] = inputs[which] + d * h, inputs[which] - d * h
  local a, b = flat(M.run(text, up, extra).y), flat(M.run(text, down, extra).y)
  local difference = {}
  for i = 1, #a do difference[i] = (a[i] - b[i]) / (2 * h) end
  return dot(difference, flat(r))
end

-- True, or false and why. Each input is checked along a random direction with two step sizes.
function M.check_gradient(text, extra)
  local first = M.run(text, nil, extra)
  local inputs = first.inputs
  if #floats(inputs) == 0 or first.y.dtype ~= "float32" then return true end
  local grads, y, r = analytic(text, inputs, extra)
  if not y then return false, "no result" end
  for k, i in ipairs(floats(inputs)) do
    local d = fixed("direction", inputs[i].shape)
    local expected = grads[k] and dot(flat(grads[k]), flat(d)) or 0
    local best, seen = math.huge, nil
    for _, h in ipairs { 1e-2, 2e-3 } do
      local value, size = numeric(text, inputs, i, d, h, r, extra)
      local off = math.abs(value - expected) / (size + math.abs(expected) + 1e-3)
      if off < best then best, seen = off, value end
    end
    if not (best < 5e-3) then
      return false, ("%s: input %d: derivative %.6g, by differences %.6g"):format(text, k,
        expected, seen or 0 / 0)
    end
  end
  return true
end

-- <A x, r> = <x, A' r> for each float input, the others held.
function M.check_adjoint(text)
  local inputs = M.run(text).inputs
  if #floats(inputs) == 0 then return true end
  local grads, _, r = analytic(text, inputs)
  for k, i in ipairs(floats(inputs)) do
    local zero = {}
    for j, x in ipairs(inputs) do zero[j] = x end
    zero[i] = inputs[i] * 0
    local with, without = flat(M.run(text, inputs).y), flat(M.run(text, zero).y)
    local moved = {}
    for j = 1, #with do moved[j] = with[j] - without[j] end
    local left, size = dot(moved, flat(r))
    local right = grads[k] and dot(flat(grads[k]), flat(inputs[i])) or 0
    if math.abs(left - right) > 1e-5 * size + 1e-6 then
      return false, ("%s: input %d: <Ax, y> = %.8g, <x, A'y> = %.8g"):format(text, k, left, right)
    end
  end
  return true
end

return M
