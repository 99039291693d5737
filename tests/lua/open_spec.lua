-- open_spec.lua - what a run's script does while va.open reads it: nothing that stays.

local core = require "vaelua.core"
local child = require "tests.lua.child"

local NET = [[
local va = require "vaelua"
local log = assert(io.open("module.txt", "w"))
log:write("loaded\n")
log:close()
io.write "of the module"
print "of the module"
os.remove "keep.txt"
return function(z)
  local m = va.nn.model("net", { enc = va.nn.chain(4, { va.nn.linear(2 * z) }),
                                 dec = va.nn.chain(z, { va.nn.linear(4) }) })
  function m:posterior(x) return va.dist.normal(self.enc(x):split(2)) end
  function m:likelihood(c) return va.dist.bernoulli(self.dec(c)) end
  function m:loss(x) return -self:likelihood(self:encode(x)):logp(x):mean() end
  return m
end
]]

-- BEFORE stands before the model is made.
local TRAIN = [[
local va = require "vaelua"
local cfg = va.args { z = 3, epochs = 1, seed = 5 }
BEFORE
local x = va.rand(20, 4)
local data = va.data { train = va.set(x), test = va.set(x:rows(1, 10)) }
local net = require "net"(cfg.z)
va.fit(net, data.train, { epochs = cfg.epochs, batch = 10 })
net:save "best"
]]

-- What may stand there; each is told to print nothing and to change no file.
local ACTS = {
  ["io.write"] = [[io.write("loud\n") assert(io.write("loud")):write("loud"):flush()]],
  ["io.stdout and io.stderr"] = [[io.stdout:write("loud") io.stderr:write("loud\n")
    assert(io.stdout:setvbuf("no")) assert(io.stdout:flush()) io.output():write("loud")]],
  ["print and warn"] = [[print "loud" _G.print "loud" warn("@on") warn("loud")]],
  ["os.execute"] = [[assert(os.execute("echo loud; touch made.txt"))]],
  ["os.remove and os.rename"] = [[assert(os.remove "keep.txt")
    assert(os.rename("two.txt", "made.txt"))]],
  ["io.open for writing"] = [[
    for _, mode in ipairs { "w", "a", "w+", "a+", "wb", "r+" } do
      local f <close> = assert(io.open("keep.txt", mode))
      assert(f:write("more", 1):write("more"))
      f:seek("set", 0)
      assert(io.type(f) == "file" and f:close())
    end]],
  ["io.popen"] = [[
    local p = io.popen "echo loud; touch made.txt"
    local said = p:read "a"
    assert(said == "" or said == "loud\n")
    assert(p:close())
    io.popen("cat > made.txt", "w"):write("more"):close()]],
  ["other ways to these"] = [[require "io".write "loud" package.loaded.os.remove "keep.txt"
    load "io.write 'loud' print 'loud'"()
    dofile "loud.lua"
    io.tmpfile():write "more"
    assert(os.tmpname())]],
  ["globals"] = [[rawset(_G, "left", 1) _G.left = 2 rawset(_G, "table", { unpack = 1 })
    setmetatable(_G, { __index = function(_, n) error("undefined " .. n) end })]],
  ["va's own figures and files"] = [[va.hist("h.png", { 1, 2, 2 }) va.heat("m.png", va.rand(3, 3))
    va.scatter("s.svg", { 1, 2 }, { 2, 1 }) va.plot({ 1, 2 }) va.write("w.npy", va.ones(2))
    va.note "loud" va.show(va.ones(3, 3))]],
}

-- Everything that a folder holds, as one text.
local function state_of(c)
  return select(2, core.run_command { "sh", "-c", ("cd %s && find . -type f ! -name script.lua "
    .. "! -name out.txt ! -name err.txt | LC_ALL=C sort | xargs md5sum"):format(c.folder) })
end

local function folder_with(before)
  local c = child.new()
  for _, name in ipairs { "keep.txt", "two.txt" } do c:write(name, "as it was\n") end
  c:write("loud.lua", "io.write 'loud' print 'loud'\n")
  c:write("net.lua", NET)
  c:write("train.lua", (TRAIN:gsub("BEFORE", function() return before end)))
  return setmetatable(c, { __index = child, __close = child.drop })
end

local function trained(before)
  local c = folder_with(before)
  local _, text = core.run_command { "sh", "-c",
    ("cd %s && %s train.lua --quiet 2>&1"):format(c.folder, core.realpath "/proc/self/exe") }
  c:write("keep.txt", "as it was\n")
  c:write("two.txt", "as it was\n")
  core.run_command { "sh", "-c", "cd " .. c.folder .. " && rm -f made.txt" }
  return c, text
end

local OPEN = [[
local va = require "vaelua"
local net = va.open("latest").models.net
if net:sample(2).shape[2] ~= 4 or rawget(_G, "left") or not table.concat then error "no" end
]]

describe("while va.open reads a script, nothing comes of", function()
  for name, act in pairs(ACTS) do
    it(name, function()
      local c <close>, said = trained(act)
      local before = state_of(c)
      local r = c:run(OPEN)
      assert.are.equal(0, r.status, r.err .. said)
      assert.are.equal("", r.out)
      assert.are.equal("", r.err)
      assert.are.equal(before, state_of(c))
    end)
  end
end)

