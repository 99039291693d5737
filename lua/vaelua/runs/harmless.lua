--[[ harmless.lua - what a script sees as globals while va.open reads it: nothing it does stays.

  Files are read as ever. What would be written, printed, renamed or run is done as if: the call
  says that it went well, and what was written is nowhere; a command that is read from has said
  nothing. So a script that writes a log or asks git for a commit gets to its models. os.exit ends
  the reading, not the session. What is assigned to globals, and to _G, stays the script's own.

  It is no wall against a script that looks for a way out, such as one that loads a C library. ]]

local M = {}

local function nothing() end
local function yes() return true end

-- ---- files --------------------------------------------------------------------------------------

-- A file that takes everything and has nothing.
local Sink = {}
Sink.__index, Sink.__name, Sink.__close = Sink, "FILE*", nothing
function Sink:write() return self end
function Sink.seek() return 0 end
function Sink.lines() return nothing end
Sink.flush, Sink.setvbuf = yes, yes
function Sink.close() return true, "exit", 0 end

-- "a" of an empty file is "", all else is nil.
function Sink.read(_, what, ...)
  local all = type(what) == "string" and what:find("^%*?a") or what == 0
  if select("#", ...) == 0 then return all and "" or nil end
  return all and "" or nil, Sink.read(_, ...)
end

local function sink() return setmetatable({}, Sink) end

local function is_sink(f) return getmetatable(f) == Sink end

local function open(name, mode)
  if mode == nil or tostring(mode):find("^rb?$") then return io.open(name, mode) end
  return sink()
end

local function harmless_io()
  local out, input = sink(), sink()
  local function file_lines(name, ...)
    if name == nil then return nothing end
    return io.lines(name, ...)
  end
  return {
    stdin = sink(), stdout = sink(), stderr = sink(), open = open, popen = sink, tmpfile = sink,
    lines = file_lines, write = function() return out end, close = yes,
    read = function(...) return Sink.read(input, ...) end,
    output = function() return out end, input = function() return input end,
    type = function(f) return is_sink(f) and "file" or io.type(f) end,
  }
end

-- ---- the rest -----------------------------------------------------------------------------------

local function execute(command)
  if command == nil then return false end
  return true, "exit", 0
end

local function harmless_os(exit)
  return {
    clock = os.clock, date = os.date, difftime = os.difftime, getenv = os.getenv, time = os.time,
    execute = execute, remove = yes, rename = yes, exit = exit,
    tmpname = function() return "/tmp/lua_none" end,
    setlocale = function(locale, category)
      if locale ~= nil then return nil end
      return os.setlocale(nil, category)
    end,
  }
end

--- A table of globals; exit is called for os.exit.
function M.globals(exit)
  local env = {}
  for name, v in next, _ENV do env[name] = v end
  env._G, env.arg = env, {}
  env.io, env.os = harmless_io(), harmless_os(exit)
  env.print, env.warn = nothing, nothing
  function env.load(chunk, name, mode, ...)
    return load(chunk, name, mode, select("#", ...) == 0 and env or (...))
  end
  function env.loadfile(name, mode, ...)
    return loadfile(name, mode, select("#", ...) == 0 and env or (...))
  end
  function env.dofile(name) return assert(env.loadfile(name))() end
  return setmetatable(env, { __index = function(_, name) return rawget(_G, name) end })
end

--- A searcher for package.searchers: modules in package.path see the same globals.
function M.searcher(env)
  return function(name)
    local at = package.searchpath(name, package.path)
    if not at then return nil end
    local chunk, why = loadfile(at, "t", env)
    if not chunk then
      error(("error loading module '%s' from file '%s':\n\t%s"):format(name, at, why), 0)
    end
    return chunk, at
  end
end

return M
