-- run.lua - runs all tests and ends with one line "N passed, N failed".
--
--     build/vaelua tests/run.lua build [PATTERN]     only what has PATTERN in its name
--
-- Every file of tests is a process of its own, so that a crash costs one file and is counted as a
-- failure.  C tests (cmocka) and Lua tests (busted) both speak TAP: "ok 1 - name" and "not ok 2 -
-- name".  What a file says is shown only if something failed in it.

local core = require "vaelua.core"

local build = arg[1] or "build"
local only = arg[2] or ""
local program = build .. "/test/vaelua"
local passed, failed = 0, 0

local function show(text)
  io.stdout:write((text:gsub("[^\n]*\n?", function(line)
    return line ~= "" and "    " .. line or ""
  end)))
  if text ~= "" and text:sub(-1) ~= "\n" then io.stdout:write("\n") end
end

-- One line for a file: its numbers and how long it took.
local function count(name, good, bad, seconds, text)
  passed, failed = passed + good, failed + bad
  local word = bad > 0 and "FAIL" or "ok  "
  print(("%s  %-44s %5d passed %3d failed  %6.1f s"):format(word, name, good, bad, seconds))
  if bad > 0 then show(text) end
  io.stdout:flush()
end

-- Counts the lines of TAP; a process that ends badly without a "not ok" has failed once.
local function tap(name, words)
  if not name:find(only, 1, true) then return end
  local start = core.clock()
  local status, text = core.run_command(words)
  local good, bad = 0, 0
  for line in text:gmatch("[^\n]+") do
    if line:find("^ok ") then good = good + 1 end
    if line:find("^not ok ") then bad = bad + 1 end
  end
  if status ~= 0 and bad == 0 or good + bad == 0 then
    bad, text = bad + 1, text .. ("\nexit status %d"):format(status)
  end
  count(name, good, bad, core.clock() - start, text)
end

-- A process that shall only end well.
local function ends_well(name, words)
  if not name:find(only, 1, true) then return end
  local start = core.clock()
  local status, text = core.run_command(words)
  local bad = status == 0 and 0 or 1
  count(name, 1 - bad, bad, core.clock() - start, text .. ("exit status %d"):format(status))
end

local function files(folder, pattern)
  local list = {}
  if not core.exists(folder) then return list end
  for _, name in ipairs(core.list(folder)) do
    if name:find(pattern) then list[#list + 1] = folder .. "/" .. name end
  end
  return list
end

-- Leaks are not looked for: the libraries keep what they have until the process ends.
local function environment(...)
  return { "env", "CMOCKA_MESSAGE_OUTPUT=TAP", "ASAN_OPTIONS=detect_leaks=0", "TERM=dumb", ... }
end

for _, file in ipairs(files("tests/c", "^test_.*%.c$")) do
  local name = "/test/c/" .. file:match("([^/]+)%.c$")
  tap(file, environment(build .. name))
  if core.exists("build/san" .. name) and build ~= "build/san" then
    tap(file .. " (sanitized)", environment("build/san" .. name))
  end
end

for _, file in ipairs(files("tests/lua", "_spec%.lua$")) do
  tap(file, environment("VAELUA=" .. program, program, "tests/spec.lua", "-o", "TAP", file))
end

-- The simulated CUDA device proves itself where nvcc could build it.
if core.exists(build .. "/sim/libcudart.so.13") then
  tap("tests/sim/run.sh", environment("sh", "tests/sim/run.sh", build))
elseif build ~= "build/san" then
  print("skip  tests/sim: no nvcc")
end

-- The CUDA backend on that device, with every tensor in a block of its own or with pooled memory.
local function simulated(memory, ...)
  return environment("VAELUA_CUDA_DRIVER=skip", "VAELUA_CUDA_ALLOC=" .. memory,
    "LD_LIBRARY_PATH=" .. core.realpath(build .. "/sim"), "VAELUA_TEST_DEVICE=cuda",
    "VAELUA_TEST_BITS=1", ...)
end

-- busted leaves without closing Lua, so what lives at its end is no leak.
local function device_spec(file, memory, name, ...)
  local words = simulated(memory, "SIM_ALLOW_LEAKS=1", ...)
  for _, word in ipairs { program, "tests/spec.lua", "-o", "TAP", file } do
    words[#words + 1] = word
  end
  tap(name or file .. ", memory " .. memory, words)
end

if core.exists(build .. "/sim/vaelua_cuda.so") then
  for _, file in ipairs(files("tests/device", "_spec%.lua$")) do
    device_spec(file, "direct", file)
  end
  device_spec("tests/device/compare_spec.lua", "pooled")
  device_spec("tests/device/compare_spec.lua", "direct", "convolutions without cuDNN",
    "VAELUA_CUDA_CONV=own", "VAELUA_TEST_ONLY=conv")
  for _, memory in ipairs { "direct", "pooled" } do
    device_spec("tests/lua/turn_spec.lua", memory, nil, "VAELUA_DEVICE=cuda")
    ends_well("tests/gpu/check.lua capture, memory " .. memory, simulated(memory, program,
      "tests/gpu/check.lua", "capture"))
  end
  for _, name in ipairs { "kernels_a", "kernels_b", "cublas_test", "cudnn_test" } do
    ends_well("tests/sim/" .. name, simulated("direct", build .. "/sim/" .. name))
  end
  ends_well("plans of cuDNN for described GPUs", environment(build .. "/sim/plans"))
end

local scratch = os.tmpname()
os.remove(scratch)
core.mkdir(scratch)
for _, file in ipairs(files("examples", "%.lua$")) do
  ends_well(file, environment(program, file, "--out", scratch, "--quick"))
end
core.run_command { "rm", "-rf", scratch }

ends_well("luacheck", { "luacheck", "-q", "--no-color", "lua", "experiments", "examples", "tests" })

print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0 and passed > 0 and 0 or 1, true)
