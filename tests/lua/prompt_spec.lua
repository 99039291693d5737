-- prompt_spec.lua - the prompt in a real terminal: editing, Tab, history, Ctrl-C, printing.

local terminal = require "tests.lua.terminal"
local core = require "vaelua.core"

local t

local function shows(screen, text)
  assert(screen:find(text, 1, true), ("no '%s' in:\n%s"):format(text, screen))
end

local function hides(screen, text)
  assert(not screen:find(text, 1, true), ("there is '%s' in:\n%s"):format(text, screen))
end

setup(function()
  t = terminal.new { columns = 80, rows = 24 }
  core.mkdir(t.folder .. "/pictures/deep")
  core.write(t.folder .. "/pictures/a b.png", "")
  core.mkdir(t.folder .. "/runs/20260101-000000-x-abcd")
  core.write(t.folder .. "/bad.lua",
    "local M = {}\nfunction M.f(x)\n  return x.y.z\nend\nreturn M\n")
  t:start()
end)
teardown(function() t:drop() end)

describe("what is typed", function()
  it("is printed if it is an expression, and kept in ans", function()
    shows(t:run "1 + 1", "2")
    shows(t:run "ans * 10, 'x'", "20\n\"x\"")
    shows(t:run "= ans + 1", "21")
    shows(t:run "_ + 1", "22")
  end)

  it("may be several statements and an expression", function()
    shows(t:run "local a = 20; local b = 2; print('sum'); a + b", "sum\n22")
  end)

  it("is silent behind a semicolon, but in ans", function()
    local screen = t:run "6 * 7;"
    hides(screen, "42")
    shows(t:run "ans", "42")
  end)

  it("has its time at the right", function()
    t:run "x = 1"
    assert.is_truthy(t:last():find("^vae> +%d+ µs$"), t:last())
    t:run "x = 0 for i = 1, 2e6 do x = x + i end"
    assert.is_truthy(t:last():find("^vae> +[%d.]+ ms$"), t:last())
  end)

  it("does not hide output that does not end its line", function()
    shows(t:run "io.write('abc');", "abc")
    t:wait_line "vae>"
  end)

  it("goes on over several lines", function()
    t:key "C-l"
    t:type "for i = 1, 2 do"
    t:key "Enter"
    t:wait "..>"
    t:type "print('turn', i)"
    t:key "Enter"
    t:type "end"
    t:key "Enter"
    t:wait "turn    2"
  end)

  it("keeps its local variables", function()
    t:run "local kept = 5"
    shows(t:run "kept", "5")
    shows(t:run "local table = 1", "table stays Lua's")
    shows(t:run "type(table), 'ok'", '"table"\n"ok"')
  end)

  it("finds the names of va, of Lua and of the prompt", function()
    shows(t:run "ones(2):sum():item(), type(nn), type(load), va.ones == ones",
      '2.0\n"table"\n"function"\ntrue')
    shows(t:run "oness", "nil   (nothing is called 'oness'; did you mean 'ones'?)")
  end)

  it("runs commands of the shell", function()
    shows(t:run "!echo $((40 + 2)); exit 3", "42\nexit status 3")
  end)

  it("tells what there is in one screen, by groups", function()
    local screen = t:run "help"
    shows(t:screen(), "vae> help")                    -- the first row is on the screen yet
    shows(screen, "ops ")
    shows(screen, "models        3  ae classifier vae")
    for line in screen:gmatch("[^\n]+") do assert(utf8.len(line) < 80, line) end
    shows(t:run "?nn", "batchnorm")
    shows(t:run "?schedule", "schedule: numbers that change with the epoch, 3 names")
    shows(t:run "help 'stats'", "wilcoxon")
    shows(t:run "?models", "models: by name, 3 names\n  ae classifier vae")
  end)

  it("asks for help", function()
    shows(t:run "?softmax", "va.softmax(x")
    shows(t:run "help softmax", "va.softmax(x")
    local screen = t:run "?kid"                     -- its lines are longer than 80 characters
    shows(screen, "kid (protocols)")
    for line in screen:gmatch("[^\n]+") do
      assert(utf8.len(line) < 80 or line:find("vae>", 1, true), "broken inside of a word: " .. line)
    end
    shows(t:run "help 'no such words'", "nothing is called")
    shows(t:run '?"principal"', "tsne ")
    shows(t:run "?who", "who(): the globals of yours")
    t:run "function mine() end"
    shows(t:run "?mine", "mine   a function: prompt[")
    shows(t:run ":what", "there is no command ':what'")
  end)
end)

