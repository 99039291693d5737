--[[ rating.lua - do people agree with the scores?  A blind page of two-choice questions about
  pictures, and what its answers say.  experiments/rate.lua is its script.

    rating.write(folder, groups, { each = 6 })      rate.html and, apart from it, key.json
    rating.read("DIR", { "a.json", "b.json" })      preferences, agreement, rank correlations

  The parts lie in rating/: questions, page, answers, results. ]]

local fail = require "vaelua.fail"
local read_file = require "vaelua.file".read
local answers = require "vaelua.rating.answers"
local core = require "vaelua.core"
local files = require "vaelua.report.files"
local page = require "vaelua.rating.page"
local questions = require "vaelua.rating.questions"
local results = require "vaelua.rating.results"

local M = { limit = results.limit, tables = results.tables, pictures = questions.pictures_needed,
            check_each = questions.check_each }

-- ---- the run whose models are shown -------------------------------------------------------------

local function runs() return core.program.options.out or os.getenv("VAELUA_RUNS") or "runs" end

-- The newest run of compare.lua that has checkpoints.
local function newest()
  local found
  for _, name in ipairs(core.exists(runs()) and core.list(runs()) or {}) do
    local trained = core.exists(("%s/%s/checkpoints"):format(runs(), name))
    if name:find("^%d+%-%d+%-compare%-") and trained and (not found or name > found) then
      found = name
    end
  end
  if not found then
    fail.usage("rating: no run of compare.lua in %s; give run=FOLDER", runs())
  end
  return runs() .. "/" .. found
end

local function folder_of(where)
  if where == "compare" then return core.realpath(newest()) end
  for _, path in ipairs { where, runs() .. "/" .. where } do
    if core.exists(path .. "/run.json") then return core.realpath(path) end
  end
  fail.usage("rating: no run '%s': neither it nor %s/%s is the folder of a run", where, runs(),
    where)
end

local function settings_of(folder)
  local f = loadfile(folder .. "/config.lua", "t", {})
  local ok, settings = pcall(f or error)
  return ok and type(settings) == "table" and settings or {}
end

--- A run by folder, name, or "compare" for the newest of compare.lua: { folder, settings }.  The
--- settings that the models are made with must be there: needs is a list of their names.
function M.run(where, needs)
  local folder = folder_of(where)
  local settings = settings_of(folder)
  for _, name in ipairs(needs) do
    if settings[name] == nil then
      fail.data("%s: its config.lua has no '%s'; a run of compare.lua is needed", folder, name)
    end
  end
  return { folder = folder, settings = settings }
end

-- NAME-last, with the seed in runs of several, or the file of all models of the loop.
local function checkpoint(run, name, names, seed)
  local tried = {}
  for _, head in ipairs { name, table.concat(names, "+") } do
    for _, label in ipairs { "-s" .. seed, "" } do
      local file = ("checkpoints/%s%s-last.safetensors"):format(head, label)
      if core.exists(run.folder .. "/" .. file) then return run.folder .. "/" .. file end
      tried[#tried + 1] = file
    end
  end
  fail.data("%s: has no weights of '%s' for seed %d (%s)", run.folder, name, seed,
    table.concat(tried, ", "))
end

--- Loads the last weights of each model from a run; the seed that they were trained with, which in
--- a run of one seed need not be the one asked for.
function M.load(run, models, seed)
  local nn, names, found = require "vaelua.nn", {}, seed
  for i, m in ipairs(models) do names[i] = nn.name_of(m) end
  for i, m in ipairs(models) do
    local path = checkpoint(run, names[i], names, seed)
    local _, notes = core.file_read(path)
    m:load(path)
    found = math.tointeger(tonumber(notes and notes.seed)) or found
  end
  return found
end

-- ---- writing ------------------------------------------------------------------------------------

-- Picture i of x as the bytes of a PNG file.
local function png(folder, x, i)
  local path = folder .. "/picture.png"
  core.file_write(path, x[i]:clamp(0, 1))
  local bytes = assert(read_file(path))
  core.remove(path)
  return bytes
end

local function pictures_of(list, folder)
  local shown = {}
  for i, q in ipairs(list) do
    shown[i] = { id = q.id, ask = q.group.ask,
      left = png(folder, q.left.source.pictures, q.left.picture),
      right = png(folder, q.right.source.pictures, q.right.picture),
      beside = q.beside and png(folder, q.group.beside, q.beside) }
  end
  return shown
end

local function id_of(shown)
  local parts = {}
  for i, q in ipairs(shown) do
    parts[i] = table.concat({ q.id, q.ask, q.left, q.right, q.beside or "" }, "\0")
  end
  return core.sha256(table.concat(parts, "\0")):sub(1, 16)
end

local function key_of(id, groups, list, extra)
  local key = { format = answers.KEY_FORMAT, page = id, groups = {}, questions = {} }
  for name, value in pairs(extra or {}) do key[name] = value end
  for i, g in ipairs(groups) do
    local sources = {}
    for j, s in ipairs(g.sources) do
      sources[j] = { key = s.key, model = s.model, source = s.source, label = s.label }
    end
    key.groups[i] = { name = g.name, ask = g.ask, sources = sources }
  end
  for i, q in ipairs(list) do
    key.questions[i] = { id = q.id, group = q.group.name, left = q.left.source.key,
      right = q.right.source.key, left_picture = q.left.picture, right_picture = q.right.picture }
  end
  return key
end

--- Writes rate.html and key.json into a folder: groups as in questions.lua, { each = 6, run,
--- seed }.
--- Gives the paths and the number of questions.
function M.write(folder, groups, options)
  local list = questions.make(groups, options.each or 6)
  local shown = pictures_of(list, folder)
  local id = id_of(shown)
  local key = key_of(id, groups, list, { run = options.run, seed = options.seed })
  core.write(folder .. "/key.json", core.json(key, 1) .. "\n")
  core.write(folder .. "/rate.html", page.page(id, shown, answers.FORMAT))
  return folder .. "/rate.html", folder .. "/key.json", #list
end

-- ---- reading ------------------------------------------------------------------------------------

--- What the files of answers say: groups (results.lua), raters, and why there are no scores if the
--- run of the key has none.
function M.read(where, paths)
  local key = answers.read_key(where)
  local raters = answers.read(paths, key)
  local records, reason
  if not key.run or not core.exists(key.run .. "/tables/scores.json") then
    reason = ("the run of the pictures has no scores (%s/tables/scores.json)"):format(
      key.run or "?")
  else
    records = files.read_scores(key.run)
  end
  return results.make(key, raters, records), raters, reason
end

--- Tables as CSV files: put(name) gives the path of one.
function M.save(tables, put)
  for name, t in pairs(tables) do
    core.write(put("rating-" .. name .. ".csv"), files.csv(t.head, t.lines))
  end
end

--- A table as text for the terminal, its caption below.
function M.text(t)
  local lines = {}
  for i, line in ipairs(t.lines) do
    lines[i] = {}
    for k, cell in ipairs(line) do lines[i][k] = tostring(cell) end
  end
  return ("%s\n%s\n%s"):format(t.label, require "vaelua.report.text".table {
    head = t.head, lines = lines }, t.caption)
end

return M
