-- run_spec.lua - the folder of a run, the lines on the terminal, and the end of a run that failed.

local child = require "tests.lua.child"
local core = require "vaelua.core"

local c
before_each(function() c = child.new() end)
after_each(function() c:drop() end)

local HEAD = [[
local va = require "vaelua"
local nn = va.nn
local cfg = va.args { epochs = 2, batch = 4, lr = 0.1, name = "x", list = { 1, 2 } }
local x = va.arange(1, 10):as("float32"):reshape(10, 1) * 0.1
local set = va.set(x)
local m = nn.model("line", { w = nn.param(va.zeros(1)) })
function m:loss(v)
  local off = (v * self.w - v * 3):square():rowsum()
  return off:mean(), { off = off }
end
local adam = va.adam(m, { lr = cfg.lr })
]]

local TRAIN = HEAD .. [[
for t, v in set:epochs(cfg.epochs, cfg.batch) do
  local loss, terms = m:loss(v)
  adam:step(loss)
  va.log(t, m, loss, terms)
end
]]

local function has(text, part)
  assert(text:find(part, 1, true), "no '" .. part .. "' in: " .. text)
end

local function latest(name) return c:read("runs/latest/" .. name) end

describe("a run", function()
  it("leaves nothing behind if the script only prints", function()
    local r = c:run([[local va = require "vaelua"  print(va.ones(2):sum():item())
                      for _ in va.steps(3) do end]])
    assert.are.equal(0, r.status, r.err)
    assert.is_nil(c:exists("runs"))
  end)

  it("has everything in its folder", function()
    c:write("part.lua", "return { 1 }")
    local r = c:run(TRAIN .. [[
      local part = require "part"
      print("hello", part[1])
      va.note("noted %d", 7)]], "lr=0.05")
    assert.are.equal(0, r.status, r.err)
    assert.are.equal(2, #c:list("runs"))                     -- the run and latest
    local json = core.unjson(latest("run.json"))
    assert.are.equal("done", json.status)
    assert.are.equal("script.lua", json.script)
    assert.are.equal(1, json.seed)
    has(table.concat(json.command, " "), "lr=0.05")
    assert.are.same({ "noted 7" }, json.notes)
    assert(json.metrics.line.loss > 0)
    assert(json.machine.isa and json.seconds >= 0 and json.started)
    local cfg = load(latest("config.lua"))()
    assert.are.equal(0.05, cfg.lr)
    assert.are.same({ 1, 2 }, cfg.list)
    has(latest("src/script.lua"), "adam:step")
    assert.are.equal("return { 1 }", latest("src/part.lua"))
    local log = latest("log.txt")
    has(log, "hello\t1\n")
    has(log, "noted 7\n")
    has(log, "line  epoch 2/2")
    has(r.out, "noted 7\n")
    assert.is_truthy(c:exists("runs/latest/checkpoints/line-last.safetensors"))
  end)

  it("writes rows of metrics.csv", function()
    c:run(TRAIN)
    local rows = {}
    for line in latest("metrics.csv"):gmatch("[^\n]+") do rows[#rows + 1] = line end
    assert.are.equal("model,seed,epoch,step,split,name,value", rows[1])
    assert.are.equal(5, #rows)                               -- loss and off, two epochs
    assert(rows[2]:find("^line,1,1,3,train,loss,[%d.]+$"), rows[2])
    assert(rows[5]:find("^line,1,2,6,train,off,[%d.]+$"), rows[5])
  end)

  it("is put where --out says", function()
    local r = c:run(TRAIN, "--out elsewhere")
    assert.are.equal(0, r.status, r.err)
    assert.is_nil(c:exists("runs"))
    assert.is_truthy(c:exists("elsewhere/latest/run.json"))
  end)

  it("says that it failed, and why", function()
    local r = c:run(TRAIN .. "error('broken on purpose')")
    assert.are.equal(1, r.status)
    local json = core.unjson(latest("run.json"))
    assert.are.equal("failed", json.status)
    has(json.reason, "broken on purpose")
    has(latest("log.txt"), "broken on purpose")
  end)

  it("labels the files of seeds", function()
    local text = TRAIN:gsub("local m = nn.model", "for _ in va.seeds(2) do local m = nn.model")
    local r = c:run(text .. "m:save('best') end")
    assert.are.equal(0, r.status, r.err)
    assert.are.same({ "line-s1-best.safetensors", "line-s1-last.safetensors",
                      "line-s2-best.safetensors", "line-s2-last.safetensors" },
                    c:list("runs/latest/checkpoints"))
    has(latest("metrics.csv"), "line,2,1,3,train,loss,")
    has(r.err, "seed 2/2")
  end)

  it("has one file for the models of one body, under the name of each", function()
    local r = c:run(HEAD .. [[
      local n = nn.model("other", { w = nn.param(va.zeros(1)) })
      n.loss = m.loss
      local two = va.adam(n, { lr = 0.1 })
      for t, v in set:epochs(1, 5) do
        adam:step((m:loss(v)))
        two:step((n:loss(v)))
      end
      m.w:set(0)
      n.w:set(0)
      m:load("last")
      n:load("last")
      assert(m.w:item() > 0 and n.w:item() > 0)]])
    assert.are.equal(0, r.status, r.err)
    assert.are.same({ "line+other-last.safetensors", "line-last.safetensors",
                      "other-last.safetensors" }, c:list("runs/latest/checkpoints"))
  end)
end)

describe("the terminal", function()
  it("gets one plain line an epoch where it is none", function()
    local r = c:run(TRAIN)
    local _, lines = r.err:gsub("line  epoch %d/2  loss [%d.]+  off [%d.]+", "")
    assert.are.equal(2, lines, r.err)
    assert.is_nil(r.err:find("\r", 1, true))
  end)

  it("gets nothing with -q", function()
    assert.is_nil(c:run(TRAIN, "-q").err:find("epoch"))
  end)

  it("gets a line that is redrawn with --progress=bar", function()
    local r = c:run(TRAIN, "--progress=bar", "LC_ALL=C.UTF-8 COLUMNS=120")
    has(r.err, "\r\27[Kline  epoch 2/2  " .. ("█"):rep(20) .. " 100%")
    local ascii = c:run(TRAIN, "--progress=bar", "LC_ALL=C COLUMNS=120")
    has(ascii.err, ("#"):rep(20) .. " 100%")
  end)
end)

describe("a loss that is not finite", function()
  local DIVERGE = [[
    local va = require "vaelua"
    local nn = va.nn
    local set = va.set(va.ones(20, 3))
    local m = nn.model("vae", { enc = nn.chain(3, { nn.linear(4), nn.relu, nn.linear(2) }) })
    local adam, step = va.adam(m), 0
    for t, x in set:epochs(100, 4) do
      step = step + 1
      local scale = t > 13.1 and t < 13.3 and BAD or 1     -- batch 1 of epoch 14
      local h = m.enc(x * scale)
      local rec, kl = h:square():rowsum(), KL
      local loss = (rec + kl):mean()
      adam:step(loss)
      va.log(t, m, loss, { rec = rec, kl = kl })
    end]]

  local function diverge(bad, kl)
    return c:run((DIVERGE:gsub("BAD", bad):gsub("KL", kl)))
  end

  it("stops the run with the term, the layer, the epoch and the batch", function()
    local r = diverge("1e30", "h:rowsum()")
    assert.are.equal(5, r.status, r.err)
    has(r.err, "vae: 'rec' is not finite")
    has(r.err, "epoch 14, batch 1")
    has(r.err, "the last good checkpoint is")
    has(r.err, "vae-last.safetensors")
    local json = core.unjson(latest("run.json"))
    assert.are.equal("diverged", json.status)
  end)

  it("names the first layer with such a value", function()
    local r = diverge("1 / 0", "h:rowsum() * 0 + 1")
    assert.are.equal(5, r.status, r.err)
    has(r.err, "the first layer with such a value is enc layer 1")
  end)

  it("names the term, not the loss that it is a part of", function()
    local r = diverge("1", "h:rowsum() + (t > 13.1 and t < 13.3 and 0 / 0 or 0)")
    assert.are.equal(5, r.status, r.err)
    has(r.err, "vae: 'kl' is not finite")
    has(r.err, "logvar:clamp(-10, 10)")
    assert.is_nil(r.err:find("first layer", 1, true))
  end)

  it("leaves the weights as they were", function()
    diverge("1e30", "h:rowsum()")
    local good = core.file_read(c:path("runs/latest/checkpoints/vae-last.safetensors"))
    for name, t in pairs(good) do
      local largest = t:as("float32"):abs():max():item()
      assert(largest - largest == 0, name)
    end
  end)
end)
