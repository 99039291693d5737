-- count.lua - what a captured training step of the VAE costs on the device, counted by the
-- simulated one: kernels, bytes, waits and allocations. A training of ten turns and one of six,
-- their difference over four. For count_spec.lua and tests/bench/run.lua.
--
--     build/test/vaelua --device cuda tests/device/count.lua      the child that is counted
--
-- A step takes its batch from the data set, draws noise, goes forward and back, checks the
-- gradients, does Adam's step, adds to what is logged.
--
-- Bytes that the step must move are those of the arrays of each call that our own kernels do, once
-- each; of what cuDNN and cuBLAS do, the pass behind it that adds a bias or sums one.

local va = require "vaelua"
local core = require "vaelua.core"
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

local count = {}

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
      n = n + 2 * call[i] + call[i + 1] + 2 * call[i + 2] + 2 * call[i + 3]
    end
    return n
  end
  if k == "copy_add" or k == "accumulate" then return sum(call) + call[1] end
  return sum(call)
end

-- Trains for so many turns; prints the bytes that one must move.
local function train(turns)
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

local turns = tonumber(os.getenv "VAELUA_TEST_TURNS")      -- set in a child that is counted
if turns then return train(turns) end

-- What the simulated device counts in a training of so many turns, and what must be moved in one.
local function counted(program, environment, n)
  local name = os.tmpname()
  local words = { "env", "SIM_REPORT=" .. name, "VAELUA_TEST_TURNS=" .. n, "VAELUA_PROGRESS=none" }
  table.move(environment, 1, #environment, #words + 1, words)
  table.move({ program, "--device", os.getenv "VAELUA_TEST_DEVICE" or "cuda",
    "tests/device/count.lua" }, 1, 4, #words + 1, words)
  local status, text = core.run_command(words)
  assert(status == 0, text)
  local f <close> = assert(io.open(name, "rb"))
  local counts = core.unjson(f:read "a")
  os.remove(name)
  return counts, tonumber(text:match "%d+")
end

-- The counts of one step, and the bytes that it must move. The program is the one for tests, the
-- environment ("NAME=VALUE", ...) that which it needs to find the simulated device.
function count.step(program, environment)
  local few = counted(program, environment, 6)
  local many, must_move = counted(program, environment, 10)
  local step = {}
  for name, v in pairs(many) do
    if type(v) == "number" then step[name] = (v - few[name]) / 4 end
  end
  step.kernels = step.launches + step.library_kernels
  return step, must_move
end

return count
