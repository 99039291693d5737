--[[ worker.lua - a worker of the bench (tests/bench/measure.lua): it answers requests on standard
  input.

    worker.serve { step = function(batch) ... return function(seconds) ... return samples end end }

  A request is "SECONDS CASE ARGUMENT ..."; the case is made when it is first asked for, with its
  arguments as numbers where they are such, and then called with the seconds.  The answer is a line
  "LABEL: number ...".  By hand:

    echo "1 step 128 float32 vae" | build/vaelua tests/bench/ours/vae.lua ]]

local va = require "vaelua"
local core = require "vaelua.core"

local M = {}

local FIRST = 3          -- steps at the start of a loop that are not counted: it is noted in them

--- Seconds of each turn of a training loop with that body, for so many seconds.  From the start of
--- a turn to that of the next: kernels may run behind the body.
function M.steps(body, seconds)
  local times, begin, start = {}, core.clock(), nil
  for _ in va.steps(1000000) do
    local now = core.clock()
    if start then times[#times + 1] = now - start end
    if #times > FIRST and now - begin >= seconds then break end
    start = now
    body()
  end
  return table.move(times, FIRST + 1, #times, 1, {})
end

--- Seconds of one call of f(...).
function M.once(f, ...)
  local start = core.clock()
  f(...)
  return core.clock() - start
end

--- MB that this process has held at most.
function M.most_memory()
  for line in io.lines "/proc/self/status" do
    local kb = line:match "^VmHWM:%s*(%d+)"
    if kb then return kb * 1024 / 1e6 end
  end
end

-- ---- requests -----------------------------------------------------------------------------------

local function arguments(words)
  local list = {}
  for word in words:gmatch "%S+" do list[#list + 1] = tonumber(word) or word end
  return table.unpack(list)
end

local function answer(cases, ready, line)
  local seconds, name, words = line:match "^(%S+) (%S+) ?(.*)$"
  local key = name .. " " .. words
  if not ready[key] then
    local make = cases[name] or error("there is no case " .. name, 0)
    ready[key] = make(arguments(words))
  end
  local list = {}
  for i, v in ipairs(ready[key](tonumber(seconds))) do list[i] = ("%.9g"):format(v) end
  return "vaelua: " .. table.concat(list, " ")
end

function M.serve(cases)
  local ready = {}
  local function say(text)
    io.write((text:gsub("\n.*", "")), "\n")
    io.flush()
  end
  say(("ready %d vaelua %s"):format(core.pid(), core.version))
  for line in io.lines() do
    local good, text = pcall(answer, cases, ready, line)
    say(good and text or "skip: " .. tostring(text):gsub("^[^ ]*:%d+: ", ""))
  end
end

return M
