-- terminal.lua - the program in a real terminal, which tmux plays.
--
--     local t = terminal.new { columns = 80, rows = 24 }     -- a folder and a server of its own
--     t:start()                                              -- the prompt; t:start("-i x.lua")
--     t:type("1 + 1") t:key("Enter") t:wait("2")             -- waits for text on the screen
--     t:drop()
--
-- terminal.raw() is one without tmux, which says to the program's questions what the test says:
--
--     local t = terminal.raw()
--     t:wait("\27[c") t:send("\27[?62;4c") t:drop()
--
-- Nothing sleeps for a fixed time: wait() looks at the screen until a plain text is there, or fails
-- after LIMIT seconds and shows what was there.

local core = require "vaelua.core"

local M = {}
M.__index = M

local LIMIT = 10
local program = core.realpath(os.getenv("VAELUA") or "build/vaelua")

function M.new(o)
  local folder = os.tmpname()
  os.remove(folder)
  core.mkdir(folder)
  return setmetatable({ folder = folder, rows = o.rows or 24, columns = o.columns or 80 }, M)
end

-- A command of tmux; its output.
function M:tmux(...)
  local line = { "env", "-u", "TMUX", "LC_ALL=C.UTF-8", "tmux", "-S", self.socket, "-f",
                 "/dev/null", "-u" }
  for _, word in ipairs { ... } do line[#line + 1] = word end
  local status, text = core.run_command(line)
  assert(status == 0, ("tmux %s: %s"):format((...), text))
  return text
end

--- Starts the program in the folder, at a prompt if it has one; environment: words A=B.
function M:start(words, environment)
  local command = ("cd %s; exec env -u COLUMNS -u LINES -u NO_COLOR -u VAELUA_HISTORY "
    .. "-u VAELUA_IMAGES LC_ALL=C.UTF-8 HOME=%s "
    .. "XDG_STATE_HOME=%s/state OMP_NUM_THREADS=1 %s %s %s"):format(
    self.folder, self.folder, self.folder, environment or "", program, words or "")
  if self.socket then self:stop() end
  self.starts = (self.starts or 0) + 1
  self.socket = ("%s/tmux%d"):format(self.folder, self.starts)    -- the last one may be going yet
  self:tmux("new-session", "-d", "-x", tostring(self.columns), "-y", tostring(self.rows), command,
    ";", "set-option", "-g", "remain-on-exit", "on")
  return self:wait("vae>")
end

local function until_true(f)
  local start = core.clock()
  while core.clock() - start < LIMIT do
    local v = f()
    if v then return v end
    core.run_command { "sleep", "0.01" }
  end
end

function M:stop()
  pcall(self.tmux, self, "kill-server")
end

function M:drop()
  self:stop()
  until_true(function() return os.execute("rm -rf " .. self.folder .. " 2> /dev/null") end)
end

--- Waits until the program has ended.
function M:wait_end()
  return until_true(function()
    return self:tmux("display-message", "-p", "#{pane_dead}"):find "1"
  end) or error("the program has not ended:\n" .. self:screen(), 2)
end

function M:screen(...)
  return (self:tmux("capture-pane", "-p", "-J", ...):gsub(" +\n", "\n"))
end

-- The last line with text.
function M:last()
  return self:screen():gsub("%s+$", ""):match("[^\n]*$")
end

--- Waits until the plain text is on the screen; the screen.
function M:wait(text)
  local seen
  return until_true(function()
    seen = self:screen()
    return seen:find(text, 1, true) and seen
  end) or error(("no '%s' on the screen:\n%s"):format(text, seen), 2)
end

--- Waits until the last line is this one (trailing blanks and the time of the command apart).
function M:wait_line(line)
  local seen
  return until_true(function()
    seen = self:last()
    return seen:gsub("  +[%d.:]+ ?[^%s%d]*$", "") == line
  end) or error(("the last line is not '%s':\n%s"):format(line, self:screen()), 2)
end

-- A semicolon at the end is tmux's own.
function M:type(text) self:tmux("send-keys", "-l", "--", (text:gsub(";$", "\\;"))) end

function M:key(...) self:tmux("send-keys", ...) end

--- Enters a line on a cleared screen and waits for the next prompt; what it printed.
function M:run(text)
  self:key("C-l")
  self:type(text)
  self:wait(text:sub(-12))
  self:key("Enter")
  local screen = until_true(function()
    local seen = self:screen()
    local _, prompts = seen:gsub("vae>", "")
    return prompts > 1 and self:last():find("^vae>") and seen
  end)
  if not screen then error("no prompt after '" .. text .. "':\n" .. self:screen(), 2) end
  return (screen:gsub("%s+$", ""):gsub("\n[^\n]*$", ""):gsub("^[^\n]*\n?", ""))
end

--- Presses Tab behind a text; waits for an expected text; clears the line.
function M:tab(text, expected)
  self:key("C-l")
  self:type(text)
  self:wait(text)
  self:key("Tab")
  local screen = self:wait(expected)
  self:key("C-e", "C-u")
  return screen
end

--- Pastes as a terminal does that brackets what is pasted.
function M:paste(text)
  self:tmux("set-buffer", "--", text)
  self:tmux("paste-buffer", "-p")
end

-- ---- one that answers what the test says --------------------------------------------------------

local Raw = {}
Raw.__index = Raw

--- The prompt behind script(1), which gives it a terminal of its own; environment: words A=B.
function M.raw(environment)
  local t = setmetatable({ folder = os.tmpname(), seen = 0 }, Raw)
  os.remove(t.folder)
  core.mkdir(t.folder)
  t.input = assert(io.popen(("cd %s && env -u VAELUA_IMAGES -u COLUMNS -u LINES TERM=xterm "
    .. "VAELUA_HISTORY= LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 %s script -qfec '%s -q' out.txt "
    .. ">/dev/null"):format(t.folder, environment or "", program), "w"))
  t:wait "vae>"
  return t
end

--- Waits for a plain text behind that of the last wait; what came up to it.
function Raw:wait(text)
  local out, from = "", self.seen
  return until_true(function()
    local f = io.open(self.folder .. "/out.txt", "rb")
    out = f and f:read("a") or out
    if f then f:close() end
    local _, last = out:find(text, from + 1, true)
    self.seen = last or from
    return last and out:sub(from + 1, last)
  end) or error(("no %q in %q"):format(text, out:sub(from + 1)), 2)
end

function Raw:send(text) self.input:write(text):flush() end

function Raw:drop()
  self:send "exit\n"
  self.input:close()
  os.execute("rm -rf " .. self.folder)
end

return M
