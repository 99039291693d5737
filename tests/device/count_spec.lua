-- count_spec.lua - what a captured training step of the VAE costs on the device (count.lua): one
-- graph, how many kernels, bytes, waits and allocations.

local core = require "vaelua.core"
local count = require "tests.device.count"

local KERNELS, BYTES = 40, 1.3

describe("a captured step of the VAE at batch 128", function()
  local step, must_move
  setup(function()
    step, must_move = count.step(core.realpath "/proc/self/exe", {})
  end)

  it("is one graph launch, without waits and allocations", function()
    assert.are.equal(1, step.graph_launches)
    assert.are.equal(0, step.host_waits)
    assert.are.equal(0, step.allocations)
  end)

  it("has at most " .. KERNELS .. " kernels", function()
    assert(step.kernels <= KERNELS, step.kernels .. " kernels")
  end)

  it(("moves at most %.1f times the bytes that it must"):format(BYTES), function()
    local bytes = step.bytes_read + step.bytes_written
    assert(bytes <= BYTES * must_move, ("%.1f MB, needed %.1f MB"):format(bytes / 1e6,
      must_move / 1e6))
    assert(bytes >= must_move * 0.9, "what must be moved was miscounted")
  end)
end)
