-- mix.lua - random numbers that belong to data, not to a run: the same whatever the run's seed.
--
-- SplitMix64 (Steele, Lea and Flood, OOPSLA 2014) in Lua's 64-bit integers. For choosing rows and
-- making small data sets; whatever trains draws from the addressed streams of the core.

local M = {}
M.__index = M

function M.new(seed)
  return setmetatable({ state = seed * 0x9E3779B97F4A7C15 }, M)
end

function M:word()
  self.state = self.state + 0x9E3779B97F4A7C15
  local z = self.state
  z = (z ~ (z >> 30)) * 0xBF58476D1CE4E5B9
  z = (z ~ (z >> 27)) * 0x94D049BB133111EB
  return z ~ (z >> 31)
end

-- In [0, 1), 53 bits.
function M:uniform() return (self:word() >> 11) * 0x1p-53 end

-- Box-Muller; of each pair one is used.
function M:normal()
  return math.sqrt(-2 * math.log(1 - self:uniform())) * math.cos(2 * math.pi * self:uniform())
end

-- Swaps the entries of a list into a random order (Fisher and Yates).
function M:shuffle(list)
  for i = #list, 2, -1 do
    local j = math.floor(self:uniform() * i) + 1
    list[i], list[j] = list[j], list[i]
  end
  return list
end

return M
