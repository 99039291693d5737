-- args.lua - the settings of a script: defaults, the command line, --help.
--
--     local cfg = va.args { z = 20, beta = 1.0, epochs = 20, seed = 1, quick = { epochs = 2 } }
--
-- A setting has the type of its default; a list takes a,b,c; a table with names is a preset, which
-- `quick=true` or `--quick` switches on.  What is typed wins over presets, and these over defaults.
-- Everything is checked here, before a script reads data: a wrong setting ends the program with one
-- line and the exit status 2.
--
-- Options of the program (seed, data, out ...) are settings too: the program has taken them already
-- (core.program.options), and a script with a default of that name finds them in its cfg.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local sorted = require "vaelua.keys".sorted

local M = {}

local asked                -- what the last va.args resolved: { settings =, from = }

-- ---- what a default says ------------------------------------------------------------------------

local function is_preset(default)
  return type(default) == "table" and #default == 0 and next(default) ~= nil
end

-- Settings in the order of their names; presets apart.
local function split(defaults)
  local settings, presets = {}, {}
  for name, default in pairs(defaults) do
    if type(name) ~= "string" or not name:find("^[%a_][%w_]*$") then
      fail("args: a setting must have a name, got [%s]", tostring(name))
    end
    local kind = type(default)
    if kind ~= "number" and kind ~= "string" and kind ~= "boolean" and kind ~= "table" then
      fail("args: the default of '%s' is a %s", name, kind)
    end
    if is_preset(default) then presets[name] = default else settings[name] = default end
  end
  return settings, presets
end

-- ---- reading text -------------------------------------------------------------------------------

local function script_name()
  local script = core.program.script or (rawget(_G, "arg") or {})[0]
  return script and script:match("[^/]+$") or "this script"
end

local function bad(name, wanted, text)
  fail.usage("%s must be %s, got '%s'", name, wanted, text)
end

local YES = { [""] = true, ["true"] = true, ["1"] = true, yes = true, on = true }
local NO = { ["false"] = true, ["0"] = true, no = true, off = true }

local function boolean(name, text)
  if YES[text] then return true end
  if NO[text] then return false end
  bad(name, "true or false", text)
end

local function number(name, text, default)
  local n = tonumber(text)
  if math.type(default) == "integer" then
    return n and math.tointeger(n) or bad(name, "an integer", text)
  end
  return n and n + 0.0 or bad(name, "a number", text)
end

local function plain(name, text, default)
  local kind = type(default)
  if kind == "number" then return number(name, text, default) end
  if kind == "boolean" then return boolean(name, text) end
  return text
end

