--[[ run.lua - make bench: all timings, of one run on one machine.

    make bench                      everything but the comparison as a whole: a quarter of an
                                    hour with both PyTorches
    make bench ALL=yes              that one too (much longer)
    make bench ONLY=vae             one part, or the rows and records with that in their name
    make bench README=yes           writes the table into README.md
    make bench THREADS=4            other than 2

  Parts: ceilings, vae, epoch, compare, evaluation, conv, inception, calls, start, memory, kernels,
  records.  Every row is a list of parties that are asked in turn (measure.lua): our worker in
  ours/, its peers in theirs/ under Debian's python3 and under the Python that BENCH_PYTHON names
  (with a current torch, torchvision too for Inception).  What is missing says so.  Nothing is
  asserted; build/bench/results.json and table.md have what was found, log what the peers wrote. ]]

local core = require "vaelua.core"
local makers = require "tests.lua.makers"
local measure = require "tests.bench.measure"
local result = require "tests.bench.result"

local ops = core.ops
local FOLDER, PYTHON = "build/bench", "/usr/bin/python3"
local STEP = 1.604e9           -- FLOP of a training step of the VAE at batch 128
local ROUNDS, SECONDS = 5, 0.4

local given = { only = "", all = "", readme = "", threads = "" }
for _, word in ipairs(arg) do
  local name, value = word:match "^(%a+)=(.*)$"
  if not given[name] then error("bench: known are only=, all=, readme= and threads=, got " .. word,
    0) end
  given[name] = value
end
if given.readme == "yes" and given.only ~= "" then
  error("bench: README=yes writes the table of a whole run: without ONLY", 0)
end

local program = core.realpath "/proc/self/exe"
local avx2 = program:match "^(.*)/" .. "/avx2/vaelua"
local all_threads = core.threads()
local threads = tonumber(given.threads) or math.min(2, all_threads)

-- ---- parties ------------------------------------------------------------------------------------

local function has_avx512()
  for line in io.lines "/proc/cpuinfo" do
    if line:find "^flags" then return line:find " avx512f" ~= nil end
  end
end

local wide = has_avx512()

