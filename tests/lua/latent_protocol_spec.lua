-- latent_protocol_spec.lua - protocols about codes, on models whose codes are known: the first
-- units of the picture itself, and a linear-Gaussian posterior.

local va = require "vaelua"
local evaluate = require "vaelua.evaluate"
local score = require "vaelua.score"
local fails = require "tests.lua.says".says

local nn, dist = va.nn, va.dist

local function near(a, b, tolerance, what)
  assert(math.abs(a - b) <= tolerance, ("%s: %.9g, wanted %.9g +- %.2g")
    :format(what or "number", a, b, tolerance))
end

-- Three classes around three places; pictures are [1, 4, 1], the code is the picture.
local PLACES = { { 8, 0, 0, 0 }, { 0, 8, 0, 0 }, { 0, 0, 8, 0 } }

local function clusters(n, spread)
  local y = va.randint(1, 3, { n })
  local x = va.tensor(PLACES):pick(y) + va.randn(n, 4) * spread
  return va.set(x:reshape(n, 1, 4, 1), y, { classes = { "sandal", "coat", "bag" } })
end

local function data_of(spread)
  return va.data { name = "places", train = clusters(300, spread), test = clusters(200, spread) }
end

-- kind: "delta", or the variance of a normal posterior for each unit.
local function model(kind)
  local m = nn.model("m", {})
  function m.posterior(_, x)
    local z = x:reshape(#x, 4)
    if kind == "delta" then return dist.delta(z) end
    return dist.normal(z, va.tensor(kind):log() + va.zeros(z.shape))
  end
  function m.likelihood(_, z) return dist.normal(z:reshape(-1, 1, 4, 1), 0) end
  function m.prior() return dist.normal.unit { 4 } end
  return m
end

local function scores(m, data, protocols)
  return va.evaluate(m, data, protocols, { samplers = {} })[m]
end

before_each(function()
  va.seed(5)
  evaluate.forget()
end)
teardown(function() evaluate.forget() end)

describe("probe", function()
  it("finds classes that lie apart, and none where codes are noise", function()
    local s = scores(model("delta"), data_of(0.5), { "probe" })
    near(s.probe_linear.value, 1, 0, "linear")
    near(s.probe_knn.value, 1, 0, "kNN")
    assert.are.equal(300, s.probe_linear.protocol.train_count)
    local noise = data_of(0.5)
    noise = va.data { train = va.set(va.randn(300, 1, 4, 1), noise.train.y),
                      test = va.set(va.randn(200, 1, 4, 1), noise.test.y) }
    s = scores(model("delta"), noise, { "probe:100" })
    near(s.probe_linear.value, 1 / 3, 0.12, "linear on noise")
    near(s.probe_knn.value, 1 / 3, 0.12, "kNN on noise")
    assert.are.equal(100, s.probe_knn.protocol.train_count)
  end)

  it("is not defined without classes, and refuses options that it has not", function()
    local plain = va.data { train = va.set(va.rand(20, 1, 4, 1)),
                            test = va.set(va.rand(20, 1, 4, 1)) }
    assert.are.equal("the data have no classes", scores(model("delta"), plain, { "probe" }).probe
      .reason)
    fails("probe: there is no option 'count'", scores, model("delta"), plain,
          { { "probe", 10, count = 3 } })
    fails("the number of training images must be a whole number of at least 2, got 1.5", scores,
          model("delta"), plain, { "probe:1.5" })
  end)
end)

describe("latents", function()
  it("measures classes that lie apart", function()
    local s = scores(model("delta"), data_of(0.5), { "latents:50" })
    near(s.cluster_nmi.value, 1, 1e-6, "NMI")
    assert(s.silhouette.value > 0.8, s.silhouette.value)
    assert.are.equal("the data have no classes of footwear", s.groups.reason)
    assert(s.gap.value > 0.5 and s.gap.protocol.code == "draw", s.gap.value)
    assert(score.is_plot(s.pca) and score.is_plot(s.tsne) and score.is_plot(s.unit_bars))
    assert.are.equal(4, #s.pca.series)                 -- three classes and the axes
    assert.are.equal(4, #s.units.lines)
  end)

  it("tells footwear from the rest", function()
    local d = data_of(0.5)
    local names = { "sandal", "ankle boot", "Sneaker", "coat" }
    local function four(n)
      local y = va.randint(1, 4, { n })
      local x = va.tensor { { 9, 0, 0, 0 }, { 9, 1, 0, 0 }, { 9, 0, 1, 0 }, { -9, 0, 0, 0 } }
      return va.set((x:pick(y) + va.randn(n, 4) * 0.3):reshape(n, 1, 4, 1), y, { classes = names })
    end
    d = va.data { train = four(50), test = four(80), name = d.name }
    assert(scores(model("delta"), d, { "latents:20" }).groups.value > 0.8)
  end)

  it("finds no gap where the codes are the prior's, and the units that carry", function()
    local test = va.set(va.randn(2000, 1, 4, 1))
    local d = va.data { train = test, test = test }
    local s = scores(model("delta"), d, { "latents:2000" })
    near(s.gap.value, 0, 0.02, "gap")
    s = scores(model { 1, 0.01, 0.5, 1 }, d, { "latents:100" })
    assert.are.equal(2, s.units.lines[1][2])          -- the narrowest posterior
    near(s.units.lines[1][3], (0.01 + 1 - 1 - math.log(0.01)) / 2, 0.06, "KL of unit 2")
    assert.are.equal("KL, nats", s.units.head[3])
  end)

  it("bears equal codes, one class and no classes", function()
    local same = va.set(va.zeros(30, 1, 4, 1), va.ones(30):as("int32"), { classes = { "a", "b" } })
    local s = scores(model("delta"), va.data { train = same, test = same }, { "latents" })
    assert.are.equal("all test images are of one class", s.silhouette.reason)
    assert.is_nil(rawget(s, "pca"))
    local plain = va.set(va.rand(30, 1, 4, 1))
    s = scores(model("delta"), va.data { train = plain, test = plain }, { "latents" })
    assert.are.equal("the data have no classes", s.cluster_nmi.reason)
    assert(score.is_plot(s.pca))
  end)
end)

describe("mutual_information", function()
  it("is that of a linear-Gaussian model", function()
    -- z = x + noise of variance v, x ~ N(0, 1): half the log of (1 + v) / v for every unit.
    local test = va.set(va.randn(3000, 1, 4, 1))
    local d = va.data { train = test, test = test }
    local v = { 0.5, 0.5, 1, 2 }
    local truth = 0
    for _, each in ipairs(v) do truth = truth + math.log((1 + each) / each) / 2 end
    local s = scores(model(v), d, { "mutual_information:1000" }).mutual_information
    near(s.value, truth, 0.08, "nats")
    assert.are.equal(1000, s.protocol.batch)
    assert.are.equal(3000, s.n)
    -- Too many nats for a batch of two: at most log 2.
    s = scores(model { 1e-4, 1e-4, 1e-4, 1e-4 }, d, { "mutual_information:2" }).mutual_information
    near(s.value, math.log(2), 1e-3, "the limit of a batch")
  end)

  it("is not defined for a deterministic code", function()
    local d = data_of(0.5)
    assert(scores(model("delta"), d, { "mutual_information" }).mutual_information.reason
      :find("no density", 1, true))
  end)
end)

describe("traversals and interpolations", function()
  it("move the units that carry most, one a row", function()
    local d = data_of(0.5)
    local p = scores(model { 1, 0.01, 0.5, 1 }, d, { "traversals:2" }).traversals
    assert.are.same({ 22, 1, 4, 1 }, p.picture.shape)
    assert.are.equal("2: ", p.row_labels[1]:sub(1, 3))
    near(p.picture:at(1, 1, 2, 1), -3, 1e-5, "first picture, unit 2")
    near(p.picture:at(11, 1, 2, 1), 3, 1e-5, "last picture, unit 2")
    near(p.picture:at(1, 1, 1, 1), d.test.x:at(1, 1, 1, 1), 1e-5, "another unit stays")
    fails("traversals: image 500 of 200 test images", scores, model("delta"), d,
          { { "traversals", 2, image = 500 } })
  end)

  it("go from code to code, on lines and on arcs", function()
    local d = data_of(0.5)
    local s = scores(model("delta"), d, { "interpolations:2",
                                          { "interpolations", 2, path = "slerp" } })
    local line, arc = s["interpolations:2"].picture, s["interpolations:2 path=slerp"].picture
    for _, p in ipairs { line, arc } do
      near((p:rows(1, 1) - d.test.x:rows(1, 1)):abs():max():item(), 0, 1e-4, "start")
      near((p:rows(11, 11) - d.test.x:rows(3, 3)):abs():max():item(), 0, 1e-4, "end")
    end
    local middle = (d.test.x:rows(1, 1) + d.test.x:rows(3, 3)) / 2
    near((line:rows(6, 6) - middle):abs():max():item(), 0, 1e-4, "middle of the line")
    assert((arc - line):abs():max():item() > 1e-3)
    fails('path is "linear" or "slerp", got bow', scores, model("delta"), d,
          { { "interpolations", 2, path = "bow" } })
  end)
end)