-- The entries of a list are numbers, booleans or words as those of the default are (without one:
-- what they look like).  A list of integers may be answered with fractions.
local function list(name, text, default)
  local values, first = {}, default[1]
  if text == "" then return values end
  for part in (text .. ","):gmatch("%s*([^,]-)%s*,") do
    local n = tonumber(part)
    if first == nil then
      values[#values + 1] = n or part
    elseif math.type(first) == "integer" and n then
      values[#values + 1] = n
    else
      values[#values + 1] = plain(name, part, first)
    end
  end
  return values
end

local function read(name, text, default)
  if type(default) == "table" then return list(name, text, default) end
  return plain(name, text, default)
end

-- ---- names --------------------------------------------------------------------------------------

-- The setting that a typed name means: --latent-dim is latent_dim.
local function meant(name, settings, presets)
  for _, form in ipairs { name, (name:gsub("-", "_")) } do
    if settings[form] ~= nil or presets[form] then return form end
  end
end

local function unknown(name, settings, presets)
  local names = sorted(settings, presets)
  for _, option in ipairs { "seed", "device", "threads", "data", "out", "resume", "progress" } do
    names[#names + 1] = option
  end
  local script = core.program.script
  fail.usage("%s has no setting '%s'%s   see: %s", script_name(), name,
    fail.near(name:gsub("-", "_"), names),
    script and ("vaelua %s --help"):format(script) or "va.args")
end

-- Under a stock interpreter nobody has read the words behind the script.
local function take_words()
  local p = core.program
  local words = rawget(_G, "arg")
  if #p.command > 0 or not words then return end
  p.command, p.script = { words[0] }, words[0]
  for _, word in ipairs(words) do
    local name, text = word:match("^%-?%-?([%a_][%w_-]*)=(.*)$")
    name, text = name or word:match("^%-%-([%a][%w_-]*)$"), text or "true"
    if not name then
      p.words[#p.words + 1] = word
    elseif not pcall(core.setup, { [name] = text }) then
      p.args[name] = text
    end
  end
end

-- ---- --help and --print-config ------------------------------------------------------------------

local function text_of(v)
  if type(v) == "table" then
    local parts = {}
    for i, item in ipairs(v) do parts[i] = text_of(item) end
    return table.concat(parts, ",")
  end
  if math.type(v) == "float" then return (("%.14g"):format(v)) end
  return tostring(v)
end

-- The first setting that a number can be changed of, for the example.
local function example_of(settings)
  for _, name in ipairs(sorted(settings)) do
    if name ~= "seed" and type(settings[name]) == "number" then
      return ("%s=%s"):format(name, text_of(settings[name] * 2))
    end
  end
  return "seed=2"
end

local function type_of(v)
  if type(v) == "table" then return "list: a,b,c" end
  return math.type(v) or type(v)
end

local function help(settings, presets)
  local script = core.program.script or script_name()
  local out = {}
  local function line(...) out[#out + 1] = string.format(...) end
  line("vaelua %s", script)
  line("vaelua %s %s", script, example_of(settings))
  for _, name in ipairs(sorted(presets)) do line("vaelua %s --%s", script, name) end
  line("")
  local about = require "vaelua.help".heading_of_file(core.program.script)
  if about then line("%s\n", about) end
  line("settings (name=value, --name=value or --name value):")
  for _, name in ipairs(sorted(settings)) do
    line("  %-22s %s", name .. "=" .. text_of(settings[name]), type_of(settings[name]))
  end
  for _, name in ipairs(sorted(presets)) do
    local parts = {}
    for _, key in ipairs(sorted(presets[name])) do
      parts[#parts + 1] = key .. "=" .. text_of(presets[name][key])
    end
    line("  %-22s %s", name .. "=true", table.concat(parts, " "))
  end
  line("")
  line("options of the program, such as device, threads, seed, data, out, resume: vaelua --help")
  print(table.concat(out, "\n"))
end

local function print_config(settings, from)
  for _, name in ipairs(sorted(settings)) do
    print(("%-22s %s"):format(name .. "=" .. text_of(settings[name]), from[name]))
  end
end

-- ---- putting it together ------------------------------------------------------------------------

local function copy(v)
  return type(v) == "table" and table.move(v, 1, #v, 1, {}) or v
end

-- A preset's value: of the type of the setting that it changes.
local function check_preset(preset, name, value, settings)
  if settings[name] == nil then
    fail("args: %s sets '%s', which is no setting", preset, name)
  end
  if type(value) ~= type(settings[name]) then
    fail("args: %s sets %s to a %s, but it is a %s", preset, name, type(value),
      type(settings[name]))
  end
end

local function apply_presets(cfg, from, settings, presets, on)
  for _, preset in ipairs(sorted(presets)) do
    for _, name in ipairs(sorted(presets[preset])) do
      local value = presets[preset][name]
      check_preset(preset, name, value, settings)
      if on[preset] then cfg[name], from[name] = copy(value), preset end
    end
  end
end

-- Typed words, with what the program took where the script has a setting of that name.
local function typed_words(settings, presets)
  local typed = {}
  for name, text in pairs(core.program.args) do
    local form = meant(name, settings, presets)
    if not form then unknown(name, settings, presets) end
    typed[form] = text
  end
  for name, value in pairs(core.program.options) do
    if meant(name, settings, presets) then typed[name] = text_of(value) end
  end
  if core.program.options.quick and not meant("quick", settings, presets) then
    unknown("quick", settings, presets)
  end
  return typed
end

local function no_words()
  local word = core.program.words[1]
  if word then
    fail.usage("%s takes settings as name=value, got '%s'", script_name(), word)
  end
end

-- In a rerun (runs/rerun.lua) the settings of the old run stand in the place of the defaults.
local function recall(cfg, from, presets, typed)
  local rerun = core.program.rerun
  for name, value in pairs(rerun and rerun.settings or {}) do
    if presets[name] then
      if value == true and typed[name] and not boolean(name, typed[name]) then
        fail.usage("rerun: the run had %s=true, which cannot be taken back: give its "
          .. "settings", name)
      end
    elseif type(value) ~= type(cfg[name]) then
      fail.data("rerun: config.lua of %s has a %s for '%s', the script a %s", rerun.name,
        type(value), name, type(cfg[name]))
    else
      cfg[name], from[name] = copy(value), "run " .. rerun.name
    end
  end
  return rerun and rerun.settings or {}
end

local function resolve(settings, presets)
  local cfg, from, on, typed = {}, {}, {}, typed_words(settings, presets)
  for name, default in pairs(settings) do cfg[name], from[name] = copy(default), "default" end
  local old = recall(cfg, from, presets, typed)
  for preset in pairs(presets) do
    on[preset] = typed[preset] ~= nil and boolean(preset, typed[preset])
  end
  apply_presets(cfg, from, settings, presets, on)
  for name, default in pairs(settings) do
    if typed[name] then
      cfg[name], from[name] = read(name, typed[name], default), "command line"
    end
  end
  for preset in pairs(presets) do
    cfg[preset], from[preset] = on[preset] or old[preset] == true,
                                typed[preset] and "command line" or "default"
  end
  return cfg, from
end

-- A misspelt cfg.latnet is an error in scripts; our own code may ask for what is not there.
local function missing(cfg, name)
  local caller = debug.getinfo(2, "S")
  if core.ours(caller and caller.source or "") then return nil end
  fail("there is no setting '%s'%s", tostring(name), fail.near(name, sorted(cfg)))
end

local META = { __name = "settings", __index = missing }

-- One line on what computes, for scripts with settings: they are the ones that take time.
local function say_device()
  local o = core.program.options
  if o.quiet or not core.device_line then return end
  io.stderr:write(("vaelua %s · %s\n"):format(core.version, core.device_line()))
  core.program.told_device = true
end

--- va.args(defaults) -> cfg: the settings of the script, { name = default, ..., preset = { name =
--- value } }.
function M.args(defaults)
  if type(defaults) ~= "table" then fail("args: needs a table of defaults") end
  take_words()
  local settings, presets = split(defaults)
  if core.program.options.help then
    help(settings, presets)
    os.exit(0, true)
  end
  no_words()
  local cfg, from = resolve(settings, presets)
  if core.program.options["print-config"] then
    print_config(cfg, from)
    os.exit(0, true)
  end
  if math.type(cfg.seed) == "integer" then core.seed(cfg.seed) end
  asked = { settings = cfg, from = from }
  require("vaelua.run").settings(cfg)
  say_device()
  return setmetatable(cfg, META)
end

--- What va.args gave last: { settings = name -> value, from = name -> where it came from }.
function M.resolved() return asked end

--- Empty settings, whose metatable those of an opened run have.
function M.blank() return setmetatable({}, META) end

function M.is_cfg(t) return getmetatable(t) == META end

--- va.setup { device, threads, seed, data, inception, out, quick, progress, quiet, verbose }: for
--- stock interpreters; the program has options for it.
M.setup = core.setup

return M
