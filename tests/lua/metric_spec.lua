-- metric_spec.lua - metrics against closed forms and against naive implementations in plain Lua.

local va = require "vaelua"
local core = require "vaelua.core"

local function near(a, b, tolerance, what)
  local off = math.abs(a - b) / math.max(1, math.abs(b))
  assert(off <= tolerance, ("%s: %.12g, wanted %.12g"):format(what or "number", a, b))
end

-- Rows with exactly the mean m and the covariance diag(v) (n - 1): +-e_i for each axis, scaled.
local function rows_with(m, v)
  local d, rows = #m, {}
  for i = 1, d do
    for _, sign in ipairs { -1, 1 } do
      local row = {}
      for j = 1, d do
        row[j] = m[j] + (i == j and sign * math.sqrt(v[j] * (2 * d - 1) / 2) or 0)
      end
      rows[#rows + 1] = row
    end
  end
  return core.tensor(rows)
end

describe("frechet", function()
  it("is 0 between a set and itself", function()
    core.seed(3)
    local x = va.randn(200, 17)
    near(va.frechet(x, x):item(), 0, 1e-10)
  end)

  it("is the squared shift of two equal clouds", function()
    local x = va.randn(64, 3)
    near(va.frechet(x, x + core.tensor { 3, 0, -4 }):item(), 25, 1e-5)
  end)

  it("has its closed form for diagonal covariances", function()
    local x, y = rows_with({ 1, 0, 2 }, { 1, 4, 9 }), rows_with({ 0, 0, 2 }, { 4, 4, 1 })
    -- |m|^2 = 1, and the sum of (sqrt a - sqrt b)^2 = 1 + 0 + 4
    near(va.frechet(x, y):item(), 6, 1e-5)
  end)

  it("does not depend on the basis, and is symmetric", function()
    core.seed(4)
    local x, y = va.randn(80, 2), va.randn(60, 2) * 2
    local c, s = math.cos(0.7), math.sin(0.7)
    local turn = core.tensor { { c, s }, { -s, c } }
    local d = va.frechet(x, y):item()
    near(va.frechet(x:matmul(turn), y:matmul(turn)):item(), d, 1e-5)
    near(va.frechet(y, x):item(), d, 1e-9)
  end)

  it("has a number for fewer rows than features", function()
    core.seed(5)
    local d = va.frechet(va.randn(4, 9), va.randn(5, 9)):item()
    assert(d == d and d > 0)
  end)

  it("refuses what has no distance, and says where", function()
    local ok, message = pcall(va.frechet, core.tensor { { 1, 0 / 0 }, { 1, 2 } }, va.randn(3, 2))
    assert(not ok and message:find("frechet: x row 1 holds NaN", 1, true), message)
    ok, message = pcall(va.frechet, va.randn(1, 2), va.randn(3, 2))
    assert(not ok and message:find("at least 2 rows", 1, true), message)
  end)
end)

describe("covariance", function()
  it("divides by n - 1", function()
    local c = va.covariance(core.tensor { { 1, 2 }, { 3, 2 }, { 5, 8 } }):totable()
    near(c[1][1], 4, 1e-12)
    near(c[1][2], 6, 1e-12)
    near(c[2][2], 12, 1e-12)
  end)
end)

describe("inception_score", function()
  it("is the number of classes for sure and even answers, 1 for equal ones", function()
    local sure = va.one_hot((va.arange(1, 40) % 4 + 1):as("int32"), 4) * 1000
    near(va.inception_score(sure, 10):totable()[1], 4, 1e-9)
    near(va.inception_score(sure, 10):totable()[2], 0, 1e-9)
    near(va.inception_score(va.ones(20, 4), 2):totable()[1], 1, 1e-12)
  end)

  it("agrees with its definition on random scores", function()
    core.seed(6)
    local x = va.randn(23, 5) * 2
    local p, splits = x:softmax():totable(), 3
    local scores = {}
    for s = 1, splits do
      local from, to = (s - 1) * 23 // splits + 1, s * 23 // splits
      local mean, sum = { 0, 0, 0, 0, 0 }, 0
      for i = from, to do
        for j = 1, 5 do mean[j] = mean[j] + p[i][j] / (to - from + 1) end
      end
      for i = from, to do
        for j = 1, 5 do sum = sum + p[i][j] * math.log(p[i][j] / mean[j]) end
      end
      scores[s] = math.exp(sum / (to - from + 1))
    end
    local mean = (scores[1] + scores[2] + scores[3]) / 3
    local var = 0
    for _, v in ipairs(scores) do var = var + (v - mean) ^ 2 / 3 end
    local got = va.inception_score(x, splits):totable()
    near(got[1], mean, 1e-6)
    near(got[2], math.sqrt(var), 1e-5)
  end)
end)

-- SSIM by the letter: a two-dimensional window at every pixel of the reflected picture.
local function naive_ssim(x, y, range)
  local h, w, k = #x, #x[1], #x[1][1]
  local g, total = {}, 0
  for t = -5, 5 do
    g[t] = math.exp(-t * t / (2 * 1.5 ^ 2))
    total = total + g[t]
  end
  local function mirror(i, n)
    if i < 1 then i = 2 - i end
    if i > n then i = 2 * n - i end
    return i
  end
  local c1, c2, sum = (0.01 * range) ^ 2, (0.03 * range) ^ 2, 0
  for i = 1, h do for j = 1, w do for c = 1, k do
    local m = { x = 0, y = 0, xx = 0, yy = 0, xy = 0 }
    for a = -5, 5 do for b = -5, 5 do
      local f = g[a] * g[b] / total ^ 2
      local row, column = mirror(i + a, h), mirror(j + b, w)
      local p, q = x[row][column][c], y[row][column][c]
      m.x, m.y = m.x + f * p, m.y + f * q
      m.xx, m.yy, m.xy = m.xx + f * p * p, m.yy + f * q * q, m.xy + f * p * q
    end end
    local vx, vy = math.max(m.xx - m.x ^ 2, 0), math.max(m.yy - m.y ^ 2, 0)
    sum = sum + (2 * m.x * m.y + c1) * (2 * (m.xy - m.x * m.y) + c2)
              / ((m.x ^ 2 + m.y ^ 2 + c1) * (vx + vy + c2))
  end end end
  return sum / (h * w * k)
end

describe("ssim", function()
  it("agrees with the definition", function()
    core.seed(7)
    local x = va.rand(2, 8, 13, 2)
    local y = x * 0.7 + va.rand(2, 8, 13, 2) * 0.3
    local got, xs, ys = va.ssim(x, y):totable(), x:totable(), y:totable()
    for i = 1, 2 do near(got[i], naive_ssim(xs[i], ys[i], 1), 1e-6, "picture " .. i) end
    got = va.ssim(x * 255, y * 255, { range = 255 }):totable()
    near(got[1], naive_ssim(xs[1], ys[1], 1), 1e-5, "range 255")
  end)

  it("is 1 for equal pictures, lower for others", function()
    local x = va.rand(3, 28, 28, 1)
    near(va.ssim(x, x):min():item(), 1, 1e-6)
    assert(va.ssim(x, 1 - x):max():item() < 0)
  end)

  it("refuses pictures that cannot be reflected", function()
    local ok, message = pcall(va.ssim, va.rand(1, 5, 9, 1), va.rand(1, 5, 9, 1))
    assert(not ok and message:find("at least 6 rows and columns", 1, true), message)
  end)
end)

describe("psnr", function()
  it("is 10 log10(range^2 / mean squared difference)", function()
    local x = va.zeros(2, 4, 4, 1)
    near(va.psnr(x, x + 0.1):totable()[1], 20, 1e-5)
    near(va.psnr(x, x + 0.1, { range = 2 }):totable()[2], 20 + 20 * math.log(2, 10), 1e-5)
    assert.are.equal(math.huge, va.psnr(x, x):totable()[1])
  end)
end)

describe("active_units", function()
  it("counts units with a variance of at least delta", function()
    local x = core.tensor { { 0, 0, 1 }, { 1, 0.1, 1 }, { 2, 0.2, 1 } }      -- 1, 0.01, 0
    assert.are.equal(2, va.active_units(x, { delta = 0.0099 }):item())
    assert.are.equal(1, va.active_units(x, { delta = 0.02 }):item())
  end)
end)

describe("mmd", function()
  it("agrees with its definition", function()
    core.seed(8)
    local x, y = va.randn(5, 3), va.randn(4, 3) + 1
    local a, b = x:totable(), y:totable()
    local function kernel(p, q)
      local far = 0
      for j = 1, 3 do far = far + (p[j] - q[j]) ^ 2 end
      return math.exp(-far / (2 * 3 * 0.5))
    end
    local function mean(s, t, off)
      local sum, n = 0, 0
      for i = 1, #s do for j = 1, #t do
        if not (off and i == j) then sum, n = sum + kernel(s[i], t[j]), n + 1 end
      end end
      return sum / n
    end
    near(va.mmd(x, y, { kernel = "rbf", scale = 0.5 }):item(),
         mean(a, a, true) + mean(b, b, true) - 2 * mean(a, b), 1e-5)
  end)

  it("is near 0 for one distribution, large for two", function()
    core.seed(9)
    for _, kernel in ipairs { "imq", "rbf", "polynomial" } do
      local x, y = va.randn(300, 4), va.randn(300, 4)
      local same = math.abs(va.mmd(x, y, { kernel = kernel }):item())
      local other = va.mmd(x, y + 2, { kernel = kernel }):item()
      assert(other > 20 * same, kernel)
    end
  end)

  it("names the kernels that it knows", function()
    local ok, message = pcall(va.mmd, va.randn(2, 1), va.randn(2, 1), { kernel = "cubic" })
    assert(not ok and message:find("imq, rbf or polynomial", 1, true), message)
  end)
end)

describe("gmm", function()
  local function parts_of(g, d)
    local rows, parts = g:totable(), {}
    for k, row in ipairs(rows) do
      parts[k] = { weight = row[1], mean = { table.unpack(row, 2, d + 1) },
                   factor = { table.unpack(row, d + 2) } }
    end
    table.sort(parts, function(a, b) return a.mean[1] < b.mean[1] end)
    return parts
  end

  it("with one component is the mean and the covariance", function()
    core.seed(10)
    local x = va.randn(500, 2):matmul(core.tensor { { 2, 1 }, { 0, 0.5 } }) + 3
    local g = parts_of(va.gmm(x, va.rand(1)), 2)[1]
    local m, c = x:mean(1):totable(), va.covariance(x):totable()
    local f = g.factor
    near(g.weight, 1, 1e-6)
    near(g.mean[2], m[2], 1e-5)
    near(f[1] ^ 2, c[1][1] * 499 / 500, 1e-4)
    near(f[1] * f[3], c[1][2] * 499 / 500, 1e-4)
    near(f[3] ^ 2 + f[4] ^ 2, c[2][2] * 499 / 500, 1e-4)
    assert.are.equal(0, f[2])
  end)

  it("finds the components that the data were made of", function()
    core.seed(11)
    local x = va.cat({ va.randn(3000, 2) * 0.5 - 4, va.randn(1000, 2),
                       va.randn(2000, 2) * core.tensor { 0.3, 2 } + 5 }, 1)
    local p = parts_of(va.gmm(x, va.rand(3)), 2)
    near(p[1].weight, 1 / 2, 0.01)
    near(p[2].weight, 1 / 6, 0.01)
    near(p[3].weight, 1 / 3, 0.01)
    near(p[1].mean[1], -4, 0.02)
    near(p[3].mean[2], 5, 0.05)
    near(p[1].factor[1], 0.5, 0.03)
    near(p[3].factor[4], 2, 0.05)
  end)

  it("gives the same bits again", function()
    core.seed(12)
    local x, u = va.randn(700, 5), va.rand(4)
    local a, b = va.gmm(x, u), va.gmm(x, u)
    assert.are.equal(1, a:eq(b):min():item())
  end)

  it("lives with equal rows and with as many components as rows", function()
    local g = va.gmm(va.ones(10, 2), va.rand(3))
    assert.are.equal(1, g:eq(g):min():item())
    g = va.gmm(va.randn(3, 2), va.rand(3))
    assert.are.equal(1, g:eq(g):min():item())
  end)
end)

describe("average", function()
  it("weighs every number once, whatever the batches", function()
    core.seed(13)
    local x = va.randn(1000) * 3 + 1000
    local a, b = va.average(), va.average()
    a:add(x)
    for i = 1, 1000, 300 do b:add(x:rows(i, math.min(i + 299, 1000))) end
    near(a:value(), b:value(), 1e-12)
    near(a:sd(), b:sd(), 1e-6)
    near(a:value(), x:mean():item(), 1e-6)
    near(a:sd(), x:std():item(), 1e-4)
    assert.are.equal(1000, b:count())
    local low, high = a:interval()
    near(high - low, 2 * 1.96234 * a:sd() / math.sqrt(1000), 1e-4)
  end)

  it("takes numbers, and has no spread for one", function()
    local a = va.average():add(2)
    near(a:value(), 2, 0)
    assert.is_nil(a:sd())
    a:add(4)
    near(a:sd(), math.sqrt(2), 1e-12)
  end)
end)

describe("stats", function()
  local stats = require "vaelua.stats"
  it("knows Student's t", function()
    near(stats.t_quantile(0.975, 1), 12.7062047, 1e-7)
    near(stats.t_quantile(0.975, 4), 2.7764451, 1e-7)
    near(stats.t_quantile(0.995, 30), 2.7499957, 1e-7)
    near(stats.t_below(-1, 3), 0.1955011, 1e-6)
    near(stats.sd { 1, 2, 3, 4 }, math.sqrt(5 / 3), 1e-12)
  end)
end)
