-- study_spec.lua - experiments/compare.lua on the device VAELUA_TEST_DEVICE and on the CPU, with
-- data cut down to what a simulated device can chew: the same table.
--
-- Both begin from equal weights, batches and noise; sums are added in another order, so numbers may
-- differ by 1e-3 of themselves after the few steps of this training.

local core = require "vaelua.core"

local device = os.getenv "VAELUA_TEST_DEVICE" or "cuda"
local program = core.realpath "/proc/self/exe"
local folder = os.tmpname()
os.remove(folder)

local function slurp(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read "a"
end

-- compare.lua with the first 200 pictures to train and 60 to test.
local function script()
  local text, n = slurp "experiments/compare.lua":gsub('va%.data "fashion_mnist"', [[
    (function()
      local full = va.data "fashion_mnist"
      return va.data { train = full.train:subset(200), test = full.test:subset(60),
                       classes = full.classes }
    end)()]])
  assert.are.equal(1, n)
  return text
end

-- The rows of the main table: "model,seed,score,source,sampled" -> value.
local function table_of(name)
  local out = folder .. "/" .. name
  local status, text = core.run_command { program, "--device", name, "--out", out,
    folder .. "/compare.lua", "quick=true", "epochs=1", "train=200", "count=60" }
  assert.are.equal(0, status, text)
  local rows, order = {}, {}
  for line in slurp(out .. "/latest/tables/main.csv"):gmatch "[^\n]+" do
    local key, value = line:match "^(.-,.-,.-,.-,.-),([^,]*)"
    rows[key] = tonumber(value) or value
    order[#order + 1] = key
  end
  return rows, order
end

describe("compare.lua on " .. device, function()
  it("ends with the table of the CPU", function()
    core.mkdir(folder)
    core.write(folder .. "/compare.lua", script())
    local wanted, order = table_of "cpu"
    local got = table_of(device)
    core.run_command { "rm", "-rf", folder }
    assert(#order > 40, "a table of " .. #order .. " rows")
    for _, key in ipairs(order) do
      local w, g = wanted[key], got[key]
      local same = w == g or type(w) == "number" and type(g) == "number"
                   and math.abs(w - g) <= 1e-3 * math.abs(w)
      assert(same, ("%s: %s on the CPU, %s here"):format(key, w, g))
    end
  end)
end)
