-- runs_spec.lua - `vaelua runs`: folders made up here, and small scripts that are run twice.

local child = require "tests.lua.child"
local core = require "vaelua.core"
local lines = require "vaelua.runs.lines"
local literal = require "vaelua.runs.literal"
local scores = require "vaelua.runs.scores"

local program = core.realpath("/proc/self/exe")

local c
before_each(function() c = child.new() end)
after_each(function() c:drop() end)

-- `vaelua runs WORDS` in the folder: status, output and errors.
local function runs(words, before)
  local _, how, code = os.execute(("cd %s && env -u VAELUA_RUNS %s %s runs %s > out.txt 2> err.txt "
    .. "< /dev/null"):format(c.folder, before or "", program, words or ""))
  return { status = how == "exit" and code or 128 + code, out = c:read("out.txt"),
           err = c:read("err.txt") }
end

local function has(text, part)
  assert(text:find(part, 1, true), "no '" .. part .. "' in: " .. text)
end

local function hasnt(text, part)
  assert(not text:find(part, 1, true), "'" .. part .. "' in: " .. text)
end

local function fails(status, words, r)
  assert.are.equal(status, r.status, r.out .. r.err)
  has(r.err, words)
end

local function with(t, more)
  local all = {}
  for k, v in pairs(t) do all[k] = v end
  for k, v in pairs(more or {}) do all[k] = v end
  return all
end

local SCORE = { seed = 1, model = "vae", key = "mse", name = "mse", value = 0.5, unit = "per pixel",
                better = "lower", protocol = { count = 10 } }

-- A made-up folder: what: fields of run.json; list: changes to SCORE, one for each score.
local function made(name, what, list, config)
  local folder = "runs/" .. name
  local json = with({ format = 1, status = "done", script = "exp/compare.lua", seed = 1,
                      started = "2026-11-22T15:30:00Z", seconds = 312.4, version = "0.1.0",
                      machine = { host = core.hostname(), pid = 1, isa = "x86-64-v3" } }, what)
  c:write(folder .. "/run.json", core.json(json))
  c:write(folder .. "/config.lua", config or "return {\n  beta = 1.0,\n}\n")
  if list then
    for i, more in ipairs(list) do list[i] = with(SCORE, more) end
    c:write(folder .. "/tables/scores.json", core.json { format = 1, scores = list })
  end
  return folder
end

local A, B = "20261122-153000-compare-7k2f", "20261123-153000-compare-m3xd"

