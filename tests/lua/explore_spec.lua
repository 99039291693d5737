-- explore_spec.lua - runs that are opened, architectures that are reloaded, attribute vectors, and
-- pictures as terminals get them.

local va = require "vaelua"
local core = require "vaelua.core"
local child = require "tests.lua.child"
local show = require "vaelua.show"
local terminal = require "tests.lua.terminal"

local NET = [[
local va = require "vaelua"
local nn = va.nn
return function(z)
  local m = nn.model("net", { enc = nn.chain(4, { nn.linear(6), nn.relu, nn.linear(2 * z) }),
                              dec = nn.chain(z, { nn.linear(4) }) })
  function m:posterior(x) return va.dist.normal(self.enc(x):split(2)) end
  function m:likelihood(c) return va.dist.bernoulli(self.dec(c)) end
  function m:loss(x) return -self:likelihood(self:encode(x)):logp(x):mean() end
  return m
end
]]

local TRAIN = [[
local va = require "vaelua"
local cfg = va.args { z = 3, epochs = 2, seed = 5 }
va.seed(cfg.seed)
local x = va.rand(40, 4)
local data = va.data { train = va.set(x), test = va.set(x:rows(1, 10)) }
local net = require "net"(cfg.z)
va.fit(net, data.train, { epochs = cfg.epochs, batch = 10 })
va.write("sum.npy", net:reconstruct(x))
va.report(net, data, { "recon" })
]]

local function new_folder()
  local c = child.new()
  c:write("net.lua", NET)
  c:write("train.lua", TRAIN)
  return c
end

