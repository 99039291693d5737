-- cifar10.lua - CIFAR-10 (Krizhevsky 2009): 50,000 and 10,000 colour pictures of 32 x 32 in ten
-- classes.
--
-- The "binary version": rows of one byte for the class (from 0) and 3 x 32 x 32 bytes, one colour
-- after the other.

local core = require "vaelua.core"

local ROW = 1 + 3 * 32 * 32

local function read(folder, name)
  local rows = core.rows_read(folder .. "/" .. name, ROW)
  local n = #rows
  local x = rows:slice(2, 2, ROW):reshape(n, 3, 32, 32):permute(1, 3, 4, 2)
  return x:contiguous(), rows:slice(2, 1, 1):reshape(n)
end

local function load(folder)
  local xs, ys = {}, {}
  for i = 1, 5 do xs[i], ys[i] = read(folder, ("data_batch_%d.bin"):format(i)) end
  local x, y = read(folder, "test_batch.bin")
  return {
    train = { x = core.ops.cat(xs, 1), y = core.ops.cat(ys, 1) }, test = { x = x, y = y },
    classes = { "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship",
                "truck" },
  }
end

return {
  title = "CIFAR-10",
  folders = { "cifar-10-batches-bin", "cifar10" },
  files = { "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
            "data_batch_5.bin", "test_batch.bin" },
  hint = "data_batch_1.bin .. data_batch_5.bin and test_batch.bin (the binary version)",
  load = load,
}
