-- check.lua - a training step on a GPU (or a simulated one): does it learn what the CPU learns,
-- does it become one graph with the same bits, how fast is it.
--
--     vaelua tests/gpu/check.lua [capture] [timings]       both without a word
--
-- Exit status 1 if something is wrong, 4 where there is no CUDA device. Single calls are compared
-- by tests/device/compare_spec.lua.

local va = require "vaelua"
local core = require "vaelua.core"
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

local wrong = 0

local function on(device, f, ...)
  core.setup { device = device }
  return f(...)
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
local all = { capture = capture, timings = timings }
local asked = #arg > 0 and arg or { "capture", "timings" }
for _, name in ipairs(asked) do all[name]() end
print(wrong == 0 and "all is well" or ("%d wrong"):format(wrong))
os.exit(wrong == 0 and 0 or 1, true)
