--[[ profile.lua - va.profile: where the time of a function goes, by op.

    local rows = va.profile(function()
      for _ = 1, 20 do adam:step(vae:loss(x)) end
    end)

  Each line is an op and a kernel that it called: calls, milliseconds, share of the whole, and how
  much it did a second: GFLOP of products, GB of arguments (each read or written once). The last
  column is the share of the machine's peak that it comes nearer to, products in registers (F) or
  bytes through memory (B), both measured at the first profile; what lies in a cache passes the
  latter. Backward kernels stand under the op whose gradient they compute. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"

local M = {}

local peak                    -- of the CPU, measured once

-- Rows with their rates, the slowest first; what is no kernel's time comes last.
local function finish(rows, total)
  local inside = 0
  for _, row in ipairs(rows) do
    inside = inside + row.seconds
    row.gflops, row.gbs = row.flop / row.seconds / 1e9, row.bytes / row.seconds / 1e9
    if peak then
      local flop, bytes = row.gflops * 1e9 / peak.flop, row.gbs * 1e9 / peak.bytes
      row.peak, row.limit = math.max(flop, bytes), flop >= bytes and "F" or "B"
    end
  end
  table.sort(rows, function(a, b)
    if a.seconds ~= b.seconds then return a.seconds > b.seconds end
    return a.op .. a.kernel < b.op .. b.kernel
  end)
  rows.seconds, rows.outside = total, math.max(total - inside, 0)
  return rows
end

local function rate(x) return x > 0 and ("%.1f"):format(x) or "" end

local function text_of(rows)
  local out = { ("%-18s %-20s %8s %10s %6s %8s %8s %7s"):format("op", "kernel", "calls", "ms", "%",
                                                               "GFLOP/s", "GB/s", "peak") }
  local function line(op, kernel, calls, seconds, gflops, gbs, of_peak)
    out[#out + 1] = ("%-18s %-20s %8s %10.3f %6.1f %8s %8s %7s"):format(op, kernel, calls,
      seconds * 1e3, 100 * seconds / rows.seconds, gflops, gbs, of_peak):gsub("%s+$", "")
  end
  for _, r in ipairs(rows) do
    line(r.op ~= "" and r.op or "-", r.kernel, r.calls, r.seconds, rate(r.gflops), rate(r.gbs),
         r.peak and ("%.0f%% %s"):format(100 * r.peak, r.limit) or "")
  end
  line("outside of kernels", "", "", rows.outside, "", "", "")
  line("all", "", "", rows.seconds, "", "", "")
  if peak then
    out[#out + 1] = ("peak of this machine, threads: %d, GFLOP/s: %.0f (F), GB/s: %.0f (B)"):format(
      core.threads(), peak.flop / 1e9, peak.bytes / 1e9)
  end
  return table.concat(out, "\n")
end

local Rows = { __name = "profile", __tostring = text_of }

--- va.profile(f, ...): calls f(...), prints a table of the kernels that it ran by op (calls,
--- milliseconds, share, GFLOP/s, GB/s, share of the machine's peak) and gives its rows. Loops run
--- call by call meanwhile.
function M.profile(f, ...)
  fail.need_function("profile", "what is to be timed", f)
  peak = peak or core.device() == "cpu" and core.cpu_peak() or nil
  if not core.profile_begin() then fail("profile: one is at work already") end
  local start = core.clock()
  local result = table.pack(pcall(f, ...))
  local total = core.clock() - start
  local rows = setmetatable(finish(core.profile_end(), total), Rows)
  if not result[1] then error(result[2], 0) end
  print(rows)
  return rows
end

return M
