-- latents_spec.lua - units by information, nearest pictures, principal directions.

local va = require "vaelua"

describe("principal components", function()
  it("find the axis of the largest spread", function()
    va.seed(1)
    local z = va.randn(500, 3) * va.tensor { 1, 5, 0.1 }
    local p = va.pca(z, { d = 2 })
    assert.are.same({ 500, 2 }, p.shape)
    local along = z:slice(2, 2, 2):squeeze()
    local first = p:slice(2, 1, 1):squeeze()
    assert.near(25, first:var():item(), 3)
    assert((along * first):mean():item() > 20)      -- the sign is that of the largest entry
    assert.near(0, (first * p:slice(2, 2, 2):squeeze()):mean():item(), 1e-3)
    assert.is_false(pcall(va.pca, z, { d = 4 }))
    assert.is_false(pcall(va.pca, z, { e = 2 }))
  end)
end)

describe("neighbours", function()
  it("come nearest first, from the whole set", function()
    local set = va.set(va.linspace(0, 1, 2500):reshape(-1, 1))
    local near = va.neighbours(va.tensor { { 0 }, { 1 } }, set, 3)
    assert.are.same({ 6, 1 }, near.shape)
    local step = 1 / 2499
    for i, v in ipairs { 0, step, 2 * step, 1, 1 - step, 1 - 2 * step } do
      assert.near(v, near:at(i, 1), 1e-5)
    end
  end)
end)

describe("units by their KL", function()
  it("are ordered by what they carry", function()
    local m = va.nn.model("m", { dec = va.nn.chain(3, { va.nn.linear(2) }) })
    local spread = va.tensor { 1, 3, 0 }
    function m.posterior(_, x) return va.dist.normal(x:unsqueeze(2):expand(#x, 3) * spread, 0) end
    function m:likelihood(z) return va.dist.bernoulli(self.dec(z)) end
    local set = va.set(va.ones(700))
    assert.are.same({ 2, 1 }, va.top_kl(m, set, 2):totable())
    assert.is_false(pcall(va.top_kl, m, set, 4))
  end)
end)
