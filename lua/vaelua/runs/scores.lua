--[[ scores.lua - the scores that runs left in tables/scores.json, and which may be compared.

  A run of before that file has its values in run.json alone; their protocols are unknown, so they
  are shown but never subtracted or put into one report. ]]

local core = require "vaelua.core"
local folder = require "vaelua.runs.folder"
local score = require "vaelua.score"

local M = {}

-- ---- reading ------------------------------------------------------------------------------------

local function sorted(t)
  local keys = {}
  for k in pairs(t) do keys[#keys + 1] = k end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end
M.sorted = sorted

local TEXTS = { "name", "label", "unit", "better", "reason", "source", "sampled", "section", "note",
                "spread" }
local NUMBERS = { "value", "n", "sd", "low", "high", "order" }

-- Fields of another type than they should have are left out; nil if it is no score at all.
local function checked(s)
  if type(s) ~= "table" or type(s.model) ~= "string" or type(s.key) ~= "string" then return nil end
  local seed = math.tointeger(s.seed)
  if not seed then return nil end
  local c = { seed = seed, model = s.model, key = s.key, hidden = s.hidden == true or nil,
              whole = s.whole == true or nil }
  for _, name in ipairs(TEXTS) do c[name] = type(s[name]) == "string" and s[name] or nil end
  for _, name in ipairs(NUMBERS) do c[name] = type(s[name]) == "number" and s[name] or nil end
  c.protocol = type(s.protocol) == "table" and s.protocol or {}
  c.name = c.name or c.key
  if c.better ~= "lower" and c.better ~= "higher" then c.better = nil end
  if not c.value and not c.reason then c.reason = "not a finite number" end
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

local FREE = { seed = true, version = true }       -- may differ between scores of one kind

-- What keeps two scores apart, in words; nil if they may be compared.
function M.apart(a, b)
  if a.unstamped or b.unstamped then return "protocol unknown (no tables/scores.json)" end
  local words, names = {}, {}
  if a.name ~= b.name then words[1] = ("name: %s, %s"):format(a.name, b.name) end
  if a.unit ~= b.unit then
    words[#words + 1] = ("unit: %s, %s"):format(a.unit or "none", b.unit or "none")
  end
  for key in pairs(a.protocol) do names[key] = true end
  for key in pairs(b.protocol) do names[key] = true end
  for _, key in ipairs(sorted(names)) do
    local x, y = a.protocol[key], b.protocol[key]
    if not FREE[key] and x ~= y then
      x, y = x == nil and "none" or tostring(x), y == nil and "none" or tostring(y)
      if key:find("sha256") then x, y = x:sub(1, 12), y:sub(1, 12) end
      words[#words + 1] = ("%s: %s, %s"):format(key, x, y)
    end
  end
  return #words > 0 and folder.clean(table.concat(words, "; ")) or nil
end

-- ---- records, as evaluate.lua has them ----------------------------------------------------------

local KEPT = { "label", "order", "hidden", "note", "section", "spread", "whole", "protocol", "sd",
               "n", "low", "high" }

local function record(s, model, key, note)
  local extra = {}
  for _, name in ipairs(KEPT) do extra[name] = s[name] end
  if note then extra.note = note end
  local result = s.value and score.score(s.value, s.unit, s.better, extra)
                 or score.undefined(s.reason, s.unit, s.better, extra)
  local spec = s.source and key:match("^(.*)/[^/]*$") or key
  return { seed = s.seed, model = model, key = key, name = s.name, protocol = spec, score = result,
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

-- Keys of scores that two of the runs have made in different ways: key -> what differs.
local function kept_apart(runs)
  local first, apart = {}, {}
  for _, run in ipairs(runs) do
    for _, s in ipairs(run.scores) do
      local before = first[s.key]
      first[s.key] = before or s
      if before and not apart[s.key] then apart[s.key] = M.apart(before, s) end
    end
  end
  return apart
end

-- "frechet/prior" of run 7k2f is "frechet (7k2f)/prior".
local function key_in(s, run)
  local mark = " (" .. run.short .. ")"
  local head = s.source and s.key:match("^(.*)/[^/]*$")
  return head and head .. mark .. s.key:sub(#head + 1) or s.key .. mark
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
      core.fail("data", ("%s has no scores with their protocols: %s"):format(run.folder, why))
    end
    if #run.scores == 0 then
      core.fail("data", ("%s has no scores (va.report writes them)"):format(run.folder))
    end
  end
  local why, apart = not_seeds(runs), kept_apart(runs)
  local key = next(apart)
  if key and not why then why = ("%s was made in different ways"):format(key) end
  local about = { seeds = why == nil and #runs > 1, why = why, apart = apart }
  local records = {}
  for _, run in ipairs(runs) do
    for _, s in ipairs(run.scores) do
      local split = apart[s.key]
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
