-- tensor.lua - the methods of tensors that give several results, and the functions of `va`
-- about files, memory and the device. All other methods are records of the core.

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local ops, methods = core.ops, core.methods

local M = {}

-- Axis a of x, counted from 1 (negative from the end).
local function axis_of(x, a, who)
  local rank = #fail.need_tensor(who, "x", x).shape
  if math.type(a) ~= "integer" then
    fail("%s: axis must be an integer, got %s", who, fail.came(a))
  end
  local axis = a < 0 and rank + 1 + a or a
  if axis < 1 or axis > rank then
    fail("%s: there is no axis %d in a tensor of %d axes", who, a, rank)
  end
  return axis
end

-- x:split(n, axis=-1): n equal parts, or parts of the sizes in a list; several results, all views.
function M.split(x, parts, a)
  local axis = axis_of(x, a or -1, "split")
  local size, sizes = x.shape[axis], parts
  if type(parts) == "number" then
    if math.type(parts) ~= "integer" or parts < 1 or size % parts ~= 0 then
      fail("split: axis %d of size %d cannot be cut into %s equal parts", axis, size, parts)
    end
    sizes = {}
    for i = 1, parts do sizes[i] = size // parts end
  elseif type(parts) ~= "table" then
    fail("split: the number of parts, or a list of their sizes, is needed, got %s",
      fail.came(parts))
  end
  local views, from = {}, 0
  for i, n in ipairs(sizes) do
    views[i] = ops.slice(x, axis, from + 1, from + n)
    from = from + n
  end
  if from ~= size then
    fail("split: the sizes add up to %d, but axis %d has %d", from, axis, size)
  end
  return table.unpack(views, 1, #views)
end

--- x:sort(axis=-1, { descending = false }): sorted values and where they stood (int32, from 1).
function M.sort(x, a, options)
  if type(a) == "table" then a, options = nil, a end
  local index = ops.argsort(x, a or -1, options)
  return ops.take_along(x, index, a or -1), index
end

--- x:topk(k, axis=-1): the k largest values, largest first, and where they stood.
function M.topk(x, k, a)
  local axis = axis_of(x, a or -1, "topk")
  if math.type(k) ~= "integer" or k < 1 or k > x.shape[axis] then
    fail("topk: k must be 1..%d, got %s", x.shape[axis], fail.came(k))
  end
  local index = ops.slice(ops.argsort(x, axis, { descending = true }), axis, 1, k)
  return ops.take_along(x, index, axis), index
end

methods.split, methods.sort, methods.topk = M.split, M.sort, M.topk

--- va.tensor(v, [dtype]): a nested list or a number as a tensor; float32, int32, uint8 or float64.
M.tensor = core.tensor

--- x:item(): the number of a tensor that has one element; waits for the device.
M.item = core.item

--- va.read(path): npy, npz, safetensors, pth, png or jpeg, by the file's name.
function M.read(path) return core.file_read(path) end

--- va.write(path, what, [notes]): a tensor or a table of them, by the file's name.
function M.write(path, what, notes) return core.file_write(path, what, notes) end

--- va.device(): the name of the device that tensors are made on, "cpu" or "cuda:0".
function M.device() return core.device() end

--- va.precision "tf32": how matrix products and convolutions multiply from now on, float32, tf32
-- or bf16; sums are float32 always. Without a name: what holds now. An error where the device
-- cannot: the CPU has float32 and bf16. There bf16 is faster with AMX alone, elsewhere operands are
-- rounded and no more; convolutions of up to four channels and tiny products stay float32.
function M.precision(name) return core.precision(name) end

--- va.memory(): bytes held by tensors on the device, { bytes, peak, idle, device }; of a GPU also
-- those that are free on it and that it has in all, { free, total }; of the CPU also how many
-- tensors there are.
function M.memory()
  local m, host = core.device_memory(), core.bytes()
  local t = { device = core.device(), bytes = m.used, peak = m.peak, idle = m.idle }
  if t.device == "cpu" then
    t.tensors = host.tensors
  else
    t.free, t.total, t.host = m.free, m.total, host.bytes
  end
  return t
end

return M