describe("a script that is opened", function()
  it("reads files as ever", function()
    local c <close> = trained [[
      local f = assert(io.open "two.txt")
      assert(f:read "a" == "as it was\n")
      for line in io.lines "two.txt" do assert(line == "as it was") end
      assert(io.open("absent.txt") == nil and os.getenv "HOME" and os.time() > 0)]]
    local r = c:run(OPEN)
    assert.are.equal("", r.out .. r.err)
  end)

  it("ends the reading by os.exit, not the session", function()
    local c <close> = trained ""
    local src = "/src/train.lua"
    local at = core.realpath(c:path("runs/latest")) .. src
    local text = c:read("runs/latest" .. src)
    core.write(at, text .. "os.exit(3)\n")
    local r = c:run(OPEN .. "print 'goes on'")
    assert.are.equal("goes on\n", r.out, r.err)
    core.write(at, (text:gsub("local x = ", "os.exit(3)\n%0")))
    r = c:run(OPEN)
    assert.are.equal(3, r.status)
    assert(r.err:find("train.lua stops before its models are ready: it calls os.exit", 1, true),
           r.err)
  end)

  it("may open a run itself", function()
    local c <close> = trained ""
    c:write("more.lua", [[
      local va = require "vaelua"
      va.args { seed = 5 }
      local net = va.open(os.getenv "FIRST").models.net
      va.fit(net, va.set(va.rand(20, 4)), { epochs = 1, batch = 10 })
      net:save "best"]])
    local first = core.realpath(c:path("runs/latest")):match("[^/]+$")
    local text = select(2, core.run_command { "sh", "-c", ("cd %s && FIRST=%s %s more.lua -q 2>&1")
      :format(c.folder, first, core.realpath "/proc/self/exe") })
    assert.are.equal("", text)
    local r = c:run([[
      local va = require "vaelua"
      local run = va.open "latest"
      local w = run.models.net.enc[1].weight
      print(run.folder:find "more" ~= nil, (w - va.open(os.getenv "FIRST").models.net.enc[1].weight)
            :abs():max():item() > 0)]], "", "FIRST=" .. first)
    assert.are.equal("true\ttrue\n", r.out, r.err)
  end)

  it("leaves the session's modules and its optimisers as they were", function()
    local c <close> = trained ""
    local r = c:run [[
      local va = require "vaelua"
      local before, path, io_before = package.loaded.io, package.path, io
      va.open "latest"
      print(package.loaded.io == before, package.path == path, io == io_before,
            package.loaded.net == nil, va.adam == require "vaelua.optim".adam)]]
    assert.are.equal("true\ttrue\ttrue\ttrue\ttrue\n", r.out, r.err)
  end)
end)

describe("a session at the prompt that has opened a run", function()
  local explore = core.realpath "experiments/explore.lua"

  local function session(c, lines)
    c:write("keys.txt", lines)
    local _, text = core.run_command { "sh", "-c", ("cd %s && %s -i %s run=latest <keys.txt 2>&1")
      :format(c.folder, core.realpath "/proc/self/exe", explore) }
    return text
  end

  local function runs_of(c)
    local found = {}
    for _, name in ipairs(c:list "runs") do
      if name:find "explore" then found[#found + 1] = name end
    end
    return found
  end

  it("has no folder while it looks, and one for what it trains", function()
    local c <close> = trained ""
    local before = state_of(c)
    local text = session(c, "net:sample(2)\nshow(va.rand(4, 4))\nplot(h.net.loss)\n")
    assert(text:find("Tensor float32 [2, 4]", 1, true), text)
    os.remove(c:path "keys.txt")
    assert.are.equal(before, state_of(c))
    assert.are.same({}, runs_of(c))

    text = session(c, "h = fit(net, data.train, { epochs = 2, batch = 10 })\n"
      .. "fit(net, data.train, { epochs = 1, batch = 10 })\nwrite('now.npy', net.enc[1].weight)")
    local own = runs_of(c)
    assert.are.equal(1, #own)
    assert(text:find("run     runs/" .. own[1] .. "   keeps what is trained here\n", 1, true), text)
    local at = "runs/" .. own[1]
    assert(c:read(at .. "/run.json"):find('"status": "done"', 1, true))
    assert.are.equal(4, select(2, c:read(at .. "/metrics.csv"):gsub("\n", "")))
    assert(not core.realpath(c:path "runs/latest"):find "explore")

    local r = c:run(([[
      local va = require "vaelua"
      local net = va.open("latest").models.net
      net:load "%s/checkpoints/net-last.safetensors"
      print((net.enc[1].weight - va.read "now.npy"):abs():max():item())
      print(select(2, pcall(va.open, "%s")))]]):format(at, own[1]))
    assert(r.out:find("^0.0\n"), r.out .. r.err)
    assert(r.out:find(("open: %s was trained at the prompt, from models of %s: open that one, then "
      .. 'model:load "%s/checkpoints/net-last.safetensors"'):format(own[1],
        core.realpath(c:path "runs/latest"):match "[^/]+$", at), 1, true), r.out)
  end)
end)
