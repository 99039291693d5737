-- failures_spec.lua - what is said when something is wrong with a CUDA device: none, too old, full,
-- lost. The simulated device plays them; elsewhere nothing is tested here.

local child = require "tests.lua.child"
local core = require "vaelua.core"

local simulated = ((core.cuda().plugin or ""):find("/sim/vaelua_cuda", 1, true)) ~= nil

describe("a CUDA device", function()
  local c
  before_each(function() c = child.new() end)
  after_each(function() c:drop() end)

  local function case(name, settings, text, check)
    it(name, function()
      if not simulated then return end
      local words = settings:find("DEVICE=auto", 1, true) and "" or "--device cuda"
      check(c:run('local va = require "vaelua"\n' .. text, words .. " --progress none", settings))
    end)
  end

  local function unavailable(name, settings, why)
    case(name, settings, "print(1)", function(r)
      assert.equal(4, r.status)
      assert.matches("^error: device cuda is not available: " .. why .. "   see: vaelua doctor\n",
        r.err)
    end)
  end

  unavailable("is not there", "SIM_COUNT=0", "the driver shows no device")
  unavailable("has an old driver", "SIM_COUNT=driver", "the driver is too old[^\n]*")

  case("is not there for auto", "SIM_COUNT=0 VAELUA_DEVICE=auto",
    'print(require "vaelua.core".device_line())', function(r)
      assert.matches("no CUDA device %(the driver shows no device%): using the CPU", r.out)
    end)

  case("is one of several", "SIM_COUNT=2", [[
    print(pcall(require "vaelua.core".setup, { device = "cuda:7" }))]], function(r)
      assert.matches("this process uses cuda:0", r.out)
    end)

  local many = [[
    local t = {}
    local good, why = pcall(function() for i = 1, 100 do t[i] = va.ones(100000) end end)
    print(good, why)
    t = nil
    print(va.ones(3):sum():item())]]

  case("is full, and goes on when there is room again", "SIM_MEMORY=4000000", many, function(r)
    assert.matches("out of memory on cuda:0: 0.4 MB asked, 3.[0-9] MB held by tensors, 0.[0-9] MB "
      .. "kept for reuse, 0.[0-9] MB free of 4.0 MB   a batch of less than %d+%% of this one may",
      r.out)
    assert.matches("\n3.0\n", r.out)
  end)

  case("is full, and nobody catches it", "SIM_MEMORY=4000000", [[
    local t = {}
    for i = 1, 100 do t[i] = va.ones(100000) end]], function(r)
      assert.equal(4, r.status)
      assert.matches("^error: script.lua:3: out of memory on cuda:0: ", r.err)
    end)

  case("is full, with blocks kept", "VAELUA_CUDA_ALLOC= SIM_MEMORY=30000000", [[
    local function fill(n, size)
      local t = {}
      for i = 1, n do t[i] = va.ones(size) end
    end
    fill(5, 1000000)
    collectgarbage()
    fill(2, 2500000)                       -- fits only when the five blocks are given back
    print(va.ones(3):sum():item(), va.memory().bytes < 25e6)]], function(r)
      assert.matches("3.0\ttrue\n", r.out)
    end)

  local lost = [[
    local x = va.ones(40, 3)
    for i = 1, 3 do
      print(pcall(function()
        for k = 1, 40 do x = x + 1 end
        return x:sum():item()
      end))
    end]]

  case("is lost: the launches are told, later calls fail alike", "SIM_LOST=30", lost, function(r)
    local first, second, third = r.out:match("^(.-)\n(.-)\n(.-)\n")
    assert.matches("^false\t.*cuda:0 is lost: unspecified launch failure "
      .. "%(cudaErrorLaunchFailure%)", first)
    assert.equal((first:gsub("lua:6", "lua:5")), second)
    assert.equal(second, third)
    assert.matches("cuda:0: the last %d+ launches, newest last:\n", r.err)
    assert.matches("\n  %d+  binary[^\n]* %[40, 3%] %[40, 3%] %[%]\n", r.err)
  end)

  case("is lost: the kernel is named where each is waited for", "VAELUA_CUDA_SYNC=1 SIM_LOST=1",
    "local x = va.ones(40, 3)\nprint(x:sum():item())", function(r)
      assert.matches("error: script.lua:2: cuda:0 is lost: unspecified launch failure "
        .. "%(cudaErrorLaunchFailure%), noticed at fill [^\n]*%[40, 3%]\n", r.err)
    end)

  case("cannot note a step, which then runs call by call", "SIM_CAPTURE_FAILS=1", [[
    local nn = va.nn
    local model = nn.model("m", { f = nn.chain({ 4 }, { nn.linear(3) }) })
    local adam, x = va.adam(model, { lr = 1e-3 }), va.rand(5, 4)
    for _ in va.steps(6) do adam:step((model.f(x) ^ 2):mean()) end
    print(va.ones(3):sum():item())]], function(r)
      assert.matches("cannot be launched as one graph %([^\n]*%): it runs call by call", r.err)
      assert.equal("3.0\n", r.out)
    end)

  case("of compute 7.5 has float32 alone", "SIM_DEVICE=t4", [[
    print(pcall(va.precision, "bf16"))
    print(pcall(va.precision, "tf32"))
    print(va.precision())]], function(r)
      assert.matches("precision 'bf16' is not available on cuda:0 %(available: float32%)", r.out)
      assert.matches("precision 'tf32' is not available on cuda:0 %(available: float32%)", r.out)
      assert.matches("\nfloat32\n", r.out)
    end)

  case("changes its precision in a noted loop", "SIM_SEED=2", [[
    local nn = va.nn
    local x = va.rand(5, 8)
    local function train(eager)
      va.seed(3)
      va.eager(eager)
      local m = nn.model("m", { f = nn.chain({ 8 }, { nn.linear(40), nn.relu, nn.linear(3) }) })
      local adam = va.adam(m, { lr = 1e-2 })
      for i in va.steps(9) do
        if i == 4 then va.precision "bf16" end
        if i == 7 then va.precision "float32" end
        adam:step((m.f(x) ^ 2):mean())
      end
      return m.f(x):sum():item()
    end
    print(train(true) == train(false), require "vaelua.core".turns().launched > 3)]], function(r)
      assert.matches("true\ttrue\n", r.out)
    end)

  case("rounds as it is told", "SIM_SEED=1", [[
    local a, b = va.rand(5, 40) + 1, va.rand(40, 3) + 1
    local x, w = va.rand(2, 6, 6, 3) + 1, va.rand(4, 3, 3, 3) + 1
    local product, image = a:matmul(b), va.conv(x, w)
    for _, name in ipairs { "tf32", "bf16" } do
      va.precision(name)
      local p, q = a:matmul(b) / product - 1, va.conv(x, w) / image - 1
      print(p:abs():max():item(), q:abs():max():item())
    end]], function(r)
      local a, b, e, d = r.out:match("(%S+)\t(%S+)\n(%S+)\t(%S+)\n")
      assert(tonumber(a) < 1e-3 and tonumber(b) < 1e-3, r.out)
      assert(tonumber(e) < 8e-3 and tonumber(e) > 1e-5, r.out)
      assert(tonumber(d) < 8e-3 and tonumber(d) > 1e-5, r.out)
    end)

end)