describe("pasting", function()
  local BLOCK = "function grow(a)\n\tif a then\n\t\treturn a + 1\n\tend\nend\nlocal y = grow(41)\ny"

  it("takes a block with tabs as one text", function()
    t:key "C-l"
    t:paste(BLOCK)
    t:wait("local y = grow(41)")
    t:key "Enter"
    shows(t:wait "\n42", "        if a then")
    shows(t:run "y + 1", "43")
  end)

  it("takes tabs of a terminal that does not bracket", function()
    t:key "C-l"
    t:type "z = {\t7,\t8 }"
    t:wait "8 }"
    t:key "Enter"
    shows(t:run "#z", "2")
  end)
end)

describe("Tab", function()
  it("completes globals, va's names and keywords", function()
    t:run "wonder_of_the_world = 1"
    t:tab("wonder_o", "vae> wonder_of_the_world")
    t:tab("matm", "vae> matmul")
    t:tab("repe", "vae> repeat")
    t:tab("local unheard = 1; unhe", "; unheard")
  end)

  it("completes fields and methods", function()
    t:run "m = nn.model('m', { enc = nn.chain(4, { nn.linear(2) }) }) d = dist.normal(zeros(2), 0)"
    t:run "q = va.set(rand(4, 2)) o = adam(m) xx = zeros(3) cls = {} cls.__index = cls"
    t:run "function cls:shout() end obj = setmetatable({}, cls) tree = { { leaf = { far = 1 } } }"
    t:tab("va.random.x xx:logsumex", "xx:logsumexp")
    t:tab("xx.dty", "xx.dtype")
    t:tab("xx[1]:uns", "xx[1]:unsqueeze")
    t:tab("m:reco", "m:reconstruct")
    t:tab("m.en", "m.enc")
    t:tab("m.enc.outp", "m.enc.output")
    t:tab("m.enc[1].titl", "m.enc[1].title")
    t:tab("d:entr", "d:entropy")
    t:tab("q:epo", "q:epochs")
    t:tab("o.coun", "o.count")
    t:tab("obj:sho", "obj:shout")
    t:tab("tree[1].leaf.f", "leaf.far")
    t:tab("nn.batchn", "nn.batchnorm")
    t:tab("va.nn.batchn", "va.nn.batchnorm")
    t:tab("randn(3):logsumex", ":logsumexp")
    t:tab("m:posterior(x):kl_e", ":kl_each")
    t:tab("('x'):uppe", ":upper")
  end)

  it("completes options, runs, data sets and files", function()
    t:tab("xx:sum(1, { k", "{ keep=")
    t:tab("nn.conv(3, 3, { str", "{ stride=")
    t:tab("adam(m, { mom", "{ mom")
    t:tab("sgd(m, { mom", "{ momentum=")
    t:tab("va.open '20", "'20260101-000000-x-abcd'")
    t:tab("va.data 'fash", "'fashion_mnist'")
    t:tab("va.report { 'mutu", "'mutual_information'")
    t:tab("read 'pict", "'pictures/")
    t:tab("read 'pictures/a", "'pictures/a b.png'")
    t:tab("read('pictures/d", "'pictures/deep/")
    t:tab("!ls pict", "!ls pictures/")
    t:tab("?softm", "?softmax")
  end)

  it("shows what is open, and calls nothing of the user", function()
    t:run "calls = 0 function hit() calls = calls + 1 return { secret_field = 1 } end"
    t:run "trap = setmetatable({}, { __index = hit, __pairs = hit, __len = hit, __eq = hit })"
    t:run "trap2 = setmetatable({}, { __index = trap, __gc = hit })"
    local screen = t:tab("xx:log", "logsumexp")
    shows(screen, "logsigmoid")
    t:tab("trap.sec", "trap.sec")
    t:tab("trap2.sec", "trap2.sec")
    t:tab("trap.x.sec", "trap.x.sec")
    shows(t:run "calls", "0")
  end)

  it("answers in less than 10 ms beside 1000 globals, in a model of 100 layers", function()
    t:run "for i = 1, 1000 do _G[('global_%d'):format(i)] = {} end layers = {}"
    t:run "for i = 1, 100 do layers[i] = nn.linear(8) end wide = nn.model('wide', {})"
    t:run "wide.net = nn.chain(8, layers) tab = require('vaelua.prompt.complete').complete"
    t:run("function slowest(text) local w, n = 0 for i = 1, 5 do local s = os.clock() "
      .. "n = #tab(text) w = math.max(w, os.clock() - s) end return w < 0.01 and n or w end")
    shows(t:run "slowest 'glob', slowest 'global_99', slowest '' > 1000", "1000\n11\ntrue")
    shows(t:run "slowest 'wide.net[100].wei', slowest 'wide:enc', slowest 'wide.net[7].inp'",
      "1\n1\n1")
    shows(t:run "globel_77()", "(did you mean 'global_77'?)")
    t:tab("global_99", "global_999")
    t:type "globa"
    t:wait "globa"
    t:key "Tab"
    t:wait "Display all 1000 possibilities?"
    t:key "C-c"
    t:wait_line "vae> global_"
    t:key "C-u"
    t:run "for i = 1, 1000 do _G[('global_%d'):format(i)] = nil end"
  end)

  it("moves in at the margin of a later line", function()
    t:key "C-l"
    t:type "if true then"
    t:key "Enter"
    t:wait "..>"
    t:key "Tab"
    t:type "print 'in'"
    t:wait "  ..>   print 'in'"
    t:key "C-c"
    t:wait_line "vae>"
  end)
end)