describe("runs", function()
  it("says what makes one where there are none", function()
    local r = runs()
    assert.are.equal(0, r.status)
    has(r.out, "no runs in runs/: a script that trains or reports makes one")
  end)

  it("lists them with status, time, seeds and scores, the newest first", function()
    made(A, nil, { {}, { seed = 2, value = 0.7 }, { seed = 3, value = 0.9 } })
    made(B, { started = "2026-11-23T15:30:00Z", status = "failed", script = "x/other.lua" })
    local out = runs().out
    has(out, A .. "  done    compare  2026-11-22 15:30  5m12s  1-3   mse vae 0.7")
    assert(out:find(B, 1, true) < out:find(A, 1, true), out)
    hasnt(runs("compare").out, B)
    hasnt(runs("experiments/other.lua").out, A)
  end)

  it("shows as lost what has no process, and as running what has", function()
    made("a-1111", { status = "running", machine = { host = core.hostname(), pid = 4194305 } })
    made("b-2222", { status = "running", machine = { host = core.hostname(), pid = core.pid() } })
    made("c-3333", { status = "running",
                     machine = { host = core.hostname(), pid = core.pid(), born = 1 } })
    made("d-4444", { status = "running", machine = { host = "elsewhere", pid = 1 } })
    local out = runs().out
    assert(out:find("a%-1111 +lost"), out)
    assert(out:find("b%-2222 +running "), out)
    assert(out:find("c%-3333 +lost"), out)
    assert(out:find("d%-4444 +running on elsewhere"), out)
  end)

  it("goes on past damaged folders and those of a newer program", function()
    made(A, nil, { {} })
    for name, text in pairs { cut = '{ "status": "do', list = "7", odd = '{ "format": "x" }',
        new = '{ "format": 9 }', types = '{ "status": 7, "machine": [1], "seconds": "x", '
        .. '"scores": 3, "metrics": { "a": 1 }, "script": {}, "started": 1, "seed": "\\n" }' } do
      c:write("runs/" .. name .. "/run.json", text)
    end
    c:write("runs/" .. B .. "/run.json", core.json { status = "done\27[31m" })
    c:write("runs/" .. B .. "/tables/scores.json", '{ "scores": [1, {}, { "key": 1 }] }')
    local r = runs()
    assert.are.equal(0, r.status, r.err)
    assert(r.out:find("cut +unreadable +run.json: not JSON"), r.out)
    assert(r.out:find("list +unreadable +it holds no table"), r.out)
    assert(r.out:find("odd +unreadable +its format is no number"), r.out)
    assert(r.out:find("new +newer format +format 9 is newer than this program"), r.out)
    assert(r.out:find("types +unknown"), r.out)
    has(r.out, A)
    hasnt(r.out, "\27")
  end)

  it("fits into the columns of the terminal", function()
    made(A, nil, { {}, { key = "a long key", name = "b" },
                   { key = "another long key", name = "c" } })
    for _, n in ipairs { 30, 50, 60, 80, 100, 120 } do
      for line in runs("", "COLUMNS=" .. n).out:gmatch("[^\n]+") do
        assert(utf8.len(line) <= n, line)
      end
    end
    has(runs("", "COLUMNS=60").out, A .. "  done    mse vae 0.5  a long k…\n")
  end)

  it("shows twenty, and all with --all", function()
    for i = 1, 23 do made(("2026112%d-1530%02d-x-aa%02d"):format(i % 3, i, i)) end
    local _, some = runs().out:gsub("\n2026", "")
    local _, all = runs("--all").out:gsub("\n2026", "")
    assert.are.equal(20, some)
    assert.are.equal(23, all)
    has(runs().out, "and 3 more   see: vaelua runs --all")
  end)

  it("looks where --out says", function()
    made(A)
    has(runs("--out elsewhere").out, "no runs in elsewhere/")
    has(runs("--out=" .. c.folder .. "/runs").out, A)
  end)

  it("refuses what it does not know", function()
    fails(2, "'dif' is neither a command nor a script with runs in runs/ (did you mean 'diff'?)",
          runs("dif"))
    fails(2, "runs has no option 'al' (did you mean '--all'?)", runs("--al"))
    fails(2, "runs diff needs 2 runs, got 1", runs("diff x"))
    fails(2, "runs report needs runs, got 0", runs("report"))
    fails(2, "runs rerun needs one run, got 2", runs("rerun a b"))
    has(runs("--help").out, "vaelua runs rerun 7k2f seed=2 beta=4")
  end)
end)

describe("a run's name", function()
  it("may be whole, a part, latest or a path", function()
    made(A)
    made(B, { started = "2026-11-23T15:30:00Z" })
    for _, words in ipairs { A .. " " .. B, "7k2f m3xd", "20261122 20261123", "latest~1 latest",
                             "runs/" .. A .. "/ " .. B } do
      local r = runs("diff " .. words)
      assert.are.equal(0, r.status, r.err)
      assert(r.out:find("^7k2f.-done\nm3xd"), r.out)
    end
  end)

  it("must mean one run that is there and whole", function()
    made(A)
    made(B)
    fails(2, ("'202611' may be %s, %s"):format(A, B), runs("diff 202611 " .. A))
    fails(3, "there is no run 'nope': neither a folder with run.json nor a run in runs/",
          runs("diff nope " .. A))
    fails(3, "there is no run 'latest~7'", runs("diff latest~7 " .. A))
    c:write("runs/bad/run.json", "{")
    c:write("runs/new/run.json", '{ "format": 2 }')
    fails(3, "runs/bad/run.json cannot be read: run.json: not JSON", runs("diff bad " .. A))
    for _, words in ipairs { "diff new " .. A, "report new", "rerun new" } do
      fails(3, "runs/new/run.json has format 2, this program knows up to 1: use the vaelua that "
               .. "made it, or a newer one", runs(words))
    end
    local r = c:run("local va = require 'vaelua' va.args {} for t in va.set(va.ones(4, 1))"
                    .. ":epochs(1, 2) do va.log(t, 'x', 1) end", "--resume new")
    fails(3, "has format 2, this program knows up to 1", r)
  end)
end)

