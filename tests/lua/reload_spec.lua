-- reload_spec.lua - va.reload after an edit of a real file: which models it finds, however they
-- were made, what they keep, and what it says where it finds none.

local child = require "tests.lua.child"
local core = require "vaelua.core"

local PARTS = [[{ enc = nn.chain(4, { nn.linear(6), nn.relu, nn.linear(2 * z) }),
    dec = nn.chain(z, { nn.linear(4) }),
    posterior = function(self, x) return va.dist.normal(self.enc(x):split(2)) end,
    likelihood = function(self, c) return va.dist.bernoulli(self.dec(c)) end,
    loss = function(self, x) return -self:likelihood(self:encode(x)):logp(x):mean() end }]]

-- Ways to make a model in the file net.lua; all are called as make(3).
local WAYS = {
  ["by its last call"] = { "return function(z) return nn.model('net', PARTS) end" },
  ["by a local function, called last"] = { [[
    local function build(z) return nn.model("net", PARTS) end
    return function(z) return build(z) end]] },
  ["by a local function of a local one"] = { [[
    local function build(z) return nn.model("net", PARTS) end
    local function middle(...) return build(...) end
    return { vae = function(z) return middle(z) end }]], ".vae" },
  ["by another function of the module"] = { [[
    local M = {}
    function M.build(z) return nn.model("net", PARTS) end
    function M.vae(z) return M.build(z) end
    return M]], ".vae" },
  ["by a module that can be called"] = { [[
    local function build(_, z) return nn.model("net", PARTS) end
    return setmetatable({}, { __call = function(...) return build(...) end })]] },
  ["by the call of a module"] = { [[
    return setmetatable({}, { __call = function(_, z) return nn.model("net", PARTS) end })]] },
  ["in a function, not last"] = { [[
    return function(z)
      local net = nn.model("net", PARTS)
      return net
    end]] },
  ["with its chains made elsewhere in it"] = { [[
    local function parts(z) return PARTS end
    return function(z) return nn.model("net", parts(z)) end]] },
  ["by the module itself"] = { "local z = 3\nreturn nn.model('net', PARTS)", "!" },
  ["by the module itself, in a table"] = { "local z = 3\nreturn { net = nn.model('net', PARTS) }",
                                           "!.net" },
}

