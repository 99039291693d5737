-- failures_spec.lua - uncertainty, failures, classes, nearest: what was planted is found.

local va = require "vaelua"
local evaluate = require "vaelua.evaluate"
local score = require "vaelua.score"
local fails = require "tests.lua.says".says

local nn, dist = va.nn, va.dist

local function near(a, b, tolerance, what)
  assert(math.abs(a - b) <= tolerance, ("%s: %.9g, wanted %.9g +- %.2g")
    :format(what or "number", a, b, tolerance))
end

-- A likelihood that is a picture alone.
local function picture(x) return { mean = function() return x end } end

local function scores(m, data, protocols, samplers)
  return va.evaluate(m, data, protocols, { samplers = samplers or {} })[m]
end

before_each(function()
  va.seed(9)
  evaluate.forget()
end)
teardown(function() evaluate.forget() end)

describe("uncertainty", function()
  local V = { 0.01, 1, 4, 25, 100 }       -- variance of the pixels about their centre

  -- Pictures are 50 times a whole number and noise; the posterior knows the number and how large
  -- the noise is, up to a factor.
  local function noisy(n)
    local centre = va.randint(1, 3, { n, 1 }):as("float32") * 200
    local x = centre + va.randn(n, 5) * va.tensor(V):sqrt()
    local y = va.randint(1, 2, { n })
    return va.set(x:reshape(n, 1, 5, 1), y, { classes = { "a", "b", "c" } })
  end

  local function model(factor, likelihood)
    local m = nn.model("m", {})
    function m.posterior(_, x)
      local centre = (x:reshape(#x, 5) / 200):round() * 200
      return dist.normal(centre, (va.tensor(V) * factor):log() + va.zeros(centre.shape))
    end
    m.likelihood = likelihood or function(_, z) return picture(z:reshape(-1, 1, 5, 1)) end
    function m.prior() return dist.normal.unit { 5 } end
    return m
  end

  local data
  before_each(function() data = va.data { train = noisy(20), test = noisy(400) } end)

  it("is calibrated where the spread is that of the data", function()
    local s = scores(model(1), data, { "uncertainty:64" })
    near(s.coverage_90.value, 0.9, 0.02, "coverage")
    assert(s.sd_rank.value > 0.5, s.sd_rank.value)
    assert.are.equal("code alone", s.coverage_90.protocol.interval)
    assert.are.equal(64, s.coverage_90.protocol.draws)
    assert.are.equal(400, s.coverage_90.protocol.count)
    local line = s.coverage_plot.series[1]
    near(line.y[5], 0.5, 0.03, "half of the pixels in the 50 % interval")
  end)

  it("tells a model that is too sure", function()
    -- A quarter of the sd: +-1.645 sd are +-0.41 of the data's, which hold 32 %.
    near(scores(model(1 / 16), data, { "uncertainty:64" }).coverage_90.value, 0.32, 0.03)
  end)

  it("adds the noise of a normal likelihood", function()
    local s = scores(model(0.5, function(_, z)
      return dist.normal(z:reshape(-1, 1, 5, 1), (va.tensor(V) * 0.5):log():reshape(1, 5, 1))
    end), data, { "uncertainty:64" })
    near(s.coverage_90.value, 0.9, 0.02, "coverage")
    assert.are.equal("code and pixel noise", s.coverage_90.protocol.interval)
  end)

  it("has a line for every class, an empty one too", function()
    local t = scores(model(1), data, { "uncertainty:4" }).class_spread
    assert.are.equal(3, #t.lines)
    assert.are.same({ "c", 0, "no images", "no images", "no images" }, t.lines[3])
    assert.are.equal(400, t.lines[1][2] + t.lines[2][2])
  end)

  it("is not defined for a deterministic code, but for its diversity", function()
    local m = nn.model("d", {})
    function m.posterior(_, x) return dist.delta(x:reshape(#x, 5)) end
    function m.likelihood(_, z) return picture(z:reshape(-1, 1, 5, 1)) end
    local s = scores(m, data, { "uncertainty" })
    assert.are.equal("a deterministic code: all draws are equal", s.sd_rank.reason)
    -- The picture is the code: a step of half its sd in every direction on average.
    local sd = data.test.x:reshape(-1, 5):var(1):mean():item()
    assert(s.diversity.value > 0.5 * 0.25 * 5 * sd and s.diversity.value < 2 * 0.25 * 5 * sd)
    fails("uncertainty: the number of draws must be a whole number of at least 2, got 1", scores,
          m, data, { "uncertainty:1" })
    fails("there is no option 'image' (did you mean 'images'?)", scores, m, data,
          { { "uncertainty", 4, image = 3 } })
  end)
end)

describe("failures", function()
  local fashion = va.data "fashion_mnist"

  it("finds the class and the images that come back worst", function()
    local test = fashion.test:subset(20, { per_class = true })
    local data = setmetatable({ test = test, train = fashion.train:subset(50) },
                              { __index = fashion })
    local m = nn.model("m", {})
    local y_of = test.y or select(2, test:first(#test))
    local bad = 3
    function m.posterior(_, x) return dist.delta(x:flatten()) end
    function m.likelihood(_, z, y)
      local x = z:reshape(-1, 28, 28, 1)
      local wrong = y:eq(bad):reshape(-1, 1, 1, 1)
      return dist.bernoulli((x * (1 - 0.5 * wrong)):clamp(0.001, 0.999):logit())
    end
    function m.prior() return dist.normal.unit { 784 } end
    local s = scores(m, data, { "failures:4", "recon" })
    local t, worst_at, largest = s.by_class, nil, -1
    assert.are.equal(10, #t.lines)
    for k, line in ipairs(t.lines) do
      assert.are.equal(20, line[2])
      if line[4].value > largest then worst_at, largest = k, line[4].value end
    end
    assert.are.equal(bad, worst_at)
    assert(t.head[4]:find("squared error", 1, true), t.head[4])
    assert(t.head[#t.head]:find("Fréchet distance of reconstructions", 1, true))
    assert(s.worst.caption:find("^Squared errors: pullover [%d.]+, pullover"), s.worst.caption)
    assert.are.same({ 8, 28, 28, 1 }, s.worst.picture.shape)
    assert(#y_of == 200)
  end)

  it("says which class has no images", function()
    local test = fashion.test:class(2):subset(10)
    local data = setmetatable({ test = test, train = fashion.train:subset(50) },
                              { __index = fashion })
    local t = scores(va.models.ae { z = 2 }, data, { { "failures", 2, protocols = { "recon" } } })
              .by_class
    assert.are.equal("no test images of this class", t.lines[1][3])
    assert(score.is_score(t.lines[2][3]))
  end)
end)

describe("pictures of one class and of the training set", function()
  local fashion = va.data "fashion_mnist"
  local data = setmetatable({ test = fashion.test:subset(400), train = fashion.train:subset(600) },
                            { __index = fashion })

  -- Its samples are training images: those of one class, or all in turn.
  local function copier(set)
    local m = nn.model("m", {})
    local x = set:first(math.min(#set, 400))
    function m.posterior(_, p) return dist.delta(p:flatten():slice(2, 1, 2)) end
    function m.likelihood(_, z)
      local i = va.arange(0, #z - 1):as("float32")
      i = (i - (i / #x - 0.5 + 0.5 / #x):round() * #x):round():as("int32") + 1
      return picture(x:pick(i))
    end
    function m.prior() return dist.normal.unit { 2 } end
    return m
  end

  it("show as a collapse of modes", function()
    local s = scores(copier(data.train:class(2)), data, { "classes" }, { "prior" })
    assert(s["class_distance/prior"].value > 0.8, s["class_distance/prior"].value)
    assert(s["classes_lost/prior"].value >= 8)
    assert(s["class_distance/real"].value < 0.1, s["class_distance/real"].value)
    assert.are.equal(0, s["classes_lost/real"].value)
    assert.are.equal(10, #s["class_shares/prior"].lines)
  end)

  it("show as copies of the training set", function()
    local s = scores(copier(data.train), data, { { "nearest", 3, train = 600 } }, { "prior" })
    assert(s["copied/prior"].value > 0.95, s["copied/prior"].value)
    near(s["nearest_distance/prior"].value, 0, 1e-3, "distance of a copy")
    assert(s["copied/real"].value < 0.5, s["copied/real"].value)
    local p = s["nearest/prior"]
    near((p.picture:rows(1, 3) - p.picture:rows(4, 6)):abs():max():item(), 0, 1e-6)
    assert.are.equal(600, s["copied/prior"].protocol.reference_count)
  end)

  it("need a classifier that fits", function()
    local small = va.set(va.rand(20, 4, 4, 1), va.randint(1, 2, { 20 }))
    local s = scores(va.nn.model("none", {}), va.data { train = small, test = small },
                     { "classes" })
    assert(s["classes/real"].reason:find("there is no feature network for pictures", 1, true))
  end)
end)
