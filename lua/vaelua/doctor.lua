-- doctor.lua - `vaelua doctor`: what works on this machine, and what to type where it does not.
--
-- Each line begins with "ok", "note" (works, but not at its best) or "bad" (something will fail).

local core = require "vaelua.core"

local M = {}

local lines, wrong

local function say(level, what, format, ...)
  if level == "bad" then wrong = wrong + 1 end
  lines[#lines + 1] = ("%-5s %-9s %s"):format(level, what, format:format(...))
end

local function read(path)
  local f = io.open(path, "rb")
  if not f then return "" end
  local text = f:read("a")
  f:close()
  return text
end

local function program()
  local p = core.program
  say("ok", "program", "vaelua %s, %s, commit %s, built with %s", p.version, core.lua,
    p.commit ~= "" and p.commit or "unknown", p.build)
end

local function processor()
  local level = core.isa == "x86-64-v2" and "note" or "ok"
  say(level, "cpu", "%d thread%s, %s%s", core.threads(), core.threads() == 1 and "" or "s",
    core.isa, level == "note" and " (no AVX2: right, but slow)" or "")
  say("ok", "device", "%s", (core.device_line():gsub("^device ", "")))
end

-- Libraries that this process has loaded: two OpenMP runtimes would fight for the cores.
local function libraries()
  local omp, pthread, blas = {}, false, nil
  for path in read("/proc/self/maps"):gmatch("(/%S+)\n") do
    local name = path:match("[^/]+$")
    if name:find("^lib[gi]?omp") then omp[path] = true end
    if name:find("^libopenblas") then
      blas = path
      pthread = pthread or path:find("pthread") ~= nil
    end
  end
  local count = 0
  for _ in pairs(omp) do count = count + 1 end
  say("ok", "oneDNN", "%s", core.onednn)
  if pthread then
    say("bad", "OpenBLAS", "the pthread build is loaded (%s): sudo apt install "
      .. "libopenblas-openmp-dev, then build again", blas)
  else
    say("ok", "OpenBLAS", "%s", core.blas)
  end
  say(count == 1 and "ok" or "bad", "OpenMP", "%d runtime%s loaded", count,
    count == 1 and "" or "s")
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

local function gpu()
  local c = core.cuda()
  if c.name then
    say("ok", "CUDA", "%s: %s", c.name, c.about)
  else
    local cure = ""
    for _, pair in ipairs(CURES) do
      if c.why:find(pair[1]) then
        cure = "   " .. pair[2]
        break
      end
    end
    local wanted = core.exists("/dev/nvidiactl") or core.exists("/dev/dxg")
    if wanted then
      say("note", "CUDA", "there is an NVIDIA device, but: %s%s", c.why, cure)
    else
      say("ok", "CUDA", "none: using the CPU (%s)", c.why)
    end
  end
  if c.plugin and (c.name or core.program.options.verbose) then
    say("ok", "backend", "%s", c.plugin)
  end
  local names = {}
  for name in pairs(SWITCHES) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    if os.getenv(name) then
      say("note", "CUDA", "%s=%s   %s", name, os.getenv(name), SWITCHES[name])
    elseif core.program.options.verbose then
      say("ok", "CUDA", "%s is not set   %s", name, SWITCHES[name])
    end
  end
end

local function data_set()
  local good, why = pcall(function() return require "vaelua".data "fashion_mnist" end)
  if good then
    say("ok", "data", "Fashion-MNIST is there and its bytes are right")
  else
    why = tostring(why):gsub("^[^\n]-:%d+: ", ""):gsub("\n", "\n" .. (" "):rep(16))
    say("bad", "data", "%s", why)
  end
end

local function figures()
  local status, text = core.run_command { "gnuplot", "--version" }
  if status == 0 then
    say("ok", "gnuplot", "%s", text:match("[^\n]*"))
  else
    say("note", "gnuplot", "not found: no curves.   sudo apt install gnuplot-nox")
  end
end

local function terminal()
  if core.isatty(1) then
    say("ok", "terminal", "%s, %d columns", os.getenv("TERM") or "TERM is not set", core.columns())
  else
    say("ok", "terminal", "none: plain lines")
  end
end

-- Runs are kept below here.
local function writable()
  local folder = core.program.options.out or "runs"
  local above = folder
  while not core.exists(above) do above = above:match("^(.+)/[^/]*$") or "." end
  local name = ("%s/.vaelua-%d"):format(above, core.pid())
  local good, why = pcall(core.write, name, "")
  if good then core.remove(name) end
  say(good and "ok" or "bad", "runs", "%s", good and folder .. "/ can be written"
    or tostring(why) .. "   see: --out DIR")
end

--- Prints the lines; the exit status is 1 if something will fail.
function M.command()
  lines, wrong = {}, 0
  program()
  processor()
  libraries()
  gpu()
  data_set()
  figures()
  terminal()
  writable()
  print(table.concat(lines, "\n"))
  return wrong > 0 and 1 or 0
end

return M
