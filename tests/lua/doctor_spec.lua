-- doctor_spec.lua - `vaelua doctor`: each line is ok or says what to type, and the exit status is 1
-- only where something essential is missing.

local child = require "tests.lua.child"
local core = require "vaelua.core"
local show = require "vaelua.show"
local terminal = require "tests.lua.terminal"

local c = child.new()
teardown(function() c:drop() end)

local program = core.realpath("/proc/self/exe")

-- Status and lines of the command, with words of the environment before it.
local function ask(before, words)
  local line = ("cd %s && env HOME=%s/home %s %s doctor %s 2>&1 </dev/null"):format(c.folder,
    c.folder, before or "", program, words or "")
  return core.run_command { "sh", "-c", line }
end

local function has(text, pattern)
  assert.is_truthy(text:find(pattern), ("no '%s' in:\n%s"):format(pattern, text))
end

describe("doctor", function()
  it("has a line for each thing, ok or with what to type", function()
    local _, text = ask("OMP_NUM_THREADS=1")
    for _, what in ipairs { "program", "cpu", "device", "threads", "oneDNN", "OpenBLAS", "OpenMP",
                            "CUDA", "data", "gnuplot", "terminal", "runs", "state", "cache" } do
      has(text, "\n?%S%S  " .. what .. " ")
    end
    local lines = {}
    for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
    for i = 1, #lines - 1 do
      local line = lines[i]
      assert(line:find("^ok  %S") or line:find("^%-%-  %S.* : %S") or line:find("^ +"), line)
    end
    assert(lines[#lines]:find("works$") or lines[#lines]:find("^essential and missing: "))
  end)

  it("names the folder of a data set whose bytes are right", function()
    local _, text = ask("")
    if not text:find("ok  data      Fashion", 1, true) then return pending("no Fashion-MNIST") end
    has(text, "ok  data      Fashion%-MNIST in /%S+, checksums right\n")
  end)

  it("says what to type where a data set is missing, with the status 1", function()
    local status, text = ask("", "--data " .. c.folder)
    assert.equal(1, status)
    has(text, "%-%-  data      Fashion%-MNIST not found : on Debian: sudo apt install "
      .. "dataset%-fashion%-mnist   or: %-%-data DIR\n")
    has(text, "\nessential and missing: data\n$")
  end)

  it("knows files that are not what they are called", function()
    local folder = c:path("bad/fashion-mnist")
    for _, name in ipairs { "train-images-idx3", "train-labels-idx1", "t10k-images-idx3",
                            "t10k-labels-idx1" } do
      c:write("bad/fashion-mnist/" .. name .. "-ubyte", "nothing")
    end
    local status, text = ask("", "--data " .. c:path("bad"))
    assert.equal(1, status)
    has(text, "%-%-  data      [^\n]*" .. folder:gsub("%p", "%%%0")
      .. "[^\n]* : put the right files")
  end)

  it("finds more threads than cores", function()
    local _, text = ask("OMP_NUM_THREADS=60")
    if text:find("ok  threads", 1, true) then return pending("this machine has 60 cores") end
    has(text, "%-%-  threads   60 on %d+ cores?, OMP_NUM_THREADS=60: they wait for each other"
      .. " : %-%-threads %d+, or export OMP_NUM_THREADS=%d+\n")
  end)

  it("finds folders that cannot be written", function()
    c:write("file", "")
    local status, text = ask("XDG_CACHE_HOME=/proc/nowhere", "--out /proc/runs")
    assert.equal(1, status)
    has(text, "%-%-  runs      /proc/runs cannot be written: [^\n]* : %-%-out DIR\n")
    has(text, "%-%-  cache     /proc/nowhere/vaelua cannot be written: [^\n]* : "
      .. "export XDG_CACHE_HOME=DIR\n")
    has(text, "essential and missing: [^\n]*runs")
    assert.is_nil(text:match("essential[^\n]*cache"))
  end)

  it("looks at VAELUA_IMAGES", function()
    local _, text = ask("VAELUA_IMAGES=sixl")
    has(text, '%-%-  pictures  VAELUA_IMAGES is "sixl", not auto, kitty, sixel, blocks, ascii or '
      .. "none : export VAELUA_IMAGES=auto\n")
    _, text = ask("VAELUA_IMAGES=sixel")
    has(text, "ok  pictures  VAELUA_IMAGES=sixel\n")
  end)

  it("reads what terminals answer", function()
    local function kind(answer) return show.read_answer(answer).kind end
    assert.equal("blocks", kind "\27[?1;2c")
    assert.equal("blocks", kind "\27[?64;1;2;6;9;15;18;21;22c")
    assert.equal("sixel", kind "\27[?63;1;2;4;6;9;15;22c")
    assert.equal("kitty", kind "\27_Gi=31;OK\27\\\27[?62;c")
    assert.equal("blocks", kind "")
    assert.is_true(show.read_answer "".silent)
    assert.same({ kind = "sixel", width = 9, height = 18, silent = false },
                show.read_answer "\27[6;18;9t\27[?62;4c")
  end)

  it("asks a terminal, and leaves it as it was", function()
    if core.run_command { "sh", "-c", "command -v tmux >/dev/null" } ~= 0 then
      return pending("no tmux")
    end
    local t <close> = setmetatable({}, { __close = function(t) t[1]:drop() end })
    t[1] = terminal.new { columns = 100, rows = 40 }
    t[1]:start()
    has(t[1]:run("!" .. program .. " doctor --data . ; stty -a > seen.txt"),
      "ok  terminal  %S+, 100 columns, pictures as half blocks\n")
    has(t[1]:run("!TERM=dumb " .. program .. " doctor --data ."),
      "%-%-  terminal  dumb, 100 columns: pictures as letters : "
      .. "export TERM=xterm%-256color, if it is one\n")
    local f <close> = assert(io.open(t[1].folder .. "/seen.txt"))
    local seen = f:read "a"
    has(seen, " echo")
    has(seen, " icanon")
  end)
end)
