--[[ folder.lua - folders of runs as others left them: where they are, their names, what they say.

  Nothing here is trusted: run.json may be cut off or of a newer program. A run is a table
  { folder, name, json, why, newer, status, at }; `why` says why run.json cannot be read, `newer`
  is its format if this program does not know it; json is then {}. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local literal = require "vaelua.runs.literal"

local M = { FORMAT = 1 }      -- of run.json and tables/scores.json; a file without one is of 1

local MOST_BYTES = 64 << 20

-- ---- files --------------------------------------------------------------------------------------

-- Where runs are kept.
function M.parent()
  local options = core.program and core.program.options or {}
  return options.out or os.getenv("VAELUA_RUNS") or "runs"
end

-- The bytes of a file, or nil and why not.
function M.read(path)
  local f <close>, why = io.open(path, "rb")
  if not f then return nil, (tostring(why):gsub("^.*: ", "")) end
  local text = core.exists(path) == "file" and f:read(MOST_BYTES + 1)
  if not text then return core.exists(path) == "file" and "" or nil, "it is not a file" end
  if #text > MOST_BYTES then return nil, "it is too large" end
  return text
end

-- Text of others for the terminal: no control characters.
function M.clean(text)
  return (tostring(text):gsub("%c", "?"))
end

-- Checksums in a text by their first twelve digits.
function M.brief(text)
  return (text:gsub(("%x"):rep(64), function(sum) return sum:sub(1, 12) end))
end

-- A JSON file with a table in it and a format that is known: the table, or nil, why, newer format.
function M.json(path)
  local text, why = M.read(path)
  if not text then return nil, why end
  local good, json = pcall(core.unjson, text, path:match("[^/]+$"))
  if not good then return nil, (tostring(json):gsub("^[^:]*%.lua:%d+: ", "")) end
  if type(json) ~= "table" then return nil, "it holds no table" end
  local format = json.format or 1
  if math.type(format) ~= "integer" then return nil, "its format is no number" end
  if format > M.FORMAT then return nil, ("format %d is newer than this program"):format(format),
                                   format end
  return json
end

-- ---- one run ------------------------------------------------------------------------------------

-- When a process began, in ticks since the machine did: a number that an id used again differs by.
function M.born(pid)
  local stat = M.read(("/proc/%s/stat"):format(pid)) or ""
  local behind = stat:match("^.*%)%s+(.*)$") or ""
  local i = 2
  for word in behind:gmatch("%S+") do
    i = i + 1
    if i == 22 then return math.tointeger(tonumber(word)) end
  end
end

-- Whether the process of a run is there: nil on other machines.
local function alive(machine)
  if type(machine) ~= "table" or machine.host ~= core.hostname() then return nil end
  local pid = math.tointeger(machine.pid)
  if not pid then return nil end
  local born = M.born(pid)
  return born ~= nil and (machine.born == nil or machine.born == born)
end

local function status_of(run)
  if run.newer then return "newer" end
  if run.why then return "unreadable" end
  local status = run.json.status
  if type(status) ~= "string" then return "unknown" end
  if status == "running" and alive(run.json.machine) == false then return "lost" end
  return M.clean(status)
end

local function date_in(name)
  local y, m, d, h, min, s = name:match("^(%d%d%d%d)(%d%d)(%d%d)%-(%d%d)(%d%d)(%d%d)%-")
  return y and ("%s-%s-%sT%s:%s:%sZ"):format(y, m, d, h, min, s)
end

-- The run in a folder.
function M.open(folder)
  local run = { folder = folder, name = folder:match("([^/]+)/*$") or folder }
  run.json, run.why, run.newer = M.json(folder .. "/run.json")
  run.json = run.json or {}
  run.status = status_of(run)
  local started = run.json.started
  run.at = type(started) == "string" and M.clean(started) or date_in(run.name) or ""
  return run
end

-- All runs in a folder, the newest first.
function M.all(parent)
  local runs = {}
  if core.exists(parent) ~= "folder" then return runs end
  for _, name in ipairs(core.list(parent)) do
    if name ~= "latest" and core.exists(parent .. "/" .. name .. "/run.json") then
      runs[#runs + 1] = M.open(parent .. "/" .. name)
    end
  end
  table.sort(runs, function(a, b)
    if a.at ~= b.at then return a.at > b.at end
    return a.name > b.name
  end)
  return runs
end

-- ---- names --------------------------------------------------------------------------------------

local function is_run(path) return core.exists(path .. "/run.json") ~= nil end

-- latest is what the link says; latest~1 the newest before it, and so on.
local function latest(parent, back)
  local runs, first = M.all(parent), core.realpath(parent .. "/latest")
  first = first and is_run(first) and first:match("[^/]+$")
  for i, run in ipairs(runs) do
    if run.name == first then table.insert(runs, 1, table.remove(runs, i)) break end
  end
  return runs[back + 1]
end

local function names_like(parent, word)
  local found = {}
  if core.exists(parent) ~= "folder" then return found end
  for _, name in ipairs(core.list(parent)) do
    local like = name:sub(1, #word) == word or name:sub(-#word - 1) == "-" .. word
    if like and word ~= "" and name ~= "latest" and is_run(parent .. "/" .. name) then
      found[#found + 1] = name
    end
  end
  return found
end

-- The folder of the run that a word means - its path, name, the beginning or last part of its name,
-- latest, latest~N - or nil; a word that means several is an error.
function M.place(word)
  local parent = M.parent()
  local back = word == "latest" and 0 or math.tointeger(tonumber(word:match("^latest~(%d+)$")))
  if back then
    local run = latest(parent, back)
    return run and run.folder
  end
  for _, path in ipairs { word, parent .. "/" .. word } do
    if word ~= "" and is_run(path) then return (path:gsub("(.)/+$", "%1")) end
  end
  local found = names_like(parent, word)
  if #found > 1 then
    fail.usage("'%s' may be %s", word, table.concat(found, ", ", 1, math.min(#found, 5))
      .. (#found > 5 and (" or %d more"):format(#found - 5) or ""))
  end
  return found[1] and parent .. "/" .. found[1]
end

-- The run that a word means; one that is missing, damaged or of a newer program is an error.
function M.find(word)
  local folder = M.place(word)
  if not folder then
    fail.data("there is no run '%s': neither a folder with run.json nor a run in %s/   "
      .. "see: vaelua runs --all", word, M.parent())
  end
  local run = M.open(folder)
  M.need(run)
  return run
end

function M.need(run)
  if run.newer then
    fail.data("%s/run.json has format %d, this program knows up to %d: use the vaelua "
      .. "that made it, or a newer one", run.folder, run.newer, M.FORMAT)
  end
  if run.why then
    fail.data("%s/run.json cannot be read: %s", run.folder, run.why)
  end
end

-- ---- what lies in it ----------------------------------------------------------------------------

-- A table below run.json; {} if it is none.
function M.part(run, name)
  local t = run.json[name]
  return type(t) == "table" and t or {}
end

-- The settings in config.lua, or nil and why.
function M.settings(run)
  local text, why = M.read(run.folder .. "/config.lua")
  if not text then return nil, why end
  return literal.read(text)
end

-- The settings; an error if they cannot be read.
function M.need_settings(run)
  local t, why = M.settings(run)
  if not t then
    fail.data("%s/config.lua cannot be read: %s", run.folder, why)
  end
  return t
end

local DEEPEST = 20

local function walk(folder, below, found, depth)
  for _, name in ipairs(core.list(folder)) do
    local kind = core.exists(folder .. "/" .. name)
    if kind == "folder" and depth < DEEPEST then
      walk(folder .. "/" .. name, below .. name .. "/", found, depth + 1)
    elseif kind == "file" then
      found[#found + 1] = below .. name
    end
  end
  return found
end

-- The files of src/, by their paths from there.
function M.sources(run)
  local src = run.folder .. "/src"
  return core.exists(src) == "folder" and walk(src, "", {}, 1) or {}
end

-- The four letters at the end, which tell runs of one script apart.
function M.short(run)
  return run.name:match("%-(%w%w%w%w)$") or run.name
end

-- "compare" for experiments/compare.lua
function M.script(run)
  local script = run.json.script
  return type(script) == "string" and M.clean(script:match("([^/]+)$") or script):gsub("%.lua$", "")
         or ""
end

return M
