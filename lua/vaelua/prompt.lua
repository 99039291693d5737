-- prompt.lua - what a text at the prompt means, and what is told of its results and errors.
--
-- core/repl.c reads lines and calls take() until they make a statement; it runs the functions that
-- take() gives, and has the rest told here: results() after one that ended well, failed() after
-- one that did not. Printing is in prompt/print.lua, Tab in prompt/complete.lua, who(), mem() and
-- time() in prompt/tools.lua.
--
--   x = 1         a statement           x            an expression: printed, and kept in ans
--   x;            not printed           local y = 2  stays, as a global: lines of scripts can be
--   !ls           the shell                          pasted one by one
--   ?name         help                  :bt          the calls that led to the last error

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local complete = require "vaelua.prompt.complete"
local printer = require "vaelua.prompt.print"
local tools = require "vaelua.prompt.tools"

local M = { complete = complete.complete }

local print = print                 -- the user may have another

local rows, columns = 0, 0          -- of the terminal; 0: there is none
local inputs = {}                   -- texts by their number, which their chunks are named by
local count = 0
local queue = {}                    -- pieces that run: { number, silent, text }
local total = 0                     -- seconds of the pieces of one text
local last_error, last_calls        -- for :bt
local hinted = false

local MOST_INPUTS = 1000            -- texts that are kept for messages

local function colour(code, text)
  return core.program.options.color and ("\27[%sm%s\27[0m"):format(code, text) or text
end

--- The size of the screen, told before every statement.
function M.screen(r, c)
  rows, columns = r, c
  tools.rows, tools.columns = r, c
end

-- ---- texts --------------------------------------------------------------------------------------

