-- program_spec.lua - the program as a child: options, settings, error texts, exit statuses.

local core = require "vaelua.core"

local program = core.realpath(os.getenv("VAELUA") or "build/vaelua")
local folder = os.tmpname()
os.remove(folder)

setup(function() core.mkdir(folder) end)
teardown(function() core.run_command { "rm", "-rf", folder } end)

-- Runs the program in the scratch folder; words may hold the script's text as { file, text }.
local function run(words, input)
  local line = { "env", "-C", folder, "-u", "LUA_INIT", program }
  for _, word in ipairs(words) do line[#line + 1] = word end
  return core.run_command(line, input)
end

local function write(name, text)
  local path = folder .. "/" .. name
  core.mkdir(path:match("^(.*)/"))
  core.write(path, text)
end

-- Status and output of a script of this text.
local function script(text, ...)
  write("s.lua", text)
  return run { "s.lua", ... }
end

local function expect(status, pattern, got, text)
  assert.equal(status, got, text)
  assert.is_truthy(text:find(pattern), ("no '%s' in:\n%s"):format(pattern, text))
end

describe("as lua", function()
  it("runs -e and ends", function()
    expect(0, "^3\tLua 5.4\n$", run { "-e", "print(1 + 2, _VERSION)" })
  end)

  it("runs -e words in their order, and what is attached", function()
    expect(0, "^1\t2\n$", run { "-e", "x = 1", "-ey = 2", "-e", "print(x, y)" })
  end)

  it("requires with -l", function()
    write("mod.lua", "return { name = 'mod' }")
    expect(0, "^mod\tmod\n$", run { "-l", "mod", "-l", "m=mod", "-e", "print(mod.name, m.name)" })
  end)

  it("gives arg and ...", function()
    expect(0, "^s.lua\tx\tb=3\t2\tx\n$",
      script("print(arg[0], arg[1], arg[2], select('#', ...), (...))", "x", "b=3"))
  end)

  it("skips the first line of a script that begins with #", function()
    expect(0, "^2\n$", script("#!/usr/bin/env vaelua\nprint(debug.getinfo(1).currentline)"))
  end)

  it("runs the standard input", function()
    expect(0, "^7\n$", run({ "-" }, "print(7)"))
    expect(0, "^7\tw\n$", run({ "-", "w" }, "print(7, ...)"))
  end)

  it("finds modules beside the script, from anywhere", function()
    write("deep/beside.lua", "return 'beside'")
    write("deep/main.lua", "print((require 'beside'))")
    expect(0, "^beside\n$", run { "deep/main.lua" })
  end)

  it("says its version in one line", function()
    expect(0, "^vaelua %d+%.%d+%.%d+ [^\n]*\n$", run { "--version" })
    expect(0, "onednn +%d+%.%d", run { "-v", "--verbose" })
  end)

  it("honours LUA_INIT, but not with -E", function()
    local line = { "env", "LUA_INIT=print('init')", program, "-e", "print('e')" }
    expect(0, "^init\ne\n$", core.run_command(line))
    line = { "env", "LUA_INIT=print('init')", program, "-E", "-e", "print('e')" }
    expect(0, "^e\n$", core.run_command(line))
  end)

  it("keeps numbers as they are in any locale", function()
    local line = { "env", "LC_ALL=de_DE.UTF-8", program, "-e", "print(1.5)" }
    expect(0, "^1.5\n$", core.run_command(line))
  end)

  it("passes os.exit on", function()
    assert.equal(7, (run { "-e", "os.exit(7)" }))
  end)

  it("is not fooled by a script, a folder or a preload of its name", function()
    write("vaelua.lua", "error 'the wrong one'")
    write("vaelua/nn.lua", "error 'the wrong one'")
    expect(0, "^table\ttable\n$", script([[
      package.preload["vaelua"] = function() error "the wrong one" end
      package.preload["vaelua.core"] = function() error "the wrong one" end
      print(type(require "vaelua"), type(require "vaelua.core"))]]))
    core.remove(folder .. "/vaelua.lua")
    core.run_command { "rm", "-r", folder .. "/vaelua" }
  end)

  it("runs coroutines as Lua does", function()
    expect(0, "^1\t2\t3\tfalse\toops\ttrue\tdead\tcannot", script([[
      local gen = coroutine.wrap(function(a) local b = coroutine.yield(a) return a + b, "x" end)
      local one, two = gen(1), gen(1)
      local co = coroutine.create(function() error({ "oops" }) end)
      local ok, e = coroutine.resume(co)
      local closed = false
      local bad = coroutine.wrap(function()
        local guard <close> = setmetatable({}, { __close = function() closed = true end })
        error("in wrap")
      end)
      pcall(bad)
      local _, dead = pcall(gen)
      print(one, two, 3, ok, e[1], closed, coroutine.status(co), dead)]]))
  end)
end)

describe("errors of a script", function()
  it("name the user's line and end with 1", function()
    expect(1, "^error: s.lua:2: no\n$", script("local x = 1\nerror('no')"))
  end)

  it("are syntax errors too", function()
    expect(1, "^error: s.lua:1: .*near", script("x = = 1"))
  end)

  it("show the calls only with --traceback", function()
    local _, text = script("local function f() error('no') end\nf()")
    assert.is_nil(text:find("traceback"))
    expect(1, "stack traceback:.*s.lua:2: in main chunk",
      script("local function f() error('no') end\nf()", "--traceback"))
  end)

  it("may be any value", function()
    expect(1, "error object is a table value", script("error({})"))
    expect(1, "^error: mine\n",
      script("error(setmetatable({}, { __tostring = function() return 'mine' end }))"))
    expect(1, "error object is a nil value", script("error(nil)"))
  end)

  it("have the status of their kind", function()
    local kinds = { user = 1, usage = 2, data = 3, device = 4, diverged = 5, interrupt = 130 }
    for kind, status in pairs(kinds) do
      expect(status, "the reason\n$",
        script(("require 'vaelua.core'.fail('%s', 'the reason')"):format(kind)))
    end
    expect(1, "the reason",
      script("pcall(require 'vaelua.core'.fail, 'data', 'x') error('the reason')"))
  end)

  it("keep the line, but not that of a wrong setting", function()
    expect(3, "^error: s.lua:1: the reason\n$",
      script("require 'vaelua.core'.fail('data', 'the reason')"))
    expect(2, "^error: the reason\n$", script("require 'vaelua.core'.fail('usage', 'the reason')"))
  end)

  it("name what was meant by an undefined name", function()
    expect(1, "^error: s.lua:2: undefined name 'trian' %(did you mean 'train'%?%)\n$",
      script("local train = 1\nprint(trian, train)"))
    expect(1, "undefined name 'prnt' %(did you mean 'print'%?%)", script("prnt(1)"))
    expect(1, "undefined name 'qqqqqqq'\n$", script("print(qqqqqqq)"))
    expect(0, "^1\tnil\n$", script("x = 1 print(x, rawget(_G, 'y'))"))
  end)

  it("leave libraries alone", function()
    write("lib/other.lua", "return undefined_thing == nil")
    expect(0, "^true\n$", script("package.path = 'lib/?.lua' print((require 'other'))"))
  end)

  it("a script that is not there", function()
    expect(2, "^error: cannot open nowhere.lua: No such file", run { "nowhere.lua" })
  end)

  it("a full disk below the output", function()
    local status, text = core.run_command { "sh", "-c", program .. " -e 'print(1)' > /dev/full" }
    expect(1, "cannot write the output", status, text)
  end)
end)

describe("options", function()
  it("explain themselves", function()
    expect(0, "usage: vaelua.*%-%-threads N.*%-%-seed N", run { "--help" })
    expect(0, "usage: vaelua", run { "-h" })
  end)

  it("that are unknown or wrong end with 2", function()
    expect(2, "^error: unknown option '%-%-sede' %(did you mean '%-%-seed'%?%)",
      run { "--sede", "1" })
    expect(2, "^error: unknown option '%-z'", run { "-z" })
    expect(2, "'%-e' needs a word", run { "-e" })
    expect(2, "^error: threads must be an integer from 1, got '0'\n$",
      run { "--threads", "0", "-e", "" })
    expect(2, "^error: seed must be an integer from 0, got 'x'\n$", run { "--seed=x", "-e", "" })
    expect(2, "^error: device must be auto, cpu, cuda or cuda:1, got 'gpu'\n$",
      run { "--device", "gpu", "-e", "" })
    expect(2, "progress must be", run { "--progress", "loud", "-e", "" })
    expect(2, "%-%-seed needs a value", run { "--seed" })
    expect(3, "^error: inception: cannot read /no/file: No such file or directory\n$",
           run { "--inception=/no/file", "-e", "" })
  end)

  it("that are not available end with 4", function()
    expect(4, "^error: device cuda is not available: ", run { "--device", "cuda", "-e", "" })
    expect(4, "^error: device cuda:3 is not available: ", run { "--device=cuda:3", "-e", "" })
  end)

  it("mean the same in three forms, before and behind the script", function()
    write("o.lua", [[local p = require "vaelua.core".program
      print(p.options.seed, p.options.threads, p.options.out, p.options.quick, p.args.z)]])
    local want = "^5\t2\tO\ttrue\t3\n$"
    expect(0, want, run { "--seed", "5", "--threads=2", "out=O", "--quick", "z=3", "o.lua" })
    expect(0, want, run { "o.lua", "--seed", "5", "--threads=2", "out=O", "--quick", "z=3" })
    expect(0, want, run { "o.lua", "seed=5", "threads=2", "--out", "O", "quick=true", "--z", "3" })
    expect(0, want, run { "--z=3", "o.lua", "seed=5", "threads=2", "--out", "O", "--quick" })
  end)

  it("come from the environment where they are not typed", function()
    local line = { "env", "VAELUA_SEED=9", "VAELUA_RUNS=R", program, "-e",
      "local o = require 'vaelua.core'.program.options print(o.seed, o.out)" }
    expect(0, "^9\tR\n$", core.run_command(line))
    table.insert(line, 5, "--seed=4")
    expect(0, "^4\tR\n$", core.run_command(line))
    expect(2, "seed must be", core.run_command { "env", "VAELUA_SEED=x", program, "-e", "" })
  end)

  it("set the seed, also a random one that is kept", function()
    expect(0, "^5\t5\n$", run { "--seed", "5", "-e",
      "local c = require 'vaelua.core' print(c.seed(), c.program.options.seed)" })
    expect(0, "^true\n$", run { "--seed", "random", "-e",
      "local c = require 'vaelua.core' print(c.seed() == c.program.options.seed)" })
  end)
end)

describe("settings", function()
  local TEXT = [[
-- s.lua: what it is about
local va = require "vaelua"
local cfg = va.args { z = 20, beta = 1.0, name = "x", list = { 1, 2 }, fast = false, seed = 1,
                      quick = { z = 2, beta = 0.5 } }
print(cfg.z, cfg.beta, cfg.name, table.concat(cfg.list, ";"), cfg.fast, cfg.seed, cfg.quick)
io.stderr:write("data is read\n")
]]

  local function settings(want, ...)
    write("a.lua", TEXT)
    local words = { "a.lua", "-q" }
    for _, word in ipairs { ... } do words[#words + 1] = word end
    local status, text = run(words)
    assert.equal(0, status, text)
    assert.equal(want, (text:match("[^\n]*\t[^\n]*")))
  end

  local function refused(pattern, ...)
    local status, text = script(TEXT, ...)
    expect(2, pattern, status, text)
    assert.is_nil(text:find("data is read"))
    assert.equal(1, select(2, text:gsub("\n", "")), text)
  end

  it("have defaults, types and presets", function()
    settings("20\t1.0\tx\t1;2\tfalse\t1\tfalse")
    settings("3\t0.5\ty\t1.5;2;3\ttrue\t7\tfalse", "z=3", "--beta", "0.5", "--name=y",
      "list=1.5,2,3", "--fast", "seed=7")
    settings("2\t0.5\tx\t1;2\tfalse\t1\ttrue", "--quick")
    settings("9\t0.5\tx\t1;2\tfalse\t1\ttrue", "z=9", "quick=true")
    settings("100\t2.0\tx\t\tfalse\t1\tfalse", "z=1e2", "beta=2", "list=")
  end)

  it("that are wrong are refused in one line, before anything is read", function()
    refused("^error: s.lua has no setting 'nmae' %(did you mean 'name'%?%)"
      .. "   see: vaelua s.lua %-%-help\n$", "nmae=32")
    refused("^error: s.lua has no setting 'qqqqq'   see: ", "--qqqqq", "3")
    refused("^error: z must be an integer, got '1.5'\n$", "z=1.5")
    refused("^error: beta must be a number, got 'big'\n$", "beta=big")
    refused("^error: fast must be true or false, got 'maybe'\n$", "fast=maybe")
    refused("^error: list must be a", "list=1,x")
    refused("^error: s.lua takes settings as name=value, got 'word'\n$", "word")
  end)

  it("are shown by --help, examples first", function()
    local status, text = script(TEXT, "--help")
    expect(0, "^vaelua s.lua\nvaelua s.lua beta=2\nvaelua s.lua %-%-quick\n", status, text)
    assert.is_truthy(text:find("what it is about", 1, true))
    assert.is_truthy(text:find("z=20 +integer"))
    assert.is_truthy(text:find("quick=true +beta=0.5 z=2"))
    assert.is_nil(text:find("data is read"))
  end)

  it("are shown by --print-config with their origin", function()
    local status, text = script(TEXT, "--quick", "z=5", "--print-config")
    expect(0, "z=5 +command line", status, text)
    assert.is_truthy(text:find("beta=0.5 +quick"))
    assert.is_truthy(text:find("name=x +default"))
  end)

  it("set the seed", function()
    expect(0, "11\n$", script("local va = require 'vaelua' va.args { seed = 11 } "
      .. "print(require 'vaelua.core'.seed())"))
  end)

  it("that the script misspells are an error with its line", function()
    expect(1, "s.lua:3: there is no setting 'latnet' %(did you mean 'latent'%?%)",
      script("local va = require 'vaelua'\nlocal cfg = va.args { latent = 1 }\nprint(cfg.latnet)"))
  end)

  it("say so where --quick means nothing", function()
    expect(2, "has no setting 'quick'", script("require 'vaelua'.args { z = 1 }", "--quick"))
  end)
end)

describe("signals", function()
  -- Runs a script and sends it signals after half a second each.
  local function signalled(text, ...)
    write("loop.lua", text)
    local kills = ""
    for _, name in ipairs { ... } do
      kills = kills .. ("sleep 0.4; kill -%s $pid; "):format(name)
    end
    return core.run_command { "sh", "-c", ("cd %s; %s loop.lua & pid=$!; %s wait $pid")
      :format(folder, program, kills) }
  end

  -- A shell without job control starts children with Ctrl-C ignored; the program handles it anyway.
  it("end a loop at once", function()
    expect(130, "loop.lua:1: interrupted", signalled("while true do end", "INT"))
    expect(143, "loop.lua:1: terminated", signalled("while true do end", "TERM"))
  end)

  it("reach coroutines", function()
    expect(130, "interrupted",
      signalled("coroutine.wrap(function() while true do end end)()", "INT"))
    expect(130, "interrupted", signalled(
      "local co = coroutine.create(function() while true do end end)\n"
      .. "local ok, e = coroutine.resume(co) error(e, 0)", "INT"))
  end)

  local POLLING = [[
local core = require "vaelua.core"
local depth = core.mode_push("train")
local start = core.clock()
while core.interrupted() == 0 and core.clock() - start < 5 do core.step_next(1) end
%s
core.mode_pop(depth)
print("saved")]]

  it("let a training loop finish its step the first time", function()
    local status, text = signalled(POLLING:format(""), "INT")
    expect(130, "saved", status, text)
    assert.is_truthy(text:find("stopping after this step %(press again to stop now%)"))
    expect(143, "saved", signalled(POLLING:format(""), "TERM"))
  end)

  it("stop it at once the second time", function()
    local status, text = signalled(POLLING:format("while true do end"), "INT", "INT")
    expect(130, "interrupted", status, text)
    assert.is_nil(text:find("saved"))
  end)
end)

describe("the prompt without a terminal", function()
  it("prints results, keeps the last one, goes on after errors", function()
    local status, text = run({ "-i" }, "x = 2\nx + 1\n_ * 2\nerror 'no'\n'still'\n")
    expect(0, "3\n6\n", status, text)
    assert.is_truthy(text:find("error: no\n", 1, true))
    assert.is_truthy(text:find('"still"', 1, true))
  end)

  it("takes statements of several lines", function()
    expect(0, "^6\n$", run({ "-i" }, "s = 0\nfor i = 1, 3 do\n  s = s + i\nend\ns\n"))
  end)

  it("is not strict, and prints tables short", function()
    expect(0, "^nil\n{ 1, a = {} }\n", run({ "-i" }, "undefined\n{ 1, a = {} }\n"))
    expect(0, "980 more", run({ "-i" },
      "local t = {} for i = 1, 1000 do t[i] = i end return t\n"))
  end)

  it("knows the names of va", function()
    expect(0, '^"function"\n"table"\n', run({ "-i" }, "type(matmul)\ntype(nn)\n"))
  end)

  it("runs after a script with -i, also after one that failed", function()
    write("i.lua", "kept = 41\nerror('late')")
    local status, text = run({ "-i", "i.lua" }, "kept + 1\n")
    expect(1, "42", status, text)
  end)

  it("answers ?name", function()
    expect(0, "va.matmul%(", run({ "-i" }, "?matmul\n"))
    expect(0, "did you mean 'matmul'", run({ "-i" }, "?matmull\n"))
  end)
end)

describe("commands", function()
  it("help", function()
    expect(0, "va.softmax%(x", run { "help", "softmax" })
    expect(1, "nothing is called 'sofmax' %(did you mean 'softmax'%?%)", run { "help", "sofmax" })
    expect(0, "ops .*matmul", run { "help" })
  end)

  it("doctor", function()
    local status, text = run { "doctor" }
    assert.is_truthy(text:find("ok +OpenMP +1 runtime loaded"), text)
    assert.is_truthy(text:find("ok +oneDNN"), text)
    assert.is_truthy(text:find("ok +OpenBLAS [^\n]*USE_OPENMP") or text:find("ok +OpenBLAS"), text)
    assert.is_truthy(status == 0 or status == 1)
  end)
end)

describe("the module in a stock interpreter", function()
  local module = core.realpath("build/vaelua.so")
  local function stock(code, ...)
    local path = tostring(module):gsub("vaelua%.so$", "?.so")
    local line = { "env", "-C", folder, "LUA_CPATH=" .. path, ... }
    for _, word in ipairs { "lua5.4", "-e", code } do line[#line + 1] = word end
    return core.run_command(line)
  end

  it("loads and computes", function()
    if not module then return pending("there is no build/vaelua.so") end
    expect(0, "^6.0\n$",
      stock("local va = require 'vaelua' print(va.tensor { 1, 2, 3 }:sum():item())"))
  end)

  it("ends while its threads run", function()
    if not module then return pending("there is no build/vaelua.so") end
    for _ = 1, 20 do expect(0, "^$", stock("require('vaelua').ones(1e6):sum()")) end
  end)

  it("outlives what the script assigns to names of Lua", function()
    if not module then return pending("there is no build/vaelua.so") end
    expect(0, "linear%(4%).*true\n$", stock([[
      local va, out, str = require "vaelua", io.stdout, tostring
      table, string, math, pairs, ipairs, type, tostring = {}, 1, 2, nil, nil, nil, nil
      setmetatable, getmetatable, require, select, next, print, error = 1, 2, 3, 4, 5, 6, 7
      local vae = va.models.vae { shape = { 8, 8, 1 }, z = 2 }
      out:write(str(vae), str(vae:sample(2).shape[1] == 2), "\n")]]))
  end)

  it("takes options from the environment and va.setup", function()
    if not module then return pending("there is no build/vaelua.so") end
    local print_seed = "print(require 'vaelua.core'.seed())"
    expect(0, "^9\n$", stock("require 'vaelua' " .. print_seed, "VAELUA_SEED=9"))
    expect(0, "^8\n$", stock("require 'vaelua'.setup { seed = 8 } " .. print_seed))
    expect(1, "no option 'sede'", stock("require 'vaelua'.setup { sede = 8 }"))
  end)
end)

describe("core files", function()
  it("are written whole or not at all", function()
    local path = folder .. "/w.txt"
    core.write(path, "old")
    assert.has_error(function() core.write(folder .. "/no/w.txt", "x") end)
    core.write(path, "new\0text")
    local f <close> = assert(io.open(path, "rb"))
    assert.equal("new\0text", f:read("a"))
    for _, name in ipairs(core.list(folder)) do assert.is_nil(name:find("^w%.txt%.")) end
  end)

  it("report a full disk and leave nothing", function()
    local good, why = pcall(core.write, "/dev/full/x", "x")
    assert.is_false(good)
    assert.is_truthy(why:find("/dev/full/x: cannot write: Not a directory", 1, true), why)
    local quota = ("ulimit -f 1; trap '' XFSZ; %s -e 'require [[vaelua.core]].write([[%s/big]], "
      .. "([[x]]):rep(100000))'"):format(program, folder)
    local status, text = core.run_command { "bash", "-c", quota }
    expect(1, "big: cannot write: File too large", status, text)
    for _, name in ipairs(core.list(folder)) do assert.is_nil(name:find("^big")) end
  end)

  it("make folders and links", function()
    core.mkdir(folder .. "/a/b/c")
    core.mkdir(folder .. "/a/b/c")
    assert.equal("folder", core.exists(folder .. "/a/b"))
    core.symlink("b", folder .. "/a/link")
    assert.equal(core.realpath(folder .. "/a/b"), core.realpath(folder .. "/a/link"))
    core.append(folder .. "/a/log", "1\n")
    core.append(folder .. "/a/log", "2\n")
    assert.same({ "b", "link", "log" }, core.list(folder .. "/a"))
    assert.has_error(function() core.mkdir(folder .. "/a/log/d") end)
    assert.has_error(function() core.list(folder .. "/nowhere") end)
    assert.is_nil(core.exists(folder .. "/nowhere"))
    assert.is_nil(core.realpath(folder .. "/nowhere"))
  end)

  it("are unpacked, or refused with the reason", function()
    local path = folder .. "/t.gz"
    local _, packed = core.run_command({ "gzip", "-c" }, ("text "):rep(10000))
    core.write(path, packed)
    assert.equal(("text "):rep(10000), core.gunzip(path))
    core.write(path, packed:sub(1, -6))
    assert.has_error(function() core.gunzip(path) end)
    core.write(path, (packed:gsub("....$", "\1\2\3\4")))
    assert.has_error(function() core.gunzip(path) end)
    core.write(path, "plain")
    local _, why = pcall(core.gunzip, path)
    assert.is_truthy(why:find("not a gzip file", 1, true), why)
    expect(3, "t.gz", script(("require 'vaelua.core'.gunzip(%q)"):format(path)))
  end)
end)

describe("core values", function()
  it("go through JSON", function()
    local v = { b = { 1, 2.5, "x" }, a = true, n = math.maxinteger, [3] = "three", e = {} }
    local text = core.json(v)
    assert.equal('{"3":"three","a":true,"b":[1,2.5,"x"],"e":{},"n":9223372036854775807}', text)
    local back = core.unjson(text)
    assert.equal(math.maxinteger, back.n)
    assert.same({ 1, 2.5, "x" }, back.b)
    assert.equal("null", core.json(0 / 0))
    assert.equal('"\u{FFFD}"', core.json("\xFF"))
    assert.is_truthy(core.json({ a = 1 }, 2):find("\n  ", 1, true))
    assert.has_error(function() core.json({ f = print }) end)
    local cycle = {}
    cycle.self = cycle
    assert.has_error(function() core.json(cycle) end)
    assert.has_error(function() core.unjson("{") end)
    assert.is_nil(core.unjson('{"a":null}').a)
    assert.equal(core.null, core.unjson("[null]")[1])
  end)

  it("are hashed", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      core.sha256("abc"))
  end)

  it("run commands without a shell", function()
    assert.same({ 0, "a b\n" }, { core.run_command { "echo", "a b" } })
    assert.same({ 3, "" }, { core.run_command { "sh", "-c", "exit 3" } })
    assert.same({ 137, "" }, { core.run_command { "sh", "-c", "kill -9 $$" } })
    assert.equal(127, (core.run_command { "no-such-program-here" }))
    local big = ("line\n"):rep(200000)
    local status, out = core.run_command({ "cat" }, big)
    assert.equal(0, status)
    assert.is_true(out == big)
    assert.equal(0, (core.run_command({ "true" }, big)))      -- reads nothing of it
  end)
end)
