--[[ compare.lua - two arms over the same seeds: every test, and what may be said.

  The verdict follows fixed rules.  "Better" (or "lower", "higher" where no direction is better)
  is written only if both intervals of the mean difference, Student's t and the bootstrap, leave 0
  out, and within a family only if the t test stays below 1 - level after Holm's correction.  What
  the rank test says, and what so few pairs cannot say at all, stands beside it. ]]

local bootstrap = require "vaelua.stats.bootstrap"
local basic = require "vaelua.stats.basic"
local fail = require "vaelua.fail"
local input = require "vaelua.stats.input"
local paired = require "vaelua.stats.paired"

local M = {}

local Comparison = { __name = "comparison" }

local TESTS = { "t", "wilcoxon", "permutation" }

-- ---- words --------------------------------------------------------------------------------------

local function percent(level) return ("%.4g %%"):format(100 * level) end

local function p_text(p)
  return p < 1e-4 and "p < 0.0001" or ("p = %.2g"):format(p)
end

-- A number with its unit behind it.
local function with_unit(r, text)
  return r.unit and r.unit ~= "" and text .. " " .. r.unit or text
end

local function interval_text(r, low, high)
  return with_unit(r, ("%.3g to %.3g"):format(low, high))
end

local function excludes_zero(low, high) return low and (low > 0 or high < 0) end

-- The p that counts: Holm's where the comparison is one of a family.
local function p_of(r, test) return r[test].holm or r[test].p end

local function holm_words(r)
  return r.family and (" after Holm's correction over %d comparisons"):format(r.family) or ""
end

-- Why nothing can be claimed; nil if something can.
local function doubt(r)
  local wide = percent(r.level) .. " interval "
  if r.t.reason then
    return r.t.reason .. (r.mean_difference ~= 0 and r.labels[1] and
      ("; as many seeds as that do not come out alike by chance: are they paired as meant?")
      or "")
  elseif not excludes_zero(r.low, r.high) then
    return wide .. interval_text(r, r.low, r.high)
  elseif not excludes_zero(r.bca_low, r.bca_high) then
    return r.bca_low and "bootstrap " .. wide .. interval_text(r, r.bca_low, r.bca_high)
           or "no bootstrap interval: " .. tostring(r.bca_reason)
  elseif r.family and r.t.holm >= 1 - r.level then
    return ("paired t test %s%s"):format(p_text(r.t.holm), holm_words(r))
  end
end

-- "VAE is better than AE: lower by 1.2 dB".
local function claim(r)
  local a, b = r.labels[1], r.labels[2]
  local gap = with_unit(r, ("%.3g"):format(math.abs(r.mean_difference)))
  local side = r.mean_difference < 0 and "lower" or "higher"
  if not r.better then return ("%s is %s than %s by %s"):format(a, side, b, gap) end
  if side ~= r.better then a, b, side = b, a, r.better end
  return ("%s is better than %s: %s by %s"):format(a, b, side, gap)
end

