--[[ data.lua - va.data: data sets by name, from files and folders, or from tensors.

    va.data "fashion_mnist"                          data/fashion_mnist.lua
    va.data "photos"                                 a folder of PNG or JPEG, a sub-folder a class
    va.data "x.npz"                                  x and y, or x_train, y_train, x_test, y_test
    va.data { train = "a.npy", test = va.set(x) }    parts: paths, sets, tensors, { x, y }

  A named data set is a table: title, files that its folder must have, folders (names of it),
  package (Debian's), load(folder) -> { train = { x=, y= }, test =, classes =, checksum = }; or
  make() alone. What is missing or damaged is a failure of the kind "data". ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local options = require "vaelua.options"
local run = require "vaelua.run"
local Set = require "vaelua.set"
local ops = core.ops

local M = { Set = Set, set = Set.new }

local missing = fail.data

-- ---- the result --------------------------------------------------------------------------------

local Data = {}

-- One checksum of all parts: what a run was trained on.
local function checksum_of(data)
  local sums = {}
  local function add(set)
    for _, part in ipairs(set.parts or {}) do add(part) end
    for _, name in ipairs { "x", "y", "rows" } do
      if set[name] then sums[#sums + 1] = core.tensor_hash(set[name]) end
    end
  end
  add(data.train)
  if rawget(data, "test") then add(data.test) end
  return core.sha256(table.concat(sums))
end

local FIELDS = { "checksum", "classes", "name", "shape", "test", "train" }

function Data:__index(name)
  if name == "checksum" then
    local sum = checksum_of(self)
    rawset(self, "checksum", sum)
    return sum
  elseif name == "test" then
    fail("the data '%s' has no test part: give both with va.data { train = ..., "
      .. "test = ... }, or split it: local a, b = data.train:split(0.9)", self.name)
  elseif name ~= "classes" then
    fail("data has no field '%s'%s (fields: %s)", tostring(name), fail.near(name, FIELDS),
      table.concat(FIELDS, ", "))
  end
end

function Data:__tostring()
  local test = rawget(self, "test")
  return ("%s: %d rows to train%s, {%s}"):format(self.name, #self.train,
    test and (", %d to test"):format(#test) or "", table.concat(self.shape, ", "))
end

-- What run.json says of the data that were loaded. A checksum is taken when it is first written;
-- data that nobody holds any more are not kept for it.
local loaded = setmetatable({}, { __mode = "v" })      -- name -> data
local described = {}

local function describe()
  for name, data in pairs(loaded) do
    local test = rawget(data, "test")
    described[name] = { checksum = data.checksum, train = #data.train, test = test and #test }
  end
  return described
end

local function remember(data)
  loaded[data.name] = data
  run.record("data", describe)
  return data
end

local function is_set(v) return getmetatable(v) == Set end

-- Grey pictures get their axis of channels.
local function pictures(x)
  return x.dtype == "uint8" and #x.shape == 3 and x:unsqueeze(-1) or x
end

local function whole(y) return y.dtype == "int32" or y.dtype == "uint8" end

local function plus_one(y) return (y:as("float32") + 1):as("int32") end

-- Files count classes from 0 or from 1, and a part may lack some: one 0 anywhere decides for all.
local function labels_from_one(parts)
  local zero = false
  for _, part in ipairs(parts) do
    local y = part.y
    if y and whole(y) and #y > 0 and y:as("float32"):min():item() == 0 then zero = true end
  end
  for _, part in ipairs(parts) do
    if zero and part.y and whole(part.y) then part.y = plus_one(part.y) end
  end
end

-- Numbers as names for classes, as many as the part with most has.
local function number_names(parts)
  local most = 0
  for _, part in ipairs(parts) do
    local y = part.y
    if y and whole(y) and #y > 0 then
      most = math.max(most, math.floor(y:as("float32"):max():item()))
    end
  end
  if most == 0 then return nil end
  local names = {}
  for k = 1, most do names[k] = tostring(k) end
  return names
end

-- found: { train =, test =, classes =, checksum = }; parts are sets or { x =, y = }.
local function finish(name, found)
  local raw = {}
  for _, which in ipairs { "train", "test" } do
    local part = found[which]
    if part and not is_set(part) then raw[#raw + 1] = part end
  end
  labels_from_one(raw)
  local classes = found.classes or number_names(raw)
  local data = { name = name, checksum = found.checksum }
  for _, which in ipairs { "train", "test" } do
    local part = found[which]
    if part and not is_set(part) then
      part = Set.new(pictures(part.x), part.y, { classes = part.y and classes })
    end
    data[which] = part
  end
  data.shape, data.classes = data.train.shape, classes or data.train.classes
  local test = data.test
  if test and table.concat(test.shape, ",") ~= table.concat(data.shape, ",") then
    missing("%s: rows of train are {%s}, of test {%s}", name, table.concat(data.shape, ", "),
            table.concat(test.shape, ", "))
  end
  return remember(setmetatable(data, Data))
end

-- ---- folders of pictures -----------------------------------------------------------------------

local function is_picture(name)
  local ending = name:lower():match("%.(%w+)$")
  return ending == "png" or ending == "jpg" or ending == "jpeg"
end

local function pictures_in(folder)
  local paths = {}
  for _, name in ipairs(core.list(folder)) do
    if is_picture(name) then paths[#paths + 1] = folder .. "/" .. name end
  end
  return paths
end

local function folders_in(folder)
  local names = {}
  for _, name in ipairs(core.list(folder)) do
    if core.exists(folder .. "/" .. name) == "folder" and name:sub(1, 1) ~= "." then
      names[#names + 1] = name
    end
  end
  return names
end

-- All in one tensor [N,H,W,C], put together in blocks.
local function read_pictures(paths)
  local blocks, block, shape = {}, {}, nil
  for i, path in ipairs(paths) do
    local x = core.file_read(path)
    local own = table.concat(x.shape, " x ")
    shape = shape or own
    if own ~= shape then
      missing("%s: a picture of %s, but %s is one of %s; all must have one size", path, own,
              paths[1], shape)
    end
    block[#block + 1] = x
    if #block == 256 or i == #paths then
      blocks[#blocks + 1] = ops.stack(block, 1)
      block = {}
    end
  end
  return #blocks == 1 and blocks[1] or ops.cat(blocks, 1)
end

-- { x, y }, and the names of the classes if there are sub-folders.
local function read_picture_folder(folder, classes)
  local paths, labels = pictures_in(folder), nil
  if #paths == 0 then
    labels, classes = {}, classes or folders_in(folder)
    for k, class in ipairs(classes) do
      for _, path in ipairs(pictures_in(folder .. "/" .. class)) do
        paths[#paths + 1], labels[#labels + 1] = path, k
      end
    end
  end
  if #paths == 0 then
    missing("%s: no PNG or JPEG pictures in this folder, nor in sub-folders of it", folder)
  end
  return { x = read_pictures(paths), y = labels and core.tensor(labels, "int32") },
         labels and classes
end

local function has(list, name)
  for _, v in ipairs(list) do
    if v == name then return true end
  end
  return false
end

-- ---- files -------------------------------------------------------------------------------------

-- Names of arrays in an archive, by what they are.
local archive_names = {
  x = { "x", "images", "data" }, y = { "y", "labels", "target" },
  x_train = { "x_train", "train_x", "train_images" },
  y_train = { "y_train", "train_y", "train_labels" },
  x_test = { "x_test", "test_x", "test_images" },
  y_test = { "y_test", "test_y", "test_labels" },
}

local function from_archive(path, arrays)
  local a, names = {}, keys.sorted(arrays)
  for what, spellings in pairs(archive_names) do
    for _, name in ipairs(spellings) do a[what] = a[what] or arrays[name] end
  end
  local train = a.x_train or a.x or #names == 1 and arrays[names[1]]
  if not train then
    missing("%s: has the arrays %s; needed are x (and y), or x_train and x_test (and y_train, "
            .. "y_test)", path, table.concat(names, ", "))
  end
  return { train = { x = train, y = a.x_train and a.y_train or a.y },
           test = a.x_test and { x = a.x_test, y = a.y_test } or nil }
end

-- The four files of MNIST and its kin, packed or not, under both spellings.
local function idx_file(folder, name)
  for _, spelling in ipairs { name, (name:gsub("%-idx", ".idx")) } do
    for _, ending in ipairs { "", ".gz" } do
      local path = folder .. "/" .. spelling .. ending
      if core.exists(path) == "file" then return path end
    end
  end
end

local idx_names = { "train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                    "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte" }

local function read_idx_folder(folder, sha256)
  local t = {}
  for i, name in ipairs(idx_names) do
    t[i] = core.idx_read(idx_file(folder, name), sha256 and sha256[i])
  end
  return { train = { x = t[1], y = t[2] }, test = { x = t[3], y = t[4] } }
end

local function has_idx_files(folder)
  for _, name in ipairs(idx_names) do
    if not idx_file(folder, name) then return false end
  end
  return true
end

-- Whatever lies at a path: { train =, test =, classes = }.
local function read_path(path)
  local kind = core.exists(path)
  if kind == nil then missing("%s: no such file or folder", path) end
  if kind == "file" then
    local t = core.file_read(path)
    if not core.is_tensor(t) then return from_archive(path, t) end
    return { train = { x = is_picture(path) and t:unsqueeze(1) or t } }
  end
  if has_idx_files(path) then return read_idx_folder(path) end
  local inside = folders_in(path)
  if has(inside, "train") and has(inside, "test") then
    local train, classes = read_picture_folder(path .. "/train")
    local test = read_picture_folder(path .. "/test", classes)
    return { train = train, test = test, classes = classes }
  end
  local train, classes = read_picture_folder(path)
  return { train = train, classes = classes }
end

-- A tensor, or the one array of a file.
local function array(v, what)
  if core.is_tensor(v) then return v end
  local t = type(v) == "string" and core.exists(v) and core.file_read(v)
  if not core.is_tensor(t) then
    missing("%s: a tensor or a file of one array is needed, got %s", what, tostring(v))
  end
  return t
end

-- A list: files of pictures, or x and y.
local function read_list(list, what)
  local all = #list > 0
  for _, v in ipairs(list) do all = all and type(v) == "string" and is_picture(v) end
  if all then return { train = { x = read_pictures(list) } } end
  if #list == 1 and type(list[1]) == "string" then return read_path(list[1]) end
  if #list < 1 or #list > 2 then
    fail(what .. ": a list is { x }, { x, y } or pictures")
  end
  return { train = { x = array(list[1], what), y = list[2] and array(list[2], what) } }
end

-- One part: a set, a tensor, a path or a list; what a path holds must be one part, too.
local function read_part(v, what)
  if v == nil or is_set(v) then return v end
  if core.is_tensor(v) then return { x = v } end
  local found
  if type(v) == "string" then found = read_path(v)
  elseif type(v) == "table" then found = read_list(v, what)
  else fail("%s: a path, a set, a tensor or { x, y } is needed, got %s", what, type(v)) end
  return found.train, found.classes
end

local function from_table(t)
  if #t > 0 then
    local found = read_list(t, "data")
    found.classes = t.classes or found.classes
    return finish(type(t[1]) == "string" and t[1]:match("[^/]+$") or "data", found)
  end
  options.checked("data", t, { train = true, test = true, classes = true, name = true })
  if t.train == nil then fail("data: train = ... is needed") end
  local train, classes = read_part(t.train, "data.train")
  local test = read_part(t.test, "data.test")
  classes = t.classes or classes
  return finish(t.name or "data", { train = train, test = test, classes = classes })
end

-- ---- named data sets ---------------------------------------------------------------------------

-- The folder of --data; what the environment names is looked in as well, but is not the only one.
local function option_data()
  local o = core.program and core.program.options
  if o and o.data ~= os.getenv("VAELUA_DATA") then return o.data end
end

-- Where the folder of a named data set may lie, in the order of looking; a folder that was asked
-- for with --data is the only one.
local function places(set)
  local home = os.getenv("HOME") or ""
  local xdg = os.getenv("XDG_DATA_HOME") or home .. "/.local/share"
  local list = {}
  local function under(base, itself)
    if not base or base == "" then return end
    if itself then list[#list + 1] = base end
    for _, name in ipairs(set.folders) do list[#list + 1] = base .. "/" .. name end
  end
  under(option_data(), true)
  if #list > 0 then return list end
  under(os.getenv("VAELUA_DATA"), true)
  under("data", false)
  under(xdg .. "/vaelua/datasets", false)
  under("/usr/share/datasets", false)
  return list
end

local function complete(set, folder)
  if core.exists(folder) ~= "folder" then return false end
  if set.sha256 then return has_idx_files(folder) end
  for _, name in ipairs(set.files) do
    if core.exists(folder .. "/" .. name) ~= "file" then return false end
  end
  return true
end

local function find_folder(set)
  local looked = places(set)
  for _, folder in ipairs(looked) do
    if complete(set, folder) then return folder end
  end
  local how = ("put %s into one of these, or give --data DIR"):format(set.hint)
  if set.package then
    how = ("on Debian: sudo apt install %s   or: --data DIR"):format(set.package)
  end
  missing("%s not found; %s\nlooked in:\n  %s", set.title, how, table.concat(looked, "\n  "))
end

--- For data/NAME.lua: a data set of four IDX files with the SHA-256 of their unpacked bytes, in
--- the order of idx_names.
function M.idx(set)
  function set.load(folder)
    local found = read_idx_folder(folder, set.sha256)
    found.classes, found.checksum = set.classes, core.sha256(table.concat(set.sha256))
    return found
  end
  set.hint = "train-images-idx3-ubyte.gz and its three companions"
  return set
end

local function named(name)
  local set = require("vaelua.data." .. name)
  return finish(name, set.make and set.make() or set.load(find_folder(set)))
end

--- For `vaelua doctor`: the folder of a named set, or nil and why there is none.
function M.where(name)
  local set = require("vaelua.data." .. name)
  if set.make then return "made, not read" end
  local good, folder = pcall(find_folder, set)
  if good then return folder, nil, set end
  return nil, folder, set
end

-- A name of ours, else a path.
local function from_text(text)
  local known = core.modules("data")
  if has(known, text) then return named(text) end
  if core.exists(text) then return finish(text:match("[^/]+$") or text, read_path(text)) end
  if text:find("[/.]") then missing("%s: no such file or folder", text) end
  fail.unknown("data set, file or folder", text, known)
end

--- va.data { train, test, classes, name }: a data set of two sets; a text is a name, a file or a
--- folder.
function M.data(what)
  if type(what) == "string" then return from_text(what) end
  if type(what) == "table" then return from_table(what) end
  fail("data: a name, a path or a table is needed, got " .. type(what))
end

return M