describe("a run that is opened", function()
  local c, first
  setup(function()
    c = new_folder()
    first = c:run(TRAIN, "z=2 --quiet")
  end)
  teardown(function() c:drop() end)

  local function open(text, before)
    return c:run("local va = require 'vaelua'\n" .. text, "--quiet", before)
  end

  it("has its models with their weights, data, settings and history", function()
    assert.are.equal(0, first.status, first.err)
    c:write("net.lua", "error 'the file of today is not read'")
    local before = #c:list("runs")
    local r = open [[
      local run = va.open "latest"
      local net = run.models.net
      local now = net:reconstruct(run.data.train:first(40))
      print((now - va.read "sum.npy"):abs():max():item() == 0, run.config.z, run.seed,
            #run.history.net.loss, net.name, package.loaded.net == nil, va.seeds ~= nil)
      print(run)
      local again = va.open("latest").models.net
      print(again.name, net.name)
    ]]
    c:write("net.lua", NET)
    assert.are.equal(0, r.status, r.err)
    assert(r.out:find("^true\t2\t5\t2\tnet\ttrue\ttrue\n"), r.out)
    assert(r.out:find("seed 5   models net   data data\n", 1, true), r.out)
    assert(r.out:find("net#2\tnet\n", 1, true), r.out)
    assert.are.equal(before, #c:list("runs"))
  end)

  it("says what is wrong with it", function()
    local function says(word, text)
      local r = open(("print(select(2, pcall(va.open, %q)))"):format(word))
      assert(r.out:find(text, 1, true), r.out .. r.err)
    end
    says("latset", "open: there is no run 'latset' in runs/ (did you mean 'latest'?)")
    local r = open "print(select(2, pcall(function() return va.open('latest').model end)))"
    assert(r.out:find("a run has no 'model' (did you mean 'models'?)", 1, true), r.out)
    r = open "print(select(2, pcall(function() return va.open('latest').models.vae end)))"
    assert(r.out:find("has no model 'vae' (it has net)", 1, true), r.out)
    r = open "print(select(2, pcall(va.open, 'latest', { seed = 7 })))"
    assert(r.out:find("has no checkpoint of seed 7 (it has 5)", 1, true), r.out)

    local src = core.realpath(c:path("runs/latest")) .. "/src/net.lua"
    core.write(src, "local x = (")
    says("latest", "stops before its models are ready")
    core.write(src, NET)
    local json = c:read("runs/latest/run.json")
    c:write("runs/latest/run.json", (json:gsub('"format": 1', '"format": 9')))
    says("latest", "format 9, this program knows up to 1")
    c:write("runs/latest/run.json", json)
    os.execute("rm -r " .. c:path("runs/latest/checkpoints"))
    says("latest", "has no checkpoint: nothing was trained in it")
  end)
end)

describe("an architecture that is reloaded", function()
  local c
  setup(function() c = new_folder() end)
  teardown(function() c:drop() end)

  it("keeps what fits, in place, and says which", function()
    local r = c:run([[
      local va = require "vaelua"
      local net = require "net"(3)
      local adam, x = va.adam(net), va.rand(5, 4)
      adam:step(net:loss(x))
      local function moments()
        local all = {}
        for _, e in ipairs(adam:state()) do all[ e[1] ] = e[2] end
        return all
      end
      local function edit(from, to)
        local f <close> = assert(io.open("net.lua"))
        local text = f:read "a"
        local g <close> = assert(io.open("net.lua", "w"))
        g:write((text:gsub(from, to)))
      end
      local before, m = net:reconstruct(x), moments()["m/enc.1.weight"] * 1
      edit("nn.linear%(6%), nn.relu", "nn.linear(6), nn.relu, nn.linear(7), nn.tanh")
      local r = va.reload "net"
      print(r, r.kept[1])
      print((moments()["m/enc.1.weight"] - m):abs():max():item() == 0,
            moments()["m/enc.3.weight"]:abs():max():item())
      print(#net:encode(x), net.enc[3].output[1])
      adam:step(net:loss(x))
      edit("return m", "return (")
      print(select(2, pcall(va.reload, "net")))
      print(net.enc[3].output[1])
      edit("return %(", "error 'no such width'")
      print(select(2, pcall(va.reload, "net")))
      print(net.enc[3].output[1], before.shape[1])
      print(select(2, pcall(va.reload, "nett")))
    ]], "--quiet")
    assert.are.equal(0, r.status, r.err)
    for _, text in ipairs {
      "kept net/dec.1 net/enc.1; new net/enc.3 net/enc.5\tnet/dec.1\n", "true\t0.0\n", "5\t7\n",
      "everything is as it was\n7\n", "no such width", "7\t5\n",
      "reload: there is no module 'nett' in package.path (did you mean 'net'?)" } do
      assert(r.out:find(text, 1, true), text .. "\n" .. r.out)
    end
  end)
end)

describe("a run that is opened and reloaded", function()
  it("takes the architecture of today with the weights of then", function()
    local c <close> = setmetatable(new_folder(), { __index = child, __close = child.drop })
    c:run(TRAIN, "z=2 --quiet")
    c:write("net.lua", (NET:gsub("nn.linear%(6%), nn.relu", "%0, nn.linear(5), nn.tanh")))
    local r = c:run([[
      local va = require "vaelua"
      local net = va.open("latest").models.net
      print(#net.enc, va.reload "net")
      print(#net.enc, net:sample(3).shape[1])
      print(va.fit(net, va.set(va.rand(20, 4)), { epochs = 1, batch = 10 }).last.loss > 0)
    ]], "--quiet")
    assert.are.equal("3\tkept net/dec.1 net/enc.1; new net/enc.3 net/enc.5\n5\t3\ntrue\n", r.out)
  end)
end)

describe("a model of the program's own", function()
  it("is reloaded by its short name", function()
    local c <close> = setmetatable(new_folder(), { __index = child, __close = child.drop })
    local r = c:run([[
      local va = require "vaelua"
      local ae = va.models.ae { name = "own", shape = { 8, 8, 1 }, z = 3 }
      local x = va.ones(1, 8, 8, 1)
      local before = ae:encode(x)
      local result = va.reload "models.ae"
      print(#result.new, #result.lost, before:sub(ae:encode(x)):abs():max():item(), result)
    ]])
    assert.are.equal("0\t0\t0.0\tkept own/dec.1 own/dec.2 own/dec.4 "
                     .. "own/enc.1 own/enc.3 own/enc.5\n", r.out)
  end)
end)

describe("attribute vectors and variance", function()
  local m = va.nn.model("m2", { dec = va.nn.chain(2, { va.nn.linear(2) }) })
  function m.posterior(_, x) return va.dist.normal(x, -40) end
  function m.likelihood(_, z) return va.dist.normal(z, 0) end
  local set = va.set(va.tensor { { 0, 1 }, { 2, 3 }, { 5, 5 } }, va.tensor({ 1, 1, 2 }, "int32"),
                     { classes = { "low", "high" } })

  it("is the difference of mean codes", function()
    assert.are.same({ 4, 3 }, va.attribute(m, set, "low", "high"):totable())
    assert.are.same({ -4, -3 }, va.attribute(m, set, 2, 1):totable())
    local _, why = pcall(va.attribute, m, set, "hihg", "low")
    assert(tostring(why):find("no class 'hihg' (did you mean 'high'?) (classes: low, high)", 1,
                              true), why)
  end)

  it("is that of the draws, by pixel", function()
    function m.posterior(_, x) return va.dist.normal(x, math.log(4)) end
    local v = va.variance(m, va.zeros(3, 2), 2000)
    assert.are.same({ 3, 2 }, v.shape)
    assert.near(4, v:mean():item(), 0.3)
    local _, why = pcall(va.variance, m, va.zeros(3, 2), 1)
    assert(tostring(why):find("variance: n must be an integer from 2, got 1", 1, true), why)
  end)
end)

describe("a picture for the terminal", function()
  local picture = (va.rand(30, 25, 3) * 255):round():as("uint8")

  local function bytes_of(base64)
    local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    local out, bits, n = {}, 0, 0
    for ch in base64:gmatch "[^=]" do
      bits, n = (bits << 6 | alphabet:find(ch, 1, true) - 1) & 0xffffff, n + 6
      if n >= 8 then
        n = n - 8
        out[#out + 1] = bits >> n & 255
      end
    end
    return out
  end

  it("has kitty's form, with every pixel, in whole cells", function()
    local text = core.picture_text(picture, "kitty", 8, 16)
    local head = text:match("^\27_G(a=T,f=32,[^;]*m=1)\27\\")
    assert(head and head:find("s=32,v=32,c=4,r=2", 1, true), text:sub(1, 60))
    local bytes = {}
    for payload in text:gmatch("\27_Gm=1;([^\27]*)\27\\") do
      table.move(bytes_of(payload), 1, #payload, #bytes + 1, bytes)
    end
    assert.are.equal(32 * 32 * 4, #bytes)
    local rows = picture:totable()
    for i = 1, 32 do
      for j = 1, 32 do
        local at, inside = ((i - 1) * 32 + j - 1) * 4, i <= 30 and j <= 25
        assert.are.equal(inside and 255 or 0, bytes[at + 4])
        for k = 1, inside and 3 or 0 do assert.are.equal(rows[i][j][k], bytes[at + k]) end
      end
    end
  end)

  it("has the form of sixels", function()
    local text = core.picture_text(picture, "sixel", 8, 16)
    local body = text:match('^\27P0;1;0q"1;1;32;30(.*)\27\\$')
    assert(body, text:sub(1, 60))
    assert(body:find("^#0;2;%d+;%d+;%d+"), body:sub(1, 30))
    assert.are.equal(5, select(2, body:gsub("%-", "")))       -- bands of six rows
  end)

  it("must be bytes", function()
    assert.is_false(pcall(core.picture_text, va.zeros(4, 4, 3), "kitty", 8, 16))
    assert.is_false(pcall(core.picture_text, picture, "kitty", 8, 2))
  end)

  it("has every pixel as a half block", function()
    local small = picture:slice(1, 1, 6):slice(2, 1, 5)
    local text, rows = show.half_blocks(small, 80), small:totable()
    local i = 0
    for line in text:gmatch("([^\n]+)\n") do
      local j = 0
      for code, rest in line:gmatch("\27%[38;2;([%d;]+)m([^\27]*)") do
        local colours = {}
        for n in code:gmatch("%d+") do colours[#colours + 1] = tonumber(n) end
        table.remove(colours, 4)
        table.remove(colours, 4)
        for _ = 1, select(2, rest:gsub("▀", "")) do
          j = j + 1
          local up, low = rows[2 * i + 1][j], rows[2 * i + 2][j]
          assert.are.same({ up[1], up[2], up[3], low[1], low[2], low[3] }, colours)
        end
      end
      assert.are.equal(5, j)
      i = i + 1
    end
    assert.are.equal(3, i)
  end)
end)

describe("figures", function()
  local c
  setup(function() c = child.new() end)
  teardown(function() c:drop() end)

  it("go to a file by its name", function()
    local z, y = va.randn(60, 2), va.randint(1, 3, 60)
    va.hist(c:path("h.png"), z, { bins = 5 })
    va.scatter(c:path("s.svg"), z, y, { labels = { "one", "two", "three" } })
    va.scatter(c:path("s.pdf"), { 1, 2, 3 }, { 2, 3, 1 })
    va.heat(c:path("m.png"), va.rand(4, 6))
    assert.are.equal(3, #core.file_read(c:path("h.png")).shape)
    assert.are.equal(3, #core.file_read(c:path("m.png")).shape)
    assert(c:read("s.pdf"):find("^%%PDF"))
    for _, name in ipairs { "one", "two", "three" } do assert(c:read("s.svg"):find(name)) end
  end)

  it("say what they need", function()
    local function says(text, f, ...)
      local good, why = pcall(f, ...)
      assert(not good and tostring(why):find(text, 1, true), tostring(why))
    end
    says("heat: a matrix [H, W] is needed, got [3]", va.heat, va.ones(3))
    says("hist has no option 'bin' (did you mean 'bins'?) (options: bins, log, x)",
      va.hist, va.ones(3), { bin = 2 })
    says("hist: there is no finite number", va.hist, { 0 / 0 })
    says("scatter: points are [N, 2], got [4, 3]", va.scatter, va.ones(4, 3))
  end)
end)

describe("letters for a dumb terminal", function()
  local function bytes(t) return va.tensor(t, "uint8") end

  it("are brighter where the picture is, two for a pixel", function()
    local row = {}
    for i = 1, 10 do row[i] = { (i - 1) * 256 // 10 + 3 } end
    assert.are.equal("  ..::--==++**##%%@@\n", show.letters(bytes { row }, 20))
    assert.are.equal(" .:-=+*#%@\n", show.letters(bytes { row }, 19))
    assert.are.equal(" :=*%\n(1 : 2)\n", show.letters(bytes { row, row, row, row }, 5)
      :match("^[^\n]*\n") .. "(1 : 2)\n")
    assert.are.equal("::++..\n", show.letters(bytes { { { 255, 0, 0 }, { 0, 255, 0 },
                                                        { 0, 0, 255 } } }, 80))
  end)

  it("have nothing behind the last and no line more than the picture", function()
    local text = show.letters(bytes { { { 255 }, { 0 } }, { { 0 }, { 0 } } }, 80)
    assert.are.equal("@@\n\n", text)
  end)
end)

-- A prompt in a real terminal.
describe("in tmux", function()
  local t
  setup(function()
    t = terminal.new { columns = 100, rows = 40 }
    t:start()
  end)
  teardown(function() t:drop() end)

  it("shows pictures as half blocks, and the question leaves no keys behind", function()
    t:run 'va = require "vaelua" x = va.rand(4, 6, 3) va.write("x.npy", x) va.show(x)'
    local text = t:screen "-e"
    assert.is_nil(text:find("31;OK", 1, true))
    local pixels, up, low = {}, nil, nil           -- colours stay until others are set
    for line in text:gmatch("[^\n]+") do
      if line:find("▀") then
        local row = {}
        for codes, rest in ("\27[m" .. line):gmatch("\27%[([%d;]*)m([^\27]*)") do
          up = codes:match("38;2;([%d]+;%d+;%d+)") or up
          low = codes:match("48;2;([%d]+;%d+;%d+)") or low
          for _ = 1, select(2, rest:gsub("▀", "")) do row[#row + 1] = { up, low } end
        end
        pixels[#pixels + 1] = row
      end
    end
    local rows = (va.read(t.folder .. "/x.npy") * 255):round():as("uint8"):totable()
    for i = 1, 4 do
      for j = 1, 6 do
        -- two pixels of paper around the picture: it begins in the second line of cells
        local cell = pixels[(i + 2 + 1) // 2][j + 2][(i + 2) % 2 == 1 and 1 or 2]
        assert.are.equal(table.concat(rows[i][j], ";"), cell)
      end
    end
  end)

  it("keeps model and session after Ctrl-C in a training, and says so", function()
    t:run 'm = va.models.vae { shape = {8,8,1}, z = 2 } s = va.set(va.rand(512,8,8,1))'
    t:key "C-l"
    t:type "h = va.fit(m, s, { epochs = 5000, batch = 32 })"
    t:key "Enter"
    t:wait "loss "
    t:key "C-c"
    local text = t:wait " of 80000; the model is kept"
    assert(text:find "stopped at epoch %d+, step %d+ of 80000; the model is kept", text)
    t:wait_line "vae>"
    text = t:run 'print("still", #h.loss > 0 or h.last.loss ~= nil, m:sample(2).shape[1])'
    assert(text:find "still%s+true%s+2", text)
  end)
end)
