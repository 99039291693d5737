-- metric_distance_spec.lua - moments, precision and recall, realism, kernel distances and SSIM's
-- border against their definitions, their errors, and that threads change no bit of them.

local va = require "vaelua"
local core = require "vaelua.core"
local child = require "tests.lua.child"
local fails = require "tests.lua.says".says

local function near(a, b, tolerance, what)
  assert(math.abs(a - b) <= tolerance, ("%s: %.12g, wanted %.12g +- %.2g")
    :format(what or "number", a, b, tolerance))
end

local function equal(a, b)
  assert.are.same(a:totable(), b:totable())
end

describe("moments", function()
  it("hold the mean and the covariance, whatever the number of rows", function()
    va.seed(1)
    local x = va.randn(1300, 5) * 3 + 100
    local m = va.moments(x)
    assert.are.same({ 6, 5 }, m.shape)
    equal(m:rows(2, 6), va.covariance(x))
    local mean, rows = m[1]:totable(), x:totable()
    local a, c = 0, 0
    for _, r in ipairs(rows) do a = a + r[2] / #rows end
    for _, r in ipairs(rows) do c = c + (r[2] - a) * (r[4] - mean[4]) / (#rows - 1) end
    near(mean[2], a, 1e-10)
    near(m:totable()[3][4], c, 1e-10)
    near(va.moments(x, { divisor = 13 }):totable()[3][4], c * 1299 / 13, 1e-7)
  end)

  it("of parts merge into those of the whole", function()
    va.seed(2)
    local x = va.randn(900, 4)
    local whole = va.moments(x):totable()
    local merged = va.moments_merge(va.moments(x:rows(1, 250)), 250, va.moments(x:rows(251, 900)),
                                    650):totable()
    for i = 1, 5 do
      for j = 1, 4 do near(merged[i][j], whole[i][j], 1e-13, i .. " " .. j) end
    end
  end)

  it("give the distance of the rows", function()
    va.seed(3)
    local x, y = va.randn(50, 6), va.randn(40, 6) * 2
    local a, b = va.moments(x), va.moments(y)
    assert.are.equal(va.frechet(x, y):item(),
                     va.frechet_moments(a[1], a:rows(2, 7), b[1], b:rows(2, 7)):item())
  end)

  it("are refused where they have no meaning", function()
    fails("moments: x needs at least 2 rows for a covariance, got", va.moments, va.randn(1, 3))
    fails("row 600 holds NaN, so it has no score", va.moments,
          va.cat({ va.randn(599, 2), va.zeros(1, 2) / 0, va.randn(5, 2) }, 1))
    fails("moments_merge: n and m must be at least 2", va.moments_merge, va.moments(va.randn(3, 2)),
          1, va.moments(va.randn(3, 2)), 3)
    fails("frechet_moments: s1", va.frechet_moments, va.randn(3), va.randn(2, 2), va.randn(3),
          va.randn(3, 3))
  end)
end)

describe("the Fréchet distance", function()
  it("is small between a set and itself where its covariance is singular", function()
    va.seed(4)
    local few = va.randn(20, 50)
    near(va.frechet(few, few):item(), 0, 1e-9)
    local flat = va.cat({ va.randn(100, 6), va.zeros(100, 2) }, 2)       -- features never used
    near(va.frechet(flat, flat):item(), 0, 1e-10)
    near(va.frechet(flat, flat + core.tensor { 0, 0, 0, 0, 0, 0, 0, 2 }):item(), 4, 1e-10)
  end)

  it("has its closed form for a set and its multiple", function()
    va.seed(5)
    local x = va.randn(700, 300)
    local m = va.moments(x)
    local trace = 0
    for i, row in ipairs(m:totable()) do if i > 1 then trace = trace + row[i - 1] end end
    local square = 0
    for _, v in ipairs(m[1]:totable()) do square = square + v * v end
    -- (3 - 1)^2 tr S + |2 m|^2
    near(va.frechet(x, x * 3):item(), 4 * trace + 4 * square, 1e-3)
  end)
end)

-- By the letter: float64 sums of squared differences.
local function naive(real, fake, k, edge)
  local function far(a, b)
    local sum = 0
    for j = 1, #a do sum = sum + (a[j] - b[j]) ^ 2 end
    return sum
  end
  local function radii(s)
    local r = {}
    for i = 1, #s do
      local d = {}
      for j = 1, #s do if j ~= i then d[#d + 1] = far(s[i], s[j]) end end
      table.sort(d)
      r[i] = d[k]
    end
    return r
  end
  local function inside(d, r) return edge and d <= r or d < r end
  local rr, rf, precise, recalled, holds = radii(real), radii(fake), {}, {}, {}
  for i = 1, #real do
    holds[i] = 0
    for j = 1, #fake do
      local d = far(real[i], fake[j])
      if inside(d, rr[i]) then precise[j], holds[i] = true, holds[i] + 1 end
      if inside(d, rf[j]) then recalled[i] = true end
    end
  end
  local p, r, density, coverage = 0, 0, 0, 0
  for j = 1, #fake do p = p + (precise[j] and 1 or 0) end
  for i = 1, #real do
    r = r + (recalled[i] and 1 or 0)
    density, coverage = density + holds[i], coverage + (holds[i] > 0 and 1 or 0)
  end
  return { p / #fake, r / #real, density / k / #fake, coverage / #real }
end

describe("prdc", function()
  it("is its definition, exactly", function()
    va.seed(6)
    for _, case in ipairs { { 301, 259, 5, 4 }, { 40, 300, 3, 1 }, { 7, 6, 17, 5 } } do
      local real, fake = va.randn(case[1], case[3]), va.randn(case[2], case[3]) * 0.8
      for _, edge in ipairs { false, true } do
        local want = naive(real:totable(), fake:totable(), case[4], edge)
        local got = va.prdc(real, fake, { k = case[4], edge = edge }):totable()
        for i = 1, 4 do near(got[i], want[i], 1e-15, i) end
      end
    end
  end)

  it("keeps ties exact", function()
    va.seed(7)
    local real = va.randint(0, 3, 60, 2):as("float32")
    local fake = va.randint(0, 3, 50, 2):as("float32")
    for _, edge in ipairs { false, true } do
      local got = va.prdc(real, fake, { edge = edge }):totable()
      local want = naive(real:totable(), fake:totable(), 5, edge)
      for i = 1, 4 do near(got[i], want[i], 1e-15, i) end
    end
    local float64 = va.covariance(va.randn(20, 9))         -- float64 numbers are taken as they are
    assert.are.same(naive(float64:totable(), float64:totable(), 2, true),
                    va.prdc(float64, float64, { k = 2, edge = true }):totable())
  end)

  it("knows the real from the fake: a narrow fake set is precise, a wide one recalls", function()
    va.seed(8)
    local real = va.randn(400, 2)
    local narrow = va.randn(400, 2) * 0.1
    local a, b = va.prdc(real, narrow):totable(), va.prdc(narrow, real):totable()
    assert(a[1] > 0.95 and a[2] < 0.3, ("precision %g, recall %g"):format(a[1], a[2]))
    assert(b[1] < 0.3 and b[2] > 0.95, ("precision %g, recall %g"):format(b[1], b[2]))
    near(a[1], b[2], 1e-15, "the precision of one is the recall of the other")
  end)

  it("says what it needs", function()
    fails("prdc: real needs more than k = 5 rows, got", va.prdc, va.randn(5, 2), va.randn(9, 2))
    fails("prdc: k must be at least 1, got 0", va.prdc, va.randn(5, 2), va.randn(9, 2), { k = 0 })
    fails("prdc: fake has", va.prdc, va.randn(9, 2), va.randn(9, 3))
    fails("prdc: fake row 2 holds infinity", va.prdc, va.randn(9, 1),
          va.cat({ va.zeros(1, 1), va.ones(1, 1) / 0, va.ones(7, 1) }, 1))
  end)
end)

describe("realism", function()
  it("is the largest ratio of radius to distance", function()
    local real = core.tensor { { 0 }, { 1 }, { 3 } }           -- radii 1, 1, 2 for k = 1
    local got = va.realism(real, core.tensor { { 2 }, { 10 }, { 1.5 } }, { k = 1 }):totable()
    near(got[1], 2 / (1 + 1e-5), 1e-12)
    near(got[2], 2 / (7 + 1e-5), 1e-12)
    near(got[3], 1 / (0.5 + 1e-5), 1e-12)
  end)
end)

describe("kid", function()
  it("of all rows is the unbiased discrepancy", function()
    va.seed(9)
    local x, y = va.randn(30, 4), va.randn(30, 4) + 0.5
    local kid = va.kid(x, y, { subsets = 3, size = 30 }):totable()
    near(kid[1], va.mmd(x, y, { kernel = "polynomial" }):item(), 1e-5)
    near(kid[2], 0, 1e-12)
  end)

  it("says what it needs", function()
    fails("kid: x needs at least the 1000 rows of a subset, got", va.kid, va.randn(30, 4),
          va.randn(30, 4))
    fails("kid: subsets must be at least 1, got 0", va.kid, va.randn(3, 4), va.randn(3, 4),
          { subsets = 0, size = 2 })
    fails("kid: y has", va.kid, va.randn(3, 4), va.randn(3, 5), { size = 2 })
  end)
end)

describe("inception_score by chunks", function()
  it("has a last chunk of what is left, and the sample's deviation", function()
    va.seed(10)
    local x = va.randn(10, 3)
    local parts = { x:rows(1, 4), x:rows(5, 8), x:rows(9, 10) }
    local s, mean, var = {}, 0, 0
    for i, part in ipairs(parts) do
      s[i] = va.inception_score(part, 1):totable()[1]
      mean = mean + s[i] / 3
    end
    for i = 1, 3 do var = var + (s[i] - mean) ^ 2 / 2 end
    local got = va.inception_score(x, 3, { chunk = true }):totable()
    near(got[1], mean, 1e-12)
    near(got[2], math.sqrt(var), 1e-12)
  end)
end)

describe("ssim without its border", function()
  it("needs something inside it", function()
    fails("at least 11 rows and columns", va.ssim, va.rand(1, 10, 12, 1), va.rand(1, 10, 12, 1),
          { crop = true })
    near(va.ssim(va.ones(1, 11, 11, 1), va.ones(1, 11, 11, 1), { crop = true }):item(), 1, 1e-6)
  end)
end)

describe("threads", function()
  it("change no bit of any of them", function()
    local c = child.new()
    local text = [[
      local va = require "vaelua"
      va.seed(3)
      local x, y = va.randn(1500, 300), va.randn(1300, 300) * 1.1
      local few = va.randn(90, 300)
      local out = { va.frechet(x, y), va.frechet(x, few), va.moments(x), va.covariance_rank(
        va.covariance(few)), va.kid(x, y, { subsets = 2, size = 400 }), va.prdc(x, y),
        va.realism(x, few), va.inception_score(x), va.ssim(x:reshape(1500, 15, 20, 1),
        x:reshape(1500, 15, 20, 1) * 0.9, { crop = true }) }
      for i, t in ipairs(out) do out[i] = require "vaelua.core".tensor_hash(t) end
      print(table.concat(out, " "))
    ]]
    local first
    for threads = 1, 4 do
      local run = c:run(text, "--threads " .. threads)
      assert(run.status == 0, run.err)
      first = first or run.out
      assert.are.equal(first, run.out)
    end
    c:drop()
  end)
end)
