--[[ cache.lua - features of a data set's parts on disk, under a hash of all that made them: the
  set's bytes, the network, how pictures are prepared, and the device.

  Files lie in $XDG_CACHE_HOME/vaelua (~/.cache/vaelua). A damaged one is written anew; a folder
  that cannot be written is no error; VAELUA_CACHE=off switches all of it off. Kept are features
  of the
  Inception network alone: others are made again in less time than is worth a file. ]]

local core = require "vaelua.core"

local M = {}

local function folder()
  if os.getenv("VAELUA_CACHE") == "off" then return nil end
  local base = os.getenv("XDG_CACHE_HOME") or ""
  local home = os.getenv("HOME") or ""
  if base == "" and home ~= "" then base = home .. "/.cache" end
  return base ~= "" and base .. "/vaelua" or nil
end

-- The bytes of a set; nil for pictures that were made, and for sets with functions.
local function bytes_of(set)
  local source = rawget(set, "source")
  if source and source ~= "real" or #set.maps > 0 or not set.x then return nil end
  return core.tensor_hash(set.x) .. (" %.17g"):format(set.scale)
end

local function sum_of(found)
  return core.tensor_hash(found.features) .. (found.logits and core.tensor_hash(found.logits) or "")
end

local function read(path, key, rows)
  if not core.exists(path) then return nil end
  local ok, t, notes = pcall(core.file_read, path)
  ok = ok and not core.is_tensor(t) and t.features and notes.key == key and #t.features == rows
       and notes.sum == sum_of(t)
  if ok then return { features = t.features, logits = t.logits } end
  io.stderr:write(("note: %s is damaged; it is written anew\n"):format(path))
end

local function write(path, found, key)
  pcall(function()
    core.mkdir(path:match("^(.*)/"))
    core.file_write(path, { features = found.features, logits = found.logits },
                    { key = key, sum = sum_of(found) })
  end)
end

--- What compute() gives, from the disk where it is there.
function M.of(net, set, compute)
  local dir = net.key and folder()
  local bytes = dir and bytes_of(set)
  if not bytes then return compute() end
  local device, precision = core.device(), core.precision()
  local key = core.sha256(table.concat({ "1", bytes, net.key, tostring(device),
                                         tostring(precision) }, "\n"))
  local path = ("%s/features-%s.safetensors"):format(dir, key:sub(1, 32))
  local found = read(path, key, #set)
  if not found then
    found = compute()
    write(path, found, key)
  end
  return found
end

return M
