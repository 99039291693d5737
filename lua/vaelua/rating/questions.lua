--[[ rating/questions.lua - two-choice questions from sources of pictures.

  A group is { name, ask, sources = { { key, model, source, label, pictures [n, H, W, C] }, ... },
  beside = originals [n, H, W, C] or nil }.  Every two of its sources meet in `each` questions; a
  picture is shown once, except where it stands beside its original.  Which side a source is on is
  balanced within a pair; the order of all questions is drawn from a stream of the seed. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local samplers = require "vaelua.sampler"

local M = {}

--- An error unless each pair can have so many questions.
function M.check_each(each)
  if math.type(each) ~= "integer" or each < 1 then
    fail("rating: each must be a whole number of at least 1, got %s", tostring(each))
  end
end

--- How many pictures of each source a group needs.
function M.pictures_needed(sources, each, beside)
  M.check_each(each)
  return beside and each or each * (sources - 1)
end

local function check_group(group, each)
  local n = M.pictures_needed(#group.sources, each, group.beside)
  if #group.sources < 2 then
    fail("rating: '%s' has %d source of pictures; two are needed to choose between", group.name,
         #group.sources)
  end
  for _, s in ipairs(group.sources) do
    if #s.pictures < n then
      fail("rating: %s has %d pictures, %d are needed for %d questions a pair", s.key, #s.pictures,
           n, each)
    end
  end
end

-- The questions of one pair of sources; `left_first` says on which side a stands in the first one.
local function of_pair(group, a, b, each, next_picture, left_first)
  local list = {}
  for k = 1, each do
    local one = { source = a, picture = next_picture(a, k) }
    local other = { source = b, picture = next_picture(b, k) }
    local swap = (k % 2 == 0) == left_first
    list[k] = { group = group, left = swap and other or one, right = swap and one or other,
                beside = group.beside and k or nil }
  end
  return list
end

local function of_group(group, each, random_bit)
  local list, used = {}, {}
  local function next_picture(source, k)
    if group.beside then return k end
    used[source] = (used[source] or 0) + 1
    return used[source]
  end
  for i, a in ipairs(group.sources) do
    for j = i + 1, #group.sources do
      local some = of_pair(group, a, group.sources[j], each, next_picture, random_bit())
      table.move(some, 1, #some, #list + 1, list)
    end
  end
  return list
end

local function shuffled(list)
  local order, result = core.ops.randperm(#list):totable(), {}
  for k, i in ipairs(order) do
    result[k] = list[i]
    result[k].id = ("q%03d"):format(k)
  end
  return result
end

--- make(groups, each) -> questions in the order of the page: { id, group, left = { source,
--- picture }, right, beside }.
function M.make(groups, each)
  M.check_each(each)
  for _, group in ipairs(groups) do check_group(group, each) end
  return samplers.apart("order", "rating", function()
    local list = {}
    local function random_bit() return core.ops.rand(1):item() < 0.5 end
    for _, group in ipairs(groups) do
      local some = of_group(group, each, random_bit)
      table.move(some, 1, #some, #list + 1, list)
    end
    return shuffled(list)
  end)
end

return M
