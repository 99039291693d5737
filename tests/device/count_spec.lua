-- count_spec.lua - what a captured training step of the VAE costs on the device (count.lua): one
-- graph, how many kernels, bytes, waits and allocations.

local core = require "vaelua.core"
local count = require "tests.device.count"

local KERNELS, BYTES = 40, 1.3

<<<<<<< HEAD
local function sum(list)
  local n = 0
  for _, v in ipairs(list) do n = n + v end
  return n
end

-- Bytes that our own kernels must move for a call.
local function must(call)
  local k = call.kernel
  if k == "conv" or k == "deconv" or k == "linear" then return 2 * call[1] end
  if k == "conv_back_w" or k == "deconv_back_w" then return call[2] > 0 and call[3] or 0 end
  if k == "conv_back_x" or k == "deconv_back_x" or k == "matmul" then return 0 end
  if k == "take_scaled" then return 2 * call[1] end           -- not the whole data set
  if k == "take_rows" or k == "window" then return 2 * call[1] + (call[3] or 0) end
  if k == "grad_check" then                                    -- gradients alone
    local n = 0
    for i = 3, #call - 1, 4 do n = n + call[i] end
    return n
  end
  if k == "adam" then                          -- weights and moments are read and written
    local n = 0
    for i = 1, #call - 4, 4 do
      n = n + 2 * (call[i] + call[i + 2] + call[i + 3]) + call[i + 1]
    end
    return n
  end
  if k == "copy_add" or k == "accumulate" then return sum(call) + call[1] end
  return sum(call)
end

-- Trains for so many turns; prints the bytes that one must move.
local function count()
  va.seed(1)
  local set = va.set(va.rand(1536, 28, 28, 1))
  local vae = nn.model("vae", {
    enc = nn.chain({ 28, 28, 1 }, { nn.conv(32, 3, { stride = 2 }), nn.relu,
      nn.conv(64, 3, { stride = 2 }), nn.relu, nn.linear(40) }),
    dec = nn.chain(20, { nn.linear { 7, 7, 64 }, nn.relu, nn.deconv(32, 3, { stride = 2 }), nn.relu,
      nn.deconv(1, 3, { stride = 2 }) }) })
  local adam, n = va.adam(vae, { lr = 1e-3 }), 0
  for t, x in set:epochs(1, 128) do
    local bytes = 0
    for _, call in ipairs(core.inside.plan()) do bytes = bytes + must(call) end
    n = n + 1
    local z, kl = normal(vae.enc(x):split(2)):draw(normal.unit(20))
    local rec = -bernoulli(vae.dec(z)):logp(x)
    local loss = (rec + kl):mean()
    adam:step(loss)
    va.log(t, vae, loss, { rec = rec, kl = kl })
    if n == turns then
      print(bytes)
      collectgarbage()             -- what is left moves out of the loop's memory: always the same
      break
    end
  end
end

if turns then return count() end

-- What the simulated device counts in a training of so many turns, and what must be moved in one.
local function counted(n)
  local name = os.tmpname()
  local status, text = core.run_command { "env", "SIM_REPORT=" .. name, "VAELUA_TEST_TURNS=" .. n,
    "VAELUA_PROGRESS=none", core.realpath "/proc/self/exe", "--device",
    os.getenv "VAELUA_TEST_DEVICE" or "cuda", "tests/device/count_spec.lua" }
  assert.are.equal(0, status, text)
  local f <close> = assert(io.open(name, "rb"))
  local counts = core.unjson(f:read "a")
  os.remove(name)
  return counts, tonumber(text:match "%d+")
end

describe("a captured step of the VAE at batch 128", function()
  local step, must_move
  setup(function()
    local many
    local few = counted(6)
    many, must_move = counted(10)
    step = {}
    for name, v in pairs(many) do
      if type(v) == "number" then step[name] = (v - few[name]) / 4 end
    end
=======
describe("a captured step of the VAE at batch 128", function()
  local step, must_move
  setup(function()
    step, must_move = count.step(core.realpath "/proc/self/exe", {})
>>>>>>> torch
  end)

  it("is one graph launch, without waits and allocations", function()
    assert.are.equal(1, step.graph_launches)
    assert.are.equal(0, step.host_waits)
    assert.are.equal(0, step.allocations)
  end)

  it("has at most " .. KERNELS .. " kernels", function()
    assert(step.kernels <= KERNELS, step.kernels .. " kernels")
  end)

  it(("moves at most %.1f times the bytes that it must"):format(BYTES), function()
    local bytes = step.bytes_read + step.bytes_written
    assert(bytes <= BYTES * must_move, ("%.1f MB, needed %.1f MB"):format(bytes / 1e6,
      must_move / 1e6))
    assert(bytes >= must_move * 0.9, "what must be moved was miscounted")
  end)
end)