describe("printing", function()
  it("cuts lists, depth and cycles", function()
    shows(t:run "{ 1, 2, { 3, a = 'x' } }", '{ 1, 2, { 3, a = "x" } }')
    shows(t:run "{ { { { 1 } } } }", "{ { { { … } } } }")
    t:run "big = {} for i = 1, 1000 do big[i] = i end big.me = big"
    shows(t:run "{ big }", "… 981 more")
    shows(t:run "{ big[1], big }", "17, 18, 19, 20,\n    … 981 more")
    shows(t:run "loop = {}; loop.me = loop; loop", "{ me = <cycle> }")
  end)

  it("never fills more than the screen", function()
    t:run "long = {} for i = 1, 20 do long[i] = {} end"
    t:run "for i = 1, 20 do for k = 1, 20 do long[i][k] = 'row ' .. k end end"
    local screen = t:run "long"
    assert.is_truthy(screen:find("… %d+ more lines\n}"), screen)
    shows(t:screen(), "vae> long")
    shows(t:run "('abc '):rep(1e6)", "…")
    shows(t:screen(), "vae> ('abc")
    t:run "deep = {} for i = 1, 60 do deep[i] = nn.linear(4) end deep = nn.chain(4, deep)"
    screen = t:run "deep"
    shows(screen, "more lines")
    shows(screen, "total                          1,200")
  end)

  it("shows tensors, models, sets, distributions and scores", function()
    shows(t:run "zeros(2, 3)", "Tensor float32 [2, 3] cpu")
    shows(t:run "m", "1  linear(2)             2           10")
    shows(t:run "q", "set of 4 rows {2}")
    shows(t:run "d", "normal\n  mean     Tensor float32 [2]")
    shows(t:run "va.score(2.5, 'nats', 'lower', { label = 'KL' })", "KL: 2.5 nats")
    shows(t:run "{ m, d, zeros(1) }", "{ model m, normal [2], ")
  end)

  it("honours __tostring, and outlives one that fails", function()
    shows(t:run "setmetatable({}, { __tostring = function() return 'mine' end })", "mine")
    shows(t:run "setmetatable({}, { __tostring = function() error('no') end })",
      "its __tostring fails")
    t:key "C-l"
    t:type "setmetatable({}, { __tostring = function() while true do end end })"
    t:key "Enter"
    t:wait "end })\n\n"
    t:key "C-c"
    shows(t:wait "interrupted", "vae>")
  end)

  it("tells who is there, and the memory", function()
    t:run "big, deep, long, tree, cls, obj, trap, trap2, hit = nil"
    local screen = t:run "who()"
    shows(screen, "tensor        float32 [3] cpu")
    shows(screen, "model         m")
    shows(t:run "mem()", "Lua")
    shows(t:run "time(function() return 'done' end, 3)", "of 3 calls\n\"done\"")
    shows(t:run "time(3)", "error: time: a function is needed, got number")
  end)
end)