describe("config.lua", function()
  local function same(value, text) assert.are.same(value, literal.read(text)) end

  it("is read as data", function()
    same({}, "return {}")
    same({ a = 1, b = -2.5, c = true, d = "x\ny\"\\", e = { [1] = 1, [2] = "z" }, ["f g"] = 0x10 },
         'return { a = 1, b = -2.5, c = true, -- note\n d = "x\\\ny\\"\\\\", '
         .. 'e = { [1] = 1, [2] = "z", }, ["f g"] = 0x10 }\n')
    same({ a = math.huge, b = -math.huge, c = 0x1p-3, d = math.mininteger, e = 1e-5 },
         "return { a = 1e9999, b = -1e9999, c = 0x1p-3, d = 0x8000000000000000, e = 1e-05 }")
    local nan = literal.read("return { a = (0/0) }").a
    assert(nan ~= nan)
  end)

  it("is never run", function()
    for text, why in pairs {
      ["while true do end"] = "'return' expected in line 1",
      ["return { a = os.exit(3) }"] = "'os' is no value in line 1",
      ["return {\n a = function() end }"] = "'function' is no value in line 2",
      ["return { a = 1 + 2 }"] = "'}' expected in line 1",
      ["return { a = 1 }  os.exit(3)"] = "more behind the table in line 1",
      ["return { a = \"x }"] = "a string without an end in line 1",
      ["return { a = "] = "a value expected in line 1",
      ["return " .. ("{ a = "):rep(1000)] = "tables nested too deep in line 1",
      ["return { [{}] = 1 }"] = "a wrong key in line 1",
      [("x"):rep(2 << 20)] = "it is longer than 1 MiB",
    } do
      local t, said = literal.read(text)
      assert.is_nil(t)
      assert.are.equal(why, said)
    end
    made(A, nil, nil, "return { a = (function() while true do end end)() }")
    made(B)
    local r = runs("diff 7k2f m3xd")
    assert.are.equal(0, r.status, r.err)
    has(r.out, "settings  cannot be compared: " .. A .. "/config.lua: a value expected in line 1")
    c:write("runs/" .. A .. "/src/exp/compare.lua", "print(1)")
    fails(3, "config.lua cannot be read: a value expected in line 1", runs("rerun 7k2f"))
  end)
end)

