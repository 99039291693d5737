-- augmentation_spec.lua - pictures of a generative model for a classifier: augment.reconstruct and
-- sample, the protocol augmentation, and experiments/augment.lua from its start to its table.

local va = require "vaelua"
local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local says = require "tests.lua.says".says

local dist, nn = va.dist, va.nn

-- 8 x 8 pictures of one grey value each: 0.2 for class 1, 0.8 for class 2, with some noise.
local function grey(n)
  local y = va.randint(1, 2, { n })
  local x = (y:as("float32") * 0.6 - 0.4 + 0.02 * va.randn(n)):reshape(n, 1, 1, 1)
  return va.set(x:expand(n, 8, 8, 1) + 0, y)
end

-- The code is the mean of the picture; decoded it is a picture of `turned` of the code.
local function model(turned)
  local m = nn.model("m", {})
  function m.posterior(_, x) return dist.delta(x:flatten():mean(2):reshape(#x, 1)) end
  function m.likelihood(_, z)
    local picture = turned(z):reshape(#z, 1, 1, 1):expand(#z, 8, 8, 1)
    return { mean = function() return picture end }
  end
  function m.prior() return dist.normal.unit { 1 } end
  return m
end

local function same(z) return z end

before_each(function()
  va.seed(5)
  evaluate.forget()
end)
teardown(function() evaluate.forget() end)

describe("pictures of a model in a batch", function()
  local function shares(map, x, y)
    local made, labels = map(x, y)
    assert.are.equal(y, labels)
    assert.are.same(x.shape, made.shape)
    return made, made:sub(x):abs():flatten():max(2):gt(0):as("float32")
  end

  it("are reconstructions for half of the rows, other halves every time", function()
    local x, y = grey(400):first(400)
    local map = va.augment.reconstruct(model(function(z) return z + 7 end))
    local made, changed = shares(map, x, y)
    assert(math.abs(changed:mean():item() - 0.5) < 0.1)
    assert(((made - x):flatten():mean(2) - 7 * changed):abs():max():item() < 1e-5)
    local _, again = shares(map, x, y)
    assert(changed:sub(again):abs():sum():item() > 50)
  end)

  it("are samples of their own class", function()
    local set = grey(400)
    local x, y = set:first(400)
    local map = va.augment.sample(model(same), set)
    local made, changed = shares(map, x, y)
    assert(math.abs(changed:mean():item() - 0.5) < 0.1)
    local value = made:flatten():mean(2)
    assert(value:sub(y:as("float32") * 0.6 - 0.4):abs():max():item() < 0.12)
    local spread = value:pick(core.tensor({ 1, 2, 3, 4, 5, 6, 7, 8 }, "int32")):std():item()
    assert(spread > 0.001)
  end)

  it("take other samplers, and say what they need", function()
    local set = grey(40)
    assert.are.equal("function", type(va.augment.sample(model(same), set, "gmm:2")))
    says("there is no sampler 'gausian' (did you mean 'gaussian'?)", va.augment.sample, model(same),
         set, "gausian")
    says("augment.sample: a set with classes is needed", va.augment.sample, model(same),
         va.set(va.zeros(4, 8, 8, 1)))
    says("augment.sample: a model is needed, got nil", va.augment.sample, nil, set)
    says("augment.reconstruct: a model is needed, got table", va.augment.reconstruct, {})
  end)
end)

describe("the protocol augmentation", function()
  local function scores(m, protocols, data)
    data = data or va.data { train = grey(60), test = grey(80) }
    return va.evaluate(m, data, protocols)[m]
  end

  it("shows what good pictures keep and bad ones ruin", function()
    local good = scores(model(same), { { "augmentation", 4, steps = 40 } })
    assert(good.accuracy_labels_alone.value > 0.95)
    assert(good.accuracy_samples.value > 0.95)
    assert(good.accuracy_reconstructions.value > 0.95)
    assert(good.accuracy_labels_alone.label:find("4 labels a class: labels alone", 1, true))
    assert.are.equal(8, good.accuracy_samples.protocol.train_count)
    assert.are.equal(40, good.accuracy_samples.protocol.steps)
    -- Class 1 is made to look like class 2 and the other way round, in half of the batch.
    local bad = scores(model(function(z) return 1 - z end), { { "augmentation", 4, steps = 40 } })
    assert(bad.accuracy_labels_alone.value > 0.95)
    assert(bad.accuracy_reconstructions.value < 0.9)
  end)

  it("leaves other random numbers and names alone", function()
    scores(model(same), { { "augmentation", 1, steps = 1 } })
    local with = va.randn(4):totable()
    va.seed(5)
    evaluate.forget()
    scores(model(same), { "recon" })
    assert.are.same(with, va.randn(4):totable())
  end)

  it("says what it needs", function()
    says("did you mean 'steps'", scores, model(same), { { "augmentation", 4, step = 3 } })
    says("the number of labels a class must be a whole number of at least 1", scores, model(same),
         { "augmentation:0" })
    says("has only", scores, model(same), { "augmentation:50" })
    local plain = va.data { train = va.set(va.zeros(9, 8, 8, 1)),
                            test = va.set(va.zeros(9, 8, 8, 1)) }
    local s = scores(model(same), { "augmentation:2" }, plain)
    assert.are.equal("the data have no classes", s.augmentation.reason)
  end)
end)

describe("augment.lua", function()
  it("compares the ways for every number of labels", function()
    local program = core.realpath(os.getenv("VAELUA") or "build/vaelua")
    local folder = os.tmpname()
    os.remove(folder)
    core.mkdir(folder)
    local status, text = core.run_command { program, "--out", folder, "experiments/augment.lua",
      "labels=2,3", "seeds=2", "steps=4", "batch=10", "epochs=1", "train=256", "count=200" }
    core.run_command { "rm", "-rf", folder }
    assert.are.equal(0, status, text)
    for _, words in ipairs { "alone", "shifted", "reconstructed", "sampled", "2 seeds (1 to 2)",
      "accuracy, 2 labels a class", "accuracy, 3 labels a class",
      "2. With 3 labels a class", "alone and sampled: " } do
      assert(text:find(words, 1, true), "no '" .. words .. "' in:\n" .. text)
    end
    local lines = 0
    for _ in io.lines("experiments/augment.lua") do lines = lines + 1 end
    assert(lines <= 60, lines .. " lines")
  end)
end)
