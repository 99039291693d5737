-- data_spec.lua - sets and data sets: rows, labels, batches, files, and what is said when they are
-- not there.

local va = require "vaelua"
local core = require "vaelua.core"
local child = require "tests.lua.child"

local says = require "tests.lua.says".says

local function int32(list) return va.tensor(list, "int32") end

-- Six rows 10, 20 .. 60; classes 1, 2, 3, 1, 2, 3.
local function six()
  return va.set(va.tensor { { 10 }, { 20 }, { 30 }, { 40 }, { 50 }, { 60 } },
                int32 { 1, 2, 3, 1, 2, 3 }, { classes = { "a", "b", "c" } })
end

local function rows(s)
  local x = s:first(#s)
  return x:reshape(-1):totable()
end

describe("a set", function()
  it("has rows, shape and classes", function()
    local s = six()
    assert.are.equal(6, #s)
    assert.are.same({ 1 }, s.shape)
    assert.are.equal("c", s.classes[3])
    local x, y = s:first(2)
    assert.are.same({ { 10 }, { 20 } }, x:totable())
    assert.are.same({ 1, 2 }, y:totable())
  end)

  it("scales uint8 when it is read", function()
    local s = va.set(va.tensor({ { 0, 51 }, { 102, 255 } }, "uint8"))
    assert.are.equal("uint8", s.x.dtype)
    local x, y = s:first(2)
    assert.is_true((x - va.tensor { { 0, 0.2 }, { 0.4, 1 } }):abs():max():item() < 1e-7)
    assert.is_nil(y)
  end)

  it("takes rows by an index, repeated ones too", function()
    local x, y = six():take(int32 { 6, 1, 6 })
    assert.are.same({ { 60 }, { 10 }, { 60 } }, x:totable())
    assert.are.same({ 3, 1, 3 }, y:totable())
  end)

  it("subset: the first, an index, of each class, at random", function()
    assert.are.same({ 10, 20 }, rows(six():subset(2)))
    assert.are.same({ 50, 10 }, rows(six():subset(int32 { 5, 1 })))
    assert.are.same({ 10, 20, 30 }, rows(six():subset(1, { per_class = true })))
    local a = rows(six():subset(3, { seed = 1 }))
    assert.are.same(a, rows(six():subset(3, { seed = 1 })))
    assert.are.equal(3, #a)
    local differs = false
    for seed = 2, 6 do
      local b = rows(six():subset(3, { seed = seed }))
      differs = differs or table.concat(a, " ") ~= table.concat(b, " ")
    end
    assert.is_true(differs)
    says("class 1 (a) has only 2 rows", six().subset, six(), 3, { per_class = true })
    says("the set has 6 rows, asked for 7", six().subset, six(), 7)
    says("no option 'perclass' (did you mean 'per_class'?) (options: per_class, seed)",
         six().subset, six(), 1, { perclass = 1 })
  end)

  it("class and split", function()
    assert.are.same({ 20, 50 }, rows(six():class(2)))
    assert.are.same({ 30, 60 }, rows(six():class("c")))
    says("there is no class 4", six().class, six(), 4)
    local a, b = six():split(0.5)
    assert.are.equal(3, #a)
    assert.are.equal(3, #b)
    local all = rows(a + b)
    table.sort(all)
    assert.are.same({ 10, 20, 30, 40, 50, 60 }, all)
    says("a fraction between 0 and 1", six().split, six(), 1)
  end)

  it("map changes each batch, and the shape", function()
    local s = six():map(function(x, y) return va.cat({ x, x + 1 }), y end)
    assert.are.same({ 2 }, s.shape)
    assert.are.same({ { 10, 11 } }, (s:first(1)):totable())
    local twice = s:map(function(x) return x * 2 end)      -- labels stay
    local x, y = twice:first(1)
    assert.are.same({ { 20, 22 } }, x:totable())
    assert.are.same({ 1 }, y:totable())
    says("must return x", six().map, six(), function() end)
  end)

  it("a sum keeps the functions of its parts", function()
    local s = six():map(function(x, y) return -x, y end) + six():subset(2)
    assert.are.equal(8, #s)
    local x, y = s:take(int32 { 8, 1, 7, 6 })
    assert.are.same({ { 20 }, { -10 }, { 10 }, { -60 } }, x:totable())
    assert.are.same({ 2, 1, 1, 3 }, y:totable())
    assert.are.same({ -20, -50, 20 }, rows(s:class("b")))
    assert.are.same({ 10 }, rows(s:subset(int32 { 7 })))
    assert.are.equal(4, #s:subset(4))
    says("sets of rows {1} and {2} cannot be added", function()
      return six() + va.set(va.zeros(2, 2), int32 { 1, 2 })
    end)
  end)

  it("drawing for a set changes no other random number", function()
    local s = va.set(va.rand(8, 4, 4, 1)):map(va.augment.flip)
    va.seed(3)
    local plain = va.randn(3):totable()
    va.seed(3)
    s:first(4)
    assert.are.same(plain, va.randn(3):totable())
  end)

  it("refuses wrong labels", function()
    says("labels count from 1, got 0", va.set, va.zeros(2, 1), int32 { 0, 1 })
    says("label 3, but 2 names", va.set, va.zeros(1, 1), int32 { 3 }, { classes = { "a", "b" } })
    says("2 rows, but labels of shape {3}", va.set, va.zeros(2, 1), int32 { 1, 1, 1 })
    says("the set has no labels", va.set(va.zeros(2, 1)).class, va.set(va.zeros(2, 1)), 1)
  end)

  it("names what it does not know", function()
    says("a set has no method or field 'epoch' (did you mean 'epochs'?)",
         function() return six().epoch end)
  end)
end)

describe("augmentation", function()
  it("flip mirrors whole pictures", function()
    va.seed(1)
    local x = va.arange(1, 3):as("float32"):reshape(1, 1, 3, 1):expand(40, 1, 3, 1)
    local seen = {}
    for _, row in ipairs(va.augment.flip(x):reshape(40, 3):totable()) do
      seen[table.concat(row, " ")] = true
    end
    assert.are.same({ ["1.0 2.0 3.0"] = true, ["3.0 2.0 1.0"] = true }, seen)
  end)

  it("shift moves by whole pixels and lets zeros in", function()
    va.seed(1)
    local x = va.zeros(50, 5, 5, 1) + va.one_hot(int32 { 13 }, 25):reshape(1, 5, 5, 1)
    local moved, y = va.augment.shift(2)(x, "labels")
    assert.are.equal("labels", y)
    assert.are.same(x.shape, moved.shape)
    assert.are.equal(50, moved:sum():item())        -- from the middle two pixels always fit
    local places = {}
    for _, at in ipairs(moved:reshape(50, 25):argmax():totable()) do places[at] = true end
    local n = 0
    for _ in pairs(places) do n = n + 1 end
    assert.is_true(n > 12, "only " .. n .. " places")
    assert.are.equal(0, va.augment.shift(0)(x):sub(x):abs():max():item())
  end)

  it("binarise gives 0 and 1 with the grey value as mean", function()
    va.seed(1)
    local x = va.augment.binarise(va.full({ 100, 100 }, 0.3))
    assert.are.equal(0, (x * (1 - x)):abs():max():item())
    assert.is_true(math.abs(x:mean():item() - 0.3) < 0.03)
  end)
end)

describe("data sets", function()
  local c
  setup(function() c = child.new() end)
  teardown(function() c:drop() end)

  it("two_moons is the same in every run", function()
    va.seed(1)
    local a = va.data "two_moons"
    va.seed(2)
    assert.are.equal(a.checksum, va.data("two_moons").checksum)
    assert.are.equal(2000, #a.train)
    assert.are.same({ 2 }, a.shape)
  end)

  it("fashion_mnist has its sizes, classes and labels from 1", function()
    local d = va.data "fashion_mnist"
    assert.are.equal(60000, #d.train)
    assert.are.equal(10000, #d.test)
    assert.are.same({ 28, 28, 1 }, d.shape)
    assert.are.equal("ankle boot", d.classes[10])
    local _, y = d.train:first(5)
    assert.are.same({ 10, 1, 1, 4, 1 }, y:totable())
  end)

  it("run.json names the data and its checksum", function()
    local r = c:run([[local va = require "vaelua"
      local d = va.data "two_moons"
      va.log(1, "m", va.tensor(1))
      print(d.checksum)]], "--out runs")
    assert.are.equal(0, r.status, r.err)
    local about = core.unjson(c:read "runs/latest/run.json")
    assert.are.same({ checksum = r.out:match("%x+"), train = 2000, test = 1000 },
                    about.data.two_moons)
  end)

  it("a wrong name is an error with a suggestion", function()
    says("did you mean 'fashion_mnist'", va.data, "fashion_mist")
    says("no/such: no such file or folder", va.data, "no/such")
  end)

  it("missing data says where it looked, and is of the kind data", function()
    local r = c:run([[require "vaelua".data "cifar10"]], "",
      "VAELUA_DATA=here XDG_DATA_HOME=/nowhere")
    assert.are.equal(3, r.status)
    for _, words in ipairs { "CIFAR-10 not found", "  here\n", "here/cifar10", "data/cifar10",
                             "/nowhere/vaelua/datasets/cifar10", "/usr/share/datasets/cifar10" } do
      assert(r.err:find(words, 1, true), words .. " is not in " .. r.err)
    end
  end)

  it("a folder that was asked for is the only one that is looked in", function()
    local r = c:run([[require "vaelua".data "fashion_mnist"]], "--data=here")
    assert.are.equal(3, r.status)
    assert(r.err:find("  here\n", 1, true), r.err)
    assert.is_nil(r.err:find("/usr/share", 1, true))
  end)

  it("a package is named where there is one", function()
    local set = require "vaelua.data.fashion_mnist"
    local folders = set.folders
    set.folders = { "not-there" }
    says("Fashion-MNIST not found; on Debian: sudo apt install dataset-fashion-mnist   or: --data "
         .. "DIR", va.data, "fashion_mnist")
    set.folders = folders
  end)

  -- A folder of four small IDX files, as Fashion-MNIST's are named.
  local function idx(values, ...)
    local sizes = table.pack(...)
    local text = "\0\0\8" .. string.char(sizes.n)
    for _, n in ipairs(sizes) do text = text .. string.pack(">I4", n) end
    return text .. string.char(table.unpack(values))
  end

  local function idx_folder(name)
    local pixels = { 0, 255, 51, 102, 1, 2, 3, 4 }
    c:write(name .. "/train-images-idx3-ubyte", idx(pixels, 2, 2, 2))
    c:write(name .. "/train-labels-idx1-ubyte", idx({ 1, 2 }, 2))
    c:write(name .. "/t10k-images-idx3-ubyte", idx(pixels, 2, 2, 2))
    c:write(name .. "/t10k-labels-idx1-ubyte", idx({ 0, 1 }, 2))
  end

  it("other data under the right names is refused", function()
    idx_folder("data/fashion-mnist")
    local r = c:run([[require "vaelua".data "fashion_mnist"]])
    assert.are.equal(3, r.status)
    assert(r.err:find("train-images-idx3-ubyte: not the expected data: SHA-256", 1, true), r.err)
  end)

  it("a folder of IDX files; one label 0 anywhere means that all count from 0", function()
    idx_folder("small")
    local d = va.data(c:path "small")
    assert.are.same({ 2, 2, 1 }, d.shape)
    assert.are.same({ 2, 3 }, d.train.y:totable())
    assert.are.same({ 1, 2 }, d.test.y:totable())
    assert.are.equal(3, #d.classes)
    assert.are.equal("small", d.name)
  end)

  it("npz with x and y, and with parts", function()
    local x, y = va.randint(0, 255, { 4, 5, 5 }):as("uint8"), int32 { 0, 1, 2, 0 }
    va.write(c:path "xy.npz", { x = x, y = y })
    local d = va.data(c:path "xy.npz")
    assert.are.same({ 5, 5, 1 }, d.shape)
    assert.are.same({ 1, 2, 3, 1 }, d.train.y:totable())
    says("has no test part", function() return d.test end)
    va.write(c:path "parts.npz", { x_train = x, y_train = y, x_test = x:rows(1, 2),
                                   y_test = y:rows(1, 2) })
    d = va.data(c:path "parts.npz")
    assert.are.equal(2, #d.test)
    va.write(c:path "odd.npz", { p = x, q = y })
    says("has the arrays p, q; needed are x", va.data, c:path "odd.npz")
  end)

  it("folders of pictures, a sub-folder a class", function()
    for k, class in ipairs { "cat", "dog" } do
      for i = 1, 3 do
        core.mkdir(c:path("pets/" .. class))
        local picture = va.full({ 4, 6, 3 }, 10 * k + i, "uint8")
        va.write(c:path(("pets/%s/%d.png"):format(class, i)), picture)
      end
    end
    local d = va.data(c:path "pets")
    assert.are.same({ 4, 6, 3 }, d.shape)
    assert.are.same({ "cat", "dog" }, d.classes)
    assert.are.same({ 1, 1, 1, 2, 2, 2 }, d.train.y:totable())
    assert.are.equal(23, d.train.x:at(6, 1, 1, 1))
    local flat = va.data(c:path "pets/dog")
    assert.is_nil(flat.classes)
    assert.is_nil(flat.train.y)
    local both = va.data { train = c:path "pets", test = c:path "pets" }
    assert.are.equal(6, #both.test)
    va.write(c:path "pets/dog/4.png", va.full({ 5, 6, 3 }, 0, "uint8"))
    says("pets/dog/4.png: a picture of 5 x 6 x 3, but", va.data, c:path "pets")
    core.mkdir(c:path "empty")
    says("no PNG or JPEG pictures", va.data, c:path "empty")
  end)

  it("from sets, tensors and lists", function()
    local d = va.data { train = six(), test = six():subset(2), name = "six" }
    assert.are.equal("six", d.name)
    assert.are.same({ "a", "b", "c" }, d.classes)
    d = va.data { train = { va.zeros(3, 2), int32 { 1, 2, 2 } }, test = va.zeros(1, 2) }
    assert.are.same({ "1", "2" }, d.classes)
    assert.is_nil(d.test.y)
    va.write(c:path "x.npy", va.zeros(5, 2))
    assert.are.equal(5, #va.data { c:path "x.npy" }.train)
    says("rows of train are {2}, of test {3}", va.data,
         { train = va.zeros(1, 2), test = va.zeros(1, 3) })
    says("no option 'tset'", va.data, { train = va.zeros(1, 2), tset = va.zeros(1, 2) })
    says("train = ... is needed", va.data, { test = va.zeros(1, 2) })
  end)
end)
