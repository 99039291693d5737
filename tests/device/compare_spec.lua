-- compare_spec.lua - the device VAELUA_TEST_DEVICE beside the CPU: every call and gradient of the
-- records, layers, losses, optimisers and metrics, from the same inputs.
--
-- Pointwise functions must have equal bits where the backend was built for it (VAELUA_TEST_BITS=1:
-- no contraction of products and sums), else 4 units in the last place. Sums and products may be
-- added in another order: 1e-5 of the sum of the absolute values, which for a linear op is the op
-- of the absolute values.

local va = require "vaelua"
local core = require "vaelua.core"
local makers = require "tests.lua.makers"
local nn = va.nn

local device = os.getenv "VAELUA_TEST_DEVICE" or "cuda"
local exact = os.getenv "VAELUA_TEST_BITS" == "1"
local only = os.getenv "VAELUA_TEST_ONLY" or ""

local function on(name, f, ...)
  core.setup { device = name, seed = 3 }
  return f(...)
end

local function flat(x) return { shape = table.concat(x.shape, ","), dtype = x.dtype,
                                values = x:reshape(-1):totable() } end

-- What a call gives: the result and the gradients of the inputs.
local function outcome(text, gradient, extra)
  local run = makers.run(text, nil, extra)
  local list = { flat(run.y) }
  if gradient and run.y.dtype == "float32" then
    local vars, wanted = {}, {}
    for i, x in ipairs(run.inputs) do
      vars[i] = x.dtype == "float32" and core.leaf(x:contiguous() + 0) or x
      if x.dtype == "float32" then wanted[#wanted + 1] = vars[i] end
    end
    if #wanted > 0 then
      local again = makers.run(text, vars, extra)
      local depth = core.stream_push("test", "weights", 1)
      local r = core.ops.randn(again.y.shape)
      core.stream_cut(depth)
      for i, g in ipairs(core.grad((again.y * r):sum(), wanted)) do
        list[i + 1] = g and flat(g) or false
      end
    end
  end
  return list
end

local function magnitude(text, extra)
  local inputs = makers.run(text, nil, extra).inputs
  for i, x in ipairs(inputs) do inputs[i] = x.dtype == "float32" and x:abs() or x end
  return flat(makers.run(text, inputs, extra).y).values
end

-- How far two floats lie apart, in units of the last place of float32.
local function ulps(a, b)
  if a == b or a ~= a and b ~= b then return 0 end
  local e = math.floor(math.log(math.max(math.abs(a), math.abs(b), 1e-38), 2)) + 1
  return math.abs(a - b) / 2.0 ^ (e - 24)
end

local function largest(values)
  local m = 0
  for _, v in ipairs(values) do
    if math.abs(v) < math.huge then m = math.max(m, math.abs(v)) end
  end
  return m
end

-- nil, or what differs.
local function differs(wanted, got, pointwise, sizes)
  if wanted.shape ~= got.shape or wanted.dtype ~= got.dtype then
    return ("%s {%s} against %s {%s}"):format(wanted.dtype, wanted.shape, got.dtype, got.shape)
  end
  local scale = largest(wanted.values)
  for i, w in ipairs(wanted.values) do
    local g = got.values[i]
    local same = w == g or w ~= w and g ~= g
    if not same and wanted.dtype == "float32" and w == w and g == g then
      if pointwise then same = ulps(w, g) <= (exact and 0 or 4)
      else same = math.abs(w - g) <= 1e-5 * (sizes and sizes[i] or math.max(scale, 1)) end
    elseif not same and wanted.dtype == "float64" then
      same = math.abs(w - g) <= 1e-10 * math.max(scale, 1)
    end
    if not same then return ("element %d: %.9g on the CPU, %.9g here"):format(i, w, g) end
  end
end

local function compare(text, options)
  local o = options or {}
  local wanted = on("cpu", outcome, text, o.gradient, o.extra)
  local sizes = o.linear and on("cpu", magnitude, text, o.extra)
  local got = on(device, outcome, text, o.gradient, o.extra)
  for i, w in ipairs(wanted) do
    local why = w and differs(w, got[i] or {}, o.pointwise, i == 1 and sizes)
    assert(not why, ("%s: %s %s"):format(text, i == 1 and "the result:" or
      "gradient " .. i - 1 .. ":", why))
  end
end

local pointwise = {}
for line in io.lines "core/backend/pointwise.def" do
  local name = line:match "^UNARY%(([%w_]+)" or line:match "^BINARY%(([%w_]+)"
  if name then pointwise[name] = true end
end

describe("records on " .. device, function()
  for _, record in ipairs(core.records()) do
    for _, text in ipairs { record.example, table.unpack(record.cases) } do
      if text:find(only, 1, true) then
        local gradient = record.gradient and record.name ~= "to"   -- it leaves the device
        it("agree: " .. text, function()
          compare(text, { gradient = gradient, linear = record.linear,
                          pointwise = pointwise[record.name] })
        end)
      end
    end
  end
end)

describe("layers on " .. device, function()
  for _, record in ipairs(core.layer_records()) do
    for _, text in ipairs(makers.layer_calls(record)) do
      if text:find(only, 1, true) then
        it("agree: " .. text, function() compare(text, { extra = { nn = nn } }) end)
      end
    end
  end
end)

-- A small model of 20 steps: its losses, call by call and noted.
local function train(optimiser, eager)
  va.seed(11)
  va.eager(eager)
  local normal, bernoulli = va.dist.normal, va.dist.bernoulli
  local m = nn.model("m", {
    enc = nn.chain({ 12, 12, 1 }, { nn.conv(8, 3, { stride = 2 }), nn.relu, nn.linear(8) }),
    dec = nn.chain(4, { nn.linear { 6, 6, 8 }, nn.relu, nn.deconv(1, 3, { stride = 2 }) }) })
  local set = va.set(va.rand(70, 12, 12, 1))
  local o, losses = optimiser(m), {}
  for _, x in set:epochs(5, 20) do
    local z, kl = normal(m.enc(x):split(2)):draw(normal.unit(4))
    local loss = (kl - bernoulli(m.dec(z)):logp(x)):mean()
    o:step(loss)
    losses[#losses + 1] = loss
  end
  va.eager(false)
  local list = {}
  for i, loss in ipairs(losses) do list[i] = loss:item() end
  return list
end

describe("20 steps of training on " .. device, function()
  local optimisers = {
    adam = function(m) return va.adam(m, { lr = 1e-2 }) end,
    adamw = function(m) return va.adamw(m, { lr = 1e-2, decay = 0.1, clip = 1 }) end,
    sgd = function(m) return va.sgd(m, { lr = 1e-3, momentum = 0.9, clip = 5 }) end,
  }
  for name, optimiser in pairs(optimisers) do
    if ("training"):find(only, 1, true) then
      it("with " .. name, function()
        local cpu = on("cpu", train, optimiser, true)
        local eager = on(device, train, optimiser, true)
        local noted = on(device, train, optimiser, false)
        assert.are.same(eager, noted)
        for i, loss in ipairs(cpu) do
          assert(math.abs(loss - eager[i]) <= 1e-4 * math.abs(loss),
            ("step %d: %.9g on the CPU, %.9g here"):format(i, loss, eager[i]))
        end
      end)
    end
  end
end)
