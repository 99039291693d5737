-- features_spec.lua - the built-in feature network: that its weights are those of its version, that
-- it classifies as well as it says, and that its scores order pictures as they should.

local va = require "vaelua"
local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local features = require "vaelua.features"

local child = require "tests.lua.child"

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

describe("features.find", function()
  local set = data.test:subset(20)

  it("gives the built-in network by default, and says which it is", function()
    local net = features.find(nil, data)
    assert.are.equal(features.find("builtin", data), net)
    assert.are.same({ features = "fashion_mnist-v1", features_sha256 = version.sha256,
                      rounding = "none" }, net:protocol())
  end)

  it("gives pixels, rounded as asked for", function()
    local x = va.set(va.tensor { 0.1, 0.5, 1.2, -1 }:reshape(1, 2, 2, 1))
    local d = { shape = { 2, 2, 1 } }
    local function values(rounding)
      local f = features.find("pixels", d, { rounding = rounding }):of(x).features
      return (f * 255):reshape(-1):totable()
    end
    local function near(list, wanted)
      for i, v in ipairs(wanted) do assert(math.abs(list[i] - v) < 1e-3, list[i]) end
    end
    near(values "none", { 25.5, 127.5, 306, -255 })
    near(values "truncate", { 25, 127, 255, 0 })
    near({ values "uint8"[3], values "uint8"[4] }, { 255, 0 })
  end)

  it("takes functions, tables and chains of the user", function()
    local function twice(x) return x:flatten() * 2 end
    local net = features.find(twice, data)
    assert.are.same({ 20, 784 }, net:of(set).features.shape)
    assert.are.equal("none", net:protocol().features_sha256)
    assert.are.equal(net, features.find(twice, data))
    local both = features.find({ name = "mine", features = twice, logits = twice }, data):of(set)
    assert.are.same({ 20, 784 }, both.logits.shape)
    local chain = va.nn.chain(data.shape, { va.nn.linear(3) })
    local a = features.find(chain, data)
    assert.are.same({ 20, 3 }, a:of(set).features.shape)
    assert.are.equal(64, #a:protocol().features_sha256)
  end)

  it("says what is wrong", function()
    local function bad(text, ...)
      local ok, message = pcall(features.find, ...)
      assert(not ok and tostring(message):find(text, 1, true), message)
    end
    bad('there is no network "vgg"', "vgg", data)
    bad("there is no option 'size'", nil, data, { size = 3 })
    bad('resize must be one of "tf1", "half-pixel", "antialias", "pil-bicubic", got "cubic"', nil,
        data, { resize = "cubic" })
    bad("needs features = function", { name = "x" }, data)
    local net = features.find(function() return va.zeros(3, 2) end, data)
    local ok, message = pcall(net.of, net, set)
    assert(not ok and tostring(message):find("must give a tensor [N, D] for N pictures, got [3, 2]",
                                             1, true), message)
  end)
end)

describe("a file of reference features", function()
  local c
  setup(function() c = child.new() end)
  teardown(function() c:drop() end)

  it("is read, and refused where it is of another network", function()
    local net = features.find(nil, data)
    va.write(c:path "mu.npz", { mu = va.zeros(64), sigma = va.zeros(64, 64) })
    local r = features.read_reference(c:path "mu.npz", net)
    assert.are.equal("float64", r.mean.dtype)
    assert.are.same({ 64, 64 }, r.cov.shape)
    local function bad(text, file, tensors, notes)
      va.write(c:path(file), tensors, notes)
      local ok, message = pcall(features.read_reference, c:path(file), net)
      assert(not ok and tostring(message):find(text, 1, true), message)
    end
    bad("its mean is for 2048 features, but vaelua features v1 has 64", "w.npz",
        { mu = va.zeros(2048), sigma = va.zeros(3, 3) })
    bad("has neither mu and sigma nor features", "n.npz", { x = va.zeros(1) })
    bad("was made with features = other", "o.safetensors", { features = va.zeros(2, 64) },
        { features = "other" })
  end)
end)

describe("the cache of features", function()
  local cache = require "vaelua.features.cache"
  local getenv, c = os.getenv, nil
  setup(function()
    c = child.new()
    rawset(os, "getenv", function(name)
      if name == "XDG_CACHE_HOME" then return c:path "cache" end
      if name ~= "VAELUA_CACHE" then return getenv(name) end
    end)
  end)
  teardown(function() rawset(os, "getenv", getenv); c:drop() end)

  it("gives the same bits again, but not for changed data, and mends what is damaged", function()
    local net, made = { key = "test" }, 0
    local x = va.rand(5, 2, 2, 1)
    local function of(t)
      return cache.of(net, va.set(t), function()
        made = made + 1
        return { features = t:flatten() * 3 }
      end).features
    end
    local first, again = of(x), of(x)
    assert.are.equal(1, made)
    assert.are.equal(core.tensor_hash(first), core.tensor_hash(again))
    of(x + 1)
    assert.are.equal(2, made)
    for _, name in ipairs(core.list(c:path "cache/vaelua")) do
      local f <close> = assert(io.open(c:path("cache/vaelua/" .. name), "r+b"))
      f:seek("end", -1)
      f:write("?")
    end
    assert.are.equal(core.tensor_hash(first), core.tensor_hash(of(x)))
    assert.are.equal(3, made)
    of(x)
    assert.are.equal(3, made)
  end)

  it("keeps nothing of pictures that were made", function()
    local made = va.set(va.rand(2, 2, 2, 1))
    made.source = "prior"
    local n = 0
    for _ = 1, 2 do
      cache.of({ key = "test" }, made, function() n = n + 1 return { features = made.x } end)
    end
    assert.are.equal(2, n)
  end)
end)
