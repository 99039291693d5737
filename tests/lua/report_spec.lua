-- report_spec.lua - the page of a run: what stands on it, that it needs nothing else, and what
-- becomes of it when the run ends badly.

local core = require "vaelua.core"
local html = require "vaelua.report.html"
local verdict = require "vaelua.report.verdict"
local score = require "vaelua.score"

local program = core.realpath(os.getenv("VAELUA") or "build/vaelua")

local SCRIPT = [[
local va = require "vaelua"
local nn, dist = va.nn, va.dist
local cfg = va.args { seeds = 3, broken = false }
local data = va.data { name = "squares <&>", train = va.set(va.rand(64, 8, 8, 1)),
                       test = va.set(va.rand(32, 8, 8, 1)) }
va.protocol("extra", function()
  local score = require "vaelua.score"
  return { bars = score.plot({ { y = { 1, 2, 3 }, style = "bars", label = "n" },
             { x = "unit", y = "KL" } }, { section = "latents", label = "KL by unit",
             caption = "largest first" }),
           list = score.table({ "class", "error" }, { { "coat", 1.5 }, { "<bag>", 2.25 } },
             { section = "classes", label = "Errors by class" }) }
end)
va.question("Which is nearer?", "squared_error", "nothing/here", { text = "And people?" })
local function build(name, units)
  local m = nn.model(name, { enc = nn.chain(data.shape, { nn.linear(units) }),
                             dec = nn.chain(2, { nn.linear { 8, 8, 1 } }) })
  function m:likelihood(z) return dist.bernoulli(self.dec(z)) end
  return m
end
for _ in va.seeds(cfg.seeds) do
  local vae, ae = build("vae", 4), build("ae", 2)
  function vae:posterior(x) return dist.normal(self.enc(x):split(2)) end
  function ae:posterior(x) return dist.delta(self.enc(x)) end
  for _, m in ipairs { vae, ae } do
    local adam = va.adam(m)
    for t, x in data.train:epochs(2, 32) do
      local loss = -m:likelihood(m:posterior(x):sample()):logp(x):mean()
      adam:step(loss)
      va.log(t, m, loss)
    end
  end
  va.evaluate({ vae, ae }, data, { "recon", "elbo", "reconstructions:4", "samples:4", "extra" })
end
va.report()
if cfg.broken then error("it broke behind the report") end
]]

local folder = os.tmpname()
os.remove(folder)
local status, said, page, tex

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

local function start(...)
  core.write(folder .. "/script.lua", SCRIPT)
  return core.run_command { program, "--out", folder .. "/runs", folder .. "/script.lua", ... }
end

setup(function()
  core.mkdir(folder)
  status, said = start("seeds=3")
  page = read(folder .. "/runs/latest/report.html")
  tex = read(folder .. "/runs/latest/tables/main.tex")
end)

teardown(function() core.run_command { "rm", "-rf", folder } end)

local function has(text, ...)
  for _, words in ipairs { ... } do
    assert(text:find(words, 1, true), "no '" .. words .. "'")
  end
end

