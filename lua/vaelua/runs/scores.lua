--[[ scores.lua - the scores that runs left in tables/scores.json, and which may be compared.

  A run of before that file has its values in run.json alone; their protocols are unknown, so they
  are shown but never subtracted or put into one report. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local folder = require "vaelua.runs.folder"
local score = require "vaelua.score"
local sorted = require "vaelua.keys".sorted

local M = {}

-- ---- reading ------------------------------------------------------------------------------------

local TEXTS = { "name", "label", "unit", "better", "reason", "source", "sampled", "section", "note",
                "spread", "caption", "asked" }
local NUMBERS = { "value", "n", "sd", "low", "high", "order" }

-- JSON has no word for these.
local WORDS = { nan = 0 / 0, inf = math.huge, ["-inf"] = -math.huge }

-- Fields of another type than they should have are left out; nil if it is no score at all.
local function checked(s)
  if type(s) ~= "table" or type(s.model) ~= "string" or type(s.key) ~= "string" then return nil end
  local c = { seed = math.tointeger(s.seed), model = s.model, key = s.key, protocol = {},
              hidden = s.hidden == true or nil, whole = s.whole == true or nil }
  if not c.seed then return nil end
  for _, name in ipairs(TEXTS) do c[name] = type(s[name]) == "string" and s[name] or nil end
  for _, name in ipairs(NUMBERS) do
    local v = WORDS[s[name]] or s[name]
    c[name] = type(v) == "number" and v or nil
  end
  for name, v in pairs(type(s.protocol) == "table" and s.protocol or {}) do
    if type(name) == "string" and type(v) ~= "table" then c.protocol[name] = v end
  end
  c.name, c.unit = c.name or c.key, c.unit or ""
  if c.better ~= "lower" and c.better ~= "higher" then c.better = nil end
  if not c.value then c.reason = c.reason or "no value" end
  return c
end

-- What run.json alone knows: seed -> model -> key -> value.
local function values_only(run)
  local list = {}
  for seed, models in pairs(folder.part(run, "scores")) do
    for model, keys in pairs(type(models) == "table" and models or {}) do
      for _, key in ipairs(sorted(type(keys) == "table" and keys or {})) do
        list[#list + 1] = checked { seed = tonumber(seed), model = model, key = key,
                                    value = keys[key] }
      end
    end
  end
  table.sort(list, function(a, b)
    if a.key ~= b.key then return a.key < b.key end
    if a.model ~= b.model then return a.model < b.model end
    return a.seed < b.seed
  end)
  for _, s in ipairs(list) do s.unstamped = true end
  return list
end

-- The scores of a run in their order; and why the file cannot be read, if it cannot.
function M.load(run)
  local path = run.folder .. "/tables/scores.json"
  if not core.exists(path) then return values_only(run), "there is no tables/scores.json" end
  local json, why = folder.json(path)
  if not json then return values_only(run), "tables/scores.json cannot be read: " .. why end
  local list = {}
  for _, s in ipairs(type(json.scores) == "table" and json.scores or {}) do
    list[#list + 1] = checked(s)
  end
  return list
end

-- ---- comparing ----------------------------------------------------------------------------------

-- What keeps two scores apart, in words; nil if they may be compared.
function M.apart(a, b)
  if a.unstamped or b.unstamped then return "protocol unknown (no tables/scores.json)" end
  local gap = score.difference(a, b)
  return gap and folder.brief(folder.clean(gap))
end

-- ---- records, as evaluate.lua has them ----------------------------------------------------------

-- "frechet" for "frechet/prior": the same score of several sources.
local function head_of(s)
  return s.source and s.key:match("^(.*)/[^/]*$") or s.key
end

local function record(s, model, key, note)
  local fields = {}
  for name, v in pairs(s) do fields[name] = v end
  for _, name in ipairs { "model", "key", "source", "sampled", "asked" } do fields[name] = nil end
  fields.note = note or s.note
  return { seed = s.seed, model = model, key = key, name = s.name, protocol = s.asked or head_of(s),
           score = score.revive(fields),
           source = s.source and { key = s.source, label = s.sampled } or nil }
end

-- Why the runs are not one experiment with further seeds; nil if they are.
local function not_seeds(runs)
  local first, taken = runs[1], {}
  for i, run in ipairs(runs) do
    for _, s in ipairs(run.scores) do
      if (taken[s.seed] or i) ~= i then return ("seed %d is in two of them"):format(s.seed) end
      taken[s.seed] = i
    end
    local what = i > 1 and require "vaelua.runs.same".beside_seeds(first, run)
    if what then return what end
  end
end

-- Scores that two of the runs have made in different ways: head of the key -> what differs.
local function kept_apart(runs)
  local first, apart = {}, {}
  for _, run in ipairs(runs) do
    for _, s in ipairs(run.scores) do
      local before = first[s.key]
      first[s.key] = before or s
      local head = head_of(s)
      if before and before.value and s.value and not apart[head] then
        apart[head] = M.apart(before, s)
      end
      if not first[s.key].value then first[s.key] = s end
    end
  end
  return apart
end

-- "frechet/prior" of run 7k2f is "frechet (7k2f)/prior".
local function key_in(s, run)
  local mark = " (" .. run.short .. ")"
  local head = head_of(s)
  return head .. mark .. s.key:sub(#head + 1)
end

-- Last parts of the names where these differ, else the names, else the folders.
local function name_runs(runs)
  local function distinct(f)
    local seen = {}
    for _, run in ipairs(runs) do
      if seen[f(run)] then return false end
      seen[f(run)] = true
    end
    return true
  end
  local by = distinct(folder.short) and folder.short or function(run) return run.name end
  if not distinct(by) then by = function(run) return run.folder end end
  for _, run in ipairs(runs) do run.short = by(run) end
end

-- Runs of the list (folder.open) -> records for va.report, and { seeds =, why =, apart = }:
-- further seeds of the same models if nothing else differs, else models "vae (7k2f)".
function M.records(runs)
  name_runs(runs)
  for _, run in ipairs(runs) do
    folder.need(run)
    local why
    run.scores, why = M.load(run)
    if why then
      fail.data("%s has no scores with their protocols: %s", run.folder, why)
    end
    if #run.scores == 0 then
      fail.data("%s has no scores (va.report writes them)", run.folder)
    end
  end
  local why, apart = not_seeds(runs), kept_apart(runs)
  local key = next(apart)
  if key and not why then why = ("%s was made in different ways"):format(key) end
  local about = { seeds = why == nil and #runs > 1, why = why, apart = apart }
  local records = {}
  for _, run in ipairs(runs) do
    for _, s in ipairs(run.scores) do
      local split = apart[head_of(s)]
      local model = (about.seeds or #runs == 1) and s.model
                    or ("%s (%s)"):format(s.model, run.short)
      if split then s.label = ("%s (%s)"):format(s.label or s.name, run.short) end
      records[#records + 1] = record(s, model, split and key_in(s, run) or s.key,
                                     split and "not comparable between the runs: " .. split)
    end
  end
  return records, about
end

return M