describe("errors", function()
  it("are told without places that are plain", function()
    shows(t:run "xx:smu()", "error: a tensor has no method or field 'smu' (did you mean 'sum'?)")
    shows(t:run "shwo(1)", "(global 'shwo') (did you mean 'show'?)")
    shows(t:run "1 +* 2", "error: unexpected symbol near '*'")
    shows(t:run ":bt", "no calls led there")
  end)

  it("show the user's line", function()
    t:key "C-l"
    t:paste("function inner(v)\n  return v + nil\nend\ninner(1)")
    t:wait "inner(1)"
    t:key "Enter"
    shows(t:wait "error:", "     2 |   return v + nil")
    shows(t:run "inner(2)", "     2 |   return v + nil")
    shows(t:run "require('bad').f({})", "     3 |   return x.y.z")
  end)

  it("have the whole story in :bt", function()
    local screen = t:run ":bt"
    shows(screen, "bad.lua:3: attempt to index a nil value (field 'y')")
    shows(screen, "bad.lua:3: in function 'bad.f'")
    t:run "local r = require('bad').f()"
    shows(t:run ":bt", "in main chunk")
  end)
end)

describe("Ctrl-C", function()
  it("clears the line", function()
    t:key "C-l"
    t:type "half a li"
    t:wait "half a li"
    t:key "C-c"
    t:wait_line "vae>"
    shows(t:run "1 + 2", "3")
  end)

  it("ends a tight loop", function()
    t:key "C-l"
    t:type "print 'go' while true do end"
    t:key "Enter"
    t:wait "\ngo"
    t:key "C-c"
    shows(t:wait "interrupted", "vae>")
  end)

  it("ends a long print", function()
    t:key "C-l"
    t:type "i = 0 while true do i = i + 1 print(i) end"
    t:key "Enter"
    t:wait "5\n"
    t:key "C-c"
    t:wait "interrupted"
    t:wait_line "vae>"
  end)

  it("ends a long computation of the core", function()
    t:run "pts = randn(1500, 20)"
    t:key "C-l"
    t:type "print 'go' va.tsne(pts, { steps = 100000 })"
    t:key "Enter"
    t:wait "\ngo"
    t:key "C-c"
    t:wait "interrupted"
    t:wait_line "vae>"
  end)

  it("ends a training after its step, and at once the second time", function()
    t:run("v = va.models.vae { name = 'v', shape = { 28, 28, 1 }, z = 2 } "
      .. "pics = va.set(rand(256, 28, 28, 1))")
    t:key "C-l"
    t:type "h = va.fit(v, pics, { epochs = 10000, batch = 16 })"
    t:key "Enter"
    t:wait "loss"
    t:key "C-c"
    shows(t:wait "stopped at", "stopping after this step (press again to stop now)")
    t:wait_line "vae>"
    shows(t:run "#h.loss > 0 or h.last.loss ~= nil, v:sample(1).shape", "true\n{ 1, 28, 28, 1 }")
    t:key "C-l"
    t:type "for _ in va.steps(2) do print 'go' while true do end end"
    t:key "Enter"
    t:wait "\ngo"
    t:key "C-c"
    t:wait "press again to stop now"
    t:key "C-c"
    t:wait "interrupted"
    t:wait_line "vae>"
    shows(t:run "va.no_grad(function() return 'as before' end)", "as before")
  end)
end)

