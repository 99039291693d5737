-- va.profile: rows of the kernels that ran, the same results, loops as before afterwards.

local va = require "vaelua"
local core = require "vaelua.core"

local function quietly(f, ...)
  local shown, before = {}, print
  _G.print = function(x) shown[#shown + 1] = tostring(x) end
  local result = table.pack(pcall(va.profile, f, ...))
  _G.print = before
  return table.concat(shown, "\n"), table.unpack(result, 1, result.n)
end

local function row(rows, kernel)
  for _, r in ipairs(rows) do
    if r.kernel == kernel then return r end
  end
end

describe("va.profile", function()
  it("counts calls, products and bytes of each kernel", function()
    local x, w = va.randn(6, 8), va.var(va.randn(5, 8))
    local text, good, rows = quietly(function(n)
      for _ = 1, n do va.grad(va.linear(x, w):sum(), { w }) end
    end, 3)
    assert.is_true(good)
    local forward, back = row(rows, "linear"), row(rows, "matmul")
    assert.same({ "linear", 3, 3 * 2 * 6 * 5 * 8 }, { forward.op, forward.calls, forward.flop })
    assert.same({ "linear", 3, 3 * 2 * 6 * 5 * 8 }, { back.op, back.calls, back.flop })
    assert.equal(3 * 4 * (6 * 8 + 5 * 8 + 6 * 5), forward.bytes)
    assert.truthy(text:find "linear +linear +3 ")
    assert.truthy(text:find "GFLOP/s")
    local inside = 0
    for _, r in ipairs(rows) do inside = inside + r.seconds end
    assert.is_true(math.abs(rows.seconds - inside - rows.outside) < 1e-6)
  end)

  it("changes no bits, and loops are launched again behind it", function()
    local function train(profiled)
      va.seed(1)
      local w = va.nn.model("w", { w = va.nn.param(va.randn(4, 3)) })
      local adam, x = va.adam(w, {}), va.randn(5, 4)
      local function steps(n)
        for _ in va.steps(n) do adam:step(x:matmul(w.w):square():sum()) end
      end
      if profiled then quietly(steps, 6) else steps(6) end
      local before = core.turns().launched
      steps(6)
      return w.w:totable(), core.turns().launched - before
    end
    local plain, launched = train(false)
    local profiled, launched_behind = train(true)
    assert.same(plain, profiled)
    assert.is_true(launched > 0)
    assert.equal(launched, launched_behind)
  end)

  it("can begin inside of a turn", function()
    local w = va.nn.model("w", { w = va.nn.param(va.randn(4)) })
    local adam = va.adam(w, {})
    for _ in va.steps(5) do
      local _, good = quietly(function() adam:step(w.w:square():sum()) end)
      assert.is_true(good)
    end
  end)

  it("passes an error on and ends", function()
    local _, good, message = quietly(function() error("mine", 0) end)
    assert.same({ false, "mine" }, { good, message })
    assert.is_true(core.profile_begin())
    assert.is_false(core.profile_begin())
    core.profile_end()
  end)

  it("needs a function, and is not for the inside of another", function()
    local _, good, message = quietly(7)
    assert.is_false(good)
    assert.truthy(message:find("profile: what is to be timed must be a function, got 7", 1, true))
    _, good, message = quietly(function() va.profile(print) end)
    assert.is_false(good)
    assert.truthy(message:find("profile: one is at work already", 1, true))
  end)
end)
