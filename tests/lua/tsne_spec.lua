-- tsne_spec.lua - t-SNE, k-means, silhouette, agreement of labellings and densities of mixtures,
-- against scikit-learn (tests/reference/latents.py made the numbers) and finite differences.

local va = require "vaelua"
local core = require "vaelua.core"
local ref = va.read "tests/reference/latents.npz"
local fails = require "tests.lua.says".says

local function near(a, b, tolerance, what)
  assert(math.abs(a - b) <= tolerance, ("%s: %.12g, wanted %.12g"):format(what or "number", a, b))
end

local function largest_gap(a, b)
  return (a:as("float32") - b:as("float32")):abs():max():item()
end

describe("t-SNE", function()
  it("has scikit-learn's divergence on scikit-learn's maps", function()
    for name, theta in pairs { exact = 0, barnes_hut = 0.5 } do
      local kl = va.tsne_kl(ref.x, ref["map_" .. name], { theta = theta }):item()
      near(kl, ref["kl_" .. name]:item(), 0.01, name)
    end
  end)

  it("ends no higher than scikit-learn does", function()
    for name, theta in pairs { exact = 0, barnes_hut = 0.5 } do
      local map = va.tsne(ref.x, { theta = theta })
      local kl = va.tsne_kl(ref.x, map, { theta = theta }):item()
      local theirs = va.tsne_kl(ref.x, ref["map_" .. name], { theta = theta }):item()
      assert(kl < 1.03 * theirs, ("%s: %.4f against %.4f"):format(name, kl, theirs))
    end
  end)

  it("has the gradient of its divergence", function()
    core.seed(4)
    local z, y = va.randn(20, 3), va.randn(20, 2):as("float64")
    local g, list = va.tsne_gradient(z, y):totable(), y:totable()
    local function kl(i, k, step)
      local was = list[i][k]
      list[i][k] = was + step
      local value = va.tsne_kl(z, core.tensor(list, "float64")):item()
      list[i][k] = was
      return value
    end
    for i = 1, 20 do
      for k = 1, 2 do near((kl(i, k, 1e-5) - kl(i, k, -1e-5)) / 2e-5, g[i][k], 1e-8) end
    end
  end)

  it("stands cells for far points with a small error", function()
    local y = ref.map_exact
    local o = { perplexity = 199.8 }         -- 3 times that are all, as in the exact one
    local exact = va.tsne_gradient(ref.x, y, { perplexity = 199.8, theta = 0 }):as("float32")
    o.theta = 0.5
    local tree = va.tsne_gradient(ref.x, y, o):as("float32")
    local off = (tree - exact):square():sum():item() / exact:square():sum():item()
    assert(math.sqrt(off) < 0.02, math.sqrt(off))
    o.theta = 1e-6
    assert(largest_gap(va.tsne_gradient(ref.x, y, o), exact) < 1e-9)
  end)

  it("keeps equal rows together and refuses rows that are all equal", function()
    local z = va.cat({ va.zeros(40, 2), va.ones(40, 2) }, 1)
    local m = va.tsne(z, { theta = 0.5, steps = 100 })
    assert.are.equal(0, m:ne(m):sum():item())
    fails("has 9 equal rows: there is nothing to arrange", va.tsne, va.ones(9, 2))
  end)

  it("names what is wrong", function()
    local z = va.randn(20, 3)
    fails("must be 1, 2 or 3, got 4", va.tsne, z, { d = 4 })
    fails("must be at least 1 and less than the 19 other rows, got 19", va.tsne, z,
      { perplexity = 19 })
    fails("must lie in 0..1, got 2", va.tsne, z, { theta = 2 })
    fails("0 compares all pairs, which is for at most 5000 rows", va.tsne, va.randn(5001, 2),
      { theta = 0 })
    fails("needs at least 3 rows", va.tsne, va.randn(2, 2))
    fails("must be at least 1, got 0", va.tsne, z, { steps = 0 })
    fails("a row for each of z", va.tsne_kl, z, va.randn(19, 2))
    fails("holds NaN", va.tsne, z / 0 * 0)
  end)
end)

describe("scikit-learn's value of", function()
  it("the silhouette", function()
    near(largest_gap(va.silhouette(ref.x, ref.y), ref.silhouette), 0, 1e-6)
    assert.are.equal(0, va.silhouette(va.tensor { { 1 }, { 2 }, { 9 } },
                                      core.tensor({ 1, 1, 2 }, "int32")):at(3))
    fails("needs at least 2 classes with rows, got 1", va.silhouette, va.randn(3, 2),
      core.tensor({ 2, 2, 2 }, "int32"))
    fails("counts from 1, but row 2 has 0", va.silhouette, va.randn(3, 2),
      core.tensor({ 1, 0, 2 }, "int32"))
  end)

  it("the agreement of two labellings", function()
    near(va.nmi(ref.y, ref.other):item(), ref.nmi:item(), 1e-12)
    near(va.ari(ref.y, ref.other):item(), ref.ari:item(), 1e-12)
    near(va.nmi(ref.y, ref.y):item(), 1, 1e-12)
    fails("must have 600 labels", va.nmi, ref.y, core.tensor({ 1 }, "int32"))
  end)

  it("the squared distances of k-means", function()
    core.seed(2)
    local label, sum = va.kmeans(ref.x, va.rand(10, 6)), 0
    for k = 1, 6 do
      local rows = ref.x:pick(label:eq(k))
      sum = sum + (rows - rows:mean(1)):square():sum():item()
    end
    near(sum / ref.inertia:item(), 1, 1e-5)
    fails("asks for 4 clusters, between 1 and the 3 rows", va.kmeans, va.randn(3, 1), va.rand(1, 4))
  end)

  it("the density of a mixture", function()
    local logp = va.gmm_logp(ref.x, ref.gmm)
    near(largest_gap(logp, ref.gmm_logp), 0, 1e-5)
    fails("must be a mixture of normals", va.gmm_logp, ref.x, va.rand(1, 4))
  end)
end)
