-- run.lua - the folder of a run: what was started, with what, and what came out.
--
-- runs/20261122-153000-compare-7k2f/ is made when a script first needs it (a logged number, a
-- checkpoint, a picture), so that a script which only prints leaves nothing behind.  The name is
-- UTC time, script and four random letters: it sorts, and two machines never collide.  run.json
-- says "running" from the start, so a run that died is visible as such.
--
-- Outside of a script (prompt, -e, stock interpreter) there is no run unless --out asks for one.
-- With --resume the old folder is taken up again.  Checkpoints and rows of metrics.csv are written
-- by checkpoint.lua and log.lua; this file only says where they lie.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local file = require "vaelua.file"
local sorted = require "vaelua.keys".sorted
local folders = require "vaelua.runs.folder"
local literals = require "vaelua.runs.literal"

local M = {}

local here                -- the run at hand
local fields = {}         -- what goes into run.json: name -> value, or a function that gives it
local settings            -- the script's settings, as va.args resolved them
local heard = {}          -- lines for log.txt from before the folder was made
local notes = {}
local MOST_HEARD = 1000

M.label = ""              -- "-s2" in the body of va.seeds: part of the names of files
M.clear_line = function() end    -- progress.lua puts its own here

-- ---- what was started -------------------------------------------------------------------------

local function program()
  return core.program or {}
end

local function option(name)
  local o = program().options
  return o and o[name]
end

local parent = folders.parent        -- where runs are kept

-- What `vaelua runs rerun` has prepared (runs/rerun.lua), or {}.
local function rerun() return program().rerun or {} end

-- compare for experiments/compare.lua
local function script_name()
  local script = program().script
  return script and script:match("([^/]+)$"):gsub("%.lua$", "") or "session"
end

-- A run belongs to a script, or to whoever asked for a place.
local looking             -- set by M.look: the run that was opened

local function wanted()
  if looking and not here then return option("out") ~= nil end
  return program().script ~= nil or option("out") ~= nil
end

local function exists(path) return core.exists(path) ~= nil end

-- Four letters from the system, not from the experiment's own streams of random numbers.
local function letters()
  local alphabet = "23456789abcdefghjkmnpqrstuvwxyz"
  local f <close> = assert(io.open("/dev/urandom", "rb"))
  return (f:read(4):gsub(".", function(c)
    local i = c:byte() % #alphabet + 1
    return alphabet:sub(i, i)
  end))
end

-- ---- config.lua: a table that Lua can read ----------------------------------------------------

