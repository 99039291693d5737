-- evaluation.lua - the Fréchet distance and precision and recall beside scipy's and scikit-learn's
-- routes, with the same threads, in one run.
--
--     build/vaelua tests/bench/evaluation.lua [check]
--
-- Two sets of 10,000 x 2048 against scipy.linalg.sqrtm of the product of their covariances alone;
-- two of 10,000 x 64 against the distances of scikit-learn, partitioned and compared as the prdc
-- package does. Without python3-scipy and python3-sklearn our seconds alone. With `check` also the
-- published check of prdc: 10,000 of N(0, I) in 1000 dimensions against as many.

local va = require "vaelua"
local core = require "vaelua.core"

local function timed(f)
  local start = core.clock()
  local y = f()
  y:reshape(-1):totable()
  return core.clock() - start, y
end

local function wait(...) for _, t in ipairs { ... } do t:reshape(-1):rows(1, 1):item() end end

va.seed(1)
local wide = va.randn(2048, 2048) / 45
local x, y = va.randn(10000, 2048):matmul(wide), va.randn(10000, 2048):matmul(wide) * 1.1 + 0.1
local real, fake = va.randn(10000, 64), va.randn(10000, 64)
wait(x, y, real, fake)

local moments = { os.tmpname() .. ".npz", os.tmpname() .. ".npz" }
local a, b = va.moments(x), va.moments(y)
local ours = {}
ours.frechet = timed(function() return va.frechet(x, y) end)
ours.frechet_moments = timed(function()
  return va.frechet_moments(a[1], a:rows(2, 2049), b[1], b:rows(2, 2049))
end)
ours.prdc = timed(function() return va.prdc(real, fake) end)

core.file_write(moments[1], { s1 = a:rows(2, 2049), s2 = b:rows(2, 2049) })
core.file_write(moments[2], { real = real, fake = fake })
local status, text = core.run_command { "/usr/bin/python3", "-W", "ignore",
                                        "tests/bench/evaluation.py", moments[1], moments[2] }
for _, path in ipairs(moments) do os.remove(path) end
local theirs = {}
for name, seconds in (status == 0 and text or ""):gmatch("(%a+) ([%d.e-]+)") do
  theirs[name] = tonumber(seconds)
end

local function line(name, what, peer)
  local seconds = theirs[peer]
  print(("%-34s %7.2f s%s"):format(what, ours[name], seconds
    and ("   %.1f times as fast as %s (%.2f s)"):format(seconds / ours[name], peer, seconds) or ""))
end

line("frechet", "frechet, 2 x [10000, 2048]", "sqrtm")
line("frechet_moments", "frechet_moments, 2048 wide", "sqrtm")
line("prdc", "prdc, 2 x [10000, 64]", "prdc")
if not theirs.sqrtm then print "skip  scipy and scikit-learn: not here" end

if arg[1] == "check" then
  local p, q = va.randn(10000, 1000), va.randn(10000, 1000)
  local seconds, numbers = timed(function() return va.prdc(p, q) end)
  local t = numbers:totable()
  print(("prdc, 2 x [10000, 1000]: precision %.4f, recall %.4f, density %.4f, coverage %.4f "
    .. "(published .4772, .4705, 1.0555, .9735), %.1f s"):format(t[1], t[2], t[3], t[4], seconds))
end
