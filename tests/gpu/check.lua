-- check.lua - what `make gpu-check` runs where a GPU is (or a simulated one): is it right, does a
-- training step become one graph, how fast is it.
--
--     vaelua tests/gpu/check.lua [parity] [capture] [timings]       all three without a word
--
-- Exit status 1 if something is wrong, 4 where there is no CUDA device.

local va = require "vaelua"
local core = require "vaelua.core"
local makers = require "tests.lua.makers"
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

local wrong = 0

local function on(device, f, ...)
  core.setup { device = device }
  return f(...)
end

local function flat(x) return va.reshape(x:to("cpu"), -1):totable() end

-- ---- the same results as the CPU ----------------------------------------------------------------

-- The result of a call, and the gradients of a weighted sum of it.
local function compute(text)
  local first = makers.run(text)
  local inputs, leaves = {}, {}
  for i, x in ipairs(first.inputs) do
    inputs[i] = x.dtype == "float32" and core.leaf(va.contiguous(x) + 0) or x
    if inputs[i] ~= x then leaves[#leaves + 1] = inputs[i] end
  end
  local results = { flat(first.y) }
  if first.y.dtype ~= "float32" or #leaves == 0 then return results end
  local y = makers.run(text, inputs).y
  local depth = core.stream_push("test", "weights", 1)
  local r = va.randn(y.shape):to(y.device)
  core.stream_cut(depth)
  local good, grads = pcall(core.grad, (y * r):sum(), leaves)
  for i = 1, good and #leaves or 0 do
    if grads[i] then results[#results + 1] = flat(grads[i]) end
  end
  return results
end

-- Largest difference in units of the largest number (or 1), infinite where one is NaN alone.
local function difference(a, b)
  local most, scale = 0, 1
  if #a ~= #b then return math.huge end
  for i = 1, #a do
    local p, q = a[i], b[i]
    if p ~= q and (p == p or q == q) then
      most = math.max(most, p == p and q == q and math.abs(p - q) or math.huge)
    end
    if math.abs(p) < math.huge then scale = math.max(scale, math.abs(p)) end
  end
  return most / scale
end

local function compare(text)
  local good, want = pcall(on, "cpu", compute, text)
  if not good then return end                         -- not for this comparison
  local fine, got = pcall(on, "cuda", compute, text)
  if not fine then return text .. ": " .. tostring(got) end
  local most = #want == #got and 0 or math.huge
  for i = 1, #want do most = math.max(most, got[i] and difference(want[i], got[i]) or math.huge) end
  if not (most < 1e-4) then return ("%s: off by %.3g"):format(text, most) end
  return nil, most == 0
end

local function parity()
  local calls, equal = 0, 0
  for _, record in ipairs(core.records()) do
    for _, text in ipairs { record.example, table.unpack(record.cases) } do
      local bad, same = compare(text)
      calls, equal = calls + 1, equal + (same and 1 or 0)
      if bad then
        wrong = wrong + 1
        print("FAIL  " .. bad)
      end
    end
  end
  print(("parity    %d calls with their gradients, %d with the bits of the CPU"):format(calls,
    equal))
end

-- ---- a training step ----------------------------------------------------------------------------

local function vae()
  return nn.model("vae", {
    enc = nn.chain({ 28, 28, 1 }, {
      nn.conv(32, 3, { stride = 2 }), nn.relu, nn.conv(64, 3, { stride = 2 }), nn.relu,
      nn.linear(40),
    }),
    dec = nn.chain(20, {
      nn.linear { 7, 7, 64 }, nn.relu, nn.deconv(32, 3, { stride = 2 }), nn.relu,
      nn.deconv(1, 3, { stride = 2 }),
    }),
  })
end

-- Some steps of it: the last loss, ms of a step (the median of the later half).
local function train(batch, steps)
  local depth = core.stream_push("test", "vae", 1)
  local x, model = va.rand(batch, 28, 28, 1), vae()
  local adam = va.adam(model, { lr = 1e-3 })
  local times, last, start = {}, nil, core.clock()
  for _ in va.steps(steps) do
    local z, kl = normal(model.enc(x):split(2)):draw(normal.unit())
    local loss = (kl - bernoulli(model.dec(z)):logp(x)):mean()
    adam:step(loss)
    last = loss
    times[#times + 1] = core.clock() - start
    start = core.clock()
  end
  core.stream_cut(depth)
  last = last:item()
  local later = table.move(times, #times // 2 + 1, #times, 1, {})
  table.sort(later)
  return last, later[#later // 2 + 1] * 1000
end

local function trained(eager, batch, steps)
  local was = core.eager(eager)
  local before = core.turns().launched
  local loss, ms = train(batch, steps)
  core.eager(was)
  return loss, ms, core.turns().launched - before
end

local function capture()
  local host = on("cpu", trained, false, 3, 8)
  local plain = on("cuda", trained, true, 3, 8)
  local launched, _, launches = on("cuda", trained, false, 3, 8)
  local fine = plain == launched and launches > 0 and math.abs(plain - host) < 1e-3 * math.abs(host)
  if not fine then wrong = wrong + 1 end
  print(("%s  after 8 steps: CPU %.7g, CUDA call by call %.7g, launched whole (%d) %.7g"):format(
    fine and "capture " or "FAIL    ", host, plain, launches, launched))
end

local function timings()
  for _, precision in ipairs { "float32", "tf32", "bf16" } do
    core.setup { device = "cuda" }
    if pcall(va.precision, precision) then
      for _, eager in ipairs { true, false } do
        local _, ms = trained(eager, 128, 200)
        print(("timing    VAE, batch 128, %-7s %-13s %8.3f ms a step %9.0f images/s"):format(
          precision, eager and "call by call" or "as one launch", ms, 128000 / ms))
      end
    end
  end
  local m = va.memory()
  print(("memory    %.1f MB at most, %.1f MB kept for reuse"):format(m.peak / 1e6, m.idle / 1e6))
end

-- ---- all ----------------------------------------------------------------------------------------

local c = core.cuda()
if not c.name then
  print("no CUDA device: " .. c.why)
  os.exit(4, true)
end
print(("device    %s: %s"):format(c.name, c.about))
local all = { parity = parity, capture = capture, timings = timings }
local asked = #arg > 0 and arg or { "parity", "capture", "timings" }
for _, name in ipairs(asked) do all[name]() end
print(wrong == 0 and "all is well" or ("%d wrong"):format(wrong))
os.exit(wrong == 0 and 0 or 1, true)
