-- vae.lua - a training step of the VAE beside PyTorch's, in turns, so that both meet the same
-- load of the machine.
--
--     build/vaelua tests/bench/vae.lua [rounds] [threads]
--
-- Prints the least median of each and their ratio.  Without Debian's python3-torch only ours.

local core = require "vaelua.core"

local rounds = tonumber(arg[1]) or 3
local threads = arg[2] or "2"
local here = arg[0]:match("^(.*)/[^/]*$") or "."
local program = arg[-1] or "build/vaelua"

local best = {}

local function run(words)
  local status, text = core.run_command(words)
  local name, ms = text:match("([a-z]+) ([%d.]+)%s*$")
  if status ~= 0 or not name then return end
  best[name] = math.min(best[name] or math.huge, tonumber(ms))
end

for _ = 1, rounds do
  run { program, "--threads=" .. threads, here .. "/vae_step.lua" }
  run { "/usr/bin/python3", here .. "/vae_torch.py", threads, "40" }
end

print(("VAE step, batch 128, %s threads: vaelua %.2f ms"):format(threads, best.vaelua or 0 / 0))
if best.torch then
  print(("PyTorch %.2f ms, ratio %.3f (goal: at most 0.40)"):format(best.torch,
    best.vaelua / best.torch))
else
  print("PyTorch: no python3-torch here")
end