describe("a terminal that answers", function()
  local ANSWER = "\27_Gi=31;OK\27\\\27[6;18;9t\27[?62;4c"
  local raw
  after_each(function() raw:drop() end)

  it("after a second gets half blocks, and its answer is no key", function()
    raw = terminal.raw()
    raw:send "show(rand(4, 6, 3))\n"
    raw:wait "\27[16t\27[c"
    raw:wait "▀"
    raw:wait "vae> "
    raw:send(ANSWER .. "6 * ")
    raw:send "\27P1+r544e\27\\"
    raw:send "\27[?6c7\n"
    local seen = raw:wait "42"
    hides(seen, "62")
    hides(seen, "OK")
    shows(seen, "6 * ")
    raw:wait "vae> "
    raw:send "\27[A\27[6~\27[D\0011 + 5 + \n"               -- keys that begin so stay keys
    raw:wait "\r48\r\n"
  end)

  it("within it gets its pictures", function()
    raw = terminal.raw()
    raw:send "show(rand(4, 6, 3))\n"
    raw:wait "\27[c"
    core.run_command { "sleep", "0.5" }
    raw:send(ANSWER)
    raw:wait "\27_Ga=T"
    raw:wait "vae> "
    raw:send "7 * 7\n"
    hides(raw:wait "49", "62")
  end)
end)

describe("names of Lua that the user assigns", function()
  it("are the user's alone", function()
    t:stop()
    t:start()
    t:run "table, string, math, select, next = {}, nil, 7, nil, nil"
    t:run "pairs, ipairs, type, tostring, require = nil"
    t:run "setmetatable, error, pcall, load, rawset, print, va, nn = 1, 2, 3, 4, 5, 6, 7, 8"
    shows(t:run "{ 1, { 2, a = 'x' } }, math", '{ 1, { 2, a = "x" } }\n7')
    shows(t:run "zeros(2, 3)", "Tensor float32 [2, 3] cpu")
    t:run "m = models.vae { shape = { 8, 8, 1 }, z = 2 }"
    shows(t:run "m", "linear(4)")
    shows(t:run "fit(m, set(rand(64, 8, 8, 1)), { epochs = 1, batch = 32 }).last.loss > 0", "true")
    shows(t:run "show(rand(4, 6))", "▀")
    shows(t:run "who()", "m     model         vae")
    shows(t:run "oness", "did you mean 'ones'?")
    shows(t:run "1 + nil", "attempt to perform arithmetic on a nil value")
    shows(t:run "?softmax", "va.softmax(x")
    t:tab("m:reco", "m:reconstruct")
  end)

  it("leave a print of the user's in force", function()
    t:stop()
    t:start()
    t:run "print = function(...) io.write('mine ', tostring((...)), '\\n') end"
    shows(t:run "help 'softmax'", "mine ")
  end)
end)

describe("leaving", function()
  it("takes Ctrl-D twice, and the next session has the history", function()
    t:run "remembered = 1"
    t:key "C-l"
    t:paste("whole = {\n\t1,\n\t2 }")
    t:wait "2 }"
    t:key "Enter"
    t:key "C-d"
    t:wait "Ctrl-D once more leaves"
    shows(t:run "remembered + 1", "2")
    t:key "C-d"
    t:wait "Ctrl-D once more leaves"
    t:key "C-d"
    t:wait_end()
    t:stop()
    t:start()
    t:key("Up", "Up")
    t:wait "vae> whole = {"
    shows(t:wait "        2 }", "        1,")
    t:key "Enter"
    shows(t:run "#whole", "2")
    shows(t:run "remembered", "nil")
    t:stop()
    t:start()
    t:key "C-d"
    t:wait_end()
    t:stop()
  end)

  it("keeps no history where none is wanted, and does with a dumb terminal", function()
    t:start("-q", "TERM=dumb VAELUA_HISTORY=")
    shows(t:screen(), "vae>")
    t:type "6 * 7"
    t:key "Enter"
    t:wait "42"
    hides(t:screen(), " µs")
    t:key "Up"
    t:wait "vae> 6 * 7"
    t:key "C-u"
    t:type "show(full({ 2, 3 }, 1)) show(cat({ zeros(1, 2, 1), ones(1, 2, 1) }, 2))"
    t:key "Enter"
    t:wait "@@@@    @@@@@@@@\n"
    t:stop()
    local f <close> = assert(io.open(t.folder .. "/state/vaelua/history"))
    local kept = f:read("a")
    shows(kept, "remembered = 1\n#")
    hides(kept, "6 * 7\n")
  end)

  it("greets with what a script has left", function()
    core.write(t.folder .. "/stage.lua", "here_it_is = 1\nlocal hidden = 2\n")
    shows(t:start "-i stage.lua", "here: here_it_is")
  end)
end)
