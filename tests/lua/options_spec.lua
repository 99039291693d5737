-- options_spec.lua - options: those that functions take when they run, those that the catalogue
-- knows, and those that Tab offers are the same.

local core = require "vaelua.core"
local va = require "vaelua"
local reference = require "vaelua.reference"
local complete = require "vaelua.prompt.complete".complete

local x = va.rand(8, 8, 8, 1)
local set = va.set(x, va.tensor({ 1, 2, 1, 2, 1, 2, 1, 2 }, "int32"))
local data = va.data { train = set, test = set }
local m = va.models.vae { name = "options", shape = data.shape, z = 2 }
local w = va.nn.param(va.ones(2))
local list = { 1, 2, 4, 3 }

-- What stands before the table of options in a call of each that is written in Lua.
local CALLS = {
  ["va.adam"] = { m }, ["va.adamw"] = { m }, ["va.sgd"] = { m },
  ["va.check"] = { va.exp, va.ones(2) }, ["va.early"] = { m }, ["va.fit"] = { m, set },
  ["va.evaluate"] = { m, data, { "elbo" } }, ["va.report"] = { m, data, { "elbo" } },
  ["va.grad"] = { function() return w:sum() end, w }, ["va.heat"] = { va.ones(2, 2) },
  ["va.hist"] = { va.ones(3) }, ["va.op"] = {}, ["va.data"] = {}, ["va.open"] = { "latest" },
  ["va.pca"] = { va.rand(4, 3) }, ["va.plot"] = { { y = list } },
  ["va.scatter"] = { va.rand(4, 2) },
  ["va.set"] = { x, nil }, ["va.setup"] = {}, ["va.show"] = { x }, ["va.sort"] = { w, -1 },
  ["va.traverse"] = { m, va.zeros(1, 2) }, ["schedule.control"] = {},
  ["schedule.cyclic"] = { 0, 1, 2 }, ["schedule.ramp"] = { 0, 1, 2 },
  ["loss.mmd"] = { va.rand(4, 2), va.rand(4, 2) }, ["stats.bootstrap"] = { list },
  ["stats.cohen_d"] = { list, list }, ["stats.compare"] = { list, list },
  ["stats.family"] = { {} }, ["stats.permutation"] = { list, list },
  ["stats.t_test"] = { list, list }, ["stats.wilcoxon"] = { list, list },
  ["Tensor.sort"] = { va.ones(2), -1 }, ["Set.collect"] = { set, print },
  ["Set.epochs"] = { set, 1, 1 }, ["Set.subset"] = { set, 1 }, ["models.vae"] = {},
  ["models.ae"] = {}, ["models.classifier"] = {},
}

-- Take anything; print.
local SILENT = { ["va.help"] = true, ["va.note"] = true, ["va.profile"] = true,
                 ["nn.trace"] = true }
local OPEN = { ["nn.layer"] = true }        -- takes any field: they are methods of the layer

local function value_of(group, name)
  if group == "va" then return va[name] end
  local owner = ({ Tensor = core.methods, Set = require "vaelua.set", models = va.models })[group]
  return (owner or va[group])[name]
end

local function names_of(options)
  local names = {}
  for i, p in ipairs(options) do names[i] = p.name end
  table.sort(names)
  return table.concat(names, " ")
end

-- The names that the message about an option that is not there lists; nil: there is none.
local function asked(f, before)
  local args = table.move(before, 1, 9, 1, {})
  local n = 0
  for i = 1, 9 do n = args[i] ~= nil and i or n end
  if before == CALLS["va.set"] then n = 2 end
  args[n + 1] = { no_such = 1 }
  local good, message = pcall(f, table.unpack(args, 1, n + 1))
  local listed = not good and tostring(message):match("'no_such'.-%(%l+: ([%w_, ]+)")
  if not listed then return nil, tostring(message) end
  local names = {}
  for name in listed:gmatch("[%w_]+") do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " "), message
end

local function each(f)
  for _, group in ipairs(reference.catalogue()) do
    for _, e in ipairs(group.entries) do f(group, e, group.name .. "." .. e.name) end
  end
