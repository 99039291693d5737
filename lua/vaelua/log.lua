-- log.lua - numbers of a training: va.log, metrics.csv, va.history.
--
-- va.log only adds to small sums on the device; nothing inside of a step waits.  The sums are read
-- back, all in one transfer, when a step number is a multiple of log_every (50) and at the end of
-- an epoch, so what is written depends on step numbers and never on the clock.
--
-- A row of metrics.csv is (model, seed, epoch, step, split, name, value).  Where epoch is a whole
-- number the value is the mean over that epoch, elsewhere the mean since the row before.  Means
-- weigh every batch by its images.  Sums are float32 on the device for one window of at most
-- log_every steps and float64 here.  Values have nine digits, so that reading the file gives
-- exactly the numbers of the history: that is how a resumed run gets its history back.

local core = require "vaelua.core"
local field = require "vaelua.file".field
local fail = require "vaelua.fail"
local run = require "vaelua.run"

local M = {}

M.watch = nil             -- function(model's name, term, value): sees every value logged

local EVERY = 50          -- steps between two readings, where the script has no setting log_every
local HEADER = "model,seed,epoch,step,split,name,value\n"

-- ---- rows -------------------------------------------------------------------------------------

local known               -- keys of the rows that a resumed run has kept, or nil
local rewound = {}        -- seed -> step: rows up to it are in the past of this process

local function row_key(name, seed, t, step, split, term)
  return ("%s,%d,%.10g,%d,%s,%s,"):format(field(name), seed, t, step, field(split), field(term))
end

local function csv_path(r) return r.folder .. "/metrics.csv" end

local function read_rows(r)
  local f = io.open(csv_path(r), "rb")
  if not f then return {} end
  local rows = {}
  for line in f:lines() do
    local key, value = line:match("^(.*,)([^,]+)$")
    local head, seed, t, step = key:match("^(.-),(%d+),([^,]+),(%d+),")
    if seed then
      local split, term = key:match("^.-,%d+,[^,]+,%d+,(.-),(.-),$")
      rows[#rows + 1] = { key = key, line = line, model = head, seed = math.tointeger(seed),
                          t = tonumber(t), step = math.tointeger(step), split = split,
                          term = term, value = tonumber(value) or 0 / 0 }
    end
  end
  f:close()
  return rows
end

--- All rows of the metrics.csv of a folder: { model, seed, t, step, split, term, value, ... }.
function M.rows(folder) return read_rows { folder = folder } end

-- Rows of one flush, written at once.
local function write_rows(lines)
  local r = #lines > 0 and run.current()
  if not r then return end
  local path = csv_path(r)
  local header = core.exists(path) and "" or HEADER
  core.append(path, header .. table.concat(lines))
end

--- A resumed run forgets the rows of a seed behind a step (and counts the rest as known).
function M.cut(seed, step)
  local r = run.current()
  if not r then return end
  local lines = { HEADER }
  known = {}
  for _, row in ipairs(read_rows(r)) do
    if row.seed ~= seed or row.step <= step then
      lines[#lines + 1] = row.line .. "\n"
      known[row.key] = true
    end
  end
  if core.exists(csv_path(r)) then core.write(csv_path(r), table.concat(lines)) end
end

-- ---- books: what is known of one model --------------------------------------------------------

local books = setmetatable({}, { __mode = "k" })     -- model -> book
local era = {}            -- another table for every seed that begins
local named = {}          -- name -> book, for a log under a bare name
local open_books = {}     -- in the order of their first log in this seed
local kept_sums = {}      -- of a checkpoint: "model/split/term" -> sums, until its book opens

local function new_history() return { last = {} } end

-- A value belongs to the history if it ends an epoch or is not of the training at all.
local function remember(history, t, split, term, value)
  local h = history
  if split ~= "train" then
    h[split] = h[split] or new_history()
    h = h[split]
  end
  h.last[term] = value
  if split ~= "train" or t % 1 == 0 then
    h[term] = h[term] or {}
    table.insert(h[term], value)
  end
end

-- Rows of metrics.csv up to the step that a checkpoint has brought back.
local function recall(book)
  local step = rewound[book.seed]
  local r = step and run.opened()
  if not r then return end
  for k in pairs(book.history) do book.history[k] = nil end
  book.history.last = {}
  for _, row in ipairs(read_rows(r)) do
    if row.model == field(book.name) and row.seed == book.seed and row.step <= step then
      remember(book.history, row.t, row.split, row.term, row.value)
    end
  end
end

local function name_of(model, who)
  if type(model) == "string" then return model end
  local models = require "vaelua.model"
  if not models.is_model(model) then
    fail(who .. ": argument 'model' is not a model (nn.model) or a name")
  end
  return models.name_of(model)
end

local function book_of(model, who, fresh)
  local shelf = type(model) == "string" and named or books
  local book = shelf[model]
  if not book or fresh and book.era ~= era then
    book = { name = name_of(model, who), era = era, seed = core.seed(), splits = {},
             history = new_history() }
    shelf[model] = book
    open_books[#open_books + 1] = book
    recall(book)
  end
  return book
end

--- va.history: h.loss, h.kl ... are lists by epoch, h.last.loss the newest number; what was logged
--- under another split than "train" lies in h.SPLIT.
function M.history(model) return book_of(model, "history").history end

--- A new seed: its models are others, though they have the same names.
function M.new_seed() era, named, open_books, kept_sums = {}, {}, {}, {} end

--- Other books from now on; gives those so far.
function M.swap_books(set)
  local before = { era = era, named = named, open = open_books, kept = kept_sums }
  era, named, open_books, kept_sums = set.era, set.named, set.open, set.kept
  return before
end

--- The histories of a folder's metrics.csv for one seed: name of the model -> history.
function M.histories(folder, seed)
  local all = {}
  for _, row in ipairs(read_rows { folder = folder }) do
    if row.seed == seed then
      local name = row.model:gsub('^"(.*)"$', "%1"):gsub('""', '"')
      all[name] = all[name] or new_history()
      remember(all[name], row.t, row.split, row.term, row.value)
    end
  end
  return all
end

-- ---- sums -------------------------------------------------------------------------------------

-- A cell holds the sums of one term: of the window on the device (sum, which counts while it is
-- live; it stays the same tensor, so that all turns of a loop are alike) and in host, and those of
-- the epoch; each with the images that it is a sum over.
local function new_cell()
  return { host = 0, weight = 0, epoch = 0, epoch_weight = 0 }
end

local function kept_cell(book, split, term)
  local key = book.name .. "/" .. split .. "/" .. term
  local cell = kept_sums[key]
  kept_sums[key] = nil
  return cell
end

local function cell_of(book, split, term)
  if term == "last" then fail("log: no term may be named 'last'") end
  local s = book.splits[split]
  if not s.cells[term] then
    s.cells[term] = kept_cell(book, split, term) or new_cell()
    s.names[#s.names + 1] = term
    table.sort(s.names)
  end
  return s.cells[term]
end

local function split_of(book, split)
  book.splits[split] = book.splits[split] or { name = split, cells = {}, names = {} }
  return book.splits[split]
end

-- How many images a value [N] stands for, nil for one number.
local function rows_of(value)
  if not core.is_tensor(value) then return nil end
  local shape = value.shape
  return #shape > 0 and shape[1] or nil
end

local function check_value(term, value)
  if type(value) == "number" then return end
  if not core.is_tensor(value) then
    fail("log: '%s' is a %s; needed is a number, or a tensor of one number or [N]", term,
      type(value))
  end
  local shape = value.shape
  if #shape > 1 then
    fail("log: '%s' has shape [%s]; needed is one number or [N], one a row", term,
      table.concat(shape, ", "))
  end
end

-- Adds one value.  Histories are of no use here, so the value is detached first: what follows is
-- not recorded.
local function add(cell, value, rows)
  if type(value) == "number" then
    cell.host = cell.host + value * rows
    cell.weight = cell.weight + rows
    return
  end
  local n = rows_of(value)
  local v = value:detach()
  if v.dtype ~= "float32" then v = v:as("float32") end
  cell.sum = cell.sum or core.sum_new()
  core.accumulate(cell.sum, v, n and 1 or rows, cell.live)
  cell.live = true
  cell.weight = cell.weight + (n or rows)
end

-- The images of this call: rows of a term [N], else the batch of the loop.
local function images(loss, terms)
  local n = rows_of(loss)
  for _, value in pairs(terms) do n = n or rows_of(value) end
  return n or M.loop and M.loop.rows or 1
end

local function check_arguments(t, terms, split)
  if type(t) ~= "number" then
    fail("log: argument 't' is a " .. type(t) .. ", not the t of the loop")
  end
  if type(terms) ~= "table" then
    fail("log: argument 'terms' is a " .. type(terms) .. ", not { name = value }")
  end
  if type(split) ~= "string" then
    fail("log: argument 'split' is a " .. type(split) .. ", not a name")
  end
end

-- The loop that reads the sums back: the training loop that one is in, else the loop of batches.
local function reader()
  local loop = M.loop
  while loop and not loop.training and loop.outer do loop = loop.outer end
  return loop
end

--- va.log(t, model, [loss], [terms], [split="train"]).  va.log(x) of a tensor is its logarithm.
function M.log(t, model, loss, terms, split)
  if core.is_tensor(t) and model == nil then return core.ops.log(t) end
  terms, split = terms or {}, split or "train"
  check_arguments(t, terms, split)
  local book = book_of(model, "log", true)
  local s = split_of(book, split)
  local rows = images(loss, terms)
  local function put(term, value)
    check_value(term, value)
    if M.watch then M.watch(book.name, term, value) end
    add(cell_of(book, split, term), value, rows)
  end
  if loss ~= nil then put("loss", loss) end
  for term, value in pairs(terms) do put(term, value) end
  s.t, s.step, s.dirty, s.loop = t, M.step(), true, reader()
  if s.loop and type(model) ~= "string" then s.loop.uses(model) end
  if s.loop then s.loop.books[book] = true else M.flush(nil, true) end
end

--- The number of the step at hand; seeds.lua puts its counter here.
function M.step() return 0 end

-- ---- reading back -----------------------------------------------------------------------------

-- The device sums of many cells, in one transfer.
local function fetch(cells)
  local tensors, owners = {}, {}
  for _, cell in ipairs(cells) do
    if cell.live then
      tensors[#tensors + 1], owners[#owners + 1] = cell.sum, cell
      cell.live = false
    end
  end
  if #tensors == 0 then return end
  local numbers = core.ops.stack(tensors):totable()
  for i, cell in ipairs(owners) do cell.host = cell.host + numbers[i] end
end

-- Nine digits say all that a float32 mean can say; see the head of this file.
local function nine(v)
  return tonumber(("%.9g"):format(v)) or v      -- "inf", "nan" are not numbers to Lua
end

-- Closes the window of a cell; the result is its mean, or that of the epoch at its end.
local function close_window(cell, whole)
  local mean = cell.weight > 0 and cell.host / cell.weight or nil
  cell.epoch, cell.epoch_weight = cell.epoch + cell.host, cell.epoch_weight + cell.weight
  if whole and cell.epoch_weight > 0 then mean = cell.epoch / cell.epoch_weight end
  cell.host, cell.weight = 0, 0
  if whole then cell.epoch, cell.epoch_weight = 0, 0 end
  return mean and nine(mean)
end

local function close_split(book, s, whole, lines)
  for _, term in ipairs(s.names) do
    local value = close_window(s.cells[term], whole)
    local key = value and row_key(book.name, book.seed, s.t, s.step, s.name, term)
    if value and not (known and known[key]) then
      lines[#lines + 1] = ("%s%.9g\n"):format(key, value)
      remember(book.history, s.t, s.name, term, value)
    end
  end
  s.dirty = false
end

-- Splits of a loop that are to be read: those of the training at the fixed steps, others at once.
local function due(loop, at_step)
  local found, cells = {}, {}
  for _, book in ipairs(open_books) do
    for _, split in ipairs { "train", false } do       -- the training first, then by name
      local names = {}
      for name in pairs(book.splits) do
        if (name == "train") == (split == "train") then names[#names + 1] = name end
      end
      table.sort(names)
      for _, name in ipairs(names) do
        local s = book.splits[name]
        if s.dirty and s.loop == loop and (at_step or name ~= "train") then
          found[#found + 1] = { book = book, split = s }
          for _, term in ipairs(s.names) do cells[#cells + 1] = s.cells[term] end
        end
      end
    end
  end
  return found, cells
end

--- Reads back and writes what belongs to a loop (nil: to none).  at_step: the step is one of the
--- fixed ones, so the training is read as well.
function M.flush(loop, at_step)
  local found, cells = due(loop, at_step)
  if #found == 0 then return end
  fetch(cells)
  local lines = {}
  for _, f in ipairs(found) do
    local whole = f.split.name ~= "train" or f.split.t % 1 == 0
    close_split(f.book, f.split, whole, lines)
  end
  write_rows(lines)
end

--- True if the step number is one at which the training is read.
function M.is_due(number)
  local every = run.setting("log_every") or EVERY
  return number % every == 0
end

-- ---- what the progress line shows -------------------------------------------------------------

local SHOWN = 3           -- terms of one model beside its loss

local function books_of(loop)
  local list = {}
  for _, book in ipairs(open_books) do
    if loop.books[book] then list[#list + 1] = book end
  end
  return list
end

--- The names of the models that a loop logs: "vae ae".
function M.names(loop)
  local names = {}
  for i, book in ipairs(books_of(loop)) do names[i] = book.name end
  return table.concat(names, " ")
end

local function summary_of(book, terms)
  local last, words = book.history.last, {}
  for term in pairs(last) do
    if term ~= "loss" then words[#words + 1] = term end
  end
  table.sort(words)
  for i = #words, 1, -1 do
    words[i] = i <= terms and ("%s %.4g"):format(words[i], last[words[i]]) or nil
  end
  if last.loss then table.insert(words, 1, ("loss %.4g"):format(last.loss)) end
  return table.concat(words, "  ")
end

--- The newest means of a loop's models: "loss 241.8  kl 15.2".
function M.summary(loop)
  local list, parts = books_of(loop), {}
  for i, book in ipairs(list) do
    local text = summary_of(book, #list == 1 and SHOWN or 0)
    parts[i] = #list == 1 and text or book.name .. " " .. text
  end
  return table.concat(parts, "  ")
end

--- The newest means of every model, for run.json.
function M.final()
  local all = {}
  for _, book in ipairs(open_books) do
    all[book.name] = next(book.history.last) and book.history.last or nil
  end
  return all
end
run.record("metrics", M.final)

--- va.note(format, values ...): a line on the terminal and in the report.
M.note = run.note

-- ---- checkpoints ------------------------------------------------------------------------------

--- The sums of an epoch that is not over: tensors by name, and plain numbers.
function M.save(loop, tensors, numbers)
  for _, book in ipairs(books_of(loop)) do
    for split, s in pairs(book.splits) do
      for term, cell in pairs(s.cells) do
        local key = book.name .. "/" .. split .. "/" .. term
        if cell.live then tensors["log/" .. key] = cell.sum end
        if cell.weight > 0 or cell.epoch_weight > 0 then
          numbers[key] = { host = cell.host, weight = cell.weight, epoch = cell.epoch,
                           epoch_weight = cell.epoch_weight, t = s.t, step = s.step }
        end
      end
    end
  end
end

--- Takes up the sums and the histories of a checkpoint at a step of the seed at hand.
function M.restore(step, tensors, numbers)
  rewound[core.seed()] = step
  kept_sums = {}
  for key, n in pairs(numbers) do
    local cell = new_cell()
    cell.host, cell.weight, cell.epoch, cell.epoch_weight = n.host, n.weight, n.epoch,
      n.epoch_weight
    local sum = tensors["log/" .. key]
    if sum then
      cell.sum, cell.live = core.sum_new(), true
      core.set(cell.sum, sum)
    end
    kept_sums[key] = cell
  end
  for _, book in ipairs(open_books) do
    book.splits = {}
    recall(book)
  end
end

return M
