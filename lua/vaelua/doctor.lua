-- doctor.lua - `vaelua doctor`: what works on this machine, and what to type where it does not.
--
-- A line is "ok  WHAT  ..." or "--  WHAT  what is wrong : what to type".  The exit status is 1 only
-- if something is missing that no script can do without; the last line says so.

local core = require "vaelua.core"
local file = require "vaelua.file"
local keys = require "vaelua.keys"

local M = {}

local lines, wrong, missing

local function put(mark, what, text)
  lines[#lines + 1] = ("%s  %-9s %s"):format(mark, what, (text:gsub("\n", "\n" .. (" "):rep(14))))
end

local function ok(what, format, ...) put("ok", what, format:format(...)) end

-- What could be better, and what to type for it ("" where nothing helps).
local function better(what, cure, format, ...)
  wrong = wrong + 1
  put("--", what, format:format(...) .. (cure ~= "" and " : " .. cure or ""))
end

-- What no script can do without.
local function need(what, cure, format, ...)
  missing[#missing + 1] = what
  better(what, cure, format, ...)
end

local function read(path) return file.read(path) or "" end

local function program()
  local p = core.program
  ok("program", "vaelua %s, %s, commit %s, built with %s", p.version, core.lua,
    p.commit ~= "" and p.commit or "unknown", p.build)
end

-- Cores that this process may use: of the machine, of its mask, of its group.
local function cores()
  local n, list = 0, read("/proc/self/status"):match("Cpus_allowed_list:%s*(%S+)") or ""
  for part in list:gmatch("[^,]+") do
    local a, b = part:match("^(%d+)%-?(%d*)$")
    if a then n = n + (b ~= "" and b - a or 0) + 1 end
  end
  local quota, period = read("/sys/fs/cgroup/cpu.max"):match("^(%d+) (%d+)")
  if quota and quota / period < n then n = math.max(1, math.ceil(quota / period)) end
  return n > 0 and math.tointeger(n) or nil
end

-- Threads of OpenMP wait for each other by spinning: more of them than free cores are many times
-- slower than fewer.
local function threads()
  local n, have = core.threads(), cores()
  local load = tonumber(read("/proc/loadavg"):match("^%S+")) or 0
  local from = os.getenv("OMP_NUM_THREADS")
  local why = from and (", OMP_NUM_THREADS=%s"):format(from) or ""
  if have and n > have then
    better("threads", ("--threads %d, or export OMP_NUM_THREADS=%d"):format(have, have),
      "%d on %d core%s%s: they wait for each other", n, have, have == 1 and "" or "s", why)
  elseif have and n > 1 and load > have + 0.5 then
    local free = math.max(1, have - math.floor(load))
    better("threads", ("--threads %d while others compute"):format(math.min(n, free)),
      "%d on %d cores%s, and the load is %.1f: they wait for each other", n, have, why, load)
  else
    ok("threads", "%d%s%s", n, have and (" on %d core%s"):format(have, have == 1 and "" or "s")
      or "", why)
  end
end

local function processor()
  if core.isa == "x86-64-v2" then
    better("cpu", "", "%s: right, but slow (no AVX2)", core.isa)
  else
    ok("cpu", "%s%s", core.isa, core.amx and ", AMX for bf16" or "")
  end
  ok("device", "%s", (core.device_line():gsub("^device ", "")))
  threads()
end

-- Libraries that this process has loaded: two OpenMP runtimes would fight for the cores.
local function loaded()
  local l = { omp = {} }
  for path in read("/proc/self/maps"):gmatch("(/%S+)\n") do
    local name = path:match("[^/]+$")
    if name:find("^lib[gi]?omp") then l.omp[path] = name end
    if name:find("^libtbb%.") then l.tbb = path end
    if name:find("^libopenblas") then
      l.blas = path
      l.pthread = l.pthread or path:find("pthread") ~= nil
    end
  end
  return l
end

local function libraries()
  local l, names = loaded(), {}
  for path, name in pairs(l.omp) do names[#names + 1] = { name = name, path = path } end
  table.sort(names, function(a, b) return a.path < b.path end)
  local runtime = names[1] and names[1].name or "none"
  ok("oneDNN", "%s, threads of %s", core.onednn, l.tbb and "TBB" or "OpenMP (" .. runtime .. ")")
  if l.pthread then
    need("OpenBLAS", "sudo apt install libopenblas-openmp-dev, then build again",
      "the pthread build is loaded (%s): its threads fight with ours", l.blas)
  else
    ok("OpenBLAS", "%s", core.blas)
  end
  if #names == 1 then
    ok("OpenMP", "1 runtime loaded")
  else
    local paths = {}
    for i, n in ipairs(names) do paths[i] = n.path end
    need("OpenMP", "unset LD_PRELOAD, or build with one of them", "%d runtimes loaded: %s", #names,
      table.concat(paths, ", "))
  end
end

-- What to do about a reason of core.cuda().
local CURES = {
  { "this build has no", "install CUDA 13 (nvcc) and cuDNN 9, then build again" },
  { "another build", "make, or make install, for both" },
  { "driver not found", "install NVIDIA's driver, 580 or later; in a container, start it with "
    .. "its GPUs" },
  { "driver is too old", "install NVIDIA's driver, 580 or later" },
  { "libcudnn", "install libcudnn9-cuda-13 of NVIDIA's repository" },
  { "libcud?a?[rb]", "install cuda-libraries-13-0 of NVIDIA's repository" },
  { "shows no device", "see nvidia-smi, and CUDA_VISIBLE_DEVICES" },
}

-- Variables of the environment that change what the CUDA backend does.
local SWITCHES = {
  VAELUA_CUDA_SYNC = "1: waits for each kernel, so that an error names its op and line (slow)",
  VAELUA_CUDA_ALLOC = "direct: a block of its own for each tensor, for memory checkers (slow)",
  VAELUA_CUDA_DRIVER = "skip: does not look for the driver first, for simulated devices",
  VAELUA_CUDA_CONV = "own: convolutions without cuDNN (slow)",
  CUDA_VISIBLE_DEVICES = "the devices that CUDA shows",
}

local function cure_of(why)
  for _, pair in ipairs(CURES) do
    if why:find(pair[1]) then return pair[2] end
  end
  return ""
end

local function switches()
  for _, name in ipairs(keys.sorted(SWITCHES)) do
    if os.getenv(name) then
      better("CUDA", "unset " .. name, "%s=%s   %s", name, os.getenv(name), SWITCHES[name])
    elseif core.program.options.verbose then
      ok("CUDA", "%s is not set   %s", name, SWITCHES[name])
    end
  end
end

local function gpu()
  local c = core.cuda()
  if c.name then
    ok("CUDA", "%s: %s", c.name, c.about)
  elseif core.exists("/dev/nvidiactl") or core.exists("/dev/dxg") then
    better("CUDA", cure_of(c.why), "there is an NVIDIA device, but: %s", c.why)
  else
    ok("CUDA", "none: using the CPU (%s)", c.why)
  end
  if c.plugin and (c.name or core.program.options.verbose) then ok("backend", "%s", c.plugin) end
  switches()
end

-- ---- data ---------------------------------------------------------------------------------------

-- Fashion-MNIST is what the examples and experiments read; the others are there for those who
-- want them.
local function data_sets()
  local data = require "vaelua.data"
  for _, name in ipairs(core.modules("data")) do
    local folder, why, set = data.where(name)
    local title = set and set.title or name
    if not folder then
      local cure = tostring(why):match("not found; ([^\n]*)") or "--data DIR"
      cure = cure:gsub("one of these, or give", ("data/%s, or"):format(set.folders[1]))
      local say = name == "fashion_mnist" and need or better
      say("data", cure, "%s not found", title)
      local places = tostring(why):match("looked in:.*")
      if core.program.options.verbose and places then put("  ", "", places) end
    elseif set then
      local good, wrong_bytes = pcall(data.data, name)
      if good then
        ok("data", "%s in %s%s", title, folder, set.sha256 and ", checksums right" or "")
      else
        need("data", "put the right files there, or --data DIR", "%s",
          (tostring(wrong_bytes):gsub("^[^\n]-:%d+: ", "")))
      end
    end
  end
end

-- ---- pictures -----------------------------------------------------------------------------------

local function figures()
  local status, text = core.run_command { "gnuplot", "--version" }
  if status == 0 then
    ok("gnuplot", "%s", text:match("[^\n]*"))
  else
    better("gnuplot", "sudo apt install gnuplot-nox", "not found: no curves")
  end
end

local SHOWS = { kitty = "pictures by kitty's protocol", sixel = "pictures by sixel",
                blocks = "pictures as half blocks", ascii = "pictures as letters" }

local function terminal()
  local show, term = require "vaelua.show", os.getenv("TERM")
  local chosen, unknown = show.wanted()
  if unknown then
    better("pictures", "export VAELUA_IMAGES=auto", "VAELUA_IMAGES is %q, not %s", unknown,
      show.KINDS)
  elseif chosen then
    ok("pictures", "VAELUA_IMAGES=%s", chosen)
  end
  if not core.isatty(1) then return ok("terminal", "none: plain lines") end
  local wide = ("%s, %d columns"):format(term or "TERM is not set", core.columns())
  if term == nil or term == "" or term == "dumb" then
    return better("terminal", "export TERM=xterm-256color, if it is one", "%s: %s", wide,
      SHOWS[term == "dumb" and "ascii" or "blocks"])
  end
  local answer = show.ask()
  ok("terminal", "%s, %s", wide, answer.silent and "does not say what it can: half blocks"
    or SHOWS[answer.kind])
end

-- ---- folders ------------------------------------------------------------------------------------

local LEAST = 1 << 30     -- bytes: a run with pictures and checkpoints has far less

-- Free bytes on the file system of a folder, or nil.
local function free_in(folder)
  local status, text = core.run_command { "df", "-Pk", folder }
  local free = status == 0 and text:match("\n%S+%s+%d+%s+%d+%s+(%d+)")
  return free and free * 1024
end

local function size_text(bytes)
  if bytes >= 1 << 30 then return ("%.0f GB"):format(bytes / (1 << 30)) end
  return ("%.0f MB"):format(bytes / (1 << 20))
end

local function writable(what, folder, cure, say)
  local above = folder
  while not core.exists(above) do above = above:match("^(.+)/[^/]*$") or "." end
  local name = ("%s/.vaelua-%d"):format(above, core.pid())
  local good, why = pcall(core.write, name, "")
  if not good then
    return say(what, cure, "%s cannot be written: %s", folder,
      (tostring(why):gsub("^.*: cannot write: ", "")))
  end
  core.remove(name)
  local free = free_in(above)
  if free and free < LEAST then
    return better(what, cure, "%s: only %s free", folder, size_text(free))
  end
  ok(what, "%s can be written%s", folder, free and (", %s free"):format(size_text(free)) or "")
end

-- A folder of the user's: $XDG_NAME_HOME/vaelua or below HOME.
local function xdg(name, below)
  local base, home = os.getenv(name) or "", os.getenv("HOME") or ""
  if base == "" and home ~= "" then base = home .. below end
  return base ~= "" and base .. "/vaelua" or nil
end

local function folders()
  writable("runs", core.program.options.out or "runs", "--out DIR", need)
  for _, kind in ipairs { { "state", "XDG_STATE_HOME", "/.local/state", "the prompt's history" },
                          { "cache", "XDG_CACHE_HOME", "/.cache", "features of pictures" } } do
    local folder = xdg(kind[2], kind[3])
    local cure = ("export %s=DIR"):format(kind[2])
    if folder then
      writable(kind[1], folder, cure, better)
    else
      better(kind[1], cure, "no HOME: %s is not kept", kind[4])
    end
  end
end

--- Prints the lines; the exit status is 1 if something essential is missing.
function M.command()
  lines, wrong, missing = {}, 0, {}
  program()
  processor()
  libraries()
  gpu()
  data_sets()
  figures()
  terminal()
  folders()
  print(table.concat(lines, "\n"))
  print(#missing > 0 and "essential and missing: " .. table.concat(missing, ", ")
    or wrong > 0 and "all that is essential works" or "all works")
  return #missing > 0 and 1 or 0
end

return M