end

describe("the options of the catalogue", function()
  it("are those that functions in Lua take", function()
    local seen = {}
    each(function(group, e, full)
      local mine = e.lua or CALLS[full]
      if mine and #e.options > 0 and not OPEN[full] then
        assert(CALLS[full], full .. " has options: CALLS needs a line for it")
        local names, message = asked(value_of(group.name, e.name), CALLS[full])
        assert(names, ("%s: %s"):format(full, message))
        assert(names == names_of(e.options), ("%s takes: %s\nthe catalogue has: %s"):format(full,
          names, names_of(e.options)))
        seen[full] = true
      end
    end)
    for full in pairs(CALLS) do assert(seen[full], full .. " has no options in the catalogue") end
  end)

  it("lack none of a function that takes some", function()
    local calls = { {}, { x }, { w }, { m }, { m, set }, { m, data }, { set }, { m, x }, { x, x },
                    { list }, { list, list }, { 1, 2 }, { 1, 2, 3 }, { print }, { "latest" },
                    { va.rand(4, 2), va.rand(4, 2) } }
    each(function(group, e, full)
      local plain = e.lua and #e.options == 0 and not group.class and group.name ~= "nn.init"
      local f = plain and value_of(group.name, e.name)
      for _, before in ipairs(f and SILENT[full] == nil and calls or {}) do
        local names = asked(f, before)
        assert(not names, ("%s takes options: %s"):format(full, names))
      end
    end)
  end)

  it("have types, and places that are told", function()
    each(function(_, e, full)
      for _, p in ipairs(e.options) do
        assert(p.kind ~= "any", ("%s: option %s may be anything"):format(full, p.name))
      end
    end)
  end)
end)

-- What is typed to call an entry of a group.
local START = { Tensor = "ones(3):", Set = "data.train:", models = "va.models." }

local function typed(group, e)
  local before = START[group.name] or group.prefix
  local braces = e.options_at == 1 and " { " or "(a, { "
  return before .. e.name .. braces
end

describe("Tab", function()
  it("offers the options of every function that has some, each within 10 ms", function()
    local count = 0
    each(function(group, e, full)
      if #e.options == 0 then return end
      local text, least, got = typed(group, e), math.huge, nil
      for _ = 1, 3 do
        local start = os.clock()
        got = complete(text)
        least = math.min(least, os.clock() - start)
      end
      for i, name in ipairs(got) do got[i] = { name = name:match("^(.*)=$") or name } end
      assert(names_of(got) == names_of(e.options), ("%s\noffers %s\nfor %s"):format(text,
        names_of(got):sub(1, 200), names_of(e.options)))
      assert(least < 0.01, ("%s: %.1f ms"):format(full, 1000 * least))
      count = count + 1
    end)
    assert(count > 90, count)
  end)

  it("offers them behind others, and in later tables", function()
    assert.are.same({ "lr=" }, complete "va.fit(vae, data, { batch = 32, l")
    assert.are.same({ "shuffle=", "short=" }, complete "for t, x in s:epochs(1, 2, { s")
    assert.are.same({ "clip=" }, complete "va.adam({ m.enc, m.dec }, { c")
    assert.are.same({ "beta=", "batch=" }, (function()
      local got = complete "fit(vae, data, cfg, { b"
      table.sort(got, function(a, b) return a > b end)
      return got
    end)())
  end)

  it("does not offer them for a function of the user's that has the same name", function()
    local calls = 0
    rawset(_G, "fit", function() calls = calls + 1 end)
    rawset(_G, "box", setmetatable({}, { __index = function() calls = calls + 1 end,
                                         __call = function() calls = calls + 1 end }))
    local got, boxed, inner = complete "fit(vae, { ba", complete "box { ba", complete "box.fit { ba"
    rawset(_G, "fit", nil)
    rawset(_G, "box", nil)
    for _, found in ipairs { got, boxed, inner } do
      for _, name in ipairs(found) do assert(name ~= "batch=", "batch= is offered") end
    end
    assert.are.equal(0, calls)
  end)
end)
