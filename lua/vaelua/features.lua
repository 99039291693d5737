--[[ features.lua - the built-in feature network: a small classifier whose last layer before the
  class scores gives the features of Fréchet distances and whose class scores give the Inception
  Score.

  It was trained by experiments/features.lua with this program; the weights lie in
  features/NAME.safetensors, with seed, accuracy and script in its metadata. A version is its
  weights: they are frozen, their SHA-256 stands here and is checked when they are loaded, and
  every score carries the version. Not a stand-in for the ImageNet Inception network: scores made
  with it are comparable with each other only. ]]

local core = require "vaelua.core"
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
  local f <close> = assert(io.open(path, "rb"))
  local text = f:read("a")
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
    core.fail("data", ("the weights of %s (features/%s.safetensors) are not installed")
                      :format(version.title, version.name))
  end
  if digest(path) ~= version.sha256 then
    core.fail("data", ("%s does not hold the weights of %s: its bytes have another SHA-256")
                      :format(path, version.title))
  end
  return core.file_read(path)
end

-- ---- using it ----------------------------------------------------------------------------------

local Network = {}
Network.__index = Network

--- [N, D] features of pictures x [N, H, W, C] in 0..1.
function Network:features(x) return self.body(x) end

--- [N, K] class scores.
function Network:logits(x) return self.head(self.body(x)) end

local seen = setmetatable({}, { __mode = "k" })      -- set -> what was computed of it

--- { features, logits } of a whole set, computed once.
function Network:of(set)
  if not seen[set] then
    local f = set:collect(function(x) return self:features(x) end, { batch = 100 })
    seen[set] = { features = f, logits = self.head(f) }
  end
  return seen[set]
end

local function load_version(version)
  local nn = require "vaelua.nn"
  local body, head = M.parts(version.shape, version.classes)
  local values = read(version)
  for name, tensor in pairs(tensors_of(body, head)) do core.set(tensor, values[name]) end
  return setmetatable({ title = version.title, version = version, body = nn.frozen(body),
                        head = nn.frozen(head) }, Network)
end

local loaded = {}

--- The newest network for pictures of a shape; refuses where there is none.
function M.for_shape(shape)
  for i = #M.versions, 1, -1 do
    local v = M.versions[i]
    if table.concat(v.shape, "x") == table.concat(shape, "x") then
      loaded[v] = loaded[v] or load_version(v)
      return loaded[v]
    end
  end
  score.refuse("there is no feature network for pictures of %s", table.concat(shape, " x "))
end

return M
