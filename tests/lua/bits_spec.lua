-- bits_spec.lua - the same seed gives the same bytes: with any number of threads, in any process,
-- however Lua's collector works; and running out of memory at any place loses nothing.

local core = require "vaelua.core"
local child = require "tests.lua.child"

-- Trains a small VAE (convolutions, norms, dropout, both batch sizes) and prints a hash of all its
-- weights and of samples from it.
local script = [[
local va = require "vaelua"
local core = require "vaelua.core"
local nn, dist = va.nn, va.dist
local before = BEFORE
va.seed(5)
local x = va.rand(75, 12, 12, 1)
local set = va.set(x)
local vae = nn.model("vae", {
  enc = nn.chain({ 12, 12, 1 }, {
    nn.conv(8, 3, { stride = 2 }), nn.batchnorm(), nn.relu, nn.conv(16, 3, { stride = 2 }), nn.relu,
    nn.dropout(0.1), nn.linear(8) }),
  dec = nn.chain(4, { nn.linear { 3, 3, 16 }, nn.relu, nn.deconv(8, 3, { stride = 2 }), nn.relu,
    nn.deconv(1, 3, { stride = 2 }) }),
})
function vae:posterior(v) return dist.normal(self.enc(v):split(2)) end
function vae:likelihood(z) return dist.bernoulli(self.dec(z)) end
function vae:loss(v)
  local z, kl = self:posterior(v):draw(self:prior())
  return (kl - self:likelihood(z):logp(v)):mean()
end
local adam = va.adam(vae, { lr = 1e-3, clip = 5 })
before()
for _, v in set:epochs(3, 33) do adam:step(vae:loss(v)) end
debug.sethook()
local parts = { tostring(vae:sample(3):totable()[1][1][1][1]) }
for path, p in pairs(vae:params()) do
  parts[#parts + 1] = path
  for _, n in ipairs(p:reshape(-1):totable()) do parts[#parts + 1] = ("%a"):format(n) end
end
print(core.sha256(table.concat(parts, " ")))
]]

local function hash_of(c, before, words, environment)
  local text = script:gsub("BEFORE", function() return before or "function() end" end)
  local run = c:run(text, words, environment)
  assert(run.status == 0, run.err)
  return run.out:match("%x+")
end

describe("the same seed", function()
  local c = child.new()
  local expected = hash_of(c)
  teardown(function() c:drop() end)

  it("gives a hash of everything, and another seed another", function()
    assert.are.equal(64, #expected)
    assert.are_not.equal(expected, hash_of(c, 'function() va.seed(6) end'))
  end)

  for threads = 1, 4 do
    it(("gives the same bytes with %d threads"):format(threads), function()
      assert.are.equal(expected, hash_of(c, nil, "--threads " .. threads))
      assert.are.equal(expected, hash_of(c, nil, "", "OMP_NUM_THREADS=" .. threads))
    end)
  end

  it("gives the same bytes in ten processes", function()
    for _ = 1, 10 do assert.are.equal(expected, hash_of(c)) end
  end)

  it("gives the same bytes with a collection at every call, and with none", function()
    assert.are.equal(expected, hash_of(c, 'function() collectgarbage("stop") end'))
    assert.are.equal(expected, hash_of(c, 'function() collectgarbage("incremental", 50, 1000) end'))
    assert.are.equal(expected,
      hash_of(c, 'function() debug.sethook(function() collectgarbage() end, "c") end'))
  end)
end)

describe("running out of memory", function()
  local inside = core.inside

  it("at any allocation of a step is an error or is made good, and loses nothing", function()
    local va = require "vaelua"
    local nn = va.nn
    local net = nn.model("net", { body = nn.chain({ 8, 8, 1 }, {
      nn.conv(4, 3, { stride = 2 }), nn.relu, nn.deconv(1, 3, { stride = 2 }) }) })
    local adam = va.adam(net, { lr = 1e-3 })
    local x = va.rand(3, 8, 8, 1)
    local function step()
      va.train(function() adam:step(va.loss.squared(net.body(x), x):mean()) end)
    end
    step()
    collectgarbage()
    collectgarbage()
    local small, frames = inside.memory().small, inside.frames()
    local start = inside.memory().allocations
    step()
    local count = inside.memory().allocations - start
    assert(count > 20)
    for n = 1, count do
      inside.fail_at(n)
      local ok, message = pcall(step)
      inside.fail_at(0)
      assert(ok or message:find("out of memory", 1, true), message)
      assert.are.equal(frames, inside.frames())
      assert.are.equal("outside", core.mode())
    end
    step()
    collectgarbage()
    collectgarbage()
    assert(inside.memory().small <= small + 64, ("%d things, once %d"):format(inside.memory().small,
      small))
  end)
end)
