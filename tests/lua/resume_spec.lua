-- resume_spec.lua - a run that was stopped and taken up ends with the same bytes as one that was
-- not: weights, moments, controllers, rows of metrics.csv.

local child = require "tests.lua.child"
local core = require "vaelua.core"

local c
before_each(function() c = child.new() end)
after_each(function() c:drop() end)

-- The script stops itself: STOP is the number of a step, HOW the signal that it sends itself then.
-- (Both come from the environment, since changed settings are refused.)
local HEAD = [[
local va = require "vaelua"
local core = require "vaelua.core"
local nn = va.nn
local cfg = va.args { epochs = 3, batch = 8, lr = 1e-2, seeds = 1, log_every = 4 }
local stop, how, bodies = tonumber(os.getenv "STOP" or 0), os.getenv "HOW" or "INT", 0
local function maybe_stop()
  bodies = bodies + 1
  if bodies == stop then
    io.popen(("kill -%s %d; sleep 0.05"):format(how, core.pid())):close()
  end
end
core.seed(core.seed())
local set = va.set(va.rand(50, 6))
local function new_model(name)
  return nn.model(name, {
    enc = nn.chain(6, { nn.linear(8), nn.batchnorm, nn.relu, nn.dropout(0.2), nn.linear(4) }),
    dec = nn.chain(2, { nn.linear(8), nn.relu, nn.linear(6) }),
  })
end
local function loss_of(m, x)
  local mean, spread = m.enc(x):split(2)
  local rec = (m.dec(mean + spread * va.randn(#x, 2)) - x):square():rowsum()
  return rec:mean(), { rec = rec }
end
local function train(m, epochs, each)
  local adam = va.adam(m, { lr = cfg.lr })
  for t, x in set:epochs(epochs, cfg.batch) do
    local loss, terms = loss_of(m, x)
    adam:step(loss)
    va.log(t, m, loss, terms)
    if each and each(t) then break end
    maybe_stop()
  end
end
]]

local function run(text, words, stop, how)
  return c:run(HEAD .. text, words, ("STOP=%d HOW=%s"):format(stop or 0, how or "INT"))
end

-- The bytes of all checkpoints and of metrics.csv of a run.
local function state_of(out)
  local all = { csv = c:read(out .. "/latest/metrics.csv") }
  for _, name in ipairs(c:list(out .. "/latest/checkpoints")) do
    all[name] = c:read(out .. "/latest/checkpoints/" .. name)
  end
  return all
end

local function same(a, b)
  assert(a.csv and next(a, next(a)), "nothing to compare")
  for name in pairs(b) do assert(a[name], name .. " is new") end
  for name, bytes in pairs(a) do
    assert(b[name], name .. " is missing")
    assert(bytes == b[name], name .. " differs" .. (name == "csv" and bytes .. b[name] or ""))
  end
end

-- Runs text whole, and again with a stop; the end must be the same.
local function check(text, stop, how, status, words)
  words = words or ""
  local whole = run(text, words .. " --out whole")
  assert.are.equal(0, whole.status, whole.err)
  local cut = run(text, words .. " --out cut", stop, how)
  assert.are.equal(status, cut.status, cut.err)
  local resumed = run(text, words .. " --out cut --resume latest")
  assert.are.equal(0, resumed.status, resumed.err)
  same(state_of("whole"), state_of("cut"))
  return whole, cut, resumed
end

local ONE = "train(new_model('vae'), cfg.epochs)"

describe("a run that is taken up", function()
  it("goes on bit for bit after Ctrl-C in the middle of an epoch", function()
    local _, cut = check(ONE, 10, "INT", 130)
    assert(cut.err:find("stopping after this step (press again to stop now)", 1, true), cut.err)
    assert(cut.err:find("stopped at step 10 of 21", 1, true), cut.err)
  end)

  it("is marked as interrupted until then", function()
    run(ONE, "", 10)
    assert.are.equal("interrupted", core.unjson(c:read("runs/latest/run.json")).status)
    run(ONE, "--resume latest")
    local json = core.unjson(c:read("runs/latest/run.json"))
    assert.are.equal("done", json.status)
    assert.are.equal(1, #json.resumed)
    assert.are.equal(2, #c:list("runs"))
  end)

  it("goes on bit for bit after SIGTERM", function() check(ONE, 7, "TERM", 143) end)

  it("goes on from the last epoch if it was killed", function() check(ONE, 17, "KILL", 137) end)

  it("begins anew if it was killed before the first checkpoint", function()
    local whole = run(ONE, "--out whole")
    assert.are.equal(0, whole.status, whole.err)
    run(ONE .. " ", "--out cut", 3, "KILL")
    if c:exists("cut/latest") then
      assert.are.equal(0, run(ONE, "--out cut --resume latest").status)
      same(state_of("whole"), state_of("cut"))
    end
  end)

  it("brings back averages of weights, va.state and what early knows", function()
    check([[
      local m = new_model("vae")
      local ema, seen = va.ema(m, 0.9), va.state { sum = 0, word = "" }
      local early = va.early(m, { patience = 3, better = "lower" })
      train(m, cfg.epochs, function(t)
        ema:update()
        seen.sum, seen.word = seen.sum + t / 3, seen.word .. "."
        return t % 1 == 0 and early(math.sin(t) * seen.sum)
      end)
      print(seen.sum, seen.word)]], 12, "INT", 130)
  end)

  it("brings back the learning rate and a controller of beta", function()
    check([[
      local m = new_model("vae")
      local adam = va.adam(m, { lr = cfg.lr })
      local beta = va.schedule.control { target = 2, to = 4, kp = 0.5, ki = 0.01, every = 1 }
      for t, x in set:epochs(cfg.epochs, cfg.batch) do
        local loss, terms = loss_of(m, x)
        adam:step(loss * (1 + beta(t, terms.rec)))
        va.log(t, m, loss, terms)
        adam.lr = adam.lr * 0.9
        maybe_stop()
      end]], 11, "INT", 130)
  end)

  it("brings back averages", function()
    local whole, _, resumed = check([[
      local m, a = new_model("vae"), va.average()
      train(m, cfg.epochs, function() a:add(va.randn(4)) end)
      print("average", a:count(), ("%.17g"):format(a:value()))]], 11, "INT", 130)
    assert.are.equal(whole.out, resumed.out)
  end)

  it("brings back both models of one body", function()
    check([[
      local a, b = new_model("vae"), new_model("ae")
      local adam, sgd = va.adam(a), va.sgd(b, { lr = 0.05, momentum = 0.9 })
      for t, x in set:epochs(cfg.epochs, cfg.batch) do
        local la, lb = loss_of(a, x), loss_of(b, x)
        adam:step(la)
        sgd:step(lb)
        va.log(t, a, la)
        va.log(t, b, lb)
        maybe_stop()
      end]], 11, "INT", 130)
  end)

  it("ends finished loops at once and takes up the one that was cut", function()
    local _, _, resumed = check([[
      local m = new_model("first")
      train(m, cfg.epochs)
      local n = new_model("second")
      n:copy(m)
      train(n, cfg.epochs)
      train(m, 1)
      io.stderr:write("bodies ", bodies, "\n")]], 30, "INT", 130)
    assert(resumed.err:find("bodies 19\n", 1, true), resumed.err)      -- 49 less 30
  end)

  it("takes up loops without data", function()
    check([[
      local m = new_model("vae")
      local adam = va.adam(m)
      for i in va.steps(60) do
        local loss = loss_of(m, va.rand(4, 6))
        adam:step(loss)
        va.log(i, m, loss)
        maybe_stop()
      end]], 55, "INT", 130)
  end)

  it("takes up the seed that was cut", function()
    check("for _ in va.seeds(cfg.seeds) do train(new_model('vae'), cfg.epochs) end", 30, "INT", 130,
          "seeds=2")
  end)

  it("may be given more epochs", function()
    local whole = run(ONE, "--out whole epochs=5")
    assert.are.equal(0, whole.status, whole.err)
    assert.are.equal(0, run(ONE, "--out cut epochs=2").status)
    local longer = run(ONE, "--out cut --resume latest epochs=5")
    assert.are.equal(0, longer.status, longer.err)
    same(state_of("whole"), state_of("cut"))
  end)

  it("does not begin again a loop that was left by break", function()
    local text = [[
      local m = new_model("vae")
      train(m, cfg.epochs, function(t) return t > 1.4 end)
      print("bodies", bodies)]]
    run(text, "")
    local r = run(text, "--resume latest")
    assert.are.equal(0, r.status, r.err)
    assert(r.out:find("bodies\t0", 1, true), r.out)
  end)

  it("refuses changed settings by name", function()
    run(ONE, "", 10)
    local r = run(ONE, "--resume latest lr=0.5")
    assert.are.equal(2, r.status)
    local text = "--resume: the run had lr=0.01, now it is 0.5; only epochs may grow"
    assert(r.err:find(text, 1, true), r.err)
    assert.are.equal(2, run(ONE, "--resume latest epochs=1").status)
    local seed = run(ONE, "--resume latest --seed 7")
    assert.are.equal(2, seed.status, seed.err)
  end)

  it("refuses other data and other models", function()
    run(ONE, "", 10)
    local data = run((ONE:gsub("^", "set = va.set(va.rand(50, 6) * 2) ")), "--resume latest")
    assert.are.equal(2, data.status)
    assert(data.err:find("the data of loop 1 have changed", 1, true), data.err)
    local name = run("train(new_model('other'), cfg.epochs)", "--resume latest")
    assert(name.err:find("the loop had model 'vae'", 1, true), name.err)
  end)

  it("says where it looked for a run that is not there", function()
    local r = run(ONE, "--resume nothing")
    assert.are.equal(2, r.status)
    assert(r.err:find("no run to resume", 1, true), r.err)
  end)
end)