-- Takes a step of Adam, edits the file, reloads; prints what came of it.
local SCRIPT = [[
local va = require "vaelua"
local function edit(from, to)
  local f <close> = assert(io.open("net.lua"))
  local text = f:read "a"
  local g <close> = assert(io.open("net.lua", "w"))
  g:write((text:gsub(from, to)))
end
local net = MAKE
local adam, x = va.adam(net), va.rand(5, 4)
adam:step(net:loss(x))
local function moments()
  local all = {}
  for _, e in ipairs(adam:state()) do all[ e[1] ] = e[2] end
  return all
end
local w, m = net.enc[1].weight * 1, moments()["m/enc.1.weight"] * 1
edit("nn.relu, ", "nn.relu, nn.linear(7), nn.tanh, ")
print(va.reload "net")
print((net.enc[1].weight - w):abs():max():item() == 0,
      (moments()["m/enc.1.weight"] - m):abs():max():item() == 0,
      moments()["m/enc.3.weight"]:abs():max():item() == 0, #net.enc, net:encode(x).shape[2])
adam:step(net:loss(x))
print((net.enc[1].weight - w):abs():max():item() > 0)
edit("nn.linear%(7%), nn.tanh, ", "")
print(va.reload "net.lua")
]]

local TOLD = [[
kept net/dec.1 net/enc.1; new net/enc.3 net/enc.5
true	true	true	5	3
true
kept net/dec.1 net/enc.1; new net/enc.3; lost net/enc.5
]]

local function module(way)
  return "local va = require 'vaelua'\nlocal nn = va.nn\n"
         .. way[1]:gsub("PARTS", function() return PARTS end)
end

local function folder()
  return setmetatable(child.new(), { __index = child, __close = child.drop })
end

describe("a model that is made", function()
  for name, way in pairs(WAYS) do
    it(name .. " is reloaded with what it has learnt", function()
      local c <close> = folder()
      c:write("net.lua", module(way))
      local key = way[2] or ""
      local make = key:find "^!" and "require 'net'" .. key:sub(2)
                   or "require 'net'" .. key .. "(3)"
      local r = c:run((SCRIPT:gsub("MAKE", function() return make end)))
      assert.are.equal(TOLD, r.out, r.err)
      assert.are.equal("", r.err)
    end)
  end
end)

describe("a part that a module makes alone", function()
  it("is no model to be made again", function()
    local c <close> = folder()
    c:write("blocks.lua", "local nn = require 'vaelua'.nn\nlocal M = {}\n"
      .. "function M.enc(z) return nn.chain(4, { nn.linear(z) }) end\nreturn M\n")
    local r = c:run [[
      local va = require "vaelua"
      local m = va.nn.model("m", { enc = require "blocks".enc(2) })
      print(va.reload "blocks", m.enc.output[1])]]
    assert(r.out:find("^no living model was made by this module; new ones will be\nm was made in "
      .. "script.lua: what reload can make again comes from a function of a module: put it into a "
      .. "file of its own %(vae.lua: return function%(...%) ... return model end%), call require "
      .. '"vae" there, and reload "vae"\t2\n'), r.out .. r.err)
  end)
end)

describe("a function that ends in a call of another module's", function()
  it("is not known, and the other is named", function()
    local c <close> = folder()
    c:write("net.lua", module { "return function(z) return nn.model('net', PARTS) end" })
    c:write("outer.lua", "return function(...) return require 'net'(...) end")
    local r = c:run [[
      local va = require "vaelua"
      local net = require "outer"(3)
      print(va.reload "outer")
      print(va.reload "net")]]
    assert.are.equal("no living model was made by this module; new ones will be\nnet was made by "
      .. 'the module net: reload "net" (a call that ends in return f(...) leaves no trace of its '
      .. "own)\nkept net/dec.1 net/enc.1 net/enc.3\n", r.out, r.err)
  end)
end)

describe("a module that is called as the script of a run", function()
  it("is reloaded all the same", function()
    local c <close> = folder()
    c:write("net.lua", module { "return function(z) return nn.model('net', PARTS) end" })
    c:write("experiments/net.lua", [[
      package.path = "./?.lua;" .. package.path
      local va = require "vaelua"
      net, other = require "net"(3), va.nn.model("other", {})
      print(va.reload "net")]])
    local _, text = core.run_command { "sh", "-c", ("cd %s && %s experiments/net.lua 2>&1")
      :format(c.folder, core.realpath "/proc/self/exe") }
    assert.are.equal("kept net/dec.1 net/enc.1 net/enc.3\n", text)
  end)
end)

describe("an edit with a mistake", function()
  local c
  setup(function()
    c = child.new()
    c:write("net.lua", module(WAYS["by a local function, called last"]))
  end)
  teardown(function() c:drop() end)

  it("changes nothing", function()
    local r = c:run [[
      local va = require "vaelua"
      local net = require "net"(3)
      local function try(from, to)
        local f <close> = assert(io.open("net.lua"))
        local text = f:read "a"
        local g <close> = assert(io.open("other.lua", "w"))
        assert(os.rename("net.lua", "kept.lua"))
        local h <close> = assert(io.open("net.lua", "w"))
        h:write((text:gsub(from, to)))
        h:close()
        print(select(2, pcall(va.reload, "net")))
        assert(os.rename("kept.lua", "net.lua"))
      end
      try("build", "make")
      try("linear%(6%)", "linear(6")
      try("linear%(6%)", "linaer(6)")
      try("return function%(z%) return build%(z%) end", "return 7")
      print(va.reload "net")]]
    for _, text in ipairs {
      "'net' cannot be made again: the new module has no 'local function build'; everything is as "
      .. "it was", "net.lua:3: ')' expected", "(did you mean 'linear'?)",
      "the new module has no 'function'; everything is as it was",
      "kept net/dec.1 net/enc.1 net/enc.3\n" } do
      assert(r.out:find(text, 1, true), text .. "\n" .. r.out .. r.err)
    end
  end)
end)

describe("what is no module", function()
  local HOW = "what reload can make again comes from a function of a module: put it into a file of "
    .. 'its own (vae.lua: return function(...) ... return model end), call require "vae" there, '
    .. 'and reload "vae"'
  local c
  setup(function()
    c = child.new()
    c:write("net.lua", "return {}")
    c:write("other.lua", "print 'was run'")
    c:write("train.lua", [[
      print "the script runs"
      local va = require "vaelua"
      local z = 3
      local nn = va.nn
      va.args { seed = 1 }
      net = nn.model("vae", ]] .. PARTS .. [[)
      va.fit(net, va.set(va.rand(20, 4)), { epochs = 1, batch = 10 })]])
  end)
  teardown(function() c:drop() end)

  local function says(screen, text)
    assert(screen:find(text, 1, true), ("no '%s' in:\n%s"):format(text, screen))
  end

  local function session(words, lines)
    c:write("keys.txt", lines)
    return select(2, core.run_command { "sh", "-c", ("cd %s && %s %s <keys.txt 2>&1"):format(
      c.folder, core.realpath "/proc/self/exe", words) })
  end

  it("is not run again where it is the script", function()
    for _, word in ipairs { "train", "train.lua", "./train.lua" } do
      local screen = session("-q -i train.lua", ("va.reload %q\n"):format(word))
      says(screen, "train.lua is a script, and would run again, training and all; " .. HOW)
      assert.are.equal(1, select(2, screen:gsub("the script runs", "")))
    end
  end)

  it("is not run again where it is the script of a run that was opened", function()
    local screen = session("-q -i", "va.open 'train'\nva.open 'latest'\nva.reload 'train'\n")
    says(screen, "train.lua is a script, and would run again, training and all; " .. HOW)
    assert.is_nil(screen:find("the script runs", 1, true))
  end)

  it("may be a model of the prompt or of a script", function()
    says(session("-q -i", "m = va.nn.model('m', {})\nreload 'm'\n"),
      "reload: 'm' is a model that was made in the prompt, not a module; " .. HOW)
    says(session("-q -i train.lua", "reload 'vae'\n"),
      "reload: 'vae' is a model that was made in train.lua, not a module; " .. HOW)
    says(session("-q -i train.lua", "require 'net'\nreload 'net'\n"),
      "no living model was made by this module; new ones will be\nvae was made in train.lua: "
      .. HOW)
  end)

  it("is not run where it is no module yet", function()
    local screen = session("-q -i", "reload 'other'\n")
    says(screen, "reload: the module 'other' is not loaded, and has made nothing: require "
      .. '"other"')
    assert.is_nil(screen:find("was run", 1, true))
    says(session("-q -i", "require 'net'\nreload 'nett'\n"),
      "reload: there is no module 'nett' in package.path (did you mean 'net'?)")
    says(session("-q -i", "reload 'nothing/like.lua'\n"),
      "reload: there is no module 'nothing.like' in package.path")
  end)
end)
