--[[ rerun.lua - `vaelua runs rerun RUN [setting=value ...]`: a run again, from its own sources.

  The script and its modules come from src/ of the run, the settings from config.lua, seed and
  device from run.json; what is typed wins. The new folder says rerun_of. On the same build the
  bits are the same; what differs from then is said before the script starts.

  Here only core.program is prepared; main.c then runs core.program.script as it runs any script. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local folder = require "vaelua.runs.folder"
local same = require "vaelua.runs.same"

local M = {}

-- ---- the script ---------------------------------------------------------------------------------

-- "a/./b//c" as "a/b/c"; nil if the path leaves the folder.
local function tidy(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      if #parts == 0 then return nil end
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

-- Where the script lies below src/: by its path then, by its name, or as the only one so called.
local function place_of(run, script)
  local files, has, name, found = folder.sources(run), {}, script:match("[^/]+$"), {}
  for _, file in ipairs(files) do
    has[file] = true
    local first = not file:find("^resumed%-%d+/")
    if first and file:match("[^/]+$") == name then found[#found + 1] = file end
  end
  local was = run.json.folder
  local inside = type(was) == "string" and script:sub(1, #was + 1) == was .. "/"
                 and script:sub(#was + 2)
  for _, path in ipairs { script:sub(1, 1) ~= "/" and tidy(script) or inside or "", name } do
    if has[path] then return path end
  end
  if #found == 1 then return found[1] end
  fail.data("rerun: %s/src has no copy of the script %s", run.folder, script)
end

-- package.path: what was searched relative to the working directory is searched in src/ first.
local function search_path(run, src, script)
  local list, was = {}, type(run.json.folder) == "string" and run.json.folder .. "/" or nil
  local own = script:match("^(.*)/")
  for _, at in ipairs { own, src } do
    list[#list + 1] = at .. "/?.lua"
    list[#list + 1] = at .. "/?/init.lua"
  end
  for template in package.path:gmatch("[^;]+") do
    local below = template:sub(1, 1) ~= "/" and template
                  or was and template:sub(1, #was) == was and template:sub(#was + 1)
    if below then list[#list + 1] = src .. "/" .. below:gsub("^%./", "") end
  end
  return table.concat(list, ";") .. ";" .. package.path
end

M.place_of, M.search_path = place_of, search_path

-- ---- words of the command line ------------------------------------------------------------------

-- The words behind the script, as they were typed then.
local function words_of(run, script)
  local words, command = run.json.words, folder.part(run, "command")
  if type(words) == "table" then return words end
  for i = 2, #command do
    if command[i] == script then return table.move(command, i + 1, #command, 1, {}) end
  end
  return {}
end

-- "--data DIR", "--data=DIR" or "data=DIR" among the words; nil if it is not there.
local function option_in(words, name)
  local found
  for i, word in ipairs(words) do
    if type(word) == "string" then
      local text = word:match("^%-?%-?" .. name .. "=(.*)$")
      if word == "--" .. name and type(words[i + 1]) == "string" then text = words[i + 1] end
      found = text or found
    end
  end
  return found
end

-- What the program is told unless it was typed now: seed and device as then, the folder of data if
-- it is still there.
local function set_options(run, settings)
  local typed, options = core.program.command, {}
  local function take(name, value)
    if value ~= nil and not option_in(typed, name) then options[name] = tostring(value) end
  end
  take("seed", math.tointeger(settings.seed) or math.tointeger(run.json.seed))
  local device = folder.part(run, "machine").device
  if type(device) == "string" then take("device", device) end
  local data = option_in(folder.part(run, "command"), "data")
  if data and not core.program.options.data and core.exists(data) then take("data", data) end
  core.setup(options)
end

-- ---- what differs from then ---------------------------------------------------------------------

local function now()
  local p = core.program
  return { folder = "", name = "now", json = { version = p.version, commit = p.commit,
           build = p.build, machine = require "vaelua.run".machine() } }
end

local function say(text) require "vaelua.run".say(text) end

local function say_differences(run, script)
  local other = folder.clean(script)
  say(("rerun  %s from its own sources: %s"):format(run.name, other))
  if folder.part(run, "resumed")[1] then
    say("       it was resumed: runs whole this time, from the sources that it began with")
  end
  local list = same.program(run, now())
  for _, d in ipairs(list) do
    say(("       %s: %s then, %s now"):format(d[1], d[2], d[3]))
  end
  if #list == 0 then
    local dirty = tostring(run.json.commit):find("dirty") ~= nil
    say("       program, libraries and instruction set are those of then"
        .. (dirty and " (as far as a commit with changes says)" or ""))
  else
    say("       so results may differ in their last digits")
  end
end

-- A function of the data that run.json describes: says once for each set that it has changed.
local function data_check(run)
  local before, said = folder.part(run, "data"), {}
  return function(data)
    for name, d in pairs(data or {}) do
      local b = before[name]
      if not said[name] and type(b) == "table" and b.checksum ~= d.checksum then
        said[name] = true
        say(("rerun  the data %s have changed since: checksum %s then, %s now"):format(name,
          tostring(b.checksum):sub(1, 12), tostring(d.checksum):sub(1, 12)))
      end
    end
  end
end

-- ---- starting -----------------------------------------------------------------------------------

-- Makes core.program that of the run; main.c runs its script.
function M.prepare(run)
  local script = run.json.script
  if type(script) ~= "string" then
    fail.data("rerun: %s was no script's run: there is nothing to run again", run.name)
  end
  local settings = folder.need_settings(run)
  local src = run.folder .. "/src"
  local path = src .. "/" .. place_of(run, script)
  set_options(run, settings)
  local p, words = core.program, words_of(run, script)
  p.script = path
  p.rerun = { name = run.name, script = script, root = core.realpath(src), settings = settings,
              words = words, check = data_check(run) }
  p.words = {}
  local arg = table.move(words, 1, #words, 1, { [0] = path })
  for _, name in ipairs(require "vaelua.keys".sorted(p.args)) do
    arg[#arg + 1] = name .. "=" .. p.args[name]
  end
  rawset(_G, "arg", arg)
  package.path = search_path(run, src, path)
  say_differences(run, path)
end

return M
