--[[ open.lua - va.open: the models and data of a run, as it left them.

    local run = va.open "latest"           or a folder, a name, the beginning or end of one
    run.models.vae, run.data, run.config, run.history.vae

  The script is run again from the run's own src/ with the run's settings, so that models are built
  by the architecture that they were trained with. Its training loops end at once with the weights
  of their last checkpoint; evaluate, report, show, plot, note, write and print do nothing. Behind
  its last checkpoint the script is not needed and may stop. Nothing is written, printed or run: the
  io and os of the script and of its modules only read (runs/harmless.lua). ]]

local core = require "vaelua.core"
local checkpoint = require "vaelua.checkpoint"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local folder = require "vaelua.runs.folder"
local harmless = require "vaelua.runs.harmless"
local log = require "vaelua.log"
local models = require "vaelua.model"
local rerun = require "vaelua.runs.rerun"
local run_of_session = require "vaelua.run"
local train = require "vaelua.train"

local M = {}

local STOP = {}           -- raised where the script is not needed any more

local reading             -- the folder that is being read

--- What stands for the run at hand while a script is read: model:load("best") finds its file.
function M.run_at_hand()
  local folder_now = reading
  return folder_now and { checkpoint = function(name)
    local label = run_of_session.label
    local head, word = name:match("^(.*)(%-[^%-]*)$")
    if label ~= "" and head then name = head .. label .. word end
    return folder_now .. "/checkpoints/" .. (name:find("%.%w+$") and name
                                             or name .. ".safetensors")
  end }
end

-- ---- which run ----------------------------------------------------------------------------------

