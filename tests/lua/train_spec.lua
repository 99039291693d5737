-- train_spec.lua - loops, modes, orders, the log and the history, fit and early.

local va = require "vaelua"
local core = require "vaelua.core"
local nn, ops = va.nn, core.ops

-- A set whose rows are their own numbers.
local function numbers(n)
  return va.set(ops.arange(1, n):as("float32"):reshape(n, 1))
end

local function values(x) return x:reshape(-1):totable() end

local function fails(text, f)
  local ok, message = pcall(f)
  assert.is_false(ok)
  assert(message:find(text, 1, true), "no '" .. text .. "' in: " .. message)
end

local function joined(list) return table.concat(list, " ") end

local seed = 1000
before_each(function()
  seed = seed + 1
  va.seed(seed)
end)

describe("epochs", function()
  it("counts t in epochs after the batch, exact at the end of an epoch", function()
    local ts = {}
    for t in numbers(10):epochs(2, 4) do ts[#ts + 1] = t end
    assert.are.equal(6, #ts)
    assert.are.equal(1 / 3, ts[1])
    assert.are.equal(1 + 2 / 3, ts[5])
    assert.are.equal("integer", math.type(ts[3]))
    assert.are.same({ 1, 2 }, { ts[3], ts[6] })
  end)

  it("draws every row once an epoch, in orders that differ", function()
    local seen = { {}, {} }
    for t, x in numbers(10):epochs(2, 4) do
      local epoch = seen[math.ceil(t)]
      for _, v in ipairs(values(x)) do epoch[#epoch + 1] = v end
    end
    assert.are_not.same(seen[1], seen[2])
    for _, epoch in ipairs(seen) do
      table.sort(epoch)
      for i = 1, 10 do assert.are.equal(i, epoch[i]) end
    end
  end)

  it("gives the labels of the rows", function()
    local s = va.set(ops.arange(1, 6):as("float32"):reshape(6, 1), ops.arange(1, 6))
    for _, x, y in s:epochs(1, 4) do assert.are.same(values(x), values(y:as("float32"))) end
  end)

  it("keeps the order of the set without shuffle", function()
    local first
    for _, x in numbers(7):epochs(1, 4, { shuffle = false }) do first = first or values(x) end
    assert.are.same({ 1, 2, 3, 4 }, first)
  end)

  it("leaves a short last batch out when asked", function()
    local sizes = {}
    for _, x in numbers(10):epochs(1, 4, { short = false }) do sizes[#sizes + 1] = #x end
    assert.are.same({ 4, 4 }, sizes)
  end)

  local function orders(loops)
    local all = {}
    for i = 1, loops do
      all[i] = {}
      for _, x in numbers(8):epochs(1, 4) do
        for _, v in ipairs(values(x)) do table.insert(all[i], math.floor(v)) end
      end
    end
    return all
  end

  it("has an order of its own for each loop of a seed, the same one again for the seed", function()
    local a = orders(2)
    va.seed(seed)
    local b = orders(2)
    assert.are.same(a, b)
    assert.are_not.same(a[1], a[2])
    va.seed(seed + 500)
    assert.are_not.same(a[1], orders(1)[1])
  end)

  it("draws the same order whatever random numbers the body takes", function()
    local plain = orders(1)[1]
    va.seed(seed)
    local got = {}
    ops.randn(5)
    for _, x in numbers(8):epochs(1, 4) do
      ops.randn(3)
      for _, v in ipairs(values(x)) do got[#got + 1] = math.floor(v) end
    end
    assert.are.same(plain, got)
  end)

  it("names what is wrong", function()
    fails("the number of epochs must be an integer from 0, got 1.5", function()
      numbers(3):epochs(1.5, 2)
    end)
    fails("the batch must be an integer from 1, got 0", function() numbers(3):epochs(1, 0) end)
    fails("epochs has no option 'shufle' (did you mean 'shuffle'?) (options: short, ", function()
      numbers(3):epochs(1, 2, { shufle = true })
    end)
    fails("a set of 3 rows has no batch of 4", function()
      numbers(3):epochs(1, 4, { short = false })
    end)
  end)
end)

describe("modes", function()
  it("are those of the loop that one is in", function()
    assert.are.equal("outside", core.mode())
    for _ in numbers(4):epochs(1, 2) do
      assert.are.equal("train", core.mode())
      for _ in numbers(4):batches(2) do
        assert.are.equal("eval", core.mode())
        for _ in va.steps(1) do assert.are.equal("train", core.mode()) end
        assert.are.equal("eval", core.mode())
      end
      assert.are.equal("train", core.mode())
      numbers(4):collect(function(x)
        assert.are.equal("eval", core.mode())
        return x
      end)
    end
    assert.are.equal("outside", core.mode())
  end)

  it("end with break, return and errors", function()
    for i in va.steps(5) do if i == 2 then break end end
    assert.are.equal("outside", core.mode())
    local function leaves() for i in va.steps(5) do if i == 2 then return i end end end
    assert.are.equal(2, leaves())
    assert.are.equal("outside", core.mode())
    fails("stop here", function()
      for _ in va.steps(5) do
        for _ in numbers(3):batches(1) do error("stop here") end
      end
    end)
    assert.are.equal("outside", core.mode())
  end)

  it("record in training, not in evaluation", function()
    local w = nn.param(ops.ones(1))
    for _, x in numbers(2):epochs(1, 2) do assert.is_true(core.tracked(x * w)) end
    for x in numbers(2):batches(2) do assert.is_false(core.tracked(x * w)) end
  end)

  it("let go of what a body has left behind", function()
    local w, kept = nn.param(ops.ones(1)), nil
    for i in va.steps(2) do
      if i == 1 then kept = w * 2 end
      if i == 2 then assert.is_false(core.tracked(kept)) end
    end
    assert.are.equal(2, kept:item())
  end)

  it("are not left to others by a coroutine that yields", function()
    local co = coroutine.create(function()
      for _ in va.steps(3) do coroutine.yield(1) end
    end)
    local ok, message = coroutine.resume(co)
    assert.is_false(ok)
    assert(message:find("cannot yield out of the body of a loop", 1, true), message)
    assert.are.equal("outside", core.mode())
  end)

  it("do not hinder other coroutines", function()
    local rows = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
    local got = {}
    coroutine.wrap(function() for _ in va.steps(3) do got[#got + 1] = rows() end end)()
    assert.are.same({ 1, 2, 3 }, got)
    local co = coroutine.wrap(function() coroutine.yield(7) end)
    assert.are.equal(7, co())
  end)
end)

describe("batches and collect", function()
  it("go through a set in order", function()
    local got = {}
    for x in numbers(7):batches(3) do got[#got + 1] = joined(values(x:as("int32"))) end
    assert.are.same({ "1 2 3", "4 5 6", "7" }, got)
  end)

  it("join what the function gives", function()
    local s = numbers(7)
    local y = s:collect(function(x) return x * 2 end, { batch = 3 })
    assert.are.same({ 7, 1 }, y.shape)
    assert.are.equal(14, y:at(7, 1))
    local list = s:collect(function(x) return { x, x:rowsum() } end, { batch = 3 })
    assert.are.same({ 7, 1 }, list[1].shape)
    assert.are.same({ 7 }, list[2].shape)
  end)
end)

describe("steps", function()
  it("counts from 1", function()
    local got = {}
    for i in va.steps(3) do got[#got + 1] = i end
    assert.are.same({ 1, 2, 3 }, got)
  end)

  it("draws other noise in every step, the same again for the seed", function()
    local function draw()
      local all = {}
      for i in va.steps(3) do all[i] = ops.randn():item() end
      return all
    end
    local a = draw()
    assert(a[1] ~= a[2] and a[2] ~= a[3])
    va.seed(seed)
    assert.are.same(a, draw())
  end)

  it("is not changed by an evaluation in its body", function()
    local function draw(evaluate)
      local all = {}
      for i in va.steps(3) do
        if evaluate then for _ in numbers(4):batches(2) do ops.randn(3) end end
        all[i] = ops.randn():item()
      end
      return all
    end
    local a = draw(false)
    va.seed(seed)
    assert.are.same(a, draw(true))
  end)
end)

describe("seeds", function()
  it("sets one after the other", function()
    local got = {}
    for s in va.seeds(3) do
      got[#got + 1] = s
      assert.are.equal(s, core.seed())
    end
    assert.are.same({ seed, seed + 1, seed + 2 }, got)
  end)
end)

-- y = w x fitted by squares; all is known in closed form.
local function line_model(name)
  local m = nn.model(name, { w = nn.param(ops.zeros(1)) })
  function m:loss(x)
    local off = (x * self.w - x * 3):square():rowsum()
    return off:mean(), { off = off, zero = 0 }
  end
  return m
end

describe("log and history", function()
  it("gives means over an epoch, each batch weighed by its images", function()
    local m = nn.model("plain", {})
    for t, x in numbers(5):epochs(3, 2) do
      va.log(t, m, x:mean(), { row = x:rowsum(), two = 2 })
    end
    local h = va.history(m)
    assert.are.same({ 3, 3, 3 }, h.loss)
    assert.are.same({ 3, 3, 3 }, h.row)
    assert.are.same({ 2, 2, 2 }, h.two)
    assert.are.equal(3, h.last.loss)
  end)

  it("keeps splits apart", function()
    local m = nn.model("split", {})
    for t, x in numbers(4):epochs(2, 2) do
      va.log(t, m, x:mean())
      if t % 1 == 0 then
        for v in numbers(3):batches(2) do va.log(t, m, nil, { row = v:rowsum() }, "test") end
      end
    end
    local h = va.history(m)
    assert.are.same({ 2.5, 2.5 }, h.loss)
    assert.are.same({ 2, 2 }, h.test.row)
  end)

  it("writes what is logged outside of loops at once", function()
    local m = nn.model("outside", {})
    va.log(1, m, nil, { score = 0.5 }, "test")
    assert.are.same({ 0.5 }, va.history(m).test.score)
  end)

  it("begins anew with a seed, and keeps what was", function()
    local m, n = nn.model("again", {}), nn.model("once", {})
    va.log(1, m, nil, { score = 1 }, "test")
    va.log(1, n, nil, { score = 1 }, "test")
    va.seed(seed + 700)
    va.log(1, m, nil, { score = 2 }, "test")
    assert.are.same({ 2 }, va.history(m).test.score)
    assert.are.same({ 1 }, va.history(n).test.score)
  end)

  it("says what it cannot take", function()
    local m = nn.model("wrong", {})
    fails("'kl' has shape [2, 3]", function() va.log(1, m, nil, { kl = ops.ones(2, 3) }) end)
    fails("'kl' is a string", function() va.log(1, m, nil, { kl = "x" }) end)
    fails("'model' is not a model", function() va.log(1, {}, 1) end)
    fails("'t' is a nil", function() va.log(nil, m, 1) end)
  end)
end)

describe("a loss that is not finite", function()
  local function diverge(m, adam)
    for t, x in numbers(8):epochs(2, 4) do
      local loss, terms = m:loss(x * (t == 1.5 and 1 / 0 or 1))
      adam:step(loss)
      va.log(t, m, loss, terms)
    end
  end

  it("stops the loop, with weights from before, and the optimiser can go on", function()
    local m = line_model("diverged")
    local adam = va.adam(m, { lr = 0.1 })
    fails("diverged: 'off' is not finite (epoch 2, batch 1)", function() diverge(m, adam) end)
    assert.are.equal("outside", core.mode())
    local w = m.w:item()
    assert(math.abs(w - 0.2) < 0.01)          -- two steps of Adam
    adam:step((m:loss(ops.ones(2, 1))))
    assert(m.w:item() > w)
  end)

  it("stops a step outside of loops at once", function()
    local m = line_model("outside")
    local adam = va.adam(m)
    fails("outside/adam: the loss or a gradient is not finite", function()
      adam:step((m:loss(ops.full({ 2, 1 }, 1 / 0))))
    end)
    assert.are.equal(0, m.w:item())
  end)
end)

describe("fit", function()
  it("is the visible loop", function()
    local s, m = numbers(8), line_model("fit")
    local h = va.fit(m, s, { epochs = 3, batch = 4, lr = 0.1 })
    va.seed(seed)
    local n = line_model("fit")
    local adam = va.adam(n, { lr = 0.1 })
    for t, x, y in s:epochs(3, 4) do
      local loss, terms = n:loss(x, 1, y)
      adam:step(loss)
      va.log(t, n, loss, terms)
    end
    assert.are.same(va.history(n).loss, h.loss)
    assert.are.equal(n.w:item(), m.w:item())
    assert(h.loss[3] < h.loss[1])
  end)

  it("takes schedules, an average of weights and a set to validate on", function()
    local m = line_model("fitted")
    local h = va.fit(m, numbers(8), { epochs = 2, batch = 4 },
                     { lr = function() return 0.05 end, ema = 0.9, val = numbers(4) })
    assert.are.equal(2, #h.val.loss)
  end)

  it("refuses unknown names", function()
    fails("fit has no option 'epoch' (did you mean 'epochs'?) (options: batch, beta, clip, ema, "
      .. "epochs, lr, val)", function()
      va.fit(line_model("refused"), numbers(4), { epoch = 3 })
    end)
  end)
end)

describe("early", function()
  it("stops when patience is over, and never for a NaN", function()
    local stop = va.early(line_model("early"), { patience = 2, better = "lower" })
    local said = {}
    for _, score in ipairs { 3, 2, 2.5, 0 / 0 } do said[#said + 1] = stop(score) end
    assert.are.same({ false, false, false, true }, said)
  end)
end)

describe("state", function()
  it("gives the table back, and refuses what cannot be saved", function()
    local t = { a = 1, b = "x", c = true }
    assert.are.equal(t, va.state(t))
    fails("'f' is a function", function() va.state { f = print } end)
  end)

  it("keeps every bit of a number", function()
    local checkpoint = require "vaelua.checkpoint"
    local t = { 0.1, 1e300, -0.0, 1 / 0, -1 / 0, 3, math.mininteger, name = "x\ny",
                deep = { true } }
    local back = checkpoint.unpack(checkpoint.pack(t))
    assert.are.same(t, back)
    assert.are.equal("integer", math.type(back[6]))
    assert.are.equal(-1 / 0, 1 / back[3])
    local nan = checkpoint.unpack(checkpoint.pack { 0 / 0 })[1]
    assert(nan ~= nan)
  end)
end)

describe("the progress line", function()
  local progress = require "vaelua.progress"

  it("draws eighths of a cell, or # where there is no UTF-8", function()
    assert.are.equal(("█"):rep(20), progress.bar(1, true))
    assert.are.equal(("█"):rep(10) .. "▍" .. (" "):rep(9), progress.bar(0.52, true))
    assert.are.equal(("#"):rep(10) .. (" "):rep(10), progress.bar(0.52, false))
    assert.are.equal((" "):rep(20), progress.bar(0, false))
  end)

  it("shortens numbers and times", function()
    assert.are.equal("0:31", progress.duration(31))
    assert.are.equal("1:01:40", progress.duration(3700))
    assert.are.equal("48.1k", progress.short(48100))
    assert.are.equal("950", progress.short(950))
  end)
end)
