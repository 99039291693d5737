-- score_spec.lua - scores carry what made them, and never stand beside numbers that mean something
-- else.

local va = require "vaelua"
local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local files = require "vaelua.report.files"
local layout = require "vaelua.report.layout"
local score = require "vaelua.score"

local nn, dist = va.nn, va.dist

local function message(f, ...)
  local ok, text = pcall(f, ...)
  assert(not ok, "no error")
  return tostring(text)
end

local function has(text, ...)
  for _, words in ipairs { ... } do
    assert(text:find(words, 1, true), "no '" .. words .. "' in: " .. text)
  end
end

local function model(name)
  local m = nn.model(name, { enc = nn.chain({ 4, 4, 1 }, { nn.linear(2) }),
                             dec = nn.chain(2, { nn.linear { 4, 4, 1 } }) })
  function m:posterior(x) return dist.delta(self.enc(x)) end
  function m:likelihood(z) return dist.bernoulli(self.dec(z)) end
  return m
end

local data = va.data { name = "squares",
  train = va.set(va.rand(40, 4, 4, 1), va.randint(1, 2, { 40 })),
  test = va.set(va.rand(30, 4, 4, 1), va.randint(1, 2, { 30 })) }

describe("a score", function()
  before_each(function() evaluate.forget() end)
  teardown(function() evaluate.forget() end)

  it("names what made it: unit, seed, sampler, counts, reference, version", function()
    va.protocol("bright", va.images(function(made)
      return va.score(made:first(#made):mean(), "per pixel", "higher", { label = "brightness",
                      protocol = { preset = "bright/1", features = "none" } })
    end))
    local m = model("a")
    local s = va.evaluate(m, data, { "bright" }, { samplers = { "gaussian" }, count = 20 })[m]
    local one = s["bright/gaussian"]
    assert.are.equal("bright", one.name)
    assert.are.equal(core.seed(), one.seed)
    local p = one.protocol
    assert.are.equal("gaussian", p.sampler)
    assert(p.sampled:find("drawn training codes", 1, true), p.sampled)
    assert.are.equal(20, p.count)
    assert.are.equal("squares test", p.reference)
    assert.are.equal(64, #p.reference_sha256)
    assert.are.equal(va._VERSION, p.version)
    assert.are.equal("bright/1", p.preset)
    assert.are.equal("reconstruction", s["bright/reconstruction"].protocol.sampler)
    local other = va.evaluate(m, data, { "bright" }, { samplers = {}, count = 30 })[m]
    assert.are_not.equal(p.reference_sha256, other["bright/real"].protocol.reference_sha256)
  end)

  it("keeps two uses of one protocol apart", function()
    va.protocol("power", function(_, _, k, options)
      return va.score((k or 1) * (options.times or 1), "", "higher")
    end)
    local m = model("a")
    local s = va.evaluate(m, data, { "power", "power:3", { "power", times = 5 } })[m]
    assert.are.equal(1, s["power"].value)
    assert.are.equal(3, s["power:3"].value)
    assert.are.equal(5, s["power times=5"].value)
    assert.are.equal(3, #evaluate.records)
  end)

  it("takes plain values into its protocol alone", function()
    has(message(va.score, 1, "", "lower", { protocol = { net = {} } }),
        "protocol.net must be a text, a number or a boolean, got a table")
    has(message(va.score, 1, "", "best"), 'better is "lower" or "higher", got "best"')
    has(message(va.score, {}, ""), "a number or an average is needed, got table")
  end)
end)

describe("scores that mean different things", function()
  before_each(function() evaluate.forget() end)
  teardown(function() evaluate.forget() end)

  -- The column "MSE" of the study: the training loss of each model, in its own unit.
  it("cannot share the column of the study's table", function()
    local vae, ae = model("vae"), model("ae")
    va.protocol("MSE", function(m)
      if m == vae then return va.score(239.51, "nats per image", "lower") end
      return va.score(6.68, "squared error per image", "lower")
    end)
    va.evaluate({ vae, ae }, data, { "MSE" })
    has(message(va.report), "MSE of vae, seed", "and of ae, seed", "cannot be compared",
        "unit: nats per image against squared error per image")
  end)

  -- Its columns "FID" and "Inception Score": how the AE was sampled is not said.
  it("cannot be of two samplers, feature networks or counts", function()
    local function fid(extra)
      local protocol = { preset = "fid/tm-0.8", features = "inception", tap = "64",
                         sampler = "prior", count = 10000 }
      for key, value in pairs(extra) do protocol[key] = value end
      local s = score.score(0.2, "", "lower", { protocol = protocol, label = "FID" })
      s.name = "frechet"
      return s
    end
    score.same(fid {}, fid {})
    has(message(score.same, fid {}, fid { sampler = "gmm:10" }, nil, "the VAE", "the AE"),
        "FID of the VAE and of the AE cannot be compared: sampler: prior against gmm:10")
    score.same(fid {}, fid { sampler = "gmm:10" }, { sampler = true })
    has(message(score.same, fid {}, fid { tap = "2048", count = 5000 }),
        "count: 10000 against 5000; tap: 64 against 2048")
    has(message(score.same, fid {}, fid { resize = "tf1" }), "resize: not stated against tf1")
    score.same(fid { version = "1" }, fid { version = "2" })
  end)

  it("are refused across seeds too", function()
    local m, n = model("m"), 0
    va.protocol("drift", function()
      n = n + 1
      return va.score(n, n > 1 and "dB" or "", "higher")
    end)
    for _ in va.seeds(2) do va.evaluate(m, data, { "drift" }) end
    has(message(va.report), "drift of m, seed 1 and of m, seed 2 cannot be compared",
        "unit: no unit against dB")
  end)
end)

describe("tables/scores.json", function()
  it("gives the records back, with infinities and reasons", function()
    evaluate.forget()
    local m = model("a")
    va.protocol("mixed", function()
      return { far = va.score(math.huge, "dB", "higher"), near = va.score(0.5, "", "lower",
               { protocol = { preset = "x" } }), none = score.undefined("no reason", "", "lower") }
    end)
    va.evaluate(m, data, { "mixed" })
    local folder = os.tmpname()
    os.remove(folder)
    core.mkdir(folder .. "/tables")
    files.save_scores({ table = function(name) return folder .. "/tables/" .. name end },
                      evaluate.records)
    local back = files.read_scores(folder)
    assert.are.equal(3, #back)
    for i, r in ipairs(back) do
      local was = evaluate.records[i]
      assert.are.equal(was.key, r.key)
      assert.are.equal(was.score.value, r.score.value)
      assert.are.equal(was.score.reason, r.score.reason)
      assert.is_nil(score.difference(was.score, r.score))
    end
    assert.are.equal(layout.title(evaluate.records), layout.title(back))
    core.write(folder .. "/tables/scores.json", '{ "format": 99, "scores": [] }')
    has(message(files.read_scores, folder), "format 99 is newer than this program's (1)")
    core.write(folder .. "/tables/scores.json", '{ "format": 1, "scores": [ { "key": 3 } ] }')
    has(message(files.read_scores, folder), "score 1 has no model, key or seed")
    core.write(folder .. "/tables/scores.json", "nonsense")
    has(message(files.read_scores, folder), "not JSON")
    core.run_command { "rm", "-rf", folder }
    has(message(files.read_scores, folder), "the run has no scores")
    evaluate.forget()
  end)
end)
