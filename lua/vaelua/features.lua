--[[ features.lua - feature networks: features.find gives one by name or from the user's own.

  The built-in one is a small classifier whose last layer before the
  class scores gives the features of Fréchet distances and whose class scores give the Inception
  Score.

  It was trained by experiments/features.lua with this program; the weights lie in
  features/NAME.safetensors, with seed, accuracy and script in its metadata. A version is its
  weights: they are frozen, their SHA-256 stands here and is checked when they are loaded, and
  every score carries the version. Not a stand-in for the ImageNet Inception network: scores made
  with it are comparable with each other only. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local prepare = require "vaelua.features.prepare"
local file = require "vaelua.file"
local score = require "vaelua.score"

local M = {}

M.versions = {
  { name = "fashion_mnist-v1", title = "vaelua features v1", shape = { 28, 28, 1 }, classes = 10,
    sha256 = "0e42e73dc5e4eaf2a4051ba85e962e8dd930aa70bda5b0405b7cf037fdc13045" },
}

-- The two parts: pictures to features [N, 64], features to class scores. 200,000 weights: three
-- convolutions and a linear layer that sees where things are.
function M.parts(shape, classes)
  local nn = require "vaelua.nn"
  local body = nn.chain(shape, {
    nn.conv(32, 3), nn.relu, nn.maxpool(2),
    nn.conv(64, 3, { bias = false }), nn.batchnorm(), nn.relu, nn.maxpool(2),
    nn.conv(48, 3, { bias = false }), nn.batchnorm(), nn.relu,
    nn.linear(64), nn.relu })
  return body, nn.chain(body, { nn.dropout(0.25), nn.linear(classes) })
end

-- ---- the file ----------------------------------------------------------------------------------

-- Everything behind the header of a safetensors file: the bytes of the weights alone.
local function digest(path)
  local text = assert(file.read(path))
  return core.sha256(text:sub(9 + ("<I8"):unpack(text)))
end

local function tensors_of(body, head)
  local nn, all = require "vaelua.nn", {}
  for part, chain in pairs { body = body, head = head } do
    for _, kind in ipairs { "parameters", "buffers" } do
      for _, entry in ipairs(nn[kind](chain)) do
        all[part .. "." .. entry[1]] = entry[2]
      end
    end
  end
  return all
end

-- Writes the weights of a trained network with its metadata (strings) as NAME.safetensors among the
-- run's checkpoints; returns the path and their SHA-256, which the metadata has too.
function M.save(name, body, head, metadata)
  local here = require "vaelua.run".current()
  local path = here and here.checkpoint(name) or name .. ".safetensors"
  local tensors = tensors_of(body, head)
  core.file_write(path, tensors, metadata)
  metadata.sha256 = digest(path)
  core.file_write(path, tensors, metadata)
  return path, metadata.sha256
end

local function read(version)
  local path = core.resource("features/" .. version.name .. ".safetensors")
  if not path then
    fail.data("the weights of %s (features/%s.safetensors) are not installed", version.title,
      version.name)
  end
  if digest(path) ~= version.sha256 then
    fail.data("%s does not hold the weights of %s: its bytes have another SHA-256", path,
      version.title)
  end
  return core.file_read(path)
end

-- ---- networks -----------------------------------------------------------------------------------

local Network = {}
Network.__index = Network

local BATCH = 100

local seen = setmetatable({}, { __mode = "k" })      -- set -> network -> what was computed of it

local function compute(net, set)
  local f, l
  if net.both then
    local r = set:collect(function(x)
      local a, b = net:both(x)
      return b and { a, b } or { a }
    end, { batch = net.batch or BATCH })
    f, l = r[1], r[2]
  else
    f = set:collect(function(x) return net:features(x) end, { batch = net.batch or BATCH })
    if net.head then l = net.head(f) end
  end
  return { features = f, logits = l }
end

--- { features, logits } of a whole set, computed once; of a data set's part also kept on disk.
function Network:of(set)
  local mine = seen[set] or setmetatable({}, { __mode = "k" })
  seen[set] = mine
  if not mine[self] then
    local kept = require "vaelua.features.cache"
    mine[self] = kept.of(self, set, function() return compute(self, set) end)
  end
  return mine[self]
end

--- What is said of the network in the protocol of a score.
function Network:protocol()
  local p = { features = self.name, features_sha256 = self.sha256, tap = self.tap,
              rounding = self.how.rounding }
  if self.inception then
    p.resize, p.channels = self.how.resize, self.data_channels == 1 and "grey repeated to 3" or "3"
    p.input = self.how.input == "unit" and "2 x - 1" or "(x - 128) / 128"
  end
  return p
end

-- ---- the built-in one ---------------------------------------------------------------------------

--- [N, D] features of pictures x [N, H, W, C] in 0..1.
local function builtin_features(self, x) return self.body(prepare.rounded(x, self.how.rounding)) end

--- [N, K] class scores.
local function builtin_logits(self, x) return self.head(self:features(x)) end

local function load_version(version, how)
  local nn = require "vaelua.nn"
  local body, head = M.parts(version.shape, version.classes)
  local values = read(version)
  for name, tensor in pairs(tensors_of(body, head)) do core.set(tensor, values[name]) end
  return setmetatable({ title = version.title, name = version.name, sha256 = version.sha256,
                        version = version, body = nn.frozen(body), head = nn.frozen(head),
                        width = 64, how = how, features = builtin_features,
                        logits = builtin_logits }, Network)
end

local loaded = {}              -- words -> network

local function once(key, make)
  if not loaded[key] then loaded[key] = make() end
  return loaded[key]
end

--- The newest network for pictures of a shape; refuses where there is none.
function M.for_shape(shape, how)
  how = how or prepare.options()
  for i = #M.versions, 1, -1 do
    local v = M.versions[i]
    if table.concat(v.shape, "x") == table.concat(shape, "x") then
      return once(v.name .. v.sha256 .. how.rounding, function() return load_version(v, how) end)
    end
  end
  score.refuse("there is no feature network for pictures of %s", table.concat(shape, " x "))
end

-- ---- pixels, Inception, and those of the user ---------------------------------------------------

local function pixels(data, how)
  local width = 1
  for _, n in ipairs(data.shape) do width = width * n end
  return once("pixels" .. width .. how.rounding, function()
    return setmetatable({ title = "pixels", name = "pixels", sha256 = "none", width = width,
      how = how, batch = 500,
      features = function(_, x) return prepare.rounded(x, how.rounding):flatten() end }, Network)
  end)
end

local function inception(tap, data, how)
  local graph = require "vaelua.features.inception"
  tap = tap or "2048"
  if not graph.widths[tap] then
    fail("features: the Inception network has no tap '%s' (64, 192, 768, 2048, "
      .. "logits_unbiased)", tap)
  end
  local inner = graph.load()
  if not inner then score.refuse("%s", graph.MISSING) end
  local channels = data.shape[#data.shape]
  local key = table.concat({ "inception", inner.sha256, tap, how.resize, how.rounding, how.input,
                             channels }, " ")
  return once(key, function()
    local net = setmetatable({ title = "Inception-v3 2015-12-05, tap " .. tap,
      name = "inception-2015-12-05", sha256 = inner.sha256, tap = tap, width = graph.widths[tap],
      how = how, inception = true, data_channels = channels, batch = 25, key = key }, Network)
    function net:both(x)
      local taps = inner:taps(prepare.for_inception(x, self.how, graph.SIDE), tap)
      return taps[tap], taps.logits_unbiased
    end
    function net:features(x) return (self:both(x)) end
    return net
  end)
end

-- The hash of all parameters and buffers of a model or chain.
local function hash_of(what)
  local nn, sums = require "vaelua.nn", {}
  for _, kind in ipairs { "parameters", "buffers" } do
    for _, entry in ipairs(nn[kind](what)) do
      sums[#sums + 1] = entry[1] .. core.tensor_hash(entry[2])
    end
  end
  return core.sha256(table.concat(sums, " "))
end

local function check_features(f, x, name)
  if not core.is_tensor(f) or #f.shape < 2 or #f ~= #x then
    fail("features: %s must give a tensor [N, D] for N pictures, got %s", name,
      core.is_tensor(f) and "[" .. table.concat(f.shape, ", ") .. "]" or type(f))
  end
  return #f.shape > 2 and f:flatten() or f
end

local function own(spec, how)
  local nn = require "vaelua.nn"
  local is_model, is_chain = nn.is_model(spec), nn.is_chain(spec)
  local plain = type(spec) == "table" and not is_model and getmetatable(spec) == nil
  local f = plain and spec.features or spec
  if is_model then f = function(x) return spec:features(x) end end
  if is_model and not score.answers(spec, "features") then
    score.refuse("the model '%s' has no function features(x)", nn.name_of(spec))
  elseif plain and spec.features == nil then
    fail("features: a network's table needs features = function (x)")
  end
  local name = is_model and nn.name_of(spec) or plain and spec.name or is_chain and "chain"
               or "function"
  local net = { title = name, name = name, how = how, sha256 = "none" }
  if is_model or is_chain then net.sha256 = hash_of(spec) end
  if plain and nn.is_chain(f) then net.sha256 = hash_of(f) end
  function net.features(_, x)
    x = prepare.rounded(x, how.rounding)
    return check_features(f(x), x, name)
  end
  if plain and spec.logits then
    function net.both(self, x)
      return self:features(x), spec.logits(prepare.rounded(x, how.rounding))
    end
  end
  return setmetatable(net, Network)
end

-- A network of the user's is made anew when its weights have changed.
local owned = setmetatable({}, { __mode = "k" })

local function own_once(spec, how)
  local net, mine = own(spec, how), owned[spec] or {}
  local key = net.sha256 .. how.rounding
  owned[spec] = mine
  mine[key] = mine[key] or net
  return mine[key]
end

--- features.find(spec, data, { resize="tf1", rounding="none", input="128" }): a feature network.
--- spec: nil or "builtin", the one of this program for the data's shape; "pixels"; "inception" or
--- "inception:TAP"; a model with features(x), a chain, a function x -> [N, D], or a table { name,
--- features, logits }. Refuses where there is none.
function M.find(spec, data, given)
  local how = prepare.options(given)
  if spec == nil or spec == "builtin" then return M.for_shape(data.shape, how) end
  if spec == "pixels" then return pixels(data, how) end
  if type(spec) == "string" then
    local name, tap = spec:match("^(%a+):?(.*)$")
    if name == "inception" then return inception(tap ~= "" and tap or nil, data, how) end
    fail('features: there is no network "%s"; known are "builtin", "pixels", '
      .. '"inception", "inception:TAP", a model, a chain or a function', spec)
  end
  if type(spec) ~= "table" and type(spec) ~= "function" then
    fail("features: a name, a model, a chain or a function is needed, got " .. type(spec))
  end
  return own_once(spec, how)
end

-- ---- reference files ----------------------------------------------------------------------------

local function need_width(path, what, shape, net)
  for _, n in ipairs(shape) do
    if net.width and n ~= net.width then
      fail.data("%s: its %s is for %d features, but %s has %d: they are of different "
        .. "networks", path, what, n, net.title, net.width)
    end
  end
end

local function need_same(path, notes, net)
  for key, value in pairs(net:protocol()) do
    local says = notes and notes[key]
    if says and says ~= tostring(value) then
      fail.data("%s: was made with %s = %s, but %s has %s", path, key, says, net.title,
        tostring(value))
    end
  end
end

--- features.read_reference(path, net): { mean, cov, count } of a file with mu and sigma (pytorch-
--- fid's statistics), or { features } of one with features. Raises where it is of another network.
function M.read_reference(path, net)
  local t, notes = core.file_read(path)
  if core.is_tensor(t) then t = { features = t } end
  need_same(path, notes, net)
  local mean, cov = t.mu or t.mean, t.sigma or t.cov
  if t.features then
    need_width(path, "array 'features'", { t.features.shape[2] or 0 }, net)
    return { features = t.features:as("float32") }
  elseif not mean or not cov then
    fail.data("%s: has neither mu and sigma nor features", path)
  end
  need_width(path, "mean", mean.shape, net)
  need_width(path, "covariance", cov.shape, net)
  local n = t.count or t.n
  return { mean = mean:as("float64"), cov = cov:as("float64"),
           count = n and math.tointeger(core.item(n)) or tonumber(notes and notes.count) }
end

return M
