-- metric_reference_spec.lua - distances and image scores against the programs that define them
-- (tests/reference/metrics.py made the numbers), and the protocols' presets on the same features.

local va = require "vaelua"
local core = require "vaelua.core"
local evaluate = require "vaelua.evaluate"
local presets = require "vaelua.presets"

local ref = va.read "tests/reference/metrics.npz"

local function wanted(name)
  local t = ref[name]
  return #t.shape == 0 and t:item() or t:totable()
end

local function near(got, want, tolerance, what)
  local off = math.abs(got - want) / math.max(1e-300, math.abs(want))
  assert(off <= tolerance, ("%s: %.12g, wanted %.12g, off by %.2g"):format(what, got, want, off))
end

local function all_near(got, want, tolerance, what)
  assert.are.equal(#want, #got, what)
  for i = 1, #want do near(got[i], want[i], tolerance, what .. " " .. i) end
end

describe("the Fréchet distance", function()
  it("is torch-fidelity's and scipy's", function()
    local d = va.frechet(ref.real, ref.fake):item()
    near(d, wanted "fid.fidelity", 1e-6, "torch-fidelity")
    near(d, wanted "fid.ttur", 1e-9, "sqrtm")
  end)

  it("is torch-fidelity's where a covariance is rank-deficient", function()
    near(va.frechet(ref.real, ref.few):item(), wanted "fid.fidelity.few", 1e-6, "few")
    near(va.frechet(ref.few, ref.real):item(), wanted "fid.fidelity.few", 1e-6, "few, turned")
    assert.are.equal(11, va.covariance_rank(va.covariance(ref.few)):item())
    assert.are.equal(16, va.covariance_rank(va.covariance(ref.real)):item())
  end)
end)

describe("the kernel distance", function()
  it("is torch-fidelity's, subset by subset", function()
    all_near(va.kid(ref.real, ref.fake, { subsets = 7, size = 100 }):totable(), wanted "kid", 1e-6,
             "kid")
  end)

  it("is that of NumPy's permutations", function()
    assert.are.same(ref.permutation:totable(),
                    va.legacy_permutation(1000, { seed = 7 }):rows(1, 20):totable())
  end)
end)

describe("the Inception Score", function()
  it("is that of its three programs", function()
    local x = ref.logits
    all_near(va.inception_score(x):totable(), wanted "is.openai", 1e-4, "openai")
    local shuffled = x:pick(va.legacy_permutation(#x))
    all_near(va.inception_score(shuffled):totable(), wanted "is.fidelity", 1e-4, "torch-fidelity")
    all_near(va.inception_score(shuffled, 10, { chunk = true }):totable(), wanted "is.tm1.8.2",
             1e-4, "torchmetrics")
  end)
end)

describe("precision, recall, density and coverage", function()
  for _, name in ipairs { "", ".grid" } do
    local real, fake = ref.real, ref.fake
    if name ~= "" then real, fake = ref.grid_real, ref.grid_fake end
    it("are exactly prdc's" .. name, function()
      all_near(va.prdc(real, fake):totable(), wanted("prdc" .. name), 1e-14, "prdc")
    end)

    it("are exactly torch-fidelity's" .. name, function()
      local got = va.prdc(real, fake, { k = 3, edge = true }):totable()
      all_near({ got[1], got[2] }, wanted("prc" .. name), 1e-7, "prc")     -- float32 there
    end)
  end
end)

describe("SSIM", function()
  it("is torchmetrics's with and without the border", function()
    all_near(va.ssim(ref.pa, ref.pb):totable(), wanted "ssim.tm1.8.2", 1e-5, "kept")
    local cropped = va.ssim(ref.pa, ref.pb, { crop = true }):totable()
    all_near(cropped, wanted "ssim.tm1.4.1", 1e-5, "cropped")
    all_near(cropped, wanted "ssim.tm0.8.2", 1e-5, "cropped, old")
  end)
end)

-- A model whose reconstructions are the fake features, with pixels as features: [N, 4, 4, 1].
local function scores_of(protocols, real, fake)
  va.seed(1)
  evaluate.forget()
  local function pictures(x) return va.set(x:reshape(#x, x.shape[2], 1, 1)) end
  local data = va.data { train = pictures(real), test = pictures(real) }
  local m = va.nn.model("m", {})
  function m.posterior(_, x) return va.dist.delta(x) end
  function m.likelihood(_, z) return va.dist.normal(z, 0) end
  function m.prior() return va.dist.normal.unit { real.shape[2], 1, 1 } end
  function m.reconstruct() return fake:reshape(#fake, fake.shape[2], 1, 1) end
  return va.evaluate(m, data, protocols)[m]
end

describe("the presets", function()
  -- Rounding and resizing belong to the network; the rest of a preset is looked at here.
  local function unrounded(family, f)
    local kept = presets[family]
    presets[family] = {}
    for name, p in pairs(kept) do
      presets[family][name] = setmetatable({ rounding = "none" }, { __index = p })
    end
    local ok, message = pcall(f)
    presets[family] = kept
    assert(ok, message)
  end

  it("of the Fréchet distance give what their programs give", function()
    unrounded("frechet", function()
      for preset, want in pairs { ["fid/torch-fidelity"] = "fid.fidelity",
          ["fid/ttur"] = "fid.ttur",
          ["fid/pytorch-fid"] = "fid.ttur", ["fid/clean"] = "fid.ttur",
          ["fid/tm-0.8"] = "fid.tm0.8.2", ["fid/tm-0.10"] = "fid.tm0.10.3",
          ["fid/tm-1.0"] = "fid.tm1.0.3", ["fid/tm-1.8"] = "fid.tm1.8.2" } do
        local s = scores_of({ { "frechet", preset = preset, features = "pixels" } }, ref.real,
                            ref.fake)["frechet/reconstruction"]
        near(s.value, wanted(want), 1e-6, preset)
        assert.are.equal(preset, s.protocol.preset)
        assert.are.equal(260, s.protocol.count)
        assert.are.equal(300, s.protocol.reference_count)
      end
    end)
  end)

  it("are named, with what they emulate and a source", function()
    for _, family in ipairs { "frechet", "inception_score", "kid", "prdc", "precision_recall",
                              "ssim" } do
      for name, p in pairs(presets[family]) do
        assert(#p.source > 5 and #p.emulates > 5, name)
      end
    end
    local ok, message = pcall(presets.find, "frechet", "fid/tfur")
    assert(not ok and message:find("did you mean 'fid/ttur'", 1, true), message)
  end)
end)

describe("protocols of distances", function()
  local all = { "frechet", "kid", "prdc", "precision_recall" }

  local function each(names, options, real, fake)
    local list = {}
    for i, name in ipairs(names) do
      list[i] = { name, features = "pixels" }
      for key, value in pairs(options or {}) do list[i][key] = value end
    end
    return scores_of(list, real, fake)
  end

  it("take pixels, and name what made them", function()
    local s = each({ "kid" }, { size = 100, subsets = 7 }, ref.real, ref.fake)
    local kid = s["kid/reconstruction"]
    near(kid.value, wanted("kid")[1], 1, "another order of the sets, another sample")
    assert.are.equal(100, kid.protocol.subset_size)
    assert(kid.spread:find("not a standard error", 1, true))
    s = each({ "prdc" }, nil, ref.grid_real, ref.grid_fake)
    for i, name in ipairs { "precision", "recall", "density", "coverage" } do
      near(s[name .. "/reconstruction"].value, wanted("prdc.grid")[i], 1e-14, name)
    end
    assert.are.equal(5, s["precision/reconstruction"].protocol.neighbours)
    s = each({ "precision_recall" }, nil, ref.real, ref.fake)
    near(s["ipr_precision/reconstruction"].value, wanted("prc")[1], 1e-7, "precision")
    near(s["ipr_recall/reconstruction"].value, wanted("prc")[2], 1e-7, "recall")
  end)

  it("say the rank where there are few pictures", function()
    local s = each({ "frechet" }, nil, ref.real, ref.few)["frechet/reconstruction"]
    near(s.value, wanted "fid.fidelity.few", 1e-6, "few")
    local words = "the covariance of 12 generated pictures has rank 11 of 16"
    assert(s.note:find(words, 1, true), s.note)
  end)

  it("refuse one picture, and subsets that are too large", function()
    local s = each(all, nil, ref.real, ref.few:rows(1, 1))
    for name, text in pairs { frechet = "too few samples for a covariance: 1 pictures",
                              kid = "the subsets are of 1000 pictures and there are 1",
                              prdc = "need more than 5 pictures",
                              precision_recall = "need more than 3 pictures" } do
      local found
      for key, v in pairs(s) do
        if key:find("^" .. name) and key:find("/reconstruction", 1, true) then found = v.reason end
      end
      assert(found and found:find(text, 1, true), name .. ": " .. tostring(found))
    end
  end)

  it("name a picture whose features are not finite", function()
    local bad = ref.fake + 0
    bad = va.cat({ bad:rows(1, 3), bad:rows(4, 4) * (0 / 0), bad:rows(5, #bad) }, 1)
    local s = each({ "frechet" }, nil, ref.real, bad)
    assert(s["frechet features=pixels/reconstruction"].reason:find("number 4 are not finite", 1,
      true))
  end)

  it("extrapolate to infinitely many", function()
    va.seed(3)
    local x, y = va.randn(3000, 8), va.randn(3000, 8)
    local s = scores_of({ { "frechet", features = "pixels" },
                          { "frechet", features = "pixels", infinity = true } }, x, y)
    local plain, infinite
    for key, v in pairs(s) do
      if key:find("/reconstruction", 1, true) and v.protocol.infinity ~= nil then
        if v.protocol.infinity then infinite = v.value else plain = v.value end
      end
    end
    assert(infinite < plain and math.abs(infinite) < 0.03, infinite)
  end)

  it("know their options", function()
    for text, spec in pairs {
      ["did you mean 'preset'"] = { "frechet", perset = "fid/ttur" },
      ["kid: size must be a whole number of at least 2"] = { "kid", features = "pixels", size = 1 },
      ["prdc: k must be a whole number of at least 1"] = { "prdc", features = "pixels", k = 0 },
      ["did you mean 'is/openai'"] = { "inception_score", preset = "is/openia" },
    } do
      local ok, message = pcall(scores_of, { spec }, ref.real, ref.fake)
      assert(not ok and tostring(message):find(text, 1, true), tostring(message))
    end
  end)

  it("take the real ones from a file", function()
    local path = os.tmpname() .. ".npz"
    local m = va.moments(ref.real)
    core.file_write(path, { mu = m[1], sigma = m:rows(2, 17) })
    local other = va.ones(20, 16)                    -- the test set, which is not looked at
    local s = scores_of({ { "frechet", features = "pixels", reference = path } }, other, ref.fake)
    local found
    for key, v in pairs(s) do if key:find("/reconstruction", 1, true) then found = v end end
    os.remove(path)
    near(found.value, wanted "fid.fidelity", 1e-6, "file")
    assert.are.equal(path:match("[^/]+$"), found.protocol.reference)
  end)
end)