-- The message of the compiler that got further: what is wrong at the first word, or is only an
-- expression, is wrong as an expression.
local function better_message(text, expression, statements)
  local near = statements:match("near '(.*)'$")
  local start = text:match("^%s*(.*)$")
  if near and start:sub(1, #near) == near then return expression end
  local plain = statements:find("syntax error near", 1, true)
  return plain and not expression:find("<eof> expected", 1, true) and expression or statements
end

-- A chunk of the text as an expression, else as statements: function, or nil, message, and whether
-- only more lines are missing. `keep` (see below) is called at the end of statements.
local function compile(text, number)
  local name = ("=prompt[%d]"):format(number)
  local f, expression = load("return " .. text, name, "t")
  if f then return f end
  local statements
  f, statements = load(text, name, "t")
  if f then return load(text .. "\n;(...)()", name, "t") or f end
  local more = expression:find("<eof>$") or statements:find("<eof>$")
  return nil, better_message(text, expression, statements), more ~= nil
end

--- Called at the end of a text: its local variables stay, as globals, but never in place of Lua's
--- own, which all modules need.
local function keep()
  local i = 1
  while true do
    local name, value = debug.getlocal(2, i)
    if not name then return end
    if tools.is_standard(name) then
      print(("local %s was for this text alone: %s stays Lua's"):format(name, name))
    elseif name:find("^[%a_]") then
      rawset(_G, name, value)
    end
    i = i + 1
  end
end

local function piece(text, f, number)
  return { text = text, run = f, number = number, silent = text:find(";%s*$") ~= nil }
end

local function next_number(text)
  count = count + 1
  inputs[count], inputs[count - MOST_INPUTS] = text, nil
  return count
end

-- Lines that are no chunk together, such as an expression behind statements: the longest first
-- part that is one, and so on. Nothing if a part is none.
local function pieces_of(text)
  local lines, list, first = {}, {}, 1
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do lines[#lines + 1] = line end
  while first <= #lines do
    local f, part, last
    for i = #lines, first, -1 do
      part = table.concat(lines, "\n", first, i)
      f = compile(part, count + 1)
      if f then last = i break end
    end
    if not f then return nil end
    if part:find("%S") then list[#list + 1] = piece(part, f, next_number(part)) end
    first = last + 1
  end
  return list
end

-- Statements, a semicolon and an expression on one line.
local function statements_and_value(text)
  local before, value = text:match("^(.*;)%s*([^;]+;?%s*)$")
  local f = before and compile(before, count + 1)
  local g = f and load("return " .. value, ("=prompt[%d]"):format(count + 1), "t")
  if not g then return nil end
  next_number(text)
  return { piece(before, f, count), piece(value, g, count) }
end

local function run_all(list)
  queue, total = list, 0
  local functions = {}
  for i, p in ipairs(list) do functions[i] = p.run end
  return "run", keep, table.unpack(functions)
end

local function syntax_error(text, message)
  queue = { { number = next_number(text), text = text } }
  last_calls = nil
  M.failed(message, nil, false, 0)
  return "done"
end

local function code(text, last)
  text = text:gsub("^%s*=", "")
  local lines = text:find("\n")
  local list = not lines and statements_and_value(text)
  if list then return run_all(list) end
  local f, message, more = compile(text, count + 1)
  if f then return run_all { piece(text, f, next_number(text)) } end
  list = lines and pieces_of(text)
  if list then return run_all(list) end
  if more and not last then return "more" end
  return syntax_error(text, message)
end

-- ---- commands -----------------------------------------------------------------------------------

local function help(word)
  local about = require "vaelua.help"
  local text, found = about.text(word)
  print(about.shown(not found and tools.about(word) or text))
end

local function shell(line)
  io.stdout:flush()
  local _, how, status = os.execute(line)
  if status ~= 0 then
    print(how == "exit" and "exit status " .. status or "\nended by signal " .. status)
  end
end

local function backtrace()
  if not last_error then return print("there was no error") end
  print(last_error)
  if not last_calls then return print("it was found when the text was read: no calls led there") end
  print((last_calls:gsub("^stack traceback:\n", ""):gsub("\n%s*%[C%]: in %?$", "")))
end

local function command(line)
  if line == ":bt" then return backtrace() end
  print(("there is no command '%s' (:bt, ?name, !command)"):format(line))
end

--- What a text means: "done", "more" lines are needed (not at the `last` one), "leave", or "run"
--- with keep and the functions to be called with it.
function M.take(text, last)
  local line = text:match("^%s*(.-)%s*$")
  local first = line:sub(1, 1)
  if line == "" then return "done" end
  if line == "exit" or line == "quit" then return "leave" end
  local word = line:match("^help%s*$") and "" or line:match("^help%s+([%a_][%w_.:]*)$")
               or first == "?" and line:match("^%?+%s*(.*)$")
  if word then
    help(word)
  elseif first == "!" then
    shell(line:sub(2))
  elseif first == ":" and line:sub(2, 2) ~= ":" then
    command(line)
  else
    return code(text, last)
  end
  return "done"
end

-- ---- results ------------------------------------------------------------------------------------

local function duration(s)
  if s < 1e-3 then return ("%.0f µs"):format(s * 1e6) end
  if s < 1 then return ("%.1f ms"):format(s * 1e3) end
  return s < 120 and ("%.2f s"):format(s) or ("%d:%02d"):format(s // 60, s // 1 % 60)
end

-- The time stands at the right of the line of the next prompt. Output that did not end its line
-- is ended before: blanks as wide as the screen wrap only if something stands there.
local function tell_time(seconds)
  if columns < 20 or os.getenv("TERM") == "dumb" then return end
  local text = duration(seconds)
  local place = columns - utf8.len(text)
  io.stdout:write(" ", (" "):rep(columns - 1), "\r\27[K", ("\27[%dG"):format(place),
    colour("90", text), "\r")
  io.stdout:flush()
end

-- A name alone that means nothing: what was meant?
local function near_name(text)
  local name = text:match("^%s*([%a_][%w_]*)%s*$")
  local near = name and complete.near(name)
  return near and ("   (nothing is called '%s'; did you mean '%s'?)"):format(name, near) or ""
end

--- Prints what one piece gave.
function M.results(seconds, ...)
  local p, n = table.remove(queue, 1), select("#", ...)
  total = total + seconds
  if n > 0 then
    rawset(_G, "ans", (...))
    rawset(_G, "_", (...))
  end
  if n == 1 and ... == nil and not p.silent then
    print("nil" .. near_name(p.text))
  elseif n > 0 and not p.silent then
    printer.values(rows, columns, ...)
  end
  if #queue == 0 then tell_time(total) end
end

-- ---- errors -------------------------------------------------------------------------------------

local function line_of(text, number)
  local i = 0
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    i = i + 1
    if i == number then return line end
  end
end

local function line_of_file(path, number)
  local f <close> = path:find("%.lua$") and io.open(path)
  if not f then return nil end
  for line in f:lines() do
    number = number - 1
    if number == 0 then return line end
  end
end

-- The message without its place if that is plain to see, and the line that it speaks of.
local function placed(message, p)
  local number, line, rest = message:match("^prompt%[(%d+)%]:(%d+): (.*)$")
  if number then
    number, line = math.tointeger(number), math.tointeger(line)
    local text = inputs[number] or ""
    if p and number == p.number and not text:find("\n") then return rest end
    return rest, line_of(text, line), line
  end
  local file, at = message:match("^([^\n:]+):(%d+): ")
  if file then return message, line_of_file(file, math.tointeger(at)), at end
  return message
end

local function with_hint(message)
  local name = message:match("nil value %(global '([%w_]+)'%)")
  local near = name and complete.near(name)
  return near and message .. fail.near(name, { near }) or message
end

--- Tells an error: the message, the user's line where that is not the one just typed, and once
--- that :bt tells more.
function M.failed(message, calls, interrupted, seconds)
  local p = queue[1]
  queue = {}
  last_error, last_calls = message, calls
  local text, line, at = placed(message or "(no message)", p)
  local out = interrupted and text or colour("31", "error:") .. " " .. with_hint(text)
  if line and not interrupted then
    if columns > 20 then line = printer.cut(line, columns - 10) end
    out = ("%s\n%s %s"):format(out, colour("90", ("%6s |"):format(at)), line)
  end
  if calls and not hinted and not interrupted and columns > 0 then
    hinted = true
    out = out .. "\n" .. colour("90", "       :bt shows the calls that led there")
  end
  io.stderr:write(out, "\n")
  if calls then tell_time(total + seconds) end
end

-- ---- the session --------------------------------------------------------------------------------

-- Names of va are found without va., behind those of the prompt; Lua's own (load, print) stay.
local function open_names(va)
  local meta = debug.getmetatable(_G) or {}
  meta.__index = function(_, name)
    if name == "va" then return va end
    if tools.names[name] then return tools.names[name] end
    return complete.va_name(name)
  end
  debug.setmetatable(_G, meta)
end

local function greet()
  if not core.program.told_device then
    print(("vaelua %s · %s"):format(core.version, core.device_line()))
  end
  print "?name for help · Tab completes · Ctrl-D leaves"
  local names = tools.user_names()
  if #names > 0 then
    print("here: " .. table.concat(names, ", ", 1, math.min(#names, 12))
      .. (#names > 12 and (", … %d more: who()"):format(#names - 12) or ""))
  end
end

--- Called once before the first prompt.
function M.open()
  core.program.interactive = true
  open_names(require "vaelua")
  if columns > 0 and not core.program.options.quiet then greet() end
end

--- Ctrl-D: true if nothing would be lost; else the second one leaves.
function M.may_leave()
  if count == 0 then return true end
  print("\nCtrl-D once more leaves")
  return false
end

return M