local function literal(v, indent)
  if type(v) ~= "table" then
    local plain = type(v) == "number" or type(v) == "boolean" or type(v) == "string"
    if math.type(v) == "float" and v == v and v - v == 0 then
      local short = ("%.14g"):format(v)      -- %q would print it in hexadecimal
      if tonumber(short) ~= v then short = ("%.17g"):format(v) end
      return short:find("[%.e]") and short or short .. ".0"
    end
    return plain and ("%q"):format(v) or ("%q"):format(tostring(v))
  end
  local inner, lines = indent .. "  ", {}
  for _, k in ipairs(sorted(v)) do
    local key = type(k) == "string" and k:match("^[%a_][%w_]*$") or "[" .. literal(k, "") .. "]"
    lines[#lines + 1] = ("%s%s = %s,"):format(inner, key, literal(v[k], inner))
  end
  if #lines == 0 then return "{}" end
  return "{\n" .. table.concat(lines, "\n") .. "\n" .. indent .. "}"
end

local function config_text()
  return "return " .. literal(settings or {}, "") .. "\n"
end

-- ---- src/: the script and every local module that it loaded -----------------------------------

local function within(path, folder)
  return path:sub(1, #folder + 1) == folder .. "/" and path:sub(#folder + 2)
end

-- Where a source file is kept below src/: its path from the working directory or from the
-- script's folder (in a rerun: from the old src/); nil for what is installed elsewhere.
local function source_place(path)
  local real = core.realpath(path)
  if not real then return nil end
  local script = program().script and core.realpath(program().script)
  local folder = script and script:match("^(.*)/")
  local root = rerun().root
  return root and within(real, root) or within(real, core.cwd()) or folder and within(real, folder)
         or real == script and real:match("[^/]+$") or nil
end

local function local_sources()
  local found = {}
  if program().script then found[1] = program().script end
  for _, name in ipairs(sorted(package.loaded)) do
    local path = not name:find("^vaelua") and package.searchpath(name, package.path)
    if path then found[#found + 1] = path end
  end
  return found
end

-- A resumed run keeps its first sources; what has changed since lies beside them.
local function copy_sources(run)
  for _, path in ipairs(local_sources()) do
    local place = source_place(path)
    local text = place and exists(path) and file.read(path)
    if text then
      local to = run.folder .. "/src/" .. place
      if exists(to) and file.read(to) ~= text then
        to = ("%s/src/resumed-%d/%s"):format(run.folder, #run.resumed, place)
      end
      if not exists(to) then
        core.mkdir(to:match("^(.*)/"))
        core.write(to, text)
      end
    end
  end
end

-- ---- run.json ---------------------------------------------------------------------------------

local function utc() return os.date("!%Y-%m-%dT%H:%M:%SZ") end

-- What the core says of the machine.
local function machine()
  local names = { "threads", "isa", "onednn", "blas", "lua" }
  local m = { host = core.hostname(), pid = core.pid(), born = folders.born("self"),
              device = core.ops.zeros().device }
  for _, name in ipairs(names) do
    local v = core[name]
    if type(v) == "function" then v = v() end
    if type(v) == "string" or type(v) == "number" then m[name] = v end
  end
  return m
end
M.machine = machine

local function describe(run)
  local p = program()
  local seconds = core.clock() - run.began
  local d = {
    format = folders.FORMAT, status = run.status, reason = run.reason,
    script = rerun().script or p.script, command = p.command, rerun_of = rerun().name,
    words = rerun().words,
    folder = core.cwd(), version = p.version, commit = p.commit, build = p.build,
    machine = machine(), seed = run.seed, started = run.started, updated = utc(),
    seconds = run.before + seconds, resumed = #run.resumed > 0 and run.resumed or nil,
    notes = #notes > 0 and notes or nil,
  }
  for name, v in pairs(fields) do
    if type(v) == "function" then v = v() end
    d[name] = v
  end
  if rerun().check then rerun().check(d.data) end
  return d
end

local function save(run)
  core.write(run.folder .. "/run.json", core.json(describe(run), 2) .. "\n")
end

-- ---- the folder -------------------------------------------------------------------------------

local function place(run, kind, name)
  local path = run.folder .. "/" .. kind .. "/" .. name
  core.mkdir(path:match("^(.*)/"))
  return path
end

-- "vae-best" is vae-s2-best.safetensors in the body of va.seeds, so that seeds do not meet.
local function checkpoint_name(name)
  if M.label ~= "" and not name:find(M.label .. "-", 1, true) then
    local head, word = name:match("^(.*)(%-[^%-]*)$")
    name = head and head .. M.label .. word or name .. M.label
  end
  return name:find("%.%w+$") and name or name .. ".safetensors"
end

local function handle(folder)
  local run = { folder = folder, resumed = {}, began = core.clock(), before = 0,
                seed = core.seed() }
  function run.figure(name) return place(run, "figures", name) end
  function run.table(name) return place(run, "tables", name) end
  function run.checkpoint(name) return place(run, "checkpoints", checkpoint_name(name)) end
  function run.note(text) return M.note("%s", text) end
  return run
end

local function point_latest(run)
  local name, link = run.folder:match("[^/]+$"), parent() .. "/latest"
  if not exists(parent() .. "/" .. name) then return end      -- resumed from elsewhere
  pcall(core.remove, link)
  pcall(core.symlink, name, link)          -- no symlinks on this disk: no shortcut
end

local function begin(run, beside)
  here = run
  run.status = "running"
  run.started = run.started or utc()
  core.write(run.folder .. "/config.lua", config_text())
  copy_sources(run)
  save(run)
  if not beside then point_latest(run) end
  if #heard > 0 then core.append(run.folder .. "/log.txt", table.concat(heard)) end
  heard = nil
  return run
end

--- A folder with a name that no other has, below that of the runs.
function M.new_folder(word)
  local name
  repeat
    name = ("%s/%s-%s-%s"):format(parent(), os.date("!%Y%m%d-%H%M%S"), word, letters())
  until not exists(name)
  core.mkdir(name)
  return name
end

local function create() return begin(handle(M.new_folder(script_name()))) end

-- ---- taking up an old run ---------------------------------------------------------------------

-- The folder that --resume means, as all commands name runs.
local function find(where)
  local path = folders.place(where)
  if path then return core.realpath(path) end
  fail.usage("no run to resume: neither %s nor %s/%s is the folder of a run", where, parent(),
    where)
end

local function reopen(folder)
  local run = handle(folder)
  local opened = folders.open(folder)
  folders.need(opened)
  local old = opened.json
  local script = program().script
  local was = old.script and old.script:match("[^/]+$")
  if script and was and script:match("[^/]+$") ~= was then
    fail.usage("%s is a run of %s, not of %s", folder, was, script)
  end
  if old.seed ~= run.seed then
    fail.usage("--resume: the run had seed=%s, now it is %d", old.seed, run.seed)
  end
  run.started, run.before = old.started, old.seconds or 0
  run.resumed = type(old.resumed) == "table" and old.resumed or {}
  run.resumed[#run.resumed + 1] = utc()
  return run
end

local resuming            -- the folder that --resume names, false: none, nil: not looked yet

-- The folder of the run that goes on, or nil.
function M.resuming()
  if resuming == nil then
    local where = option("resume")
    resuming = where and find(where) or false
  end
  return resuming or nil
end

-- Settings of the old run must be those of this one; a longer training is the one thing that may
-- be asked of a run that goes on.
local function check_settings()
  local path = M.resuming() .. "/config.lua"
  local old, why = literals.read(exists(path) and file.read(path) or "return {}")
  if not old then fail.data("%s cannot be read: %s", path, why) end
  local names = {}
  for name in pairs(old) do names[name] = true end
  for name in pairs(settings) do names[name] = true end
  for _, name in ipairs(sorted(names)) do
    local a, b = old[name], settings[name]
    local grown = name == "epochs" and type(a) == "number" and type(b) == "number" and b >= a
    if literal(a, "") ~= literal(b, "") and not grown then
      fail.usage("--resume: the run had %s=%s, now it is %s; only epochs may grow", name,
        literal(a, ""), literal(b, ""))
    end
  end
end

-- ---- for the other modules --------------------------------------------------------------------

--- The run at hand, made at the first call; nil where nobody asked for one.
function M.current()
  if here then return here end
  if not wanted() then return nil end
  local old = M.resuming()
  return old and begin(reopen(old)) or create()
end

--- The run if its folder is there already.
function M.opened() return here end

--- At the prompt, a session that has opened a run only looks: it has a folder of its own only
--- where one was made before, --out asks for it, or it trains.
function M.look(name)
  looking = program().interactive and name or nil
end

--- Told by every training: a session that only looked has a folder from now on. It is not the
--- latest run, which remains the one to be looked at.
function M.trains()
  if not looking or here or wanted() then return end
  fields.opened = looking
  here = handle(M.new_folder(script_name()))
  begin(here, true)
  M.say("run     " .. here.folder .. "   keeps what is trained here")
end

--- Told by va.args: the settings of the script.  Refuses changed ones if a run goes on.
function M.settings(t)
  settings = {}
  for k, v in pairs(t) do settings[k] = v end
  if wanted() and M.resuming() then check_settings() end
end

--- One of the script's settings, or nil.
function M.setting(name) return settings and settings[name] end

--- The settings as one string, without epochs: equal strings, equal trainings.
function M.settings_text()
  local t = {}
  for k, v in pairs(settings or {}) do t[k] = v end
  t.epochs = nil
  return literal(t, "")
end

--- Puts a value into run.json; a function is asked each time that it is written.
function M.record(name, value) fields[name] = value end

--- A line for log.txt: what the terminal showed.
function M.hear(text)
  if here then
    core.append(here.folder .. "/log.txt", text)
  elseif heard and wanted() and #heard < MOST_HEARD then
    heard[#heard + 1] = text
  end
end

--- A message to the terminal, above the progress line, and to log.txt.
function M.say(text)
  M.clear_line()
  io.stderr:write(text, "\n")
  M.hear(text .. "\n")
end

--- va.note(format, values ...): a line on the terminal and in the report.
function M.note(format, ...)
  if type(format) ~= "string" then
    fail("note: a text is needed first, got " .. fail.came(format))
  end
  local text = select("#", ...) > 0 and format:format(...) or format
  notes[#notes + 1] = text
  if not option("quiet") then
    M.clear_line()
    io.stdout:write(text, "\n")
  end
  M.hear(text .. "\n")
end

--- What run.json says of the run at hand, for the report.
function M.info() return describe(here) end

--- All notes so far, for the report.
function M.notes() return notes end

-- Exit statuses of the program; 1 to 4 are failures.
local ENDS = { [0] = "done", [5] = "diverged", [130] = "interrupted", [143] = "interrupted" }

local endings = {}

--- f is called when the run has ended and its status is known.
function M.at_finish(f) endings[#endings + 1] = f end

--- The script has ended with an exit status, and for a reason if it is not 0.
function M.finish(status, reason)
  M.clear_line()
  if not here then return end
  here.status, here.reason = ENDS[status] or "failed", reason
  if reason then M.hear(reason .. "\n") end
  copy_sources(here)       -- modules that were loaded late
  save(here)
  for _, f in ipairs(endings) do f() end
end

-- A stock interpreter tells nobody how its script ended.
M.at_close = setmetatable({}, { __gc = function()
  if here and here.status == "running" then
    here.status = "ended"
    save(here)
  end
end })

-- In a script print also goes to log.txt, and above the progress line; os.exit ends the run.
if program().script then
  function _G.print(...)
    local words = table.pack(...)
    for i = 1, words.n do words[i] = tostring(words[i]) end
    local text = table.concat(words, "\t") .. "\n"
    M.clear_line()
    io.stdout:write(text)
    M.hear(text)
  end

  local exit = os.exit
  function os.exit(code, close)      -- luacheck: ignore
    local status = math.type(code) == "integer" and code or code == false and 1 or 0
    M.finish(status, status ~= 0 and "os.exit" or nil)
    return exit(code, close)
  end
end

return M
