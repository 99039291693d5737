--[[ score.lua - what a protocol gives back: scores, pictures, and "not defined" with its reason.

  A score is a table { value, unit, better, n, sd, low, high, label }. One that has no meaning for
  a model has no value but a reason, which the table shows as a footnote; there is never a
  stand-in number. A picture is { picture = tensor [N, H, W, C], columns, label, beside }. ]]

local core = require "vaelua.core"
local average = require "vaelua.average"

local M = {}

local Score, Picture, Refusal = {}, {}, {}
Score.__index, Picture.__index = Score, Picture

function Score:__tostring()
  if not self.value then return "not defined: " .. self.reason end
  return ("%g %s"):format(self.value, self.unit)
end

local function check_better(better)
  if better ~= nil and better ~= "lower" and better ~= "higher" then
    core.fail("user", ("score: better is \"lower\" or \"higher\", got %q"):format(tostring(better)))
  end
end

-- va.score: a number, a tensor of one number, or an average, which brings n, sd and its interval.
-- extra: label, sd, spread (what the sd is over) and note, shown below the table.
function M.score(v, unit, better, extra)
  check_better(better)
  local s = setmetatable({ unit = unit or "", better = better }, Score)
  if average.is_average(v) then
    s.value, s.n, s.sd = v:value(), v:count(), v:sd()
    s.low, s.high = v:interval()
  elseif core.is_tensor(v) then
    s.value = core.item(v)
  elseif type(v) == "number" then
    s.value = v
  else
    core.fail("user", "score: a number or an average is needed, got " .. type(v))
  end
  for key, value in pairs(extra or {}) do s[key] = value end
  return s
end

-- A score that has no meaning here.
function M.undefined(reason, unit, better, extra)
  check_better(better)
  local s = setmetatable({ unit = unit or "", better = better, reason = reason }, Score)
  for key, value in pairs(extra or {}) do s[key] = value end
  return s
end

-- x: [N, H, W, C].  columns: pictures in a row.  beside: originals, shown above those of models.
function M.picture(x, extra)
  local p = setmetatable({ picture = x }, Picture)
  for key, value in pairs(extra or {}) do p[key] = value end
  return p
end

function M.is_score(v) return getmetatable(v) == Score end

function M.is_picture(v) return getmetatable(v) == Picture end

-- Gives up a whole protocol or sampler: it reads "not defined" with this reason.
function M.refuse(reason, ...)
  if select("#", ...) > 0 then reason = reason:format(...) end
  error(setmetatable({ reason = reason }, Refusal), 0)
end

-- The reason if an error is a refusal, else nil.
function M.reason_of(err)
  return getmetatable(err) == Refusal and err.reason or nil
end

-- True if an object answers a method.  Objects that raise on unknown names have none of them.
function M.answers(object, method)
  local ok, f = pcall(function() return object[method] end)
  return ok and f ~= nil
end

-- "bernoulli" for a distribution of va.dist, nil for one of the user's own.
function M.kind(distribution)
  local meta = getmetatable(distribution)
  return type(meta) == "table" and meta.kind or nil
end

-- Refuses unless the object has the methods that a protocol needs.
function M.need(object, what, ...)
  for _, method in ipairs { ... } do
    if not M.answers(object, method) then M.refuse("%s has no %s", what, method) end
  end
  return object
end

-- What a protocol may return for one name, as score or picture.
function M.from(v, protocol, name)
  if M.is_score(v) or M.is_picture(v) then return v end
  if type(v) == "number" or average.is_average(v) then return M.score(v) end
  if core.is_tensor(v) then
    return #v.shape >= 3 and M.picture(v) or M.score(v)
  end
  core.fail("user", ("protocol %s: '%s' is a %s; needed is va.score(...), a number or pictures")
                    :format(protocol, tostring(name), type(v)))
end

return M
