--[[ compared.lua - what protocols about pictures share that compare their features with the real
  ones': options checked, the network found, both sets of features, and the protocol's fields. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local features = require "vaelua.features"
local presets = require "vaelua.presets"
local score = require "vaelua.score"

local M = {}

--- Raises on an option that a protocol does not have.
function M.check(name, options, known)
  for key in pairs(options) do
    local found = false
    for _, each in ipairs(known) do found = found or each == key end
    if not found then
      fail("%s: there is no option '%s'%s; known are %s", name, tostring(key),
        fail.near(key, known), table.concat(known, ", "))
    end
  end
end

--- A whole number of at least `least`, or the default.
function M.whole(name, key, value, default, least)
  value = value == nil and default or value
  if math.type(value) ~= "integer" or value < least then
    fail("%s: %s must be a whole number of at least %d, got %s", name, key, least, tostring(value))
  end
  return value
end

-- Refuses where a row is not finite, and names it.
local function finite(x, what)
  local good = (x - x):eq(0):flatten():min(2)
  if #x > 0 and good:min():item() == 0 then
    score.refuse("the features of %s number %d are not finite", what, good:argmin():item())
  end
  return x
end

local function need_pictures(set, what)
  if #set == 0 then score.refuse("there are no %s", what) end
end

-- { features, logits } of a set, checked.
local function of(net, set, what)
  need_pictures(set, what)
  local r = net:of(set)
  finite(r.features, what)
  if r.logits then finite(r.logits, what) end
  return r
end

--- The network that options ask for, prepared as the preset says.
function M.network(data, options, preset)
  return features.find(options.features, data, { resize = preset.resize,
                                                 rounding = preset.rounding, input = preset.input })
end

--- { features, logits } of the pictures, or of the real ones.
function M.made(net, made) return of(net, made, "pictures") end
function M.real(net, data) return of(net, data.test, "real pictures") end

--- The first numbers of va.prdc as scores, for a protocol of neighbours. about: { name, preset (the
--- default), inside (words), scores = { { key, words } ... } }.
function M.neighbours(about, made, data, argument, options)
  M.check(about.name, options, { "preset", "features", "k" })
  local preset, name = presets.find(about.name, options.preset, about.preset)
  local k = M.whole(about.name, "k", argument or options.k, preset.k, 1)
  local net = M.network(data, options, preset)
  local fake, real = M.made(net, made).features, M.real(net, data).features
  if math.min(#fake, #real) <= k then
    score.refuse("k = %d neighbours need more than %d pictures, got %d generated and %d real", k, k,
      #fake, #real)
  end
  local numbers = core.ops.prdc(real, fake, { k = k, edge = preset.edge }):totable()
  local scores = {}
  for i, each in ipairs(about.scores) do
    scores[each[1]] = score.score(numbers[i], "", "higher",
      { label = ("%s (k = %d, %s)"):format(each[2], k, net.title), order = i, n = #fake,
        section = "generation", protocol = M.protocol(net, name, { neighbours = k,
          inside = about.inside, count = #fake, reference_count = #real }) })
  end
  return scores
end

--- The fields of the protocol: those of the network, the preset's name, and what else is given.
function M.protocol(net, name, given)
  local p = net:protocol()
  p.preset = name
  for key, value in pairs(given) do p[key] = value end
  return p
end

return M
