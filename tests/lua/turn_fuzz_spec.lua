-- turn_fuzz_spec.lua - loop bodies made at random give the bits of running call by call.
--
-- A seed makes a program: a list of instructions with the turns in which they run.  Most run in
-- every turn, so that most turns are launched as one.  The program is run twice, eagerly and noted;
-- all that it has kept or read and all weights must have equal bytes.  A seed that fails is named;
-- VAELUA_FUZZ=17 runs that one alone, VAELUA_FUZZ=1-5000 more of them.

local va = require "vaelua"
local core = require "vaelua.core"
local bytes_of = require("tests.lua.makers").bytes_of
local nn = va.nn

local ROWS, WIDTH = 8, 4

-- ---- making programs --------------------------------------------------------------------------

-- A generator of its own: the program's numbers come from nowhere else.
local function dice(seed)
  local state = (seed * 2654435761 + 12345) & 0xffffffff
  return function(n)
    state = (state * 1664525 + 1013904223) & 0xffffffff
    return (state >> 8) % n + 1
  end
end

-- Numbers of an instruction: registers and choices, read as the instruction likes.
local NAMES = { "unary", "binary", "scaled", "linear", "views", "keep", "recall", "loss", "noise",
  "upload", "buffer", "outside", "clamp", "norm", "eval", "grad", "detach", "sums", "index",
  "drop_outside" }
local RARE = { "read", "table", "collect", "fails", "inner", "batches", "leave_free", "branch",
  "write_param", "write_kept", "hash", "double", "forget", "other_step" }

local function when(roll)
  local kind = roll(4)
  if kind == 1 then return { at = roll(12) } end
  if kind == 2 then return { every = roll(3) + 1 } end
  if kind == 3 then return { from = roll(9) + 2 } end
  return { always = true }
end

local function runs(w, i)
  if w.at then return i == w.at end
  if w.every then return i % w.every == 0 end
  if w.from then return i >= w.from end
  return true
end

