--[[ measure.lua - measures several parties in turn: A B A B, so that all meet the same load of the
  machine.

    local a = measure.worker({ "build/vaelua", "tests/bench/ours/vae.lua" })
    local b = measure.worker({ "python3", "tests/bench/theirs/vae.py" }, { "OMP_NUM_THREADS=2" })
    local results = measure.turns({ { worker = a, case = "step 128" },
                                    { worker = b, case = "step 128" } }, 5, 0.5)
    a:close() b:close()

  A worker is a program that stays and answers requests: it says "ready PID NAME" once, then reads
  lines "SECONDS CASE" and answers each with one line, "LABEL: number ..." or "skip: reason"
  (ours/worker.lua, theirs/worker.py).  The label says which of its settings the numbers are of.
  One that cannot start, or ends, is missing: what it wrote to its standard error is in the log. ]]

local core = require "vaelua.core"

local M = { log = "/dev/null" }       -- where standard error of the workers goes

-- The value a share p of the way up in a sorted list, between its neighbours.
local function quantile(sorted, p)
  local at = 1 + (#sorted - 1) * p
  local low = math.floor(at)
  local high = math.min(low + 1, #sorted)
  return sorted[low] + (sorted[high] - sorted[low]) * (at - low)
end

--- { median, min, q1, q3, n } of a list of numbers; nil of none.
function M.statistics(samples)
  if #samples == 0 then return nil end
  local sorted = table.move(samples, 1, #samples, 1, {})
  table.sort(sorted)
  return { median = quantile(sorted, 0.5), min = sorted[1], q1 = quantile(sorted, 0.25),
           q3 = quantile(sorted, 0.75), n = #sorted }
end

--- Seconds of each call of f, called for so many seconds; the first call is not counted.
function M.times(f, seconds)
  f()
  local times, begin = {}, core.clock()
  repeat
    local start = core.clock()
    f()
    local now = core.clock()
    times[#times + 1] = now - start
  until now - begin >= seconds
  return times
end

-- ---- workers ------------------------------------------------------------------------------------

local function quoted(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local Worker = {}
Worker.__index = Worker

--- Starts a program with words of the environment ("NAME=VALUE").  Its name is what it calls
--- itself; `missing` says why it is not there.
function M.worker(words, environment)
  local line = { "exec env" }
  for _, list in ipairs { environment or {}, words } do
    for _, word in ipairs(list) do line[#line + 1] = quoted(word) end
  end
  local pipe = os.tmpname()
  os.remove(pipe)
  assert(os.execute("mkfifo -m 600 " .. pipe))
  local input = assert(io.popen(("%s > %s 2>> %s"):format(table.concat(line, " "), pipe,
    quoted(M.log)), "w"))
  local output = assert(io.open(pipe))
  os.remove(pipe)
  local w = setmetatable({ input = input, output = output }, Worker)
  w.pid, w.name = (output:read "l" or ""):match "^ready (%d+) (.*)$"
  if not w.pid then w:close("it does not start") end
  return w
end

--- Ends the program; a reason marks it as missing.
function Worker:close(reason)
  if not self.input then return end
  if self.pid and not reason then os.execute("kill " .. self.pid .. " 2> /dev/null") end
  self.input:close()
  self.output:close()
  self.input, self.missing = nil, reason or "closed"
end

Worker.__gc, Worker.__close = Worker.close, function(w) w:close() end

--- The numbers of a case, measured for so many seconds, and the label of its setting; or nil and
--- the reason.
function Worker:ask(seconds, case)
  if self.missing then return nil, self.missing end
  self.input:write(("%g %s\n"):format(seconds, case)):flush()
  local answer = self.output:read "l"
  if not answer then
    self:close("it ended")
    return nil, self.missing
  end
  local label, text = answer:match "^([^:]*): *(.*)$"
  if not label or label == "skip" then return nil, text or answer end
  local samples = {}
  for number in text:gmatch "%S+" do samples[#samples + 1] = assert(tonumber(number), answer) end
  return samples, label
end

-- ---- in turn ------------------------------------------------------------------------------------

--- Asks parties ({ worker or ask = function(seconds, case), case }) in turn for so many rounds;
--- returns a list of their statistics with a label, or { skip = reason }.
function M.turns(parties, rounds, seconds)
  local all = {}
  for i in ipairs(parties) do all[i] = { samples = {} } end
  for _ = 1, rounds do
    for i, p in ipairs(parties) do
      local mine = all[i]
      if not mine.skip then
        local samples, words
        if p.ask then samples, words = p.ask(seconds, p.case)
        else samples, words = p.worker:ask(seconds, p.case) end
        if samples then
          table.move(samples, 1, #samples, #mine.samples + 1, mine.samples)
          mine.label = words
        else
          mine.skip = words
        end
      end
    end
  end
  local results = {}
  for i, mine in ipairs(all) do
    results[i] = not mine.skip and M.statistics(mine.samples) or { skip = mine.skip or "nothing" }
    results[i].label = mine.label
  end
  return results
end

return M