describe("report.html", function()
  it("has all sections of the run, and the command that repeats it", function()
    assert.are.equal(0, status, said)
    has(page, "<title>vaelua: script.lua</title>", ">done</span>", "script.lua seeds=3",
        "squares &lt;&amp;&gt; test, 32 images; 3 seeds (1 to 3): mean ± sd over seeds",
        'id="verdict"', "1. Which is nearer?", "And people?",
        "nothing/here was not evaluated in this run", 'id="numbers"', 'id="training"',
        'id="reconstruction"', 'id="generation"', 'id="latents"', 'id="classes"',
        'id="statistics"', 'id="cost"', 'id="provenance"', 'id="limits"',
        "KL by unit: vae", "largest first", "Errors by class: ae", "&lt;bag&gt;",
        "reference_sha256=", "Source: ", "va.question(&quot;Which is nearer?")
  end)

  it("tells how the models differ, never more than the interval allows", function()
    local _, _, sentence = page:find("<li>(squared error: vae .-)</li>")
    assert(sentence, "no sentence on squared_error")
    assert(sentence:find("after Holm's correction over", 1, true), sentence)
    assert(not (sentence:find("better", 1, true) and sentence:find("no difference", 1, true)))
    has(page, "vae − ae", "training noise (sd over seeds)")
  end)

  it("is one file that asks nobody for anything, and does not reload when it is done", function()
    for address in page:gmatch('src="([^"]*)"') do
      assert(address:find("^data:image/"), address)
    end
    assert(not page:find("<link", 1, true) and not page:find("@import", 1, true))
    assert(not page:find("http://", 1, true) or page:find("http://www.w3.org", 1, true))
    assert(not page:find('http-equiv="refresh"', 1, true))
    assert(#page < 2e6, #page .. " bytes")
  end)

  it("shows the figures of the first seed and says where the others are", function()
    has(page, "Shown: seed 1.", "figures of the other seeds lie in figures/")
    assert(core.exists(folder .. "/runs/latest/figures/reconstructions-s3.png"))
    assert(core.exists(folder .. "/runs/latest/figures/bars-ae-s2.csv"))
    local rows = read(folder .. "/runs/latest/figures/training-vae.csv")
    has(rows, "series,epoch,\"mean of the epoch, vae\",low,high")
  end)

  it("says how a run ended that broke behind its report", function()
    local ended = start("seeds=2", "broken=true")
    assert.are.equal(1, ended)
    local text = read(folder .. "/runs/latest/report.html")
    has(text, "failed: ", "it broke behind the report")
  end)

  it("stands in a browser without an error", function()
    local found = core.run_command { "sh", "-c", "command -v chromium" }
    if found ~= 0 then pending("chromium is not installed") return end
    local ended, dom = core.run_command { "chromium", "--headless", "--no-sandbox",
      "--disable-gpu", "--virtual-time-budget=2000", "--dump-dom",
      "file://" .. core.realpath(folder .. "/runs") .. "/latest/report.html" }
    assert.are.equal(0, ended)
    has(dom, 'id="verdict"', "</html>")
  end)
end)

describe("the page of a run that is on", function()
  it("reloads itself, shows the curves so far, and stops reloading when it ends", function()
    core.write(folder .. "/live.lua", [[
      local va = require "vaelua"
      va.args { report_every = 0, epochs = 3 }
      local m = va.nn.model("m", { w = va.nn.chain(4, { va.nn.linear(4) }) })
      local adam = va.adam(m)
      local path = "]] .. folder .. [[/runs/latest/report.html"
      for t, x in va.set(va.rand(32, 4)):epochs(3, 16) do
        local loss = (m.w(x) - x):square():mean()
        adam:step(loss)
        va.log(t, m, loss)
        if t == 2.5 then
          local f <close> = assert(io.open(path))
          local text = f:read("a")
          assert(text:find('http-equiv="refresh"', 1, true) and text:find(">running<", 1, true))
          assert(text:find("Learning curves: m", 1, true))
        end
        if t == 3 then error("stopped") end
      end]])
    local ended, text = core.run_command { program, "--out", folder .. "/runs",
                                           folder .. "/live.lua" }
    assert.are.equal(1, ended, text)
    local html_text = read(folder .. "/runs/latest/report.html")
    has(html_text, "failed: ", "stopped")
    assert(not html_text:find('http-equiv="refresh"', 1, true))
  end)
end)

describe("tables/main.tex and main.md", function()
  it("are made for LaTeX and Markdown", function()
    has(tex, "\\begin{tabular}{llrrl}", "$\\pm$", "$-$ELBO", "\\bottomrule")
    for line in tex:gmatch("[^\n]+") do
      assert(line:find("^%%") or not line:find("[\x80-\xff]"), line)
    end
  end)
end)

describe("base64", function()
  it("is that of RFC 4648", function()
    for text, code in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foob = "Zm9vYg==",
                              fooba = "Zm9vYmE=", foobar = "Zm9vYmFy", ["\xff\xfe\xfd"] = "//79",
                            } do
      assert.are.equal(code, html.base64(text))
    end
  end)
end)

describe("va.question", function()
  it("refuses what is no question", function()
    local ok, message = pcall(verdict.question, 3)
    assert(not ok and tostring(message):find("the question is a text, got a number", 1, true))
    ok, message = pcall(verdict.question, "Why?", {})
    assert(not ok and tostring(message):find("answer 1 is the name of a score", 1, true))
    assert(score.is_score(score.score(1)))
  end)
end)
