-- precision_spec.lua - va.precision "bf16" on the CPU: what is rounded and what is not, the same
-- bytes with any number of threads, gradients and a training close to those of float32, and loops
-- whose precision changes.

local va = require "vaelua"
local core = require "vaelua.core"
local child = require "tests.lua.child"

local nn = va.nn

-- A small network with every kind of product, and a batch for it.
local function make(act)
  va.seed(3)
  local m = nn.model("m", { f = nn.chain({ 12, 11, 1 }, {
    nn.conv(16, 3, { stride = 2 }), act, nn.conv(40, 3), act, nn.linear { 6, 6, 24 }, act,
    nn.deconv(20, 3, { stride = 2 }), act, nn.linear(10) }) })
  return m, va.rand(33, 12, 11, 1)
end

local function bytes_of(m)
  local parts = {}
  for path, p in pairs(m:params()) do
    parts[#parts + 1] = path
    for _, n in ipairs(p:reshape(-1):totable()) do parts[#parts + 1] = ("%a"):format(n) end
  end
  return core.sha256(table.concat(parts, " "))
end

local function loss_of(m, x) return (m.f(x) ^ 2):mean() end

-- Trains for nine steps; change(i) may do something before step i.
local function train(change)
  local m, x = make(nn.relu)
  local adam = va.adam(m, { lr = 1e-3 })
  for i in va.steps(9) do
    if change then change(i) end
    adam:step(loss_of(m, x))
  end
  return bytes_of(m), loss_of(m, x):item()
end

describe("va.precision 'bf16'", function()
  after_each(function() va.precision "float32" end)

  it("rounds the operands of products and convolutions", function()
    local a, b = va.rand(30, 40) + 1, va.rand(40, 33) + 1
    local x, w, v = va.rand(2, 6, 6, 8) + 1, va.rand(4, 3, 3, 8) + 1, va.rand(8, 3, 3, 4) + 1
    local function all() return { a:matmul(b), va.conv(x, w), va.deconv(x, v) } end
    local exact = all()
    va.precision "bf16"
    for i, y in ipairs(all()) do
      local d = (y / exact[i] - 1):abs():max():item()
      assert(d > 1e-5 and d < 8e-3, d)
    end
  end)

  it("leaves few channels, tiny products and all else in float32", function()
    local a, b = va.rand(3, 4), va.rand(4, 5)
    local x, w = va.rand(2, 6, 6, 1), va.rand(16, 3, 3, 1)
    local function all()
      return { a:matmul(b), va.conv(x, w), x * x, x:sum(), x:exp() }
    end
    local exact = all()
    va.precision "bf16"
    for i, y in ipairs(all()) do
      assert.equal(0, (y - exact[i]):abs():max():item())
    end
  end)

  -- Without kinks, at which a rounding may switch a unit on or off.
  it("has gradients close to those of float32", function()
    local m, x = make(va.tanh)
    local params = m:params()
    local function gradients()
      local list = {}
      for path, p in pairs(params) do list[path] = va.grad(loss_of(m, x), p) end
      return list
    end
    local exact = gradients()
    va.precision "bf16"
    for path, g in pairs(gradients()) do
      local d = ((g - exact[path]) ^ 2):sum():item() / (exact[path] ^ 2):sum():item()
      assert(d < 1e-4 and d > 0, path .. " " .. d)
    end
  end)

  it("goes back to float32 with the same bytes", function()
    local before = train()
    va.precision "bf16"
    local rounded = train()
    va.precision "float32"
    assert.equal(before, train())
    assert.not_equal(before, rounded)
  end)

  it("trains as well", function()
    local _, exact = train()
    va.precision "bf16"
    local _, rounded = train()
    assert(math.abs(rounded / exact - 1) < 0.02, rounded / exact)
  end)

  it("changes between the turns of a loop, and within one", function()
    local function change(i)
      if i == 4 then va.precision "bf16" end
      if i == 7 then va.precision "float32" end
    end
    local launched = core.turns().launched
    local noted = train(change)
    assert(core.turns().launched > launched + 3)
    va.eager(true)
    local eager = train(change)
    va.eager(false)
    assert.equal(eager, noted)
    assert.not_equal(train(), noted)
    -- Two losses of one turn, each in its own precision.
    local function both(i)
      va.precision(i % 2 == 0 and "bf16" or "float32")
    end
    local function mixed(eagerly)
      va.eager(eagerly)
      local m, x = make(nn.relu)
      local adam, sums = va.adam(m, { lr = 1e-3 }), {}
      for i in va.steps(6) do
        local first = loss_of(m, x)
        both(i)
        adam:step(loss_of(m, x) + first)
        sums[#sums + 1] = first
      end
      va.eager(false)
      va.precision "float32"
      for i, s in ipairs(sums) do sums[i] = ("%a"):format(s:item()) end
      return bytes_of(m) .. table.concat(sums, " ")
    end
    assert.equal(mixed(true), mixed(false))
  end)

  it("gives the same bytes with any number of threads", function()
    local c <close> = setmetatable(child.new(), { __index = child, __close = child.drop })
    local script = [[
      local va, core = require "vaelua", require "vaelua.core"
      va.precision "bf16"
      va.seed(5)
      local vae = va.models.vae { shape = { 28, 28, 1 }, z = 20 }
      local adam, x = va.adam(vae, { lr = 1e-3 }), va.rand(150, 28, 28, 1)
      for _, v in va.set(x):epochs(2, 64) do adam:step((vae:loss(v, 1))) end
      local parts = {}
      for path, p in pairs(vae:params()) do
        for _, n in ipairs(p:reshape(-1):totable()) do
          parts[#parts + 1] = ("%s %a"):format(path, n)
        end
      end
      print(core.sha256(table.concat(parts, " ")))]]
    local one = c:run(script, "--threads 1")
    assert.equal(0, one.status, one.err)
    assert.equal(65, #one.out)
    for threads = 2, 4 do
      assert.equal(one.out, c:run(script, "--threads " .. threads).out)
    end
  end)
end)
