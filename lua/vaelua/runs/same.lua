--[[ same.lua - what differs between two runs: settings, program, machine, data, sources.

  Differences are lists of { name, a, b }, texts; a value that is not there is "-". ]]

local folder = require "vaelua.runs.folder"
local sorted = require "vaelua.keys".sorted

local M = {}

-- A value as it would be typed.
local function text_of(v)
  if v == nil then return "-" end
  if math.type(v) == "float" then return (("%.14g"):format(v)) end
  if type(v) ~= "table" then return folder.brief(folder.clean(v)) end
  local parts = {}
  for i, item in ipairs(v) do parts[i] = text_of(item) end
  if #parts == 0 then
    for _, k in ipairs(sorted(v)) do parts[#parts + 1] = k .. "=" .. text_of(v[k]) end
  end
  return table.concat(parts, ",")
end
M.text_of = text_of

-- Names whose values differ; skip: names to leave out.  And how many are equal.
local function differences(a, b, skip)
  local list, equal = {}, 0
  for _, name in ipairs(sorted(a, b)) do
    local x, y = text_of(a[name]), text_of(b[name])
    if x ~= y then
      if not (skip and skip[name]) then list[#list + 1] = { folder.clean(name), x, y } end
    else
      equal = equal + 1
    end
  end
  return list, equal
end
M.differences = differences

-- Settings: the list and the number of equal ones, or nil and why they cannot be read.
function M.settings(a, b, skip)
  local x, why = folder.settings(a)
  if not x then return nil, a.name .. "/config.lua: " .. why end
  local y
  y, why = folder.settings(b)
  if not y then return nil, b.name .. "/config.lua: " .. why end
  return differences(x, y, skip)
end

local function of(run, names)
  local t = {}
  for _, name in ipairs(names) do t[name] = run.json[name] end
  return t
end

-- The build that computed: equal ones give equal bits.
function M.program(a, b)
  local list = differences(of(a, { "version", "commit", "build" }),
                           of(b, { "version", "commit", "build" }))
  local process = { pid = true, born = true, host = true, threads = true }
  local machine = differences(folder.part(a, "machine"), folder.part(b, "machine"), process)
  return table.move(machine, 1, #machine, #list + 1, list)
end

-- What changes no number, but is worth a line.
function M.place(a, b)
  local function part(run)
    local m = folder.part(run, "machine")
    return { host = m.host, threads = m.threads }
  end
  return (differences(part(a), part(b)))
end

function M.data(a, b)
  return (differences(folder.part(a, "data"), folder.part(b, "data")))
end

-- Files of src/: { name, text of a or nil, text of b or nil } where these differ; number of equal.
function M.sources(a, b)
  local names, list, equal = {}, {}, 0
  for _, name in ipairs(folder.sources(a)) do names[name] = true end
  for _, name in ipairs(folder.sources(b)) do names[name] = true end
  for _, name in ipairs(sorted(names)) do
    local x = folder.read(a.folder .. "/src/" .. name)
    local y = folder.read(b.folder .. "/src/" .. name)
    if x == y then equal = equal + 1 else list[#list + 1] = { name, x, y } end
  end
  return list, equal
end

-- What differs between two runs beside their seeds, in words; nil: nothing.
function M.beside_seeds(a, b)
  if folder.script(a) ~= folder.script(b) then return "they are of different scripts" end
  local list, why = M.settings(a, b, { seed = true, seeds = true })
  if not list then return why end
  if list[1] then return ("the setting %s differs"):format(list[1][1]) end
  local file = M.sources(a, b)[1]
  if file then return ("src/%s differs"):format(folder.clean(file[1])) end
  if M.data(a, b)[1] then return "the data differ" end
  local what = M.program(a, b)[1]
  if what then return ("the %s differs"):format(what[1]) end
end

return M
