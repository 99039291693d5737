-- child.lua - runs scripts as processes of their own, in a folder that is made for it.
--
--     local c = child.new()
--     local run = c:run([[ print(1) ]], "beta=4 --out runs")      -- .status .out .err
--     c:drop()

local core = require "vaelua.core"

local M = {}
M.__index = M

-- The program that runs these tests, by its absolute path.
local program = core.realpath("/proc/self/exe")

local function slurp(path)
  local f = io.open(path, "rb")
  if not f then return nil end
  local text = f:read("a")
  f:close()
  return text
end

function M.new()
  local folder = os.tmpname()
  os.remove(folder)
  core.mkdir(folder)
  return setmetatable({ folder = folder }, M)
end

function M:drop() os.execute("rm -rf " .. self.folder) end

function M:path(name) return self.folder .. "/" .. name end
function M:read(name) return slurp(self:path(name)) end
function M:exists(name) return core.exists(self:path(name)) end

function M:write(name, text)
  core.mkdir(self:path(name):match("^(.*)/"))
  core.write(self:path(name), text)
end

-- Names in a folder, or an empty list.
function M:list(name)
  return self:exists(name) and core.list(self:path(name)) or {}
end

-- Runs text as script.lua in the folder; before: words of the environment.
function M:run(text, words, before)
  self:write("script.lua", text)
  local ok, how, code = os.execute(("cd %s && %s %s script.lua %s > out.txt 2> err.txt < /dev/null")
    :format(self.folder, before or "", program, words or ""))
  return { status = how == "exit" and code or 128 + code, ok = ok, out = self:read("out.txt"),
           err = self:read("err.txt") }
end

return M
