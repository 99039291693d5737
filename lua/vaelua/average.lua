--[[ average.lua - va.average: a mean over many images that no batch size changes.

    local a = va.average()
    for x in data.test:batches(500) do a:add(loss(x)) end        -- [N], one number an image
    print(a:value(), a:sd(), a:count())

  What is added stays on the device until something is read; sums are float64. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local stats = require "vaelua.stats"

local ops = core.ops

local Average = {}
Average.__index = Average

-- Pieces that wait before they are folded: bounds what is held, far above one pass over a test set.
local MOST_WAITING = 4096

-- Adds a tensor (every element counts once) or a number.
function Average:add(v)
  if type(v) == "number" then
    v = core.tensor({ v })
  elseif not core.is_tensor(v) then
    fail("average: add takes a tensor [N] or a number, got " .. type(v))
  end
  if v.dtype ~= "float32" then v = ops.as(v, "float32") end
  local waiting = self.waiting
  waiting[#waiting + 1] = ops.reshape(ops.detach(v), -1)
  if #waiting >= MOST_WAITING then self:fold() end
  return self
end

local function total(x)
  return core.item(ops.sum(ops.as(x, "float64")))
end

-- Takes what waits into the sums.  Squares are taken about the mean of the piece, so that large
-- numbers with a small spread keep it; pieces are joined as in Chan, Golub and LeVeque 1979.
function Average:fold()
  if #self.waiting == 0 then return end
  local x = #self.waiting == 1 and self.waiting[1] or ops.cat(self.waiting, 1)
  self.waiting = {}
  local n = #x
  if n == 0 then return end
  local mean = total(x) / n
  local rest = ops.sub(x, mean)
  local squares = total(ops.square(rest)) - total(rest) ^ 2 / n
  local gap, both = mean - self.mean, self.n + n
  self.squares = self.squares + squares + gap ^ 2 * self.n * n / both
  self.mean = self.mean + gap * n / both
  self.n = both
end

-- How many numbers were added.
function Average:count()
  self:fold()
  return self.n
end

-- Their mean; NaN if there were none.
function Average:value()
  self:fold()
  return self.n > 0 and self.mean or 0 / 0
end

-- Their standard deviation (n - 1); nil for fewer than two.
function Average:sd()
  self:fold()
  return self.n > 1 and math.sqrt(math.max(self.squares, 0) / (self.n - 1)) or nil
end

-- The interval of the mean, 95 % by Student's t; nil for fewer than two numbers.
function Average:interval(level)
  local half = stats.half_interval(self:sd(), self.n, level)
  if not half then return nil end
  return self.mean - half, self.mean + half
end

function Average:__tostring()
  local low, high = self:interval()
  if not low then return ("average of %d: %g"):format(self:count(), self:value()) end
  return ("average of %d: %g (95 %%: %g to %g)"):format(self.n, self.mean, low, high)
end

local M = {}

-- What a checkpoint keeps of it: the pieces that wait, and numbers.  Nothing is folded for it, so
-- that a run which was stopped rounds as one that was not.
function Average:state()
  local list = {}
  for i, piece in ipairs(self.waiting) do list[i] = { tostring(i), piece } end
  return list, { n = self.n, mean = self.mean, squares = self.squares, waiting = #list }
end

function Average:restore(tensors, saved)
  self.n, self.mean, self.squares, self.waiting = saved.n, saved.mean, saved.squares, {}
  for i = 1, saved.waiting do self.waiting[i] = tensors[tostring(i)] end
end

-- One that is made outside of all loops is saved and restored with the loops that follow.
function M.average()
  local a = setmetatable({ waiting = {}, n = 0, mean = 0.0, squares = 0.0 }, Average)
  if core.mode() == "outside" then require "vaelua.checkpoint".keep(a) end
  return a
end

function M.is_average(v)
  return getmetatable(v) == Average
end

return M