local function tests_text(r)
  local parts = {}
  for i, name in ipairs { "paired t", "Wilcoxon" } do
    local p = p_of(r, TESTS[i])
    if p then parts[#parts + 1] = ("%s %s"):format(name, p_text(p)) end
  end
  return table.concat(parts, ", ") .. holm_words(r)
end

-- What so few pairs cannot say.
local function limit_text(r)
  local tests = r.family or 1
  local least = r.smallest.wilcoxon * tests
  if least < r.alpha then return nil end
  return ("with %d pairs the smallest two-sided Wilcoxon p is %.3g%s; p < %s needs %d"):format(r.n,
    math.min(1, least), r.family and (" in a family of %d"):format(tests) or "",
    ("%g"):format(r.alpha):gsub("^0", ""), paired.least_pairs(r.alpha, tests))
end

-- What may be said, and what so few pairs cannot say; both make the verdict.
local function judge(r)
  local why = doubt(r)
  local text
  if why then
    text = ("no difference can be claimed: %s"):format(why)
  else
    text = ("%s (%s interval of the difference %s; %s; %d pairs)"):format(claim(r),
      percent(r.level), interval_text(r, r.low, r.high), tests_text(r), r.n)
    local p = p_of(r, "wilcoxon")
    if p and p >= 1 - r.level and r.smallest.wilcoxon * (r.family or 1) < 1 - r.level then
      text = text .. "; the rank test does not support it"
    end
  end
  r.finding, r.limit = text, limit_text(r)
  r.verdict = r.limit and text .. "; " .. r.limit or text
end

-- ---- one comparison -----------------------------------------------------------------------------

local function labels_of(given)
  if given == nil then return { "the first", "the second" } end
  if type(given) ~= "table" or type(given[1]) ~= "string" or type(given[2]) ~= "string" then
    fail("stats.compare: labels must be two words such as { \"VAE\", \"AE\" }")
  end
  return { given[1], given[2] }
end

local function direction(better)
  if better ~= nil and better ~= "lower" and better ~= "higher" then
    fail("stats.compare: better must be \"lower\" or \"higher\", got %s", tostring(better))
  end
  return better
end

local function word(name, v)
  if v ~= nil and type(v) ~= "string" then
    fail("stats.compare: %s must be a text, got %s", name, type(v))
  end
  return v
end

-- The means of both arms and of their differences, with every test.
local function tested(r, a, b)
  local t = paired.t_test(a, b, { level = r.level })
  r.n, r.mean_a, r.mean_b = #a, basic.mean(a), basic.mean(b)
  r.mean_difference, r.sd, r.low, r.high = t.mean_difference, t.sd, t.low, t.high
  r.t = { t = t.t, df = t.df, p = t.p, reason = t.reason }
  if not t.reason then
    local boot = bootstrap.bootstrap(input.differences("compare", a, b), { level = r.level })
    r.bca_low, r.bca_high, r.bca_reason = boot.low, boot.high, boot.reason
  else
    r.bca_reason = t.reason
  end
  r.wilcoxon, r.permutation = paired.wilcoxon(a, b), paired.permutation(a, b)
  r.d, r.d_reason = paired.cohen_d(a, b)
  r.smallest = paired.smallest_p(#a)
end

--- compare(a, b, { better, level = 0.95, labels = { "VAE", "AE" }, unit, name, alpha = 0.01 }): two
--- lists of scores of the same seeds, a - b.  Gives { n, mean_a, mean_b, mean_difference, sd, low,
--- high, bca_low, bca_high, t = { t, df, p }, wilcoxon = { w, n, p, method }, permutation = { p,
--- method }, d (d_z of pairs), smallest = { wilcoxon, sign, permutation }, verdict, and its parts
--- finding and limit }.  A test without an answer has no p but a reason.  alpha is the p that the
--- verdict measures n by.
function M.compare(a, b, options)
  local o = input.options("compare", options, "better", "level", "labels", "unit", "name", "alpha")
  input.pairs("compare", a, b)
  local r = setmetatable({
    better = direction(o.better), level = input.share("compare", "level", o.level, 0.95),
    labels = labels_of(o.labels), unit = word("unit", o.unit), name = word("name", o.name),
    alpha = input.share("compare", "alpha", o.alpha, 0.01) }, Comparison)
  tested(r, a, b)
  judge(r)
  return r
end

function Comparison:__tostring() return self.verdict end

-- ---- a family -----------------------------------------------------------------------------------

local function correct(list, test)
  local p = {}
  for _, r in ipairs(list) do p[#p + 1] = r[test].p end
  local adjusted, i = paired.holm(p), 0
  for _, r in ipairs(list) do
    i = i + (r[test].p and 1 or 0)
    r[test].holm = r[test].p and adjusted[i]
  end
end

--- family(list of comparisons, { level }): Holm's correction over all of them, for each kind of
--- test; sets .t.holm, .wilcoxon.holm, .permutation.holm, .family (how many there are) and new
--- verdicts.  A comparison whose test has no answer is not counted.  Gives the list.
function M.family(list, options)
  local o = input.options("family", options, "level")
  if type(list) ~= "table" then
    fail("stats.family: a list of comparisons is needed, got %s", type(list))
  end
  for i, r in ipairs(list) do
    if getmetatable(r) ~= Comparison then
      fail("stats.family: number %d of the list is not a result of stats.compare", i)
    end
    local level = input.share("family", "level", o.level, r.level)
    if level ~= r.level then
      fail("stats.family: number %d of the list has intervals of level %g, the family %g", i,
           r.level, level)
    end
  end
  for _, test in ipairs(TESTS) do correct(list, test) end
  local count = 0
  for _, r in ipairs(list) do count = count + (r.t.p and 1 or 0) end
  for _, r in ipairs(list) do
    r.family = count > 1 and count or nil
    judge(r)
  end
  return list
end

return M
