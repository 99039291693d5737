-- device_spec.lua - which device is taken and why, and what is said where there is none. The CUDA
-- backend is played by tests/plugin/fake.c, so that this runs on every machine.

local child = require "tests.lua.child"
local core = require "vaelua.core"

local build = core.realpath("/proc/self/exe"):match("^(.*)/test/[^/]*$")
local fake = build .. "/test/plugin"
local FAKE = "VAELUA_CUDA_DRIVER=skip LD_LIBRARY_PATH=" .. fake

describe("the device", function()
  local c

  before_each(function() c = child.new() end)
  after_each(function() c:drop() end)

  local function run(text, words, before)
    return c:run('local va, core = require "vaelua", require "vaelua.core"\n' .. text, words,
      before)
  end

  it("is the CPU by auto where there is no driver, and a line says so", function()
    local r = run("print(core.device_line())", "", "LD_LIBRARY_PATH=" .. fake)
    if core.exists("/dev/nvidiactl") then return end
    assert.equal(0, r.status)
    assert.matches("^device cpu %(.-%): no CUDA device %(driver not found%): using the CPU", r.out)
  end)

  it("is CUDA by auto where there is one", function()
    local r = run("print(core.device_line())", "", FAKE)
    assert.equal("device cuda:0 (a fake): found\n", r.out)
  end)

  it("is not opened by a program that computes nothing", function()
    c:write("trap/vaelua_cuda.so", "no shared object")
    local before = ("VAELUA_CUDA_DRIVER=skip LD_LIBRARY_PATH=%s"):format(c:path("trap"))
    assert.equal(0, run("print(1)", "", before).status)
    local r = run("print(core.device_line())", "", before)
    assert.equal(0, r.status)
    assert.matches("no CUDA device %(.*vaelua_cuda.so: file too short%): using the CPU", r.out)
  end)

  it("ends with status 4 where it was asked for and is not there", function()
    local cases = {
      { "FAKE=stale " .. FAKE, "cuda", "vaelua_cuda.so is of another build" },
      { "FAKE=none " .. FAKE, "cuda:0", "the driver shows no device" },
      { FAKE, "cuda:7", "there is 1 CUDA device, cuda:0" },
    }
    for _, case in ipairs(cases) do
      local r = run("print(1)", "--device " .. case[2], case[1])
      assert.equal(4, r.status)
      assert.equal(("error: device %s is not available: %s   see: vaelua doctor\n"):format(case[2],
        case[3]), r.err)
    end
  end)

  it("is one CUDA device for a process", function()
    local r = run([[
      core.setup { device = "cuda" }
      print(pcall(core.setup, { device = "cuda:1" }))
      core.setup { device = "cpu" }
      print(va.device(), va.ones(2):sum():item())]], "", FAKE)
    assert.equal(0, r.status)
    assert.matches("this process uses cuda:0, and one CUDA device is all", r.out)
    assert.matches("cpu\t2", r.out)
  end)

  it("names the library that is missing", function()
    local r = run("print(1)", "--device cuda", "VAELUA_CUDA_DRIVER=skip LD_LIBRARY_PATH=" .. fake
      .. "/missing")
    assert.equal(4, r.status)
    assert.matches("not available: the library libnot_there.so.1 is missing ", r.err)
  end)

  it("tells its memory and precision", function()
    local r = run([[
      local m = va.memory()
      print(m.device, m.bytes, m.idle, m.peak, m.free, m.total)
      print(va.precision(), va.precision "tf32", va.precision())
      print(select(2, pcall(va.precision, "bf16")))
      print(va.precision())
      core.setup { device = "cpu" }
      print(va.precision())]], "--device cuda", FAKE)
    assert.equal(0, r.status)
    assert.equal("cuda:0\t1\t2\t3\t4\t5\nfloat32\ttf32\ttf32\n"
      .. "script.lua:5: precision 'bf16' is not available on cuda:0 (available: float32, tf32)\n"
      .. "tf32\nfloat32\n", (r.out:gsub("^(.-\n.-\n)[^\n]-script", "%1script")))
  end)

  it("has float32 and bf16 on the CPU", function()
    local r = run([[va.precision "tf32"]], "--device cpu")
    assert.equal(4, r.status)
    assert.matches("precision 'tf32' is not available on cpu %(available: float32, bf16%)", r.err)
    r = run([[
      print(va.precision "bf16", va.precision())
      print((pcall(va.precision, "tf32")))
      print(va.precision())
      core.setup { device = "cpu" }
      print(va.precision())]], "--device cpu")
    assert.equal("bf16\tbf16\nfalse\nbf16\nfloat32\n", r.out)
  end)
end)
