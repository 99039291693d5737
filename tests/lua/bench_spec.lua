-- bench_spec.lua - make bench: measuring in turn, workers, ratios, tables, on made-up numbers;
-- every worker of ours at a tiny size, and the one in Python with cases that only sleep.

local core = require "vaelua.core"
local measure = require "tests.bench.measure"
local result = require "tests.bench.result"
local child = require "tests.lua.child"

local program = core.realpath "/proc/self/exe"

local function statistics(median, more)
  local s = { median = median, min = median - 1, q1 = median - 0.5, q3 = median + 0.5, n = 7 }
  for key, v in pairs(more or {}) do s[key] = v end
  return s
end

local function row(more)
  local r = { part = "vae", name = "a step", unit = "ms", ours = statistics(5), goal = 0.25,
              peers = { statistics(40, { name = "PyTorch 1" }),
                        statistics(25, { name = "PyTorch 2", label = "traced" }) } }
  for key, v in pairs(more or {}) do r[key] = v end
  return result.judged(r)
end

local function results(...)
  return { date = "2026-01-02T03:04:05Z", rows = { ... },
           machine = { cpu = "a CPU", level = "x86-64-v4", threads = 2 } }
end

describe("measuring", function()
  it("has median, least and quartiles, and leaves the samples as they are", function()
    local samples = { 5, 1, 4, 2, 3 }
    assert.same({ median = 3, min = 1, q1 = 2, q3 = 4, n = 5 }, measure.statistics(samples))
    assert.same({ 5, 1, 4, 2, 3 }, samples)
    assert.same({ median = 2.5, min = 1, q1 = 1.75, q3 = 3.25, n = 4 },
                measure.statistics { 4, 3, 2, 1 })
    assert.is_nil(measure.statistics {})
  end)

  it("times calls behind a first one until the time is over", function()
    local calls = 0
    local times = measure.times(function() calls = calls + 1 end, 0.002)
    assert.equal(calls - 1, #times)
    assert.is_true(#times > 1)
    assert.equal(1, #measure.times(function() end, 0))
  end)

  it("asks in turn, and goes on without a party that cannot", function()
    local order = {}
    local function party(name, answers)
      return { case = name .. "!", ask = function(seconds, case)
        order[#order + 1] = case .. seconds
        local answer = table.remove(answers, 1)
        if type(answer) == "string" then return nil, answer end
        return answer, "as " .. name
      end }
    end
    local a, b = party("a", { { 1, 2 }, { 3 }, { 6 } }), party("b", { { 1 }, "gone" })
    local s = measure.turns({ a, b }, 3, 9)
    assert.same({ "a!9", "b!9", "a!9", "b!9", "a!9" }, order)
    assert.same({ 2.5, 1, 4, "as a" }, { s[1].median, s[1].min, s[1].n, s[1].label })
    assert.equal("gone", s[2].skip)
    assert.is_nil(s[2].median)
  end)
end)

describe("a worker", function()
  it("answers, says why not, and is gone when it is closed", function()
    local w = measure.worker({ "sh", "-c",
      "echo ready $$ $NAME; while read s c; do case $c in a*) echo \"fast: $s 2 3\";; "
      .. "*) echo skip: no $c;; esac; done" }, { "NAME=it's me" })
    assert.equal("it's me", w.name)
    assert.same({ { 0.5, 2, 3 }, "fast" }, { w:ask(0.5, "a 1") })
    assert.same({ n = 2, [2] = "no b" }, table.pack(w:ask(1, "b")))
    assert.truthy(core.exists("/proc/" .. w.pid))
    w:close()
    assert.falsy(core.exists("/proc/" .. w.pid))
    assert.same({ n = 2, [2] = "closed" }, table.pack(w:ask(1, "a")))
  end)

  it("is missing where it does not start or ends", function()
    local none = measure.worker { "/no/such/program" }
    assert.same({ n = 2, [2] = "it does not start" }, table.pack(none:ask(1, "a")))
    local w = measure.worker { "sh", "-c", "echo ready $$ short; read line" }
    assert.same({ n = 2, [2] = "it ended" }, table.pack(w:ask(1, "a")))
    assert.same({ n = 2, [2] = "it ended" }, table.pack(w:ask(1, "a")))
  end)

  it("of ours answers every case", function()
    for script, cases in pairs {
      peak = { "flop", "bytes" }, conv = { "step 1" }, calls = { "op", "lua", "graph" },
      vae = { "step 2 float32 vae", "step 2 float32 ae", "memory 256" },
      evaluation = { "features 500", "frechet 8", "prdc 50", "whole 500", "memory 500" },
      inception = { "forward 1" } } do
      local w = measure.worker({ program, "--threads=1", "--progress=none",
                                 "tests/bench/ours/" .. script .. ".lua" })
      for _, case in ipairs(cases) do
        local samples, label = w:ask(0, case)
        assert(samples, script .. " " .. case .. ": " .. tostring(label))
        assert.is_true(samples[1] > 0)
      end
      assert.same({ n = 2, [2] = "there is no case nothing" }, table.pack(w:ask(0, "nothing")))
      w:close()
    end
  end)

  it("in Python takes the fastest setting and leaves out what raises", function()
    if core.run_command { "python3", "-c", "" } ~= 0 then return pending "no python3" end
    local c <close> = setmetatable(child.new(), { __index = child, __close = child.drop })
    c:write("worker_test.py", [[
import sys, time
sys.dont_write_bytecode = True
sys.path.insert(0, sys.argv[1])
import worker
def case(n):
    def bad(): raise ValueError("no such way")
    return {"slow": lambda: worker.timed(lambda: time.sleep(0.02 * n)), "bad": bad,
            "quick": lambda: worker.timed(lambda: time.sleep(0.001 * n))}
worker.TRIAL = 0
worker.fastest.__defaults__ = (0,)
worker.serve("a peer", {"case": case, "none": lambda: {"only": lambda: 1 / 0}})
]])
    local w = measure.worker { "python3", c:path "worker_test.py",
                               core.realpath "tests/bench/theirs" }
    assert.equal("a peer", w.name)
    local samples, label = w:ask(0, "case 2")
    assert.equal("quick", label)
    assert.is_true(#samples == 1 and samples[1] >= 0.002)
    assert.same({ n = 2, [2] = "ZeroDivisionError: division by zero" },
                table.pack(w:ask(0, "none")))
    assert.truthy(select(2, w:ask(0, "other")):find "there is no case other")
    w:close()
  end)
end)

describe("a row", function()
  it("has its ratio to the best peer that is there", function()
    local r = row()
    assert.same({ 0.2, "PyTorch 2", true }, { r.ratio, r.best, r.met })
    assert.is_false(row({ goal = 0.19 }).met)
    local alone = row({ peers = { { name = "PyTorch 1", skip = "not here" } } })
    assert.is_nil(alone.ratio)
    assert.is_nil(alone.met)
    local missing = row({ ours = { skip = "refused" } })
    assert.is_nil(missing.ratio)
    assert.is_nil(missing.met)
    local beside = row({ peers = { statistics(1, { name = "lua5.4", aside = true }),
                                   statistics(50, { name = "PyTorch 1" }) } })
    assert.equal(0.1, beside.ratio)
  end)

  it("has a bound in its own unit instead of a goal for the ratio", function()
    assert.is_true(row({ goal = false, bound = 5 }).met)
    assert.is_false(row({ goal = false, bound = 4.9 }).met)
  end)

  it("is scaled to its unit", function()
    local s = result.scaled({ median = 2, min = 1, q1 = 1, q3 = 3, n = 4, label = "x" }, 1000)
    assert.same({ median = 2000, min = 1000, q1 = 1000, q3 = 3000, n = 4, label = "x" }, s)
  end)

  it("is shown with its spread, its settings and what is missing", function()
    local text = table.concat(result.lines(row({ peers = { { name = "PyTorch 1", skip = "gone" },
      statistics(25, { name = "PyTorch 2", label = "traced" }) } })), "\n")
    for _, words in ipairs { "^a step, ms\n", "vaelua +5%.00  %(4%.50–5%.50; least 4%.00; n 7%)",
      "PyTorch 1 +%-  gone\n", "PyTorch 2 +25%.0 .*traced\n",
      "ratio 0%.200 to PyTorch 2, goal 0%.250: met$" } do
      assert.truthy(text:find(words), words .. "\n" .. text)
    end
  end)

  it("has numbers of three digits", function()
    local shown = {}
    for i, v in ipairs { 0, 0.01234, 0.5, 1.2345, 12.345, 123.45, 12345.6 } do
      shown[i] = result.number(v)
    end
    assert.same({ "0", "0.0123", "0.500", "1.23", "12.3", "123", "12346" }, shown)
  end)
end)

describe("the table", function()
  local whole = results(row(),
    row({ name = "at its peak", goal = false, peers = { statistics(4, { name = "floor" }) } }),
    row({ name = "bf16", ours = { skip = "refused" }, peers = {} }),
    row({ part = "records", name = "relu", only = true, peers = {} }))

  it("has a column for every PyTorch", function()
    assert.equal([[
|  | unit | vaelua | PyTorch 1 | PyTorch 2 | others | ratio | goal |
|---|---|---:|---:|---:|---|---:|---:|
| a step | ms | 5.00 (4.50–5.50) | 40.0 (39.5–40.5) | 25.0 (24.5–25.5) |  | 0.200 | 0.250 |
| at its peak | ms | 5.00 (4.50–5.50) |  |  | floor: 4.00 (3.50–4.50) | 1.25 |  |
| bf16 | ms | refused |  |  |  |  | 0.250 |
]], result.markdown { whole.rows[1], whole.rows[2], whole.rows[3] })
  end)

  it("goes between the README's markers, again and again", function()
    local before = "# x\n\n" .. result.BEGIN .. "\nold\n" .. result.END .. "\n\ntext\n"
    local once = result.readme(before, whole)
    assert.equal(once, result.readme(once, whole))
    assert.truthy(once:find("^# x\n\n" .. result.BEGIN:gsub("%-", "%%-") .. "\n"))
    assert.truthy(once:find("2026-01-02, a CPU, x86-64-v4, threads: 2", 1, true))
    assert.truthy(once:find("| a step | ms |", 1, true))
    assert.truthy(once:find(result.END .. "\n\ntext\n", 1, true))
    assert.is_nil(once:find("old", 1, true))
    assert.is_nil(once:find("relu", 1, true))
    for _, bad in ipairs { "", result.BEGIN, result.END .. result.BEGIN } do
      assert.is_false((pcall(result.readme, bad, whole)))
    end
  end)

  it("is written beside the results, which can be read again", function()
    local c <close> = setmetatable(child.new(), { __index = child, __close = child.drop })
    result.write(c:path "bench", whole)
    local again = core.unjson(c:read "bench/results.json")
    assert.equal(4, #again.rows)
    assert.same({ 0.2, 5, "traced", "a CPU" }, { again.rows[1].ratio, again.rows[1].ours.median,
      again.rows[1].peers[2].label, again.machine.cpu })
    assert.truthy(c:read "bench/table.md":find("| relu | ms |", 1, true))
  end)

  it("has its place in the README", function()
    local f <close> = assert(io.open "README.md")
    assert.truthy(result.readme(f:read "a", whole):find("| a step | ms |", 1, true))
  end)
end)