local function environment(n, level, blas)
  local cap = level == "avx2" or not wide
  local words = { "OMP_NUM_THREADS=" .. n, "MKL_NUM_THREADS=" .. n,
    "OPENBLAS_NUM_THREADS=" .. (blas or 1), "ATEN_CPU_CAPABILITY=" .. (cap and "avx2" or "avx512"),
    "PYTHONWARNINGS=ignore", "VAELUA_RUNS=" .. FOLDER .. "/runs",
    "TORCHINDUCTOR_CACHE_DIR=" .. core.cwd() .. "/" .. FOLDER .. "/inductor" }
  if level == "avx2" then
    table.move({ "DNNL_MAX_CPU_ISA=AVX2", "ONEDNN_MAX_CPU_ISA=AVX2", "MKL_ENABLE_INSTRUCTIONS=AVX2",
                 "OPENBLAS_CORETYPE=Haswell" }, 1, 4, #words + 1, words)
  end
  return words
end

-- The Pythons that have PyTorch, with its name and version.
local function find_pythons()
  local list, current = {}, os.getenv "BENCH_PYTHON"
  local function look(path, missing)
    local status, text = core.run_command { "env", "PYTHONPATH=tests/bench/theirs",
      "OPENBLAS_NUM_THREADS=1", path or "", "-W", "ignore", "-c",
      "import pytorch; print(pytorch.NAME)" }
    local name = status == 0 and text:match "PyTorch [^\n]*"
    if name then list[#list + 1] = { path = path, name = name } else print("skip  " .. missing) end
  end
  look(PYTHON, "no PyTorch in " .. PYTHON .. " (Debian: python3-torch)")
  look(current, current and "no PyTorch in BENCH_PYTHON=" .. current
    or "BENCH_PYTHON=FILE names the Python of a current PyTorch: none is measured")
  return list
end

local pythons = find_pythons()

local function our_words(script, n, level)
  return { level == "avx2" and avx2 or program, "--threads=" .. n, "--progress=none",
           "tests/bench/ours/" .. script .. ".lua" }
end

local workers = {}             -- by their command; those of one part stay until it ends

local function worker(words, surroundings)
  local key = table.concat(words, " ") .. table.concat(surroundings, " ")
  workers[key] = workers[key] or measure.worker(words, surroundings)
  return workers[key]
end

local function close_workers()
  for key, w in pairs(workers) do
    w:close()
    workers[key] = nil
  end
end

-- A party that asks a worker, which names it where nobody else does; a fresh one for every request
-- where the row wants that.
local function party(row, name, words, surroundings, case)
  local p = { name = name, case = case }
  function p.ask(seconds)
    local w = row.fresh and measure.worker(words, surroundings) or worker(words, surroundings)
    p.name = name or w.name or "a peer"
    local samples, label = w:ask(seconds, case)
    if row.fresh then w:close() end
    return samples, label
  end
  return p
end

local function parties(row)
  local n, level = row.threads or threads, row.level
  local list = { party(row, "vaelua", our_words(row.script, n, level), environment(n, level),
                       row.case) }
  if level == "avx2" and not core.exists(avx2) then
    list[1].ask = function() return nil, "no " .. avx2 .. ": make AVX2=1 builds it" end
  end
  local function add(name, python, script, case, blas)
    list[#list + 1] = party(row, name, { python, "tests/bench/theirs/" .. script .. ".py" },
                            environment(n, level, blas), case)
  end
  if row.torch ~= false then
    for _, p in ipairs(pythons) do add(p.name, p.path, row.script, row.case) end
  end
  if row.science then add(nil, PYTHON, "science", row.case, n) end
  for _, p in ipairs(row.others or {}) do list[#list + 1] = p end
  return list
end

-- ---- rows ---------------------------------------------------------------------------------------

local results = { rows = {} }

local function found(row)
  results.rows[#results.rows + 1] = result.judged(row)
  for _, line in ipairs(result.lines(row)) do print(line) end
  io.stdout:flush()
  result.write(FOLDER, results)
end

local UNITS = { s = 1, ms = 1e3, ["µs"] = 1e6, MB = 1, ["GFLOP/s"] = 1e-9, ["GB/s"] = 1e-9 }

local function row_of(spec, statistics, list)
  local row = { part = spec.part, name = spec.name, unit = spec.unit, ours = statistics[1],
                peers = {}, goal = spec.goal, bound = spec.bound, only = spec.only }
  for i = 2, #statistics do
    local p = statistics[i]
    p.name, p.aside = list[i].name, list[i].aside
    row.peers[#row.peers + 1] = p
  end
  return row
end

-- Seconds of so many products and sums at the peak of that moment.
local function floor(spec)
  local n = spec.threads or threads
  local p = party(spec, "products at the FMA peak", our_words("peak", n, spec.level),
                  environment(n, spec.level), "flop")
  local rate = p.ask
  function p.ask(seconds)
    local samples, label = rate(seconds)
    for i, v in ipairs(samples or {}) do samples[i] = spec.floor / v end
    return samples, label
  end
  return p
end

-- Measures a row; one with a number of products also gives a row of the step over its floor.
local function run(spec)
  local list = spec.parties or parties(spec)
  if spec.floor then list[#list + 1] = floor(spec) end
  local s = measure.turns(list, spec.rounds or ROUNDS, spec.seconds or SECONDS)
  for i, one in ipairs(s) do s[i] = result.scaled(one, spec.scale or UNITS[spec.unit]) end
  local least = spec.floor and table.remove(s)
  found(row_of(spec, s, list))
  if least and least.median and s[1].median then
    least.name = list[#list].name
    found { part = spec.part, name = spec.name .. ", over the floor", unit = spec.unit,
            ours = s[1], peers = { least }, goal = spec.over }
  end
end

-- ---- the parts ----------------------------------------------------------------------------------

local SPECS = {}

local function add(part, name, unit, spec)
  spec.part, spec.name, spec.unit = part, name, unit
  SPECS[#SPECS + 1] = spec
end

local function spoken(n) return n == 1 and "1 thread" or n .. " threads" end

for _, n in ipairs(all_threads == 1 and { 1 } or { 1, all_threads }) do
  add("ceilings", "FMA peak, " .. spoken(n), "GFLOP/s",
      { script = "peak", case = "flop", threads = n, torch = false })
  add("ceilings", "copy bandwidth, " .. spoken(n), "GB/s",
      { script = "peak", case = "bytes", threads = n, torch = false })
end

local function step(words, batch, spec)
  spec.script = "vae"
  spec.case = ("step %d %s %s"):format(batch, spec.precision or "float32", spec.model or "vae")
  spec.floor = not spec.precision and not spec.model and STEP * batch / 128 or nil
  add("vae", words, "ms", spec)
end

step("VAE step, batch 128, " .. spoken(threads), 128, { goal = 0.25, over = 1.4 })
step("VAE step, batch 128, 1 thread", 128, { threads = 1 })
step("VAE step, batch 1", 1, { goal = 0.15 })
step("VAE step, batch 16", 16, { goal = 0.25 })
step("VAE step, batch 1024", 1024, {})
step("VAE step, batch 4096", 4096, { rounds = 3 })
step("VAE step, batch 128, bf16", 128, { precision = "bf16", goal = 0.18 })
step("VAE step, batch 128, AVX2 alone", 128, { level = "avx2", goal = 0.40 })
step("AE step, batch 128", 128, { model = "ae" })

add("epoch", "epoch of VAE and AE", "s", { script = "vae", case = "epoch",
                                             rounds = given.all == "yes" and 3 or 1 })

-- Seconds of a command.
local function command(words, label)
  local start = core.clock()
  local status, text = core.run_command(words)
  if status ~= 0 then return nil, ("status %d: %s"):format(status, text:match "[^\n]*\n?$") end
  return { core.clock() - start }, label
end

local function with(surroundings, words)
  local line = table.move(surroundings, 1, #surroundings, 2, { "env" })
  return table.move(words, 1, #words, #line + 1, line)
end

-- The whole of the script as a process; the peer in the setting whose step is fastest.
local function compare_parties()
  local list = { { name = "vaelua", ask = function()
    return command(with(environment(threads), { program, "--threads=" .. threads,
      "--progress=none", "experiments/compare.lua" }))
  end } }
  for _, python in ipairs(pythons) do
    list[#list + 1] = { name = python.name, ask = function()
      local w = measure.worker({ python.path, "tests/bench/theirs/vae.py" }, environment(threads))
      local samples, label = w:ask(0, "way")
      w:close()
      if not samples then return nil, label end
      local layout, way = label:match "channels (%a+), (%a+)"
      return command(with(environment(threads), { python.path, "tests/bench/theirs/compare.py",
                                                  layout, way }), label)
    end }
  end
  return list
end

add("compare", "experiments/compare.lua", "s", { goal = 0.30, rounds = 1, long = true,
                                                 make_parties = compare_parties })

add("evaluation", "features of 10,000 images", "s",
    { script = "evaluation", case = "features 10000", rounds = 3 })
add("evaluation", "Fréchet distance, 2048 wide, by sqrtm", "s",
    { script = "evaluation", case = "frechet 2048", torch = false, science = true, rounds = 2 })
add("evaluation", "Fréchet distance, 2048 wide, by eigenvalues", "s",
    { script = "evaluation", case = "frechet 2048", rounds = 2 })
add("evaluation", "precision and recall, 2 x [10000, 64]", "s",
    { script = "evaluation", case = "prdc 10000", science = true, rounds = 2 })
for _, thousands in ipairs { 10, 30, 100 } do
  add("evaluation", ("evaluation of %d,000 images, a 1,000"):format(thousands), "ms",
      { script = "evaluation", case = ("whole %d"):format(thousands * 1000), rounds = 1,
        torch = false, scale = 1e3 / thousands })
end
for _, thousands in ipairs { 10, 30, 100 } do
  add("evaluation", ("memory of evaluating %d,000 images"):format(thousands), "MB",
      { script = "evaluation", case = ("memory %d"):format(thousands * 1000), rounds = 1,
        fresh = true, torch = false })
end

add("conv", "64x64x3 VAE step, batch 128", "ms",
    { script = "conv", case = "step 128", goal = 0.60, rounds = 3 })

add("inception", "Inception-v3, batch 32", "ms",
    { script = "inception", case = "forward 32", goal = 0.90, rounds = 3 })
add("inception", "Inception-v3, batch 1", "ms", { script = "inception", case = "forward 1" })

local function lua_call()
  local p = party({}, "a call of a Lua function", our_words("calls", threads),
                  environment(threads), "lua")
  p.aside = true
  return p
end

add("calls", "call of an op, one element", "µs", { script = "calls", case = "op", bound = 1,
                                                    make_others = lua_call })
add("calls", "graph of 1,000 ops, forward and backward", "ms",
    { script = "calls", case = "graph", goal = 0.20 })

local function starting(name, words, aside)
  return { name = name, aside = aside, ask = function(seconds)
    if core.run_command(words) ~= 0 then return nil, "not here" end
    return measure.times(function() core.run_command(words) end, seconds)
  end }
end

local function start_parties()
  local list = { starting("vaelua", { program, "-e", "" }),
                 starting("lua5.4", { "lua5.4", "-e", "" }, true) }
  for _, p in ipairs(pythons) do
    list[#list + 1] = starting(p.name, { p.path, "-c", "import torch" })
  end
  return list
end

add("start", "start, beside import torch", "ms", { make_parties = start_parties, rounds = 3,
                                                   goal = 0.01 })

add("memory", "memory of training, 12,800 images", "MB",
    { script = "vae", case = "memory 12800", fresh = true, rounds = 2, goal = 0.35 })

-- ---- kernels that a GPU would be given, and records ---------------------------------------------

local function counted(name, n)
  return { name = name, median = n, min = n, q1 = n, q3 = n, n = 1 }
end

-- Ours as the simulated device counts them; PyTorch's, which has none here, as operators.
local function kernels()
  local build = program:match("^(.*)/")
  local sim, tester = build .. "/sim", build .. "/test/vaelua"
  local row = { part = "kernels", name = "kernels of a captured training step, counted", peers = {},
                unit = "kernels" }
  if core.exists(sim .. "/vaelua_cuda.so") and core.exists(tester) then
    local count = require "tests.device.count"
    local found_step = count.step(tester, { "VAELUA_CUDA_DRIVER=skip", "VAELUA_CUDA_ALLOC=direct",
      "LD_LIBRARY_PATH=" .. core.realpath(sim) })
    row.ours = counted("vaelua", found_step.kernels)
    row.ours.label = ("%g own, %g of cuDNN and cuBLAS, graph launches: %g"):format(
      found_step.launches, found_step.library_kernels, found_step.graph_launches)
  else
    row.ours = { skip = "no simulated device (make test builds it)" }
  end
  local status, text = core.run_command(with(environment(threads),
    { PYTHON, "tests/bench/theirs/operators.py" }))
  for name, n in (status == 0 and text or ""):gmatch "(%S+) (%d+)\n" do
    row.peers[#row.peers + 1] = counted(name:gsub("_", " "), tonumber(n))
  end
  found(row)
end

-- The arguments of the outermost call: what it is called with last.
local function arguments(record)
  local caught
  makers.run(record.bench, nil, { [record.name] = function(...)
    caught = table.pack(...)
    return ops[record.name](...)
  end })
  return caught
end

-- A record beside the addition of two tensors of its result's size.
local function bench(record)
  local args, f, y = arguments(record), ops[record.name], nil
  local depth = core.mode_push "eval"
  local function op() y = f(table.unpack(args, 1, args.n)) end
  op()
  local x = ops.full(y.shape, 1)
  local s = measure.turns({
    { ask = function(seconds) return measure.times(op, seconds) end },
    { ask = function(seconds)
      return measure.times(function() ops.add(x, x) end, seconds)
    end } }, 3, 0.04)
  core.mode_pop(depth)
  s[1], s[2] = result.scaled(s[1], 1e6), result.scaled(s[2], 1e6)
  s[2].name = "an addition"
  found { part = "records", name = record.name, unit = "µs", ours = s[1], peers = { s[2] },
          only = true }
end

-- ---- all of it ----------------------------------------------------------------------------------

local function asked(part, name, long)
  if given.only ~= "" then return given.only == part or name:find(given.only, 1, true) ~= nil end
  return not long or given.all == "yes"
end

local function read(path, pattern)
  local f = io.open(path)
  local text = f and f:read "a" or ""
  if f then f:close() end
  return text:match(pattern)
end

core.mkdir(FOLDER)
core.write(FOLDER .. "/log", "")
measure.log = FOLDER .. "/log"
results.date = os.date "!%Y-%m-%dT%H:%M:%SZ"
results.machine = { cpu = read("/proc/cpuinfo", "model name%s*:%s*([^\n]*)") or "unknown",
  level = core.isa, threads = threads, all_threads = all_threads,
  kernel = read("/proc/sys/kernel/osrelease", "%S+"),
  memory_gb = (tonumber(read("/proc/meminfo", "MemTotal:%s*(%d+)")) or 0) * 1024 / 1e9 }
results.versions = { vaelua = core.version, onednn = core.onednn, blas = core.blas }

local begin, last = core.clock(), nil
for _, spec in ipairs(SPECS) do
  if asked(spec.part, spec.name, spec.long) then
    if last ~= spec.part then close_workers() end
    last = spec.part
    if spec.make_parties then spec.parties = spec.make_parties() end
    if spec.make_others then spec.others = { spec.make_others() } end
    run(spec)
  end
end
close_workers()
if asked("kernels", "kernels") then kernels() end
for _, record in ipairs(core.records()) do
  if record.bench and asked("records", record.name) then bench(record) end
end

results.seconds = core.clock() - begin
result.write(FOLDER, results)
print(("%s/results.json, table.md (%.0f s)"):format(FOLDER, results.seconds))
if given.readme == "yes" then
  local text = read("README.md", "^.*$")
  core.write("README.md", result.readme(text, results))
  print "README.md has the table"
end
