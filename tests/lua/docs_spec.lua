-- docs_spec.lua - what describes the program says all that there is, and nothing else: names in
-- the annotations, on the page, in the manual and in the completion of shells against the program.

local core = require "vaelua.core"
local va = require "vaelua"
local reference = require "vaelua.reference"
local child = require "tests.lua.child"
local luacats = require "tests.lua.luacats"

local program = core.realpath("/proc/self/exe")
local c, meta, page, man, bash

setup(function()
  c = child.new()
  meta, page, man = reference.text "meta", reference.text "page", reference.text "man"
  bash = reference.text "bash"
end)
teardown(function() c:drop() end)

local function slurp(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

-- All names by which something can be called, asked of the program itself and not of the
-- catalogue: "va.relu", "va.nn.conv", "Tensor:sum".
local function exported()
  local all = {}
  local function put(prefix, t)
    for name in pairs(t) do
      if type(name) == "string" and not name:find("^_") then all[prefix .. name] = true end
    end
  end
  for _, r in ipairs(core.records()) do all["va." .. r.name] = true end
  local init = core.source "init"
  for list in init:match("local modules = (%b{})"):gmatch("=%s*(%b{})") do
    for name in list:gmatch('"([%w_]+)"') do all["va." .. name] = true end
  end
  put("va.nn.", core.layers)
  for list in init:match("local tables = (%b{})"):gmatch('"([%w_]+)"') do
    for name, v in pairs(va[list]) do
      local call = type(v) == "function" or (debug.getmetatable(v) or {}).__call
      if call and not name:find("^_") then all[("va.%s.%s"):format(list, name)] = true end
    end
  end
  put("va.nn.init.", va.nn.init)
  put("va.dist.normal.", va.dist.normal)
  put("Tensor:", core.methods)
  return all
end

-- The names of a set that the other lacks, sorted.
local function lacking(a, b)
  local list = {}
  for name in pairs(a) do if not b[name] then list[#list + 1] = name end end
  table.sort(list)
  return list
end

local function tables_aside(set)
  local list = {}
  for name in pairs(set) do
    if not name:find("^Chain") and not name:find("^Model") and not name:find("^Set")
       and not name:find("^Distribution") and not name:find("^Optimiser")
       and not name:find("^Average") then
      list[name] = true
    end
  end
  return list
end

local function in_meta(text)
  local found = {}
  for name in text:gmatch("\nfunction ([%w_.:]+)%(") do found[name] = true end
  for name in text:gmatch("%-%-%-@overload [^\n]*\n([%w_.]+) = {}") do found[name] = true end
  return found
end

local function on_page(text)
  local found = {}
  for group, name in text:gmatch('<dt id="([%w_.]-)%.([%w_]+)">') do
    if group == "va" then
      found["va." .. name] = true
    elseif group:find("^%u") then
      found[group .. ":" .. name] = true
    else
      found[("va.%s.%s"):format(group, name)] = true
    end
  end
  return found
end

describe("annotations for editors", function()
  it("in the repository are what make docs writes", function()
    assert(slurp("meta/vaelua.d.lua") == meta, "meta/vaelua.d.lua is old: make docs")
  end)

  it("are Lua, and twice the same", function()
    assert(load(meta))
    package.loaded["vaelua.reference"] = nil
    assert.are.equal(meta, require "vaelua.reference".text "meta")
    package.loaded["vaelua.reference"] = reference
  end)

  it("name all that can be called, and nothing else", function()
    local found, real = tables_aside(in_meta(meta)), exported()
    assert.are.same({}, lacking(real, found))
    assert.are.same({}, lacking(found, real))
    assert(real["va.relu"] and real["va.nn.conv"] and real["Tensor:split"] and real["va.fit"])
  end)

  it("name methods that objects have", function()
    local nn, x = va.nn, va.zeros(2, 2)
    local chain = nn.chain(2, { nn.linear(2) })
    local model = nn.model("documented", { enc = chain })
    local kinds = { Chain = chain, Model = model, Set = va.set(x), Average = va.average(),
                    Optimiser = va.sgd(model) }
    local count = 0
    for kind, name in meta:gmatch("\nfunction (%u%l+):([%w_]+)%(") do
      if kinds[kind] then
        count = count + 1
        local fine, f = pcall(function() return kinds[kind][name] end)
        assert(fine and type(f) == "function", kind .. ":" .. name)
      end
    end
    assert(count > 30, count)
    for _, name in ipairs { "Set:epochs", "Model:clone", "Optimiser:step", "Distribution:draw",
                            "Distribution:sample", "Average:add" } do
      assert(meta:find("\nfunction " .. name .. "(", 1, true), name)
    end
  end)

  it("have the types, defaults and texts of the records", function()
    local function holds(text) assert(meta:find(text, 1, true), text) end
    holds "---@class vaelua.nn.conv.options\n---@field stride? integer default 1\n"
    holds "---@field lr? number default 1e-3\n---@field betas? number[] default { 0.9, 0.999 }\n"
    holds "---@param x vaelua.Tensor\n---@return vaelua.Tensor\nfunction va.relu(x) end"
    holds "---@return vaelua.Tensor\nfunction Tensor:relu() end"
    holds "function va.dist.normal.unit(...) end"
    holds "---@field steps? integer default 11"
    for _, r in ipairs(core.records()) do
      assert(meta:find("--- " .. r.doc:gsub("%s+", " "), 1, true), r.name)
    end
  end)

  it("are annotations that lua-language-server reads", function()
    assert.are.same({}, luacats.check(meta))
    local function faulty(line, by, message)
      local from, last = meta:find(line, 1, true)
      assert(from, line)
      local faults = luacats.check(meta:sub(1, from - 1) .. by .. meta:sub(last + 1))
      assert(#faults > 0, "nothing is said of " .. by)
      assert(faults[1]:find(message, 1, true), faults[1])
    end
    local relu = "---@param x vaelua.Tensor\n---@return vaelua.Tensor\nfunction va.relu(x) end"
    faulty(relu, relu:gsub("x vaelua.Tensor", "x vaelua.Tensr"), "there is no type 'vaelua.Tensr'")
    faulty(relu, relu:gsub("param x", "param y"), "annotated are (y)")
    faulty(relu, relu:gsub("param x", "param end"), "'end' is a word of Lua")
    faulty(relu, relu:gsub("param x", "parm x"), "there is no @parm")
    faulty(relu, relu:gsub("%-%-%-@return vaelua.Tensor", "---@return"), "a type is needed")
    faulty("---@param options? vaelua.va.fit.options", "---@param options vaelua.va.fit.options?|",
      "a type is needed")
    faulty("fun(loss: any, wrt: vaelua.Tensor[],", "fun(loss?: any, wrt: vaelua.Tensor[],",
      "'wrt' is needed, but stands behind what is optional")
    faulty("table<string, vaelua.Tensor>", "table<string vaelua.Tensor>", "',' is needed")
    faulty("---@operator unm: vaelua.Tensor", "---@operator lt: vaelua.Tensor", "no operator 'lt'")
    faulty("---@field lr? number default", "---@field lr? number 0.1", "is left over")
    faulty("---@class vaelua.Layer", "---@class vaelua.Chain", "class 'vaelua.Chain' twice")
  end)

  it("tell the types of options behind any number of arguments", function()
    for _, text in ipairs {
      "---@field lr? number|fun(t: number): number default 1e-3\n",
      "---@param ... vaelua.va.fit.options\n",
      "---@param ... string|vaelua.Tensor|vaelua.va.show.options\n",
      "---@overload fun(z: number[]|vaelua.Tensor, options?: vaelua.va.scatter.options)\n",
      "---@overload fun(x: number[]|vaelua.Tensor, options?: vaelua.va.hist.options)\n",
      "---@overload fun(self: vaelua.Tensor, options: vaelua.Tensor.sum.options): vaelua.Tensor\n",
      "---@field vae fun(options: vaelua.models.vae.options): vaelua.Model\n",
    } do assert(meta:find(text, 1, true), text) end
    assert.is_nil(meta:find("%-%-%-@field [%w_]+%? any\n"))
  end)

  it("say a sentence about each", function()
    local silent = {}
    for _, group in ipairs(reference.catalogue()) do
      for _, e in ipairs(group.entries) do
        if e.doc == "" then silent[#silent + 1] = group.name .. "." .. e.name end
      end
    end
    table.sort(silent)
    assert.are.same({ "Average.restore", "Chain.params", "Optimiser.label", "stats.mean" }, silent)
  end)

  it("that miss a name are found out", function()
    local cut = meta:gsub("\nfunction va%.relu%(x%) end", "")
    assert.are.same({ "va.relu" }, lacking(exported(), in_meta(cut)))
    local more = meta .. "\nfunction va.rule(x) end\n"
    assert.are.same({ "va.rule" }, lacking(tables_aside(in_meta(more)), exported()))
  end)
end)

describe("the reference page", function()
  it("has every name, and nothing else", function()
    local real, found = exported(), tables_aside(on_page(page))
    real["va.dist.normal.unit"] = nil                    -- within normal
    for _, folder in ipairs { "protocols", "samplers", "data", "models" } do
      for _, name in ipairs(core.modules(folder)) do
        real[("va.%s.%s"):format(folder, name)] = true
      end
    end
    assert.are.same({}, lacking(real, found))
    assert.are.same({}, lacking(found, real))
  end)

  it("shows calls, defaults and options, in light and dark", function()
    for _, text in ipairs { "va.nn.conv(filters, kernel, { stride=1, [pad], bias=true, groups=1 })",
                            "--threads N", "prefers-color-scheme: dark", "vaelua runs rerun" } do
      assert(page:find(text, 1, true), text)
    end
    assert.is_nil(page:find("https?://"))
  end)
end)

-- Options of the program as it takes them: each is asked for by a wrong value or a flag.
local function option_words(text)
  local found = {}
  for name in text:gmatch("%-%-([%l][%l-]*)") do found[name] = true end
  return found
end

local function help_of(...)
  local _, text = core.run_command { program, ... }
  return text
end

describe("the manual", function()
  it("has every option and command of --help, and nothing else", function()
    local shown = man:gsub("\\%-", "-")
    local found, real = {}, option_words(help_of "--help")
    for name in pairs(option_words(help_of("runs", "--help"))) do real[name] = true end
    real.name, real.out, found.name = nil, true, nil
    for name in shown:gmatch("Fl %-([%l-]+)") do found[name] = true end
    assert.are.same({}, lacking(real, found))
    assert.are.same({}, lacking(found, real))
    for _, name in ipairs { "runs", "doctor", "help" } do
      assert(man:find(".It Cm " .. name, 1, true), name)
    end
    assert(man:find(".It 130\nCtrl\\-C", 1, true))
  end)

  it("passes mandoc -T lint without a line", function()
    c:write("vaelua.1", man)
    local status, text = core.run_command { "mandoc", "-T", "lint", c:path "vaelua.1" }
    assert.are.equal("", text)
    assert.are.equal(0, status)
  end)
end)

-- What bash would offer for these words; the last one is being typed.
local function completed(...)
  c:write("vaelua.bash", bash)
  local words = {}
  for i, word in ipairs { ... } do words[i] = "'" .. word .. "'" end
  local _, text = core.run_command { "env", "VAELUA_RUNS=" .. c:path "runs", "bash", "-c",
    ([[cd %s && . ./vaelua.bash && COMP_WORDS=(%s %s) && COMP_CWORD=%d && _vaelua
    printf '%%s\n' "${COMPREPLY[@]}"]]):format(c.folder, program, table.concat(words, " "),
    #words) }
  local found = {}
  for line in text:gmatch("[^\n]+") do found[#found + 1] = line end
  return found
end

describe("completion in bash", function()
  it("offers commands, scripts and options", function()
    c:write("script.lua", "local va = require 'vaelua'\n"
      .. "va.args { latent = 3, beta = 1.0, quick = { beta = 2.0 } }\nerror 'not reached'\n")
    assert.are.same({ "doctor" }, completed "do")
    assert.are.same({ "script.lua" }, completed "scr")
    assert.are.same({ "--threads" }, completed "--th")
    assert.are.same({ "plain" }, completed("--progress", "pl"))
  end)

  it("offers the settings of a script", function()
    assert.are.same({ "latent=" }, completed("script.lua", "la"))
    assert.are.same({ "beta=" }, completed("--threads", "1", "script.lua", "latent=4", "be"))
    assert.are.same({}, completed("no_script.lua", "la"))
  end)

  it("offers the names of help, all of which help knows", function()
    assert.are.same({ "softmax" }, completed("help", "softm"))
    local names = completed("help", "")
    assert.are.same(require "vaelua.help".names(), names)
    for i = 1, #names, 60 do
      local _, known = require "vaelua.help".text(names[i])
      assert(known, names[i])
    end
    for _, r in ipairs(core.records()) do
      assert(bash:find("[ \"]" .. r.name .. "[ \"]"), r.name)
    end
  end)

  it("offers the words of runs and the names of runs", function()
    c:run([[local va = require "vaelua" va.args { z = 1 }
      va.show("there", va.rand(1, 2, 2, 1))]], "--out runs")
    assert.are.same({ "rerun" }, completed("runs", "rer"))
    local found = completed("runs", "diff", "20")
    assert(#found == 1 and found[1]:find("^20%d+%-%d+%-"), found[1])
    assert.are.same({ "--to" }, completed("runs", "report", "--t"))
    assert.are.same({ "latest" }, completed("--resume", "la"))
  end)
end)

describe("completion in other shells", function()
  local function there(name) return core.run_command { "which", name } == 0 end

  it("is their language, where they are installed", function()
    c:write("_vaelua", reference.text "zsh")
    c:write("vaelua.fish", reference.text "fish")
    if there "zsh" then
      assert.are.same({ 0, "" }, { core.run_command { "zsh", "-n", c:path "_vaelua" } })
    end
    if there "fish" then
      assert.are.same({ 0, "" }, { core.run_command { "fish", "-n", c:path "vaelua.fish" } })
      local _, text = core.run_command { "fish", "-N", "-c", ("source %s; complete -C "
        .. "'vaelua --prog'; complete -C 'vaelua help softm'"):format(c:path "vaelua.fish") }
      assert(text:find("--progress", 1, true) and text:find("softmax", 1, true), text)
    end
  end)

  it("has every option and command", function()
    for _, form in ipairs { "zsh", "fish" } do
      local text = reference.text(form)
      for name in pairs(option_words(help_of "--help")) do
        assert(name == "name" or text:find(form == "fish" and "-l " .. name or "--" .. name, 1,
          true), form .. ": " .. name)
      end
      for _, name in ipairs { "runs", "doctor", "help", "rerun", "softmax" } do
        assert(text:find(name, 1, true), form .. ": " .. name)
      end
    end
  end)
end)

describe("reference", function()
  it("names the forms that there are", function()
    assert.has_error(function() reference.text "pdf" end,
      "reference: no form 'pdf', known are bash, fish, man, meta, page, zsh")
  end)
end)
