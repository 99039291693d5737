-- vae.lua - a training step of the VAE, and an epoch of the VAE and the autoencoder together,
-- beside PyTorch's, in turns, so that both meet the same load of the machine.
--
--     build/vaelua tests/bench/vae.lua [rounds] [threads]
--
-- Prints the least of each and their ratio.  Without Debian's python3-torch only ours.

local core = require "vaelua.core"

local rounds = tonumber(arg[1]) or 3
local threads = arg[2] or "2"
local here = arg[0]:match("^(.*)/[^/]*$") or "."
local program = arg[-1] or "build/vaelua"
local python, script = "/usr/bin/python3", here .. "/vae_torch.py"

-- The number that a command prints last, as "NAME NUMBER", or nil.
local function measure(words)
  local status, text = core.run_command(words)
  return status == 0 and tonumber(text:match("[a-z]+ ([%d.]+)%s*$")) or nil
end

-- Both in turns; the least of each.
local function compare(what, unit, ours, peer)
  local best = {}
  for _ = 1, rounds do
    for name, words in pairs { vaelua = ours, torch = peer } do
      best[name] = math.min(best[name] or math.huge, measure(words) or math.huge)
    end
  end
  print(("%s, %s threads: vaelua %.2f %s"):format(what, threads, best.vaelua, unit))
  if best.torch < math.huge then
    print(("PyTorch %.2f %s, ratio %.3f (goal: at most 0.40)"):format(best.torch, unit,
      best.vaelua / best.torch))
  else
    print("PyTorch: no python3-torch here")
  end
end

compare("VAE step, batch 128", "ms", { program, "--threads=" .. threads, here .. "/vae_step.lua" },
  { python, script, threads, "40" })
compare("epoch of VAE and AE", "s",
  { program, "--threads=" .. threads, here .. "/training.lua", "1" },
  { python, script, threads, "train", "1" })
