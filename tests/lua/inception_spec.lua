-- inception_spec.lua - the Inception network against PyTorch's with the same weights from a formula
-- (tests/reference/make_inception.py made the taps), and its file.

local va = require "vaelua"
local core = require "vaelua.core"
local features = require "vaelua.features"
local inception = require "vaelua.features.inception"
local prepare = require "vaelua.features.prepare"
local score = require "vaelua.score"

local P = 8191

local function table_of_numbers()
  local list, s = {}, 1
  for i = 1, P do
    s = (s * 1664525 + 1013904223) % 2 ^ 32
    list[i] = s / 2 ^ 31 - 1
  end
  return va.tensor(list)
end

local function weights()
  local numbers, tensors = table_of_numbers(), {}
  for _, entry in ipairs(inception.tensors()) do
    local name, shape = entry[1], entry[2]
    local start, n = 0, 1
    for byte in name:gmatch(".") do start = (start * 31 + byte:byte()) % P end
    for _, size in ipairs(shape) do n = n * size end
    local u = numbers:tile((start + n) // P + 1):rows(start + 1, start + n):reshape(shape)
    if name:find("conv.weight$") or name == "fc.weight" then
      u = u * math.sqrt(6 * shape[1] / n)
    elseif name:find("bn.weight$") then
      u = 1 + 0.2 * u
    elseif name:find("running_var$") then
      u = 1 + 0.5 * u
    else
      u = 0.2 * u
    end
    tensors[name] = u
  end
  return tensors
end

local function pictures()
  local all = {}
  for n = 0, 1 do
    for h = 0, 31 do
      for w = 0, 27 do
        for c = 0, 2 do
          all[#all + 1] = (h * 37 + w * 11 + c * 53 + n * 101 + h * w) % 256
        end
      end
    end
  end
  return va.tensor(all):reshape(2, 32, 28, 3) / 255
end

describe("the Inception network", function()
  it("has PyTorch's values at every tap", function()
    local ref = va.read "tests/reference/inception.npz"
    local net = inception.new(weights(), "formula")
    local x = prepare.for_inception(pictures(), prepare.options { rounding = "uint8" }, 299)
    local taps = net:taps(x)
    for name, wanted in pairs(ref) do
      assert.are.same(wanted.shape, taps[name].shape)
      local off = (taps[name] - wanted):abs():max():item() / wanted:abs():max():item()
      assert(off < 1e-4, ("tap %s is off by %.3g"):format(name, off))
    end
  end)

  it("says what is missing where no file is named", function()
    if core.program.options.inception then return end
    local ok, err = pcall(features.find, "inception", { shape = { 28, 28, 1 } })
    local reason = score.reason_of(err)
    assert(not ok and reason:find("inception=FILE", 1, true), reason)
    assert(reason:find("mseitzer/pytorch-fid", 1, true))
    assert(reason:find("toshas/torch-fidelity", 1, true))
  end)

  it("names the first tensor that a file lacks or has in another shape", function()
    local function says(text, tensors)
      local ok, message = pcall(inception.new, tensors, "w.pth")
      assert(not ok and tostring(message):find(text, 1, true), message)
    end
    says("w.pth: not the weights of Inception-v3 of 2015-12-05: it has no tensor "
      .. "Conv2d_1a_3x3.conv.weight [32, 3, 3, 3]", {})
    says("its tensor Conv2d_1a_3x3.conv.weight is [2], needed is [32, 3, 3, 3]",
      { ["Conv2d_1a_3x3.conv.weight"] = va.zeros(2) })
  end)

  it("has no other taps", function()
    local ok, message = pcall(features.find, "inception:100", { shape = { 28, 28, 1 } })
    assert(not ok and tostring(message):find("has no tap '100'", 1, true), message)
  end)
end)
