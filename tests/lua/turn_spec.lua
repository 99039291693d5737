-- turn_spec.lua - record, match, replay: loops that make it hard to note a turn give the bits of
-- running call by call, on every device.
--
-- Each loop is run twice, eagerly and noted, from the same seed; what it returns (tensors, numbers)
-- and the weights that it leaves must have equal bytes.

local va = require "vaelua"
local core = require "vaelua.core"
local bytes_of = require("tests.lua.makers").bytes_of
local nn, normal, bernoulli = va.nn, va.dist.normal, va.dist.bernoulli

-- Rows that differ, with labels 1 .. 3.
local function rows(n)
  va.seed(5)
  local x = va.rand(n, 6)
  local y = {}
  for i = 1, n do y[i] = i % 3 + 1 end
  return va.set(x, va.tensor(y, "int32"))
end

local function small_vae()
  local m = nn.model("vae", { enc = nn.chain(6, { nn.linear(16), nn.relu, nn.linear(4) }),
                              dec = nn.chain(2, { nn.linear(16), nn.relu, nn.linear(6) }) })
  function m:posterior(x) return normal(self.enc(x):split(2)) end
  function m:likelihood(z) return bernoulli(self.dec(z)) end
  function m:loss(x, beta)
    local z, kl = self:posterior(x):draw(self:prior())
    local rec = -self:likelihood(z):logp(x)
    return (rec + beta * kl):mean(), { rec = rec, kl = kl }
  end
  return m
end