local function find(word)
  if type(word) ~= "string" or word == "" then
    fail("open: \"latest\", a folder or the name of a run is needed, got %s", type(word))
  end
  if folder.place(word) then return folder.find(word) end
  local names, all = { "latest" }, folder.all(folder.parent())
  for _, run in ipairs(all) do
    names[#names + 1], names[#names + 2] = run.name, folder.short(run)
  end
  local meant = fail.near(word, names)
  fail.data("open: there is no run '%s' in %s/%s", word, folder.parent(), meant ~= "" and meant
    or all[1] and ("; the newest is %s"):format(all[1].name) or ": it has no runs")
end

-- The checkpoints of one seed, by key, and how many there are.
local function checkpoints_of(run, seed)
  local files, found, count = checkpoint.files(run.folder .. "/checkpoints"), {}, 0
  local seeds = { list = {} }
  for key, file in pairs(files) do
    if file.notes.format ~= checkpoint.FORMAT then
      fail.data("open: %s has format %s, this program reads %s: use the vaelua that made it",
        file.path, tostring(file.notes.format), checkpoint.FORMAT)
    end
    local s = math.tointeger(tonumber(file.notes.seed))
    if not seeds[s] then seeds[s], seeds.list[#seeds.list + 1] = true, s end
    found[key] = file
  end
  seeds = seeds.list
  table.sort(seeds)
  if #seeds == 0 then
    fail.data("open: %s has no checkpoint: nothing was trained in it, or not to the end of an "
      .. "epoch", run.folder)
  end
  local wanted = seed or seeds[1]
  for key, file in pairs(found) do
    if math.tointeger(tonumber(file.notes.seed)) == wanted then count = count + 1
    else found[key] = nil end
  end
  if count == 0 then
    fail.data("open: %s has no checkpoint of seed %d (it has %s)", run.folder, wanted,
      table.concat(seeds, ", "))
  end
  return found, count, wanted
end

-- ---- the script ---------------------------------------------------------------------------------

-- Weights of the models of one loop; every model is kept by its name.
local function restore(loop, file, kept)
  for name in file.notes.models:gmatch("[^\n]+") do
    local m = models.find(name)
    if not m then
      fail.data("open: the script makes no model '%s' before loop %s, but %s has its weights",
        name, file.notes.loop, file.path)
    end
    m:load(file.path)
    kept[name] = m
    loop.uses(m)
  end
end

-- The loops of the script as it is read: each ends where its checkpoint is.
local function reader(found, count, kept)
  local left = count
  return function(loop)
    local file = found[checkpoint.key_of(loop)]
    if not file then error(STOP, 0) end
    restore(loop, file, kept)
    found[checkpoint.key_of(loop)], left = nil, left - 1
    loop.done, loop.ended = loop.total, true
    loop.set_clock(math.tointeger(tonumber(file.notes.clock)))
    return true
  end, function() return left end
end

-- Settings of the run over the script's defaults.
local function args_of(settings)
  return function(defaults)
    local cfg = {}
    for name, v in pairs(defaults) do
      local preset = type(v) == "table" and #v == 0 and next(v) ~= nil
      cfg[name] = not preset and v or false
    end
    for name, v in pairs(settings) do cfg[name] = v end
    if math.type(cfg.seed) == "integer" then core.seed(cfg.seed) end
    return setmetatable(cfg, getmetatable(require "vaelua.args".blank()))
  end
end

local function seeds_of(seed)
  return function(n)
    local done = false
    return function()
      if done then return nil end
      done = true
      train.seed(seed)
      run_of_session.label = n > 1 and "-s" .. seed or ""
      return seed
    end
  end
end

-- The names of va that a script may call while it is read, put back afterwards.
local function quiet(va, settings, seed, left, session)
  local function nothing() end
  local function stop()
    if left() == 0 then error(STOP, 0) end
    return setmetatable({}, { __index = function(t) return t end })
  end
  local data = va.data
  local own = {
    args = args_of(settings), seeds = seeds_of(seed), show = nothing, plot = nothing,
    hist = nothing, scatter = nothing, heat = nothing, setup = nothing,
    note = nothing, write = nothing, report = stop, evaluate = stop,
    data = function(...)
      local d = data(...)
      session.data = session.data or d
      return d
    end,
  }
  local before = {}
  for name, f in pairs(own) do
    before[name] = va[name]
    rawset(va, name, f)
  end
  local save, precision = models.silence(true), core.precision()
  return setmetatable({}, { __close = function()
    core.precision(precision)
    for name, f in pairs(before) do rawset(va, name, f) end
    models.silence(save)
  end })
end

-- Modules that lie in src/ are loaded from there, and all that were loaded are forgotten again, but
-- for our own.
local function own_modules(run, src, script, env)
  local path, cpath, searchers, before = package.path, package.cpath, package.searchers, {}
  package.path = rerun.search_path(run, src, script)
  package.searchers = table.move(searchers, 2, #searchers, 3,
                                 { searchers[1], harmless.searcher(env) })
  for name, value in pairs(package.loaded) do before[name] = value end
  for name in pairs(before) do
    local at = not name:find("^vaelua") and package.searchpath(name, package.path)
    if at and at:sub(1, #src) == src then package.loaded[name] = nil end
  end
  for _, name in ipairs { "_G", "io", "os" } do package.loaded[name] = env[name] end
  return setmetatable({}, { __close = function()
    package.path, package.cpath, package.searchers = path, cpath, searchers
    for name in pairs(package.loaded) do
      if not name:find("^vaelua") then package.loaded[name] = before[name] end
    end
    for name, value in pairs(before) do package.loaded[name] = value end
  end })
end

-- A session at the prompt has no script that makes its models: those of another run went on in it.
local function went_on(run)
  local files = {}
  for _, file in pairs(checkpoint.files(run.folder .. "/checkpoints")) do
    files[#files + 1] = file.path
  end
  table.sort(files)
  fail.data("open: %s was trained at the prompt, from models of %s: open that one, then "
    .. "model:load %q", run.name, run.json.opened, files[1] or run.folder .. "/checkpoints/...")
end

local function read_script(run, seed, found, count)
  local src, script = run.folder .. "/src", run.json.script
  if type(script) ~= "string" then
    fail.data("open: %s was no script's run: there are no sources to build its models from",
      run.name)
  end
  local path = src .. "/" .. rerun.place_of(run, script)
  local session, kept = {}, {}
  local restoring, left = reader(found, count, kept)
  local env = harmless.globals(function() error(left() == 0 and STOP or "it calls os.exit", 0) end)
  local chunk, why = loadfile(path, "t", env)
  if not chunk then fail.data("open: the run's own script does not compile: %s", why) end
  local _ <close> = own_modules(run, src, path, env)
  local _ <close> = quiet(require "vaelua", folder.need_settings(run), seed, left, session)
  local before, outer = checkpoint.reading, reading     -- a script may open a run itself
  checkpoint.reading, reading = restoring, run.folder
  local _ <close> = setmetatable({}, { __close = function()
    checkpoint.reading, reading = before, outer
  end })
  core.seed(math.tointeger(run.json.seed) or seed)
  local good, message = pcall(chunk)
  if not good and message ~= STOP and left() > 0 then
    fail.data("open: the run's own script %s stops before its models are ready: %s", path,
      tostring(message))
  end
  if next(kept) == nil then
    fail.data("open: %s reaches none of the loops that have a checkpoint", path)
  end
  session.models = kept
  return session
end

-- ---- the result ---------------------------------------------------------------------------------

local Run = { __name = "run" }

function Run.__tostring(self)
  local names = table.concat(keys.sorted(self.models), ", ")
  return ("run %s   seed %d   models %s%s"):format(self.name, self.seed, names,
    self.data and "   data " .. self.data.name or "")
end

local fields = { "models", "data", "config", "history", "name", "folder", "seed" }

function Run.__index(_, name)
  if name == "data" then return nil end
  fail("a run has no '%s'%s (it has models, data, config, history, name, folder, seed)",
    tostring(name), fail.near(name, fields))
end

local function by_name(kept, run)
  return setmetatable(kept, { __index = function(_, name)
    fail("%s has no model '%s' (it has %s)", run.name, tostring(name),
      table.concat(keys.sorted(kept), ", "))
  end })
end

--- va.open(run, { seed }): "latest", a folder, or a name of a run. The first seed unless another is
--- asked for. run.models.NAME, run.data, run.config (its settings), run.history.NAME.
function M.open(word, given)
  for name in pairs(given or {}) do
    if name ~= "seed" then
      fail("open has no option '%s' (options: seed)", tostring(name))
    end
  end
  local run = find(word)
  if type(run.json.opened) == "string" then went_on(run) end
  run_of_session.look(run.name)
  local found, count, seed = checkpoints_of(run, given and given.seed)
  local session = train.apart(read_script, run, seed, found, count)
  local kept = {}
  for name, m in pairs(session.models) do
    models.adopt(m)
    kept[name] = m
  end
  return setmetatable({ name = run.name, folder = run.folder, seed = seed,
    models = by_name(kept, run), data = session.data, config = folder.need_settings(run),
    history = log.histories(run.folder, seed) }, Run)
end

return M
