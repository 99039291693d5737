-- run.lua - all timings, of one run on one machine.
--
--     make bench                    or  build/vaelua tests/bench/run.lua [PATTERN]
--
-- First what can be compared: the training step of the VAE beside that of PyTorch, distances beside
-- those of scipy and scikit-learn, the kernels that a step needs on a GPU beside the operators of
-- PyTorch, the start of the program beside that of lua5.4, a call of an op beside that of a
-- function (PATTERN: vae, evaluation, kernels, start, call).  Then every record with a `.bench`:
-- microseconds, and the ratio to the time of adding two tensors of its result's size.  Medians;
-- nothing is asserted.

local core = require "vaelua.core"
local makers = require "tests.lua.makers"

local only = arg[1] or ""
local program = arg[-1] or "build/vaelua"
local ops = core.ops

-- Median seconds of f(), called for a tenth of a second.
local function median(f)
  f()
  local times, begin = {}, core.clock()
  repeat
    local start = core.clock()
    f()
    times[#times + 1] = core.clock() - start
  until core.clock() - begin > 0.1 and #times >= 5
  table.sort(times)
  return times[#times // 2 + 1]
end

local function line(name, seconds, ratio, what)
  print(("%-24s %11.1f µs   %6.2f of %s"):format(name, seconds * 1e6, ratio, what))
end

-- ---- beside others ------------------------------------------------------------------------------

local function script(name)
  return function()
    local _, text = core.run_command { program, "tests/bench/" .. name .. ".lua" }
    io.write(text)
  end
end

-- Ours as the simulated device counts them; PyTorch's, which has none here, as operators.
local function kernels()
  print "kernels a training step (VAE, batch 128; counted, without a GPU)"
  local build = program:match("^(.*)/") or "."
  local sim, tester = build .. "/sim", build .. "/test/vaelua"
  if core.exists(sim .. "/vaelua_cuda.so") and core.exists(tester) then
    local count = require "tests.device.count"
    local step = count.step(tester, { "VAELUA_CUDA_DRIVER=skip", "VAELUA_CUDA_ALLOC=direct",
      "LD_LIBRARY_PATH=" .. core.realpath(sim) })
    print(("vaelua %g kernels a step (%g own, %g of cuDNN and cuBLAS, graph launches: %g; with the "
      .. "batch's gather and the log; counted by the simulated device)"):format(step.kernels,
      step.launches, step.library_kernels, step.graph_launches))
  else
    print(("skip  vaelua: no %s/vaelua_cuda.so or %s (make test builds them)"):format(sim, tester))
  end
  local status, text = core.run_command { "/usr/bin/python3", "tests/bench/vae_ops.py" }
  io.write(status == 0 and text or "skip  PyTorch: no python3-torch here\n")
end

local function start_time()
  local ours = median(function() core.run_command { program, "-e", "" } end)
  local status = core.run_command { "lua5.4", "-e", "" }
  local peer = status == 0 and median(function() core.run_command { "lua5.4", "-e", "" } end)
  if peer then
    line("start", ours, ours / peer, "the start of lua5.4")
  else
    print(("%-24s %11.1f µs"):format("start", ours * 1e6))
  end
end

-- A tensor of one element: all that is left is the way there and back.
local function call_overhead()
  local x, many = ops.randn(1), 1000
  local depth = core.mode_push("eval")
  local op = median(function() for _ = 1, many do ops.neg(x) end end) / many
  core.mode_pop(depth)
  local function nothing(v) return v end
  local lua = median(function() for _ = 1, many do nothing(x) end end) / many
  line("call of an op", op, op / lua, "a call of a Lua function")
end

-- ---- records ------------------------------------------------------------------------------------

-- The arguments of the outermost call: what it is called with last.
local function arguments(record)
  local caught
  makers.run(record.bench, nil, { [record.name] = function(...)
    caught = table.pack(...)
    return ops[record.name](...)
  end })
  return caught
end

local function addition(y)
  local x = ops.full(y.shape, 1)
  return median(function() ops.add(x, x) end)
end

local function bench(record)
  local args, f = arguments(record), ops[record.name]
  local depth = core.mode_push("eval")
  local y
  local seconds = median(function() y = f(table.unpack(args, 1, args.n)) end)
  line(record.name, seconds, seconds / addition(y), "an addition")
  core.mode_pop(depth)
end

local PEERS = { { "vae", script "vae" }, { "evaluation", script "evaluation" },
  { "kernels", kernels }, { "start", start_time },
  { "call", call_overhead } }

for _, peer in ipairs(PEERS) do
  if only == "" or only == peer[1] then peer[2]() end
end
for _, record in ipairs(core.records()) do
  if record.bench and record.name:find(only, 1, true) then bench(record) end
end
