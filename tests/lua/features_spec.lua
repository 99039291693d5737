-- features_spec.lua - the built-in feature network: that its weights are those of its version, that
-- it classifies as well as it says, and that its scores order pictures as they should.

local va = require "vaelua"
local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local features = require "vaelua.features"

local data = va.data "fashion_mnist"
local version = features.versions[#features.versions]
local path = core.resource("features/" .. version.name .. ".safetensors")

describe("the feature network", function()
  it("is small, and says in its file where it comes from", function()
    local _, notes = core.file_read(path)
    assert.are.equal(version.sha256, notes.sha256)
    assert(tonumber(notes.accuracy) >= 0.92, notes.accuracy)
    for _, key in ipairs { "script", "seed", "data", "epochs" } do assert.is_string(notes[key]) end
    local f <close> = assert(io.open(path, "rb"))
    assert(f:seek("end") < 1e6)
  end)

  it("classifies as well as its file says", function()
    local net = features.for_shape(data.shape)
    local right = va.average()
    for x, y in data.test:batches(500) do right:add(net:logits(x):argmax():eq(y)) end
    local _, notes = core.file_read(path)
    assert(math.abs(right:value() - tonumber(notes.accuracy)) < 1e-4, right:value())
  end)

  it("gives the same features in a training loop, and takes no gradient", function()
    local net = features.for_shape(data.shape)
    local x = data.test:first(8)
    local a = va.no_grad(function() return net:features(x) end)
    local b = va.train(function() return net:features(x) end)
    assert.are.equal(1, a:eq(b):min():item())
    assert.are.same({ 8, 64 }, a.shape)
  end)

  it("refuses weights that are not those of its version", function()
    local wrong = setmetatable({ sha256 = ("0"):rep(64), shape = { 28, 28, 2 } },
                               { __index = version })
    table.insert(features.versions, wrong)
    local ok, message = pcall(features.for_shape, { 28, 28, 2 })
    table.remove(features.versions)
    assert(not ok and message:find("another SHA-256", 1, true), message)
  end)

  it("scores noisier pictures as further away, beside a floor", function()
    local net = features.for_shape(data.shape)
    local real = net:of(data.test).features
    local function distance(noise)
      local x = data.train:first(2000)
      x = (x + noise * va.randn(x.shape)):clamp(0, 1)
      return va.frechet(net:of(va.set(x)).features, real):item()
    end
    local floor, some, much = distance(0), distance(0.1), distance(0.5)
    assert(floor < some and some < much, ("%g %g %g"):format(floor, some, much))
  end)

  it("is not defined for pictures of another shape", function()
    va.seed(1)
    evaluate.forget()
    local train, test = va.set(va.rand(40, 8, 8, 1)), va.set(va.rand(20, 8, 8, 1))
    local tiny = va.data { train = train, test = test }
    local m = va.nn.model("m", {})
    function m.posterior(_, x) return va.dist.delta(x) end
    function m.likelihood(_, z) return va.dist.normal(z, 0) end
    function m.prior() return va.dist.normal.unit { 8, 8, 1 } end
    local s = va.evaluate(m, tiny, { "frechet", "inception_score" })[m]
    assert(s["frechet/reconstruction"].reason:find("8 x 8 x 1", 1, true))
    assert.is_nil(s["inception_score/prior"].value)
  end)
end)