local function program_of(seed)
  local roll = dice(seed)
  local p = { seed = seed, loops = {}, rare = roll(3) - 1, roll = roll }
  for l = 1, roll(3) do
    local loop = { kind = roll(3), batch = roll(4) == 1 and 5 or 8, turns = roll(4) + 8, list = {} }
    if roll(8) == 1 then loop.stop = roll(loop.turns) end
    for _ = 1, roll(9) + 3 do
      local name, w = NAMES[roll(#NAMES)], { always = true }
      if p.rare > 0 and roll(6) == 1 then
        name, w = RARE[roll(#RARE)], when(roll)
        if w.always then w = { at = roll(12) } end
      elseif p.rare > 1 and roll(12) == 1 then w = when(roll) end
      loop.list[#loop.list + 1] = { name = name, when = w,
                                    a = roll(64), b = roll(64), c = roll(64) }
    end
    loop.step = roll(5)
    p.loops[l] = loop
  end
  return p
end

-- ---- running them -----------------------------------------------------------------------------

-- A register by a number: all hold [n, WIDTH].
local function get(s, n) return s.reg[n % #s.reg + 1] end

local function put(s, t, n)
  if #s.reg < 6 then s.reg[#s.reg + 1] = t else s.reg[n % 5 + 2] = t end
end

-- Rows as many as those of x.
local function fit(s, t)
  local n = s.n
  if #t == n then return t end
  if #t > n then return t:rows(1, n) end
  return va.cat({ t, t }, 1):rows(1, n)
end

local UNARY = { "tanh", "sigmoid", "square", "relu", "exp" }
local BINARY = { "add", "sub", "mul", "maximum" }

local function bounded(t) return t:tanh() end

local op = {}

function op.unary(s, k) put(s, bounded(get(s, k.a)[UNARY[k.b % 4 + 1]](get(s, k.a))), k.c) end

function op.binary(s, k)
  local f = va[BINARY[k.c % 3 + 1]]
  put(s, f(fit(s, get(s, k.a)), fit(s, get(s, k.b))):tanh(), k.c)
end

function op.scaled(s, k) put(s, get(s, k.a) * (1 / (s.i + k.b)) + s.i * 0.01, k.c) end

function op.linear(s, k) put(s, s.net.f(get(s, k.a)):tanh(), k.c) end

function op.views(s, k)
  local x = get(s, k.a)
  local kind = k.b % 5
  if kind == 0 then put(s, x:transpose():contiguous():transpose(), k.c)
  elseif kind == 1 then
    local a, b = x:split(2)
    put(s, va.cat({ b, a }), k.c)
  elseif kind == 2 then put(s, x:reshape(-1):reshape(#x, WIDTH), k.c)
  elseif kind == 3 then put(s, x:rows(1, #x), k.c)
  else put(s, x - x:mean(1), k.c) end
end

local function keep(s, t, n)
  if #s.kept < 5 then s.kept[#s.kept + 1] = t else s.kept[n % 5 + 1] = t end
end

function op.keep(s, k)
  local x = get(s, k.a)
  local kind = k.b % 6
  if kind == 0 then x = x:rows(1, #x - 1)
  elseif kind == 1 then x = x:transpose()
  elseif kind == 2 then x = x:split(2)
  elseif kind == 3 then x = x:reshape(-1)
  elseif kind == 4 then x = x[1] end
  keep(s, x:detach(), k.c)
end

local function wide(s, t)       -- any kept tensor as [n, WIDTH]
  return t:mean():reshape(1, 1):expand(s.n, WIDTH) * 0.5
end

function op.recall(s, k)
  if #s.kept == 0 then return end
  local t = s.kept[k.a % #s.kept + 1]
  t = #t.shape == 2 and t.shape[2] == WIDTH and fit(s, t) or wide(s, t)
  put(s, (t + get(s, k.b) * 0.5):detach(), k.c)
end

local function loss_of(s, k) return (s.net.f(get(s, k.a)) - fit(s, get(s, k.b))):square():mean() end

-- Weights change, or history was walked: what was computed counts as values from here on.
local function plain(s)
  for i, t in ipairs(s.reg) do s.reg[i] = t:detach() end
end

local function step(s, k)
  s.adam:step(loss_of(s, k))
  plain(s)
end

function op.loss(s, k)
  if k.c % 4 > 0 then
    s.loss = loss_of(s, k)
    s.adam:step(s.loss)
  else s.adam:add(loss_of(s, k)) end
  plain(s)
end

function op.other_step(s, k)
  s.sgd:step(loss_of(s, k))
  plain(s)
end

function op.double(s, k)
  va.step({ s.adam, loss_of(s, k) }, { s.sgd, s.bias:square():sum() })
  plain(s)
end

function op.noise(s, k)
  put(s, k.a % 2 == 0 and va.randn(s.n, WIDTH) or va.rand(s.n, WIDTH), k.c)
end

function op.upload(s, k)
  local kind = k.a % 3
  if kind == 0 then put(s, get(s, k.b) * va.tensor { s.i, 1, 2, k.b }, k.c)
  elseif kind == 1 then put(s, get(s, k.b) + va.linspace(0, 1 / s.i, WIDTH), k.c)
  else
    local rows = va.arange(1, s.n)
    put(s, fit(s, get(s, k.b)):pick(rows), k.c)
  end
end

function op.buffer(s, k)
  if k.a % 3 == 0 then s.buffer:set(get(s, k.b):mean(1))
  elseif k.a % 3 == 1 then s.buffer:lerp(get(s, k.b):mean(1), 1 / (s.i + 1))
  else s.buffer:set(s.i) end
  put(s, (get(s, k.b) + s.buffer):detach(), k.c)
end

local function from_outside(s, at)
  local t = s.outside[at]
  return at <= 2 and fit(s, t) or t
end

function op.outside(s, k)
  put(s, bounded(get(s, k.a) * from_outside(s, k.b % 4 + 1)), k.c)
end

-- Whoever came from outside is used and let go in the same turn; a tensor like it comes instead.
function op.drop_outside(s, k)
  local at = k.b % 4 + 1
  put(s, (get(s, k.a) * from_outside(s, at)):tanh():detach(), k.c)
  if s.i % 6 == k.c % 6 then
    s.outside[at] = nil
    plain(s)
    s.reg[2], s.reg[3] = s.reg[1], s.reg[1]
    collectgarbage()
    s.outside[at] = at <= 2 and va.randn(ROWS, WIDTH) or s.buffer * 1
  end
end

function op.clamp(s, k) put(s, get(s, k.a):clamp(-1, 1 / s.i), k.c) end

function op.norm(s, k) put(s, s.net.g(get(s, k.a)):tanh(), k.c) end

function op.eval(s, k)
  va.no_grad(function() put(s, s.net.f(get(s, k.a)):sigmoid(), k.c) end)
end

function op.grad(s, k)
  local loss = loss_of(s, k)
  local w = s.net:params()["f.1.weight"]
  local g = va.grad(loss, w, { keep = k.b % 2 == 0 })
  if k.b % 2 == 0 then g = g + va.grad(loss, w) end
  plain(s)
  put(s, get(s, k.c) + g:mean(), k.c)
end

function op.detach(s, k) put(s, get(s, k.a):detach(), k.c) end

function op.sums(s, k)
  s.total = (s.total or 0) + get(s, k.a):mean():detach() * 0.5
  if k.b % 4 == 0 then put(s, get(s, k.c) + s.total, k.b) end
end

function op.index(s, k)
  local which = va.randint(1, s.n, { s.n })
  put(s, k.a % 2 == 0 and va.one_hot(get(s, k.a):argmax(), WIDTH) or
    fit(s, get(s, k.b)):pick(which), k.c)
end

function op.read(s, k) s.seen[#s.seen + 1] = get(s, k.a):sum():item() end

function op.table(s, k) s.seen[#s.seen + 1] = get(s, k.a):totable()[1] end

function op.hash(s, k) s.seen[#s.seen + 1] = core.tensor_hash(get(s, k.a)) end

function op.collect() collectgarbage() end

function op.fails(s, k)
  local ok = pcall(function()
    local h = get(s, k.a) * 2
    if k.b % 2 == 0 then error("planned") end
    return h:matmul(va.zeros(WIDTH + 1, 2))
  end)
  s.seen[#s.seen + 1] = ok
end

function op.inner(s, k)
  for _ = 1, 2 do
    for j in va.steps(k.b % 3 + 1) do
      put(s, get(s, k.a) * (1 / j), k.c)
      if k.c % 2 == 0 then step(s, k) end
    end
  end
end

function op.batches(s, k)
  for x in s.set:batches(k.a % 9 + 4) do s.seen[#s.seen + 1] = s.net.f(x):mean() end
end

-- What was kept is let go, so that its memory is there for others.
function op.leave_free(s, k)
  s.kept[k.a % 5 + 1] = nil
  local list = {}
  for _, t in pairs(s.kept) do list[#list + 1] = t end
  s.kept = list
  collectgarbage()
end

function op.forget(s) s.kept = {} end

function op.branch(s, k)
  if get(s, k.a):mean():item() > 0 then put(s, get(s, k.b):neg(), k.c)
  else step(s, k) end
end

function op.write_param(s, k)
  for _, p in pairs(s.net:params()) do p:set(p:clamp(-0.5, 0.5)) end
  local bias = s.net:params()["f.1.bias"]
  if k.a % 2 == 0 then bias:lerp(bias:mean():expand(6) * 1, 0.25) end
  plain(s)
end

function op.write_kept(s, k)
  local t = s.kept[k.a % 5 + 1]
  if t then t:set(k.b % 2 == 0 and s.i or t * 0.5) end
end

local function turn(s, loop, i, x)
  s.i, s.n = i, #x
  s.reg = { x, fit(s, s.outside[1]), fit(s, s.outside[2]) }
  for _, k in ipairs(loop.list) do
    if runs(k.when, i) then op[k.name](s, k) end
  end
  if loop.step == 1 then s.seen[#s.seen + 1] = get(s, 0):mean():item()
  elseif loop.step == 2 then s.adam.lr = 0.01 / i
  elseif loop.step == 3 then s.seen[#s.seen + 1] = s.reg[#s.reg] end
  if loop.step < 5 then step(s, loop.list[1]) end
end

local function run_loop(s, loop)
  local i = 0
  if loop.kind == 1 then
    for _ in va.steps(loop.turns) do
      i = i + 1
      turn(s, loop, i, va.rand(ROWS, WIDTH))
      if i == loop.stop then break end
    end
    return
  end
  local n = loop.kind == 2 and 5 or 4
  for _, x in s.set:epochs(n, loop.batch) do
    i = i + 1
    turn(s, loop, i, x)
    if i == loop.stop then break end
  end
end

local function state_of(seed)
  va.seed(seed)
  local s = { kept = {}, seen = {} }
  s.set = va.set(va.rand(24, WIDTH))
  s.net = nn.model("net", { f = nn.chain(WIDTH, { nn.linear(6), nn.relu, nn.linear(WIDTH) }),
    g = nn.chain(WIDTH, { nn.batchnorm(), nn.dropout(0.25) }) })
  s.outside = { va.randn(ROWS, WIDTH), va.rand(ROWS, WIDTH), va.rand(WIDTH), va.randn(WIDTH) }
  s.buffer, s.bias = va.zeros(WIDTH), nn.param(WIDTH)
  s.adam = va.adam(s.net, { lr = 0.01, clip = seed % 2 })
  s.sgd = va.sgd({ s.bias, s.net.f }, { lr = 0.01, momentum = seed % 3 == 0 and 0.9 or 0 })
  return s
end

-- The bytes of all that a program leaves; the first message if it fails.
local function run(p, eager)
  local before = core.turns()
  va.eager(eager)
  local s = state_of(p.seed)
  local failed = "whole"
  for _, loop in ipairs(p.loops) do
    local ok, message = pcall(run_loop, s, loop)
    if not ok then failed = tostring(message):gsub("^.-:%d+: ", "") end
  end
  va.eager(false)
  local parts = { failed, "seen", bytes_of(s.seen), "kept", bytes_of(s.kept), bytes_of(s.outside),
    bytes_of(s.buffer), bytes_of(s.bias), bytes_of(s.total), bytes_of(s.loss) }
  for path, t in pairs(s.net:params()) do parts[#parts + 1] = path .. " " .. bytes_of(t) end
  local after = core.turns()
  for k, v in pairs(after) do after[k] = v - before[k] end
  return table.concat(parts, "\n"), after, failed
end

local function text_of(p)
  local lines = {}
  for _, loop in ipairs(p.loops) do
    lines[#lines + 1] = ("loop kind %d batch %d turns %d step %d stop %s"):format(loop.kind,
      loop.batch, loop.turns, loop.step, loop.stop)
    for _, k in ipairs(loop.list) do
      local w = "always"
      for name, v in pairs(k.when) do w = name .. " " .. tostring(v) end
      lines[#lines + 1] = ("  %s %d %d %d  %s"):format(k.name, k.a, k.b, k.c, w)
    end
  end
  return table.concat(lines, "\n")
end

-- ---- the tests --------------------------------------------------------------------------------

local first, last = (os.getenv "VAELUA_FUZZ" or "1-150"):match("^(%d+)%-?(%d*)$")
first = tonumber(first)
last = tonumber(last) or first

describe("loop bodies made at random", function()
  local quiet, was = { [require "vaelua.run"] = { "say" },
                       [require "vaelua.progress"] = { "turn", "epoch", "close" } }, {}
  setup(function()
    for module, names in pairs(quiet) do
      for _, name in ipairs(names) do
        was[#was + 1] = { module, name, module[name] }
        module[name] = function() end
      end
    end
  end)
  teardown(function()
    for _, e in ipairs(was) do e[1][e[2]] = e[3] end
  end)

  it("leave the bytes of running call by call", function()
    local turns, launched, failures, bad = 0, 0, 0, {}
    for seed = first, last do
      local p = program_of(seed)
      local wanted, _, failed = run(p, true)
      local got, count = run(p, false)
      turns, launched = turns + count.turns, launched + count.launched
      if failed ~= "whole" then failures = failures + 1 end
      if os.getenv "VAELUA_FUZZ_SAY" then
        print(seed, count.turns, count.launched, count.partly, count.moved, failed)
      end
      if wanted ~= got then bad[#bad + 1] = seed end
    end
    if #bad > 0 then
      local p = program_of(bad[1])
      error(("VAELUA_FUZZ=%s\n%s\n-- eager --\n%s\n-- noted --\n%s"):format(table.concat(bad, " "),
        text_of(p), run(p, true), run(p, false)))
    end
    if first < last then
      assert(launched > turns / 4, ("%d of %d turns were launched"):format(launched, turns))
      assert(failures <= (last - first) / 5, ("%d programs failed"):format(failures))
    end
  end)
end)
