--[[ score.lua - what a protocol gives back: scores, pictures, plots, tables, and "not defined" with
  its reason.

  A score is a table { name, value, unit, better, n, sd, low, high, label, protocol, seed }. Its
  protocol is all that made the number (preset, feature network and its hash, counts, sampler,
  reference set ...), so that numbers which do not mean the same are never put beside each other
  (M.same). A score that has no meaning for a model has no value but a reason, which the table
  shows as a footnote; there is never a stand-in number.

    score.score(v, unit, better, extra)        score.undefined(reason, unit, better, extra)
    score.picture(x, extra)                    x [N, H, W, C]
    score.plot({ series ..., axes }, extra)    what va.plot takes
    score.table(head, lines, extra)            cells are numbers, texts or scores

  extra, of all of them: label, order, section (where it stands in the report), note, caption,
  hidden (in the files, not in the main table). ]]

local core = require "vaelua.core"
local average = require "vaelua.average"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"

local M = {}

local Score, Picture, Plot, Table, Refusal = {}, {}, {}, {}, {}
Score.__index, Picture.__index, Plot.__index, Table.__index = Score, Picture, Plot, Table

function Refusal:__tostring() return "not defined: " .. self.reason end

function Score:__tostring()
  if not self.value then return "not defined: " .. self.reason end
  return ("%g %s"):format(self.value, self.unit)
end

local function check_better(better)
  if better ~= nil and better ~= "lower" and better ~= "higher" then
    fail("score: better is \"lower\" or \"higher\", got %s", fail.came(better))
  end
end

-- ---- the protocol of a score --------------------------------------------------------------------

-- Plain values alone, so that they can be compared, written and read back.
local function plain(protocol)
  local copy = {}
  for key, value in pairs(protocol or {}) do
    if type(key) ~= "string" or type(value) == "table" or type(value) == "function"
       or type(value) == "userdata" then
      fail("score: protocol.%s must be a text, a number or a boolean, got a %s", tostring(key),
        type(value))
    end
    copy[key] = value
  end
  return copy
end

local function finish(s, extra)
  for key, value in pairs(extra or {}) do s[key] = value end
  s.protocol = plain(s.protocol)
  return s
end

-- va.score: a number, a tensor of one number, or an average, which brings n, sd and its interval.
-- extra besides: sd, spread (what the sd is over), noise (standard error over the pictures of one
-- training), whole (a count), protocol.
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
    fail("score: a number or an average is needed, got " .. type(v))
  end
  return finish(s, extra)
end

-- A score that has no meaning here.
function M.undefined(reason, unit, better, extra)
  check_better(better)
  return finish(setmetatable({ unit = unit or "", better = better, reason = reason }, Score), extra)
end

-- Fields of a score as they come from a file.
function M.revive(fields)
  return finish(setmetatable({}, Score), fields)
end

-- ---- may two numbers stand beside each other? ---------------------------------------------------

-- What may differ between numbers that mean the same: who made them, not how they were made.
local FREE = { version = true, sampled = true }

local function names_of(a, b, across)
  local names = {}
  for _, key in ipairs(keys.sorted(a, b)) do
    if not (FREE[key] or across[key]) then names[#names + 1] = key end
  end
  return names
end

local function words(v) return v == nil and "not stated" or tostring(v) end

-- What tells two scores apart, as "unit: per pixel against nats per image", or nil. across: names
-- of protocol fields that are meant to differ ({ sampler = true }).
function M.difference(a, b, across)
  across = across or {}
  if a.name ~= b.name then return ("score: %s against %s"):format(a.name, b.name) end
  local list = {}
  if a.unit ~= b.unit then
    local none = "no unit"
    list[1] = ("unit: %s against %s"):format(a.unit ~= "" and a.unit or none,
                                             b.unit ~= "" and b.unit or none)
  end
  if a.better ~= b.better and a.value and b.value then
    list[#list + 1] = ("better: %s against %s"):format(words(a.better), words(b.better))
  end
  for _, key in ipairs(names_of(a.protocol, b.protocol, across)) do
    local x, y = a.protocol[key], b.protocol[key]
    if x ~= y then list[#list + 1] = ("%s: %s against %s"):format(key, words(x), words(y)) end
  end
  return list[1] and table.concat(list, "; ") or nil
end

-- Raises unless two scores mean the same; who: the words for each ("vae, seed 1").
function M.same(a, b, across, who_a, who_b)
  local gap = M.difference(a, b, across)
  if gap then
    fail("%s of %s and of %s cannot be compared: %s",
      a.name == b.name and (a.label or a.name or "a score") or "the scores",
      who_a or "the first", who_b or "the second", gap)
  end
end

-- ---- the other results --------------------------------------------------------------------------

-- x: [N, H, W, C]. columns: pictures in a row. beside: originals, shown above those of models.
function M.picture(x, extra)
  if not core.is_tensor(x) then
    fail("picture: a tensor [N, H, W, C] is needed, got " .. type(x))
  end
  return finish(setmetatable({ picture = x }, Picture), extra)
end

function M.plot(series, extra)
  if type(series) ~= "table" or #series == 0 then
    fail("plot: a list of series is needed, as va.plot takes them")
  end
  return finish(setmetatable({ series = series }, Plot), extra)
end

function M.table(head, lines, extra)
  for i, line in ipairs(lines) do
    if #line ~= #head then
      fail("table: line %d has %d cells, the head has %d", i, #line, #head)
    end
  end
  return finish(setmetatable({ head = head, lines = lines }, Table), extra)
end

function M.is_score(v) return getmetatable(v) == Score end
function M.is_picture(v) return getmetatable(v) == Picture end
function M.is_plot(v) return getmetatable(v) == Plot end
function M.is_table(v) return getmetatable(v) == Table end

-- One result, not a table of them by name.
function M.is_result(v)
  return M.is_score(v) or M.is_picture(v) or M.is_plot(v) or M.is_table(v)
end

-- ---- refusing -----------------------------------------------------------------------------------

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

-- What a protocol may return for one name, as a result.
function M.from(v, protocol, name)
  if M.is_result(v) then return v end
  if type(v) == "number" or average.is_average(v) then return M.score(v) end
  if core.is_tensor(v) then
    return #v.shape >= 3 and M.picture(v) or M.score(v)
  end
  fail("protocol %s: '%s' is a %s; needed is va.score(...), a number or pictures", protocol,
    tostring(name), type(v))
end

return M