describe("runs diff", function()
  it("says of equal runs that they are", function()
    for _, name in ipairs { A, B } do
      made(name, { metrics = { vae = { loss = 2.5 } } }, { {} })
      c:write("runs/" .. name .. "/src/exp/compare.lua", "print(1)\n")
    end
    local out = runs("diff 7k2f m3xd").out
    for _, words in ipairs { "settings  equal (1)", "program   equal", "data      equal",
        "sources   equal (1 file)", "0 differ, 1 equal", "training  last values equal (1)" } do
      has(out, words)
    end
  end)

  it("shows settings, builds, machines, data, sources, scores and losses that differ", function()
    made(A, { metrics = { vae = { loss = 2.5 } }, data = { d = { checksum = ("a"):rep(64) } } },
         { {}, { seed = 2, value = 0.7 } })
    made(B, { version = "0.2.0", metrics = { vae = { loss = 2 } },
              machine = { host = "other", isa = "x86-64-v4" },
              data = { d = { checksum = ("b"):rep(64) } } },
         { { value = 0.4 }, { seed = 2, value = 0.4 } }, "return { beta = 4.0, z = 2 }")
    c:write("runs/" .. A .. "/src/s.lua", "a\nb\nc\nd\ne\nf\ng\nh\n")
    c:write("runs/" .. B .. "/src/s.lua", "a\nb\nc\nd\nE\nf\ng\nh\n")
    c:write("runs/" .. B .. "/src/new.lua", "x\n")
    local out = runs("diff 7k2f m3xd").out
    has(out, "settings  2 differences, 0 equal\n  beta  1  4\n  z     -  2\n")
    assert(out:find("version +0.1.0 +0.2.0"), out)
    assert(out:find("isa +x86%-64%-v3 +x86%-64%-v4"), out)
    has(out, "checksum=" .. ("a"):rep(12) .. "  checksum=" .. ("b"):rep(12) .. "\n")
    has(out, "src/new.lua: only in m3xd (1 line)")
    has(out, "@@ -2,7 +2,7 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n")
    assert(out:find("mse +vae +0.6 +0.4 +%-0.2 +per pixel"), out)
    assert(out:find("vae loss +2.5 +2 +%-0.5"), out)
  end)

  it("does not subtract scores of another unit or protocol", function()
    made(A, nil, { {}, { key = "fid", name = "fid", protocol = { features = "builtin" } },
                   { key = "x", name = "x", reason = "no prior", value = core.null } })
    made(B, nil, { { unit = "per image", value = 9 },
                   { key = "fid", name = "fid", protocol = { features = "pixels" } },
                   { key = "y", name = "y" } })
    local out = runs("diff 7k2f m3xd").out
    has(out, "not comparable: unit: per pixel against per image")
    has(out, "not comparable: features: builtin against pixels")
    assert(out:find("x +vae +not defined +%- +only in one"), out)
    assert(out:find("y +vae +%- +0.5 +only in one"), out)
    hasnt(out, "+8.5")
    made(B, { scores = { ["1"] = { vae = { mse = 0.4 } } } })
    core.remove(c:path("runs/" .. B .. "/tables/scores.json"))
    has(runs("diff 7k2f m3xd").out, "not comparable: protocol unknown (no tables/scores.json)")
  end)

  it("finds the shortest way from text to text", function()
    assert.are.same({ "@@ -0,0 +1,1 @@", "+a" }, lines.unified("", "a\n"))
    assert.are.same({ "@@ -1,3 +1,2 @@", " a", "-b", " c" }, lines.unified("a\nb\nc\n", "a\nc\n"))
    local a, b = {}, {}
    for i = 1, 40 do a[i], b[i] = "l" .. i, "l" .. i end
    b[5], b[30] = "x", "y"
    local d = lines.unified(table.concat(a, "\n") .. "\n", table.concat(b, "\n") .. "\n")
    assert.are.equal("@@ -2,7 +2,7 @@", d[1])
    assert.are.equal("@@ -27,7 +27,7 @@", d[10])
    assert.are.equal(18, #d)
    assert.are.same({ "(too long to show how)" },
                    lines.unified(("a\n"):rep(3000), ("b\n"):rep(3000)))
  end)
end)

describe("runs report", function()
  local function records(...)
    local list = {}
    for i, name in ipairs { ... } do list[i] = c:path("runs/" .. name) end
    return require "vaelua.runs".records(list)
  end

  it("takes runs that differ in the seed alone as seeds of the same models", function()
    made(A, nil, { {} }, "return { beta = 1.0, seed = 1 }")
    made(B, { seed = 2 }, { { seed = 2, value = 0.7 } }, "return { beta = 1.0, seed = 2 }")
    local list, about = records(A, B)
    assert.is_true(about.seeds)
    assert.are.same({ "vae", "vae", 1, 2 },
                    { list[1].model, list[2].model, list[1].seed, list[2].seed })
    local r = runs("report 7k2f m3xd")
    assert.are.equal(0, r.status, r.err)
    has(r.out, "the runs differ in their seeds alone: they are seeds of the same models")
    assert(r.out:find("0.60* ± 0.14"), r.out)
    local page = c:read(r.out:match("report (%S+/report.html)"))
    has(page, "0.6")
    assert.is_truthy(c:exists(r.out:match("report (%S+)/report.html") .. "/tables/scores.json"))
    hasnt(runs().out, "-report-")                       -- a report is no run
  end)

  it("gives other runs columns of their own, and says why", function()
    made(A, nil, { {} })
    made(B, nil, { { seed = 2 } }, "return { beta = 4.0 }")
    local list, about = records(A, B)
    assert.is_false(about.seeds)
    assert.are.equal("the setting beta differs", about.why)
    assert.are.equal("vae (m3xd)", list[2].model)
    made(B, nil, { {} })
    c:write("runs/" .. A .. "/figures/training-vae.svg", "<svg/>")
    has(runs("report 7k2f m3xd --to r/x.html").out,
        "each run has columns of its own: seed 1 is in two of them")
    has(c:read("r/x.html"), "vae (7k2f)", "Learning curves: vae: " .. A)
  end)

  it("puts scores that were made in different ways into rows of their own", function()
    local fid = { key = "fid/prior", name = "fid", source = "prior", sampled = "samples: prior" }
    made(A, nil, { {}, with(fid, { protocol = { features = "builtin" } }) })
    made(B, nil, { {}, with(fid, { protocol = { features = "pixels" } }) })
    local list, about = records(A, B)
    assert.are.equal("features: builtin against pixels", about.apart.fid)
    assert.are.equal("fid (7k2f)/prior", list[2].key)
    assert.are.equal("fid (m3xd)/prior", list[4].key)
    assert.are.equal("mse", list[3].key)
    has(runs("report 7k2f m3xd --to x.html").out,
        "fid is not compared between the runs: features: builtin against pixels")
  end)

  it("needs scores with their protocols", function()
    made(A)
    made(B, nil, {})
    fails(3, "has no scores with their protocols: there is no tables/scores.json",
          runs("report 7k2f --to x.html"))
    fails(3, "has no scores (va.report writes them)", runs("report m3xd --to x.html"))
    c:write("runs/" .. B .. "/tables/scores.json", '{ "format": 3 }')
    fails(3, "tables/scores.json cannot be read: format 3 is newer", runs("report m3xd"))
    c:write("runs/" .. B .. "/tables/scores.json", "{")
    fails(3, "tables/scores.json cannot be read: scores.json: not JSON", runs("report m3xd"))
    made(B, nil, { {} })
    fails(2, "'m3xd' and 'latest' are the same run", runs("report m3xd latest"))
    fails(2, "--to runs: that is a folder; a file is needed", runs("report m3xd --to runs"))
    assert.is_nil(c:exists("x.html"))
  end)

  it("brings what is not finite through JSON", function()
    made(A, nil, { { value = "inf" } })
    assert.are.equal(math.huge, scores.load { folder = c:path("runs/" .. A), json = {} }[1].value)
  end)
end)

describe("runs rerun", function()
  local TEXT = [[
    local va = require "vaelua"
    local nn = va.nn
    local cfg = va.args { epochs = 2, lr = 0.1, name = "a,b", list = { 1, 2.5 }, seeds = 1,
                          quick = { epochs = 1 } }
    local k = require "part" + require "lib.other"
    local x = va.arange(1, 60):as("float32"):reshape(20, 3) * 0.01
    local data = va.data { train = va.set(x), test = va.set(x) }
    for _ in va.seeds(cfg.seeds) do
      local m = nn.model("line", { w = nn.param(va.randn(3)) })
      local adam = va.adam(m, { lr = cfg.lr })
      for t, v in data.train:epochs(cfg.epochs, 5) do
        local loss = (v * m.w - v * k):square():rowsum():mean()
        adam:step(loss)
        va.log(t, m, loss)
      end
      va.protocol("off", function(model)
        return va.score(model.w:square():sum(), "squared", "lower")
      end)
      va.evaluate(m, data, { "off" })
    end
    va.report()]]

  local function start(words)
    c:write("part.lua", "return 1")
    c:write("lib/other.lua", "return 2")
    local r = c:run(TEXT, words)
    assert.are.equal(0, r.status, r.err)
    local name = core.realpath(c:path("runs/latest")):match("[^/]+$")
    c:write("part.lua", "return 7")                      -- changed since
    c:write("lib/other.lua", "return 9")
    c:write("script.lua", "error 'the new one'")
    return name
  end

  local function file(name, path) return c:read("runs/" .. name .. "/" .. path) end
  local function latest() return core.realpath(c:path("runs/latest")):match("[^/]+$") end

  it("gives the same bytes from the run's own sources, and again from the rerun's", function()
    local first = start("seeds=2 lr=0.05 --quick seed=3 list=3,4")
    local r = runs("rerun " .. first)
    assert.are.equal(0, r.status, r.err)
    local second = latest()
    assert(first ~= second)
    local third = runs("rerun latest")
    assert.are.equal(0, third.status, third.err)
    for _, name in ipairs { second, latest() } do
      for _, path in ipairs { "tables/main.csv", "tables/main.md", "tables/scores.json",
          "metrics.csv", "config.lua", "src/script.lua", "src/part.lua", "src/lib/other.lua",
          "checkpoints/line-s3-last.safetensors" } do
        assert(file(first, path), path)
        assert(file(first, path) == file(name, path), path .. " differs")
      end
      assert.are.same(core.list(c:path("runs/" .. first .. "/src")),
                      core.list(c:path("runs/" .. name .. "/src")))
    end
    assert.are.equal(first, core.unjson(file(second, "run.json")).rerun_of)
    assert.are.equal(second, core.unjson(file(latest(), "run.json")).rerun_of)
    assert.are.equal(1, core.unjson(file(second, "run.json")).format)
    has(r.err, ("rerun  %s from its own sources: runs/%s/src/script.lua"):format(first, first))
    has(r.err, "program, libraries and instruction set are those of then")
    has(file(second, "log.txt"), "from its own sources")
  end)

  it("takes settings, and says what differs from then", function()
    local first = start("lr=0.05")
    local json = core.unjson(file(first, "run.json"))
    json.machine.isa, json.version = "x86-64-v9", "0.0.1"
    json.data.data.checksum = ("0"):rep(64)
    c:write("runs/" .. first .. "/run.json", core.json(json))
    local r = runs("rerun latest epochs=1 seed=5")
    assert.are.equal(0, r.status, r.err)
    has(r.err, "isa: x86-64-v9 then, " .. core.isa .. " now")
    has(r.err, "version: 0.0.1 then, ")
    has(r.err, "so results may differ in their last digits")
    has(r.err, "the data data have changed since: checksum 000000000000 then, ")
    local config = literal.read(file(latest(), "config.lua"))
    assert.are.equal(1, config.epochs)
    assert.are.equal(0.05, config.lr)
    assert.are.equal("a,b", config.name)
    assert.are.equal(5, core.unjson(file(latest(), "run.json")).seed)
    fails(2, "script.lua has no setting 'lrr' (did you mean 'lr'?)", runs("rerun latest lrr=1"))
    fails(2, "epochs must be an integer, got 'x'", runs("rerun latest epochs=x"))
  end)

  it("names what it cannot do", function()
    local first = start("--quick")
    fails(2, "rerun: the run had quick=true, which cannot be taken back: give its settings",
          runs("rerun latest quick=false"))
    c:write("runs/" .. first .. "/config.lua", 'return { lr = "x" }')
    fails(3, "has a string for 'lr', the script a number", runs("rerun latest"))
    core.remove(c:path("runs/" .. first .. "/config.lua"))
    fails(3, "config.lua cannot be read: No such file", runs("rerun latest"))
    made(A)
    fails(3, "has no copy of the script exp/compare.lua", runs("rerun 7k2f"))
    made(B, { script = 7 })
    fails(3, B .. " was no script's run: there is nothing to run again", runs("rerun m3xd"))
  end)

  it("ends as the script ends", function()
    c:run("local va = require 'vaelua' va.log(1, 'x', 1)\nerror 'broken on purpose'", "--out runs")
    local r = runs("rerun latest")
    fails(1, "src/script.lua:2: broken on purpose", r)
    assert.are.equal("failed", core.unjson(c:read("runs/latest/run.json")).status)
    c:run("local va = require 'vaelua' va.log(1, 'x', 1)\nprint(foo_bar, arg[1], ...)", "one two")
    fails(1, "undefined name 'foo_bar'", runs("rerun latest"))
    c:run("local va = require 'vaelua' va.log(1, 'x', 1)\nprint(arg[1], ...)", "one two")
    has(runs("rerun latest").out, "one\tone\ttwo\n")
  end)
end)
