-- progress.lua - the line that says how far a training loop is.
--
-- On a terminal one line on stderr, redrawn at most ten times a second and left on the screen at
-- the end:
--
--   vae  seed 2/5  epoch  7/20  ████████████▌        62%  loss 241.8  kl 15.2  48k img/s  eta 0:31
--
-- Elsewhere (a file, a pipe, cron) one plain line an epoch, at most one a minute inside of a long
-- one, and at most one a second where there are more than 20 epochs.  The plain lines also go to
-- the run's log.txt.  Shows the outermost loop only; the numbers are those that were read back
-- last, so drawing never waits for the device.

local core = require "vaelua.core"
local cost = require "vaelua.cost"
local fail = require "vaelua.fail"
local live = require "vaelua.report.live"
local run = require "vaelua.run"

local M = {}

M.seed_text = nil         -- "seed 2/5" in the body of va.seeds

local CELLS = 20          -- of the bar
local PAUSE = 0.1         -- seconds between two drawings
local MINUTE = 60         -- seconds between two plain lines inside of an epoch
local MANY = 20           -- epochs, each of which has a line

local shown               -- the loop that is drawn
local drawn = false       -- the line on the screen is ours and not ended
local next_draw, next_plain, last_plain = 0, 0, 0

-- ---- how to draw ------------------------------------------------------------------------------

local style               -- "bar", "plain" or "none", found out at the first loop

local function choose()
  local o = core.program and core.program.options or {}
  if o.quiet or o.q then return "none" end
  if o.progress and o.progress ~= "auto" then
    if o.progress ~= "bar" and o.progress ~= "plain" and o.progress ~= "none" then
      fail.usage("--progress is bar, plain or none, not '" .. tostring(o.progress) .. "'")
    end
    return o.progress
  end
  return core.isatty(2) and os.getenv("TERM") ~= "dumb" and "bar" or "plain"
end

local function is_utf8()
  local locale = ""
  for _, name in ipairs { "LANG", "LC_CTYPE", "LC_ALL" } do      -- the last that is set wins
    local v = os.getenv(name)
    if v and v ~= "" then locale = v end
  end
  return locale:upper():find("UTF%-?8") ~= nil
end

local EIGHTHS = { "▏", "▎", "▍", "▌", "▋", "▊", "▉" }

--- The bar for a share of 0..1; every cell has eight parts where the terminal can draw them.
function M.bar(share, utf8_too)
  local parts = math.floor(share * CELLS * 8)
  local full, rest = parts // 8, parts % 8
  if not utf8_too then return ("#"):rep(full) .. (" "):rep(CELLS - full) end
  local part = EIGHTHS[rest] or ""
  return ("█"):rep(full) .. part .. (" "):rep(CELLS - full - (rest > 0 and 1 or 0))
end

--- 31 seconds are 0:31, 3,700 are 1:01:40.
function M.duration(seconds)
  local s = math.floor(seconds + 0.5)
  if s >= 3600 then return ("%d:%02d:%02d"):format(s // 3600, s // 60 % 60, s % 60) end
  return ("%d:%02d"):format(s // 60, s % 60)
end

--- 48100 is 48.1k.
function M.short(n)
  if n >= 1e6 then return ("%.1fM"):format(n / 1e6) end
  if n >= 1e4 then return ("%.1fk"):format(n / 1e3) end
  return ("%.0f"):format(n)
end

-- ---- the line ---------------------------------------------------------------------------------

-- Which epoch and how far inside of it; a loop without data has one.
local function place(loop)
  if not loop.epochs then return nil, loop.done / math.max(loop.total, 1) end
  local epoch = math.max(1, math.ceil(loop.done / loop.turns))
  return epoch, (loop.done - (epoch - 1) * loop.turns) / loop.turns
end

local function speed(loop)
  local seconds = core.clock() - loop.began
  local steps = loop.done - loop.done_before
  if seconds <= 0 or steps <= 0 then return nil end
  local eta = "eta " .. M.duration((loop.total - loop.done) * seconds / steps)
  if loop.rows_seen > 0 then
    return M.short(loop.rows_seen / seconds) .. " img/s", eta
  end
  return M.short(steps / seconds) .. " steps/s", eta
end

local function pieces(loop, with_bar)
  local p = {}
  local function put(text) if text and text ~= "" then p[#p + 1] = text end end
  local epoch, share = place(loop)
  put(loop.names())
  put(M.seed_text)
  if epoch then
    local width = #tostring(loop.epochs)
    put(("epoch %" .. width .. "d/%d"):format(epoch, loop.epochs))
  else
    put(("step %d/%d"):format(loop.done, loop.total))
  end
  if with_bar then
    put(("%s %3d%%"):format(M.bar(share, is_utf8()), math.floor(share * 100)))
  elseif epoch and share < 1 then
    put(("%d%%"):format(math.floor(share * 100)))
  end
  put(loop.summary())
  local rate, eta = speed(loop)
  put(rate)
  if loop.done < loop.total then put(eta) end
  return p
end

-- The first width characters (not bytes) of a line.
local function cut(line, width)
  local length = utf8.len(line)
  if not length or length <= width then return line end
  return line:sub(1, utf8.offset(line, width + 1) - 1)
end

local function draw(loop)
  local width = (core.columns() or 80) - 1
  io.stderr:write("\r\27[K", cut(table.concat(pieces(loop, true), "  "), width))
  io.stderr:flush()
  drawn = true
end

local function plain(loop)
  local line = table.concat(pieces(loop, false), "  ") .. "\n"
  if style == "plain" then io.stderr:write(line) end
  run.hear(line)
  last_plain = core.clock()
  next_plain = last_plain + MINUTE
end

-- ---- called by the loops ----------------------------------------------------------------------

-- Anything else that is printed goes above the line: it is taken away and drawn again later.
function run.clear_line()
  if drawn then
    io.stderr:write("\r\27[K")
    io.stderr:flush()
    drawn, next_draw = false, 0
  end
end

--- A training loop begins: loop has done, total, turns, epochs, rows_seen, names(), summary().
function M.open(loop)
  loop.began, loop.done_before, loop.rows_seen = core.clock(), loop.done, 0
  if shown then return end
  style = style or choose()
  shown = loop
  next_draw, next_plain = 0, core.clock() + MINUTE
end

--- After every step.
function M.turn(loop)
  if loop ~= shown then return end
  local now = core.clock()
  if style == "bar" and now >= next_draw then
    draw(loop)
    next_draw = now + PAUSE
  end
  if now >= next_plain then plain(loop) end
end

--- After the last step of an epoch, when its means are known.
function M.epoch(loop)
  if loop ~= shown then return end
  if style == "bar" then draw(loop) end
  local many = (loop.epochs or 0) > MANY and loop.done < loop.total
  if not many or core.clock() >= last_plain + 1 then plain(loop) end
  live.epoch()
end

--- The loop ends: its last state stays on the screen.
function M.close(loop)
  if loop.began then cost.training(core.clock() - loop.began, loop.rows_seen) end
  if loop ~= shown then return end
  if style == "bar" and loop.done > loop.done_before then
    draw(loop)
    io.stderr:write("\n")
    drawn = false
  end
  shown = nil
end

return M
