-- compare_spec.lua - experiments/compare.lua from its start to its tables, pictures and curves,
-- with a training of a few steps for each of two seeds.

local core = require "vaelua.core"

local program = core.realpath(os.getenv("VAELUA") or "build/vaelua")
local folder = os.tmpname()
os.remove(folder)

local status, text, run

local function read(name)
  local f <close> = assert(io.open(run .. "/" .. name, "rb"))
  return f:read("a")
end

setup(function()
  core.mkdir(folder)
  status, text = core.run_command { program, "--out", folder, "experiments/compare.lua",
    "epochs=2", "train=640", "count=300", "seeds=2" }
  run = folder .. "/latest"
end)

teardown(function() core.run_command { "rm", "-rf", folder } end)

describe("compare.lua", function()
  it("ends well, in at most 60 lines", function()
    assert.are.equal(0, status, text)
    local lines = 0
    for _ in io.lines("experiments/compare.lua") do lines = lines + 1 end
    assert(lines <= 60, lines .. " lines")
  end)

  it("prints both models in the same units, with reasons where there is no number", function()
    for _, words in ipairs { "mean squared error", "squared error", "cross-entropy, z = mean",
      "cross-entropy, z sampled", "nats per image", "KL to the prior", "−ELBO", "active units",
      "PSNR", "SSIM", "not defined [1]", "[1] no density", "real (floor)", "2 seeds (1 to 2)" } do
      assert(text:find(words, 1, true), "no '" .. words .. "' in:\n" .. text)
    end
  end)

  it("says how every row was sampled, and which features a distance is on", function()
    assert(text:find("Fréchet distance (vaelua features v", 1, true))
    assert(not text:find("FID", 1, true))
    for _, words in ipairs { "reconstructions", "samples: prior N(0, I)",
      "samples: normal fitted to drawn training codes",
      "samples: mixture of 10 normals fitted to drawn training codes" } do
      assert(text:find(words, 1, true), "no '" .. words .. "' in:\n" .. text)
    end
  end)

  it("prints the study's column beside the right names", function()
    assert(text:find("nats per image, binary cross%-entropy %+ 1 KL +study: 239%.51"), text)
    assert(text:find("squared error per image +study: +6%.68"), text)
  end)

  it("writes tables, pictures and curves of every seed", function()
    assert(read("tables/main.md"):find("| −ELBO | ↓ |", 1, true))
    local rows = 0
    for line in read("tables/main.csv"):gmatch("[^\n]+") do
      rows = rows + (line:find("^ae,2,") and 1 or 0)
    end
    assert(rows > 15)
    for _, name in ipairs { "reconstructions-s1.png", "reconstructions-s2.png",
      "samples-vae-prior-s1.png", "samples-ae-gmm_10-s2.png", "samples-real-s1.png",
      "interpolations-ae-s1.png", "training-vae.svg", "training-ae.csv" } do
      assert(core.exists(run .. "/figures/" .. name), name)
    end
  end)

  it("starts both models from the same weights", function()
    local script = [[
      local va = require "vaelua"
      local nn = va.nn
      local function enc(n) return nn.chain({ 8, 8, 1 }, { nn.conv(4, 3), nn.linear(n) }) end
      local a = nn.model("vae", { enc = enc(6) })
      local b = nn.model("ae", { enc = enc(3) })
      local p, q = a:params(), b:params()
      assert(p["enc.1.weight"]:eq(q["enc.1.weight"]):min():item() == 1)
      assert(p["enc.2.weight"]:rows(1, 3):eq(q["enc.2.weight"]):min():item() == 1)]]
    local ended, said = core.run_command { program, "-e", script }
    assert.are.equal(0, ended, said)
  end)
end)