-- body(vae, adam, set) in a seed of its own; the bytes of what it gives and of the weights, and
-- what became of the turns.
local function run(body, eager, n)
  local set = rows(n or 64)
  va.seed(7)
  va.eager(eager)
  local m = small_vae()
  local adam = va.adam(m, { lr = 1e-2 })
  local before = core.turns()
  local ok, result = pcall(body, m, adam, set)
  va.eager(false)
  assert(ok or tostring(result):find(": planned$"), result)
  local list = { bytes_of(ok and result or "failed") }
  for _, p in pairs(m:params()) do list[#list + 1] = bytes_of(p) end
  local after = core.turns()
  for k, v in pairs(after) do after[k] = v - before[k] end
  return table.concat(list, ";"), after
end

-- The same bytes; how many turns were launched as one, at least.
local function same(launched, body, n)
  local wanted, none = run(body, true, n)
  local got, turns = run(body, false, n)
  assert.are.equal(wanted, got)
  assert.are.equal(0, none.noted)
  assert(turns.launched >= launched,
    ("%d of %d turns were launched, needed %d"):format(turns.launched, turns.turns, launched))
  return turns
end

local function step(m, adam, x, beta)
  local loss, terms = m:loss(x, beta or 1)
  adam:step(loss)
  return loss, terms
end

describe("a plain loop", function()
  it("is noted once and launched ever after", function()
    local turns = same(19, function(m, adam, set)
      for t, x in set:epochs(5, 16) do
        local loss, terms = step(m, adam, x)
        va.log(t, m, loss, terms)
      end
      return va.history(m).loss
    end)
    assert.are.equal(1, turns.noted)
    assert.are.equal(0, turns.partly)
  end)

  it("with schedules of beta and the learning rate", function()
    local turns = same(19, function(m, adam, set)
      local beta = va.schedule.ramp(0, 2, 3)
      for t, x in set:epochs(5, 16) do
        adam.lr = 1e-2 / (1 + t)
        step(m, adam, x, beta(t))
      end
    end)
    assert.are.equal(1, turns.noted)
  end)

  it("with a short last batch has two plans", function()
    local turns = same(18, function(m, adam, set)
      for _, x in set:epochs(5, 24) do step(m, adam, x) end
    end, 88)
    assert.are.equal(2, turns.noted)
  end)

  it("of va.steps, with data made in it", function()
    same(9, function(m, adam)
      for i in va.steps(10) do
        step(m, adam, va.rand(8, 6) * (1 / i))
      end
    end)
  end)

  it("with a moving average, dropout, batch norm and labels", function()
    same(17, function(_, _, set)
      local net = nn.model("net", { f = nn.chain(6, { nn.linear(12), nn.batchnorm(), nn.relu,
                                                      nn.dropout(0.3), nn.linear(3) }) })
      local sgd = va.sgd(net, { lr = 0.1, momentum = 0.9, clip = 0.5 })
      local mean = va.ema(net, 0.9)
      for _, x, y in set:epochs(5, 16) do
        sgd:step(-va.dist.categorical(net.f(x)):logp(y):mean())
        mean:update()
      end
      local list = {}
      for _, m in ipairs { net, mean } do
        for _, p in pairs(m:params()) do list[#list + 1] = p end
      end
      return list
    end)
  end)

  it("of two optimisers that step together", function()
    same(15, function(m, _, set)
      local layers = { nn.linear(8), nn.relu, nn.linear(1) }
      local critic = nn.model("critic", { f = nn.chain(2, layers) })
      local a, b = va.adam(m, { lr = 1e-3 }), va.adam(critic, { lr = 1e-3 })
      for _, x in set:epochs(5, 16) do
        local z = m:posterior(x):mean()
        local real, fake = critic.f(va.randn(16, 2)), critic.f(z)
        local rec = m:loss(x, 0)
        va.step({ a, rec - fake:mean() }, { b, fake:mean() - real:mean() })
      end
      return critic:params()["f.1.weight"]
    end)
  end)

  it("whose gradients are gathered over turns", function()
    same(0, function(m, adam, set)
      for t, x in set:epochs(6, 16) do
        adam:add((m:loss(x, 1)))
        if t * 4 % 2 == 0 then adam:step() end
      end
    end)
  end)

  it("with an op of the script's own", function()
    local double = va.op { name = "double", forward = function(x) return x * 2 end,
                           backward = function(dy) return dy * 2 end }
    same(11, function(m, adam, set)
      for _, x in set:epochs(3, 16) do
        adam:step((double(m.enc(x)):square():mean()))
      end
    end)
  end)
end)

describe("control flow is not frozen", function()
  it("branches on t", function()
    local turns = same(25, function(m, adam, set)
      for t, x in set:epochs(8, 16) do
        if t > 3 and t * 4 % 2 == 0 then step(m, adam, x, 0.5)
        else adam:step((m:loss(x, 1) * 2 + m.enc(x):square():mean())) end
      end
    end)
    assert(turns.noted >= 2)
  end)

  it("branches on a value", function()
    same(0, function(m, adam, set)
      local taken = 0
      for _, x in set:epochs(5, 16) do
        local loss = m:loss(x, 1)
        if loss:item() > 4.4 then
          loss = loss * 3
          taken = taken + 1
        end
        adam:step(loss)
      end
      return taken
    end)
  end)

  it("reads the loss of every turn at its end", function()
    local turns = same(15, function(m, adam, set)
      local list = {}
      for _, x in set:epochs(4, 16) do list[#list + 1] = step(m, adam, x):item() end
      return list
    end)
    assert.are.equal(0, turns.partly)
  end)

  it("swaps arguments", function()
    same(0, function(m, adam, set)
      local a, b = va.full({ 16, 6 }, 0.5), va.full({ 16, 6 }, 0.25)
      for _, x in set:epochs(5, 16) do
        a, b = b, a
        adam:step((m:loss(x * a + b, 1)))
      end
    end)
  end)

  it("changes a structural number and a shape", function()
    same(0, function(m, adam, set)
      for t, x in set:epochs(3, 16) do
        local k = math.floor(t * 4) % 3 + 1
        adam:step((m:loss(x:rows(1, 4 * k), 1)) + m.enc(x):sum(k % 2 + 1):mean())
      end
    end)
  end)

  it("exchanges two ops of equal shapes", function()
    same(4, function(m, adam, set)
      for t, x in set:epochs(4, 16) do
        local h = t % 1 == 0 and m.enc(x):tanh() or m.enc(x):sigmoid()
        adam:step(h:mean())
      end
    end)
  end)

  it("stops noting where every turn differs, and says so once", function()
    local run_module, said = require "vaelua.run", {}
    local say = run_module.say
    run_module.say = function(text) said[#said + 1] = text end
    local turns = same(0, function(m, adam)
      for i in va.steps(12) do step(m, adam, va.rand(i, 6)) end
    end)
    run_module.say = say
    assert.are.equal(1, #said)
    assert(said[1]:find("differ from each other", 1, true), said[1])
    assert(turns.noted <= 3)
  end)

  it("writes to a parameter in the body", function()
    same(0, function(m, adam, set)
      for t, x in set:epochs(3, 16) do
        step(m, adam, x)
        for _, p in pairs(m:params()) do p:set(p:clamp(-0.3, 0.3)) end
        if t % 1 == 0 then m:params()["enc.1.bias"]:set(0.125) end
      end
    end)
  end)
end)

describe("what outlives its turn", function()
  it("keeps old losses", function()
    same(1, function(m, adam, set)
      local kept = {}
      for _, x in set:epochs(3, 16) do kept[#kept + 1] = step(m, adam, x) end
      return kept
    end)
  end)

  it("keeps activations, batches and views of them", function()
    same(0, function(m, adam, set)
      local kept, last = {}, nil
      for _, x in set:epochs(3, 16) do
        local h = m.enc(x)
        kept[#kept + 1] = x:rows(3, 5)
        kept[#kept + 1] = h:split(2)
        if last then kept[#kept + 1] = h:detach() - last end
        last = h:detach():transpose()
        last = last:transpose()
        step(m, adam, x)
      end
      return kept
    end)
  end)

  it("adds up over turns", function()
    same(0, function(m, adam, set)
      local total = 0
      for _, x in set:epochs(4, 16) do total = total + step(m, adam, x):detach() end
      return total
    end)
  end)

  it("compares with the turn before", function()
    same(0, function(m, adam, set)
      local before, rises = nil, va.zeros()
      for _, x in set:epochs(4, 16) do
        local loss = step(m, adam, x):detach()
        if before then rises = rises + loss:gt(before) end
        before = loss
      end
      return rises
    end)
  end)

  it("is read after the loop, of every loop", function()
    same(4, function(m, adam, set)
      local kept = {}
      for _ = 1, 3 do
        local last
        for _, x in set:epochs(1, 16) do last = step(m, adam, x) end
        kept[#kept + 1] = last
      end
      return kept
    end)
  end)

  it("is told apart from what lies in its place now", function()
    same(0, function(m, adam, set)
      local old, list = nil, {}
      for _, x in set:epochs(3, 16) do
        local loss = step(m, adam, x):detach()
        if old then list[#list + 1] = (loss - old):item() end
        old = loss
      end
      return list
    end)
  end)
end)

describe("a loop that ends early", function()
  it("by break", function()
    same(5, function(m, adam, set)
      local n = 0
      for _, x in set:epochs(5, 16) do
        step(m, adam, x)
        n = n + 1
        if n == 7 then break end
      end
    end)
  end)

  it("by break before the turn's work is done", function()
    same(3, function(m, adam, set)
      local n, loss = 0, nil
      for _, x in set:epochs(5, 16) do
        n = n + 1
        loss = m:loss(x, 1)
        if n == 6 then break end
        adam:step(loss)
      end
      return loss
    end)
  end)

  it("by an error, after some work", function()
    same(4, function(m, adam, set)
      local n = 0
      for _, x in set:epochs(5, 16) do
        n = n + 1
        step(m, adam, x)
        if n == 6 then error("planned") end
      end
    end)
  end)

  it("by an error of an op that is caught", function()
    same(0, function(m, adam, set)
      local n = 0
      for _, x in set:epochs(3, 16) do
        n = n + 1
        if n % 5 == 0 then assert(not pcall(function() return m.enc(x):matmul(x) end)) end
        step(m, adam, x)
      end
    end)
  end)

  it("by return", function()
    same(2, function(m, adam, set)
      local n = 0
      for _, x in set:epochs(5, 16) do
        n = n + 1
        local loss = step(m, adam, x)
        if n == 4 then return loss end
      end
    end)
  end)
end)

describe("loops in loops", function()
  it("validation at the end of an epoch", function()
    same(11, function(m, adam, set)
      local list = {}
      for t, x in set:epochs(4, 16) do
        step(m, adam, x)
        if t % 1 == 0 then
          local sum = va.average()
          for v in set:batches(20) do sum:add(m.enc(v):square():rowsum()) end
          list[#list + 1] = sum:value()
        end
      end
      return list
    end)
  end)

  it("inner steps belong to the outer turn", function()
    local turns = same(11, function(m, adam, set)
      for _, x in set:epochs(3, 16) do
        for _ in va.steps(3) do step(m, adam, x) end
      end
    end)
    assert.are.equal(12, turns.turns)
  end)

  it("two loops one after the other, and a long inner one", function()
    same(0, function(m, adam, set)
      for _ in va.steps(2) do
        for _, x in set:epochs(2, 16) do step(m, adam, x) end
      end
      for _, x in set:epochs(2, 32) do step(m, adam, x) end
    end)
  end)
end)

describe("memory", function()
  it("bits do not depend on the collector", function()
    local function body(m, adam, set)
      local n = 0
      for _, x in set:epochs(4, 16) do
        n = n + 1
        local h = m.enc(x)
        if n % 3 == 0 then collectgarbage("collect") end
        step(m, adam, x)
        if n % 4 == 0 then collectgarbage("collect") end
        if n % 5 == 0 then h = h:detach() * 2 end
        step(m, adam, x + h:mean():detach())
      end
    end
    same(0, body)
    collectgarbage("stop")
    same(0, body)
    collectgarbage("restart")
  end)

  it("does not grow with the turns, however much each of them makes", function()
    local set, wide = va.set(va.rand(64 * 12, 256)), va.rand(1, 600, 256)
    local used, batch = {}, 64 * 256 * 4
    for _, x in set:epochs(1, 64) do
      local y = (x:reshape(64, 1, 256) + wide):relu():mean()         -- 2 x 39 MB
      used[#used + 1] = y and core.device_memory().used
    end
    assert.is_true(used[12] < used[4] + batch, used[4] .. " bytes, then " .. used[12])
  end)

  it("that is let go is not written to while calls wait for it", function()
    same(1, function()
      local w, x, kept = va.rand(16), va.rand(16), {}
      for i in va.steps(5) do
        kept[#kept + 1] = x * w
        if i == 4 then
          w = nil                   -- luacheck: ignore
          collectgarbage()
          w = va.rand(16)
        end
      end
      return kept
    end)
  end)

  it("of tensors that move out is not that of those let go before", function()
    same(0, function()
      local a, b, list = va.rand(16), va.rand(16), {}
      for _ in va.steps(8) do
        local x = a * 2
        a = nil                     -- luacheck: ignore
        collectgarbage()
        local y = b * 3
        b = nil                     -- luacheck: ignore
        collectgarbage()
        list[#list + 1] = (x + y):sum()
        a, b = x:tanh(), y:tanh()
      end
      return list
    end)
  end)

  it("that runs out at any allocation of a loop changes no bytes and leaks none", function()
    local inside = core.inside
    if not inside then return end
    local function body(eager, n)
      va.seed(3)
      va.eager(eager)
      local net = nn.model("net", { f = nn.chain(6, { nn.linear(5), nn.relu, nn.linear(6) }) })
      local adam, x = va.adam(net, { lr = 0.01, clip = 1 }), va.rand(8, 6)
      local kept = {}
      inside.fail_at(n)
      local ok, message = pcall(function()
        for i in va.steps(6) do
          local h = net.f(x)
          kept[i % 2 + 1] = h:detach()
          if i > 4 then h = h * va.tensor { 1, 2, 3, 4, 5, 6 } end
          adam:step((h - x):square():mean())
        end
      end)
      inside.fail_at(0)
      va.eager(false)
      assert(ok or message:find("out of memory", 1, true), message)
      if not ok then return message end
      for _, p in pairs(net:params()) do kept[#kept + 1] = p end
      return bytes_of(kept)
    end
    local wanted = body(true, 0)
    body(false, 0)
    local function small()
      collectgarbage()
      collectgarbage()
      return inside.memory().small
    end
    local start = inside.memory().allocations
    assert.are.equal(wanted, body(false, 0))
    local count, right = inside.memory().allocations - start, 0
    local before, runs = small(), 0
    for _ = 1, count, 7 do body(false, 0) end
    local usual = small() - before     -- what models and loops leave
    before = small()
    for n = 1, count, 7 do
      runs = runs + 1
      local got = body(false, n)
      if got == wanted then right = right + 1
      else assert(got:find("out of memory", 1, true), ("allocation %d"):format(n)) end
    end
    assert(right > runs / 2, ("%d of %d"):format(right, runs))
    local more = small() - before
    assert(more <= usual + 200, ("%d things stay, else %d"):format(more, usual))
    local launched = core.turns().launched
    assert.are.equal(wanted, body(false, 0))
    assert(core.turns().launched > launched)
  end)

  it("a gradient whose history is kept", function()
    same(0, function(m, adam, set)
      local n = 0
      for _, x in set:epochs(4, 16) do
        n = n + 1
        local loss = m:loss(x, 1)
        local w = m:params()["dec.1.weight"]
        local g = va.grad(loss, w, { keep = n % 2 == 0 })
        if n % 2 == 0 then
          local again = va.grad(loss, w)
          adam:step(m:loss(x, (g - again):square():sum() + 1))
        else
          adam:step(m:loss(x, 1) + g:square():sum() * 0.5)
        end
      end
    end)
  end)

  it("a steady turn takes none from the device", function()
    if not core.inside then return end
    local set, m = rows(64), small_vae()
    local adam, blocks = va.adam(m), {}
    for _, x in set:epochs(10, 16) do
      step(m, adam, x)
      blocks[#blocks + 1] = core.inside.memory().blocks
    end
    assert.are.equal(blocks[30], blocks[39])
  end)
end)

it("eager says what it was, and refuses what is no boolean", function()
  assert.is_false(va.eager())
  assert.is_true(va.eager(false))
  local ok, message = pcall(va.eager, 1)
  assert.is_false(ok)
  assert(message:find("eager: true or false is needed, got number", 1, true))
end)
