--[[ show.lua - pictures: grids of them in the terminal and in the run's folder; ways between codes.

    va.show(x, vae:reconstruct(x))                        a row each
    va.show("samples", vae:sample(64))                    also figures/samples.png in a run
    va.show(x, y, { labels = data.classes })              y int32 [N]: the label under each

  Pictures are [N,H,W,C] or [N,H,W], one is [H,W,C], with C 1 or 3; float32 is 0..1, uint8 0..255. A
  matrix [H,W] is shown as shades from its smallest to its largest number. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local font = require "vaelua.font"
local options = require "vaelua.options"
local run = require "vaelua.run"
local ops = core.ops

local M = {}

local PAPER, INK = 255, 0

local function shape_text(x) return "{" .. table.concat(x.shape, ", ") .. "}" end

-- ---- pictures as bytes --------------------------------------------------------------------------

-- float32 0..1 to uint8; what is not a number becomes black.
local function to_bytes(x)
  if x.dtype == "uint8" then return x end
  x = x:as("float32")
  x = ops.where(x:eq(x), x, 0)
  return (x:clamp(0, 1) * 255):round():as("uint8")
end

local function shades(x)
  x = x:as("float32")
  local low, high = x:min(), x:max()
  return (x - low) / (high - low + 1e-12)
end

-- [N,H,W,C] uint8 of whatever may be shown.
local function pictures_of(x)
  local s = x.shape
  local last = s[#s]
  if #s == 4 and (last == 1 or last == 3) then return to_bytes(x) end
  if #s == 3 and (last == 1 or last == 3) then return to_bytes(x):unsqueeze(1) end
  if #s == 3 then return to_bytes(x):unsqueeze(-1) end
  if #s == 2 then return to_bytes(shades(x)):unsqueeze(1):unsqueeze(-1) end
  fail("show: pictures are [N, H, W, C] with C = 1 or 3, got %s", shape_text(x))
end

local function paper(...) return ops.full({ ... }, PAPER, "uint8") end

-- Every pixel as a square of k.
local function enlarged(x, k)
  if k == 1 then return x end
  local n, h, w, c = table.unpack(x.shape)
  return x:reshape(n, h, 1, w, 1, c):expand(n, h, k, w, k, c):reshape(n, h * k, w * k, c)
end

local function coloured(x)
  local n, h, w, c = table.unpack(x.shape)
  return c == 3 and x or x:expand(n, h, w, 3)
end

-- ---- grids --------------------------------------------------------------------------------------

local ONE_ROW = 10           -- so many pictures still stand in one row

--- grid(x, rows, columns, padding=2): pictures [N,H,W,C] as one uint8 picture [H',W',C], row by row
--- from the top left; cells without a picture stay white.
function M.grid(x, rows, columns, padding)
  x = to_bytes(x)
  local n, h, w, c = table.unpack(x.shape)
  local p = padding or 2
  columns = columns or rows and math.ceil(n / rows) or n <= ONE_ROW and n
            or math.ceil(math.sqrt(n))
  rows = rows or math.ceil(n / columns)
  if n > rows * columns then x, n = x:rows(1, rows * columns), rows * columns end
  if n < rows * columns then x = ops.cat({ x, paper(rows * columns - n, h, w, c) }, 1) end
  n = rows * columns
  if p > 0 then
    x = ops.cat({ x, paper(n, p, w, c) }, 2)
    x = ops.cat({ x, paper(n, h + p, p, c) }, 3)
  end
  h, w = h + p, w + p
  x = x:reshape(rows, columns, h, w, c):permute(1, 3, 2, 4, 5):reshape(rows * h, columns * w, c)
  if p > 0 then
    x = ops.cat({ paper(p, columns * w, c), x }, 1)
    x = ops.cat({ paper(rows * h + p, p, c), x }, 2)
  end
  return x
end

-- ---- captions -----------------------------------------------------------------------------------

local function canvas_of(h, w)
  local canvas = {}
  for i = 1, h do
    canvas[i] = {}
    for j = 1, w do canvas[i][j] = { PAPER } end
  end
  return canvas
end

-- Words in lines of at most `room` letters; longer words are cut.
local function lines_of(text, room)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    word = word:sub(1, room)
    if line == "" then line = word
    elseif #line + 1 + #word <= room then line = line .. " " .. word
    else lines[#lines + 1], line = line, word end
  end
  lines[#lines + 1] = line
  return lines
end

-- Text as a picture [h, w, 1], centred; what does not fit is left out.
local function text_picture(text, h, w, size)
  local canvas, ink = canvas_of(h, w), { INK }
  local high = font.HEIGHT * size
  local lines = lines_of(text, math.max(w // (font.WIDTH * size), 1))
  while #lines > 1 and #lines * high > h do lines[#lines] = nil end
  local top = math.max((h - #lines * high) // 2, 0) + size
  for i, line in ipairs(lines) do
    local left = math.max((w - #line * font.WIDTH * size + size) // 2, 0)
    font.draw(canvas, line, left, top + (i - 1) * high, size, ink)
  end
  return core.tensor(canvas, "uint8")
end

-- Pictures [N,H,W,C] with a line of text under each.
local function captioned(x, texts, size)
  local n, _, w, c = table.unpack(x.shape)
  local strips = {}
  for i = 1, n do strips[i] = text_picture(texts[i] or "", font.HEIGHT * size, w, size) end
  local strip = ops.stack(strips, 1)
  return ops.cat({ x, strip:expand(n, font.HEIGHT * size, w, c) }, 2)
end

-- ---- what is shown ------------------------------------------------------------------------------

local known = { rows = true, columns = true, labels = true }

-- { pictures [N,H,W,C], texts or nil } for each tensor, and the options. An int32 [N] behind
-- pictures labels them.
local function read_arguments(...)
  local items, o = {}, {}
  for i = 1, select("#", ...) do
    local v = select(i, ...)
    if core.is_tensor(v) then
      local last = items[#items]
      if last and v.dtype == "int32" and #v.shape == 1 then
        if #v ~= #last.x then fail("show: %d labels for %d pictures", #v, #last.x) end
        last.labels = v:totable()
      else
        items[#items + 1] = { x = pictures_of(v) }
      end
    elseif type(v) == "table" and i == select("#", ...) then
      o = options.checked("show", v, known)
    else
      fail("show: argument %d is no picture, but a %s", i, type(v))
    end
  end
  if #items == 0 then fail("show: there is nothing to show") end
  return items, o
end

-- Names for numbers, captions, or names of the rows: what the option labels means.
local function read_labels(items, o)
  local names, numbered = o.labels, false
  for _, item in ipairs(items) do
    if item.labels then
      numbered = true
      item.texts = {}
      for i, k in ipairs(item.labels) do item.texts[i] = names and names[k] or tostring(k) end
    end
  end
  if not names or numbered then return nil end
  if #items > 1 and #names == #items then return names end
  if #items == 1 and #names == #items[1].x then
    items[1].texts = names
    return nil
  end
  fail("show: %d labels, but %d rows of pictures", #names, #items)
end

-- One size and one number of channels, or an error.
local function made_alike(items)
  local first, colours = items[1].x.shape, false
  for _, item in ipairs(items) do
    local s = item.x.shape
    if s[2] ~= first[2] or s[3] ~= first[3] then
      fail("show: pictures of %d x %d and of %d x %d in one grid", first[2], first[3], s[2], s[3])
    end
    colours = colours or s[4] == 3
  end
  for _, item in ipairs(items) do
    if colours then item.x = coloured(item.x) end
  end
end

local MOST_COLUMNS = 16

-- Several tensors: a row each; long ones go on below, in bands that keep them together.
local function bands(items, columns, names, size)
  local most, list = 0, {}
  for _, item in ipairs(items) do most = math.max(most, #item.x) end
  columns = columns or math.ceil(most / math.ceil(most / MOST_COLUMNS))
  local _, h, w, c = table.unpack(items[1].x.shape)
  for first = 1, most, columns do
    for i, item in ipairs(items) do
      if names then
        list[#list + 1] = text_picture(names[i], h, w, size):expand(h, w, c):unsqueeze(1)
      end
      local last = math.min(first + columns - 1, #item.x)
      if last >= first then list[#list + 1] = item.x:rows(first, last) end
      local blank = columns - math.max(last - first + 1, 0)
      if blank > 0 then list[#list + 1] = paper(blank, h, w, c) end
    end
  end
  return ops.cat(list, 1), columns + (names and 1 or 0)
end

-- The whole as one uint8 picture; each pixel is a square of k, each pixel of text one of `size`.
local function compose(items, o, names, k, size)
  local ready, captions = {}, false
  for _, item in ipairs(items) do captions = captions or item.texts ~= nil end
  for i, item in ipairs(items) do
    local x = enlarged(item.x, k)
    ready[i] = { x = captions and captioned(x, item.texts or {}, size) or x }
  end
  if #ready == 1 and not names then return M.grid(ready[1].x, o.rows, o.columns, 2 * k) end
  local x, columns = bands(ready, o.columns, names, size)
  return M.grid(x, nil, columns, 2 * k)
end

-- ---- the terminal -------------------------------------------------------------------------------

-- Each block of k x k pixels (high x k) as their mean; what is over at the edges is left out.
local function shrunk(x, k, high)
  high = high or k
  if k == 1 and high == 1 then return x end
  local h, w, c = x.shape[1] // high, x.shape[2] // k, x.shape[3]
  x = x:slice(1, 1, h * high):slice(2, 1, w * k):as("float32")
  return x:reshape(h, high, w, k, c):mean({ 2, 4 }):round():as("uint8")
end

--- half_blocks(picture, columns): text of 24-bit colours, two pixels a letter.
function M.half_blocks(picture, columns)
  local k = math.max(math.ceil(picture.shape[2] / columns), 1)
  local rows, lines = shrunk(picture, k):totable(), {}
  local function colour(p) return ("%d;%d;%d"):format(p[1], p[2] or p[1], p[3] or p[1]) end
  for i = 1, #rows, 2 do
    local line, before = {}, nil
    for j, upper in ipairs(rows[i]) do
      local lower = rows[i + 1] and rows[i + 1][j]
      local code = "\27[38;2;" .. colour(upper) .. ";"
                   .. (lower and "48;2;" .. colour(lower) or "49") .. "m"
      line[#line + 1] = code ~= before and code .. "▀" or "▀"
      before = code
    end
    lines[#lines + 1] = table.concat(line) .. "\27[0m"
  end
  if k > 1 then lines[#lines + 1] = ("(1 : %d)"):format(k) end
  return table.concat(lines, "\n") .. "\n"
end

local SHADES = " .:-=+*#%@"  -- from dark to bright

-- 0..255 of a pixel, by the weights of Rec. 601.
local function brightness(p)
  return p[2] and 0.299 * p[1] + 0.587 * p[2] + 0.114 * p[3] or p[1]
end

--- letters(picture, columns): text of ASCII alone, brighter letters for brighter pixels. A pixel is
--- two letters wide where there is room; else a letter is the mean of as many as it must be.
function M.letters(picture, columns)
  local wide = 2 * picture.shape[2] <= columns and 2 or 1
  local k = math.max(math.ceil(picture.shape[2] / columns), 1)
  local high = wide == 2 and 1 or math.min(2 * k, picture.shape[1])
  local lines = {}
  for i, row in ipairs(shrunk(picture, k, high):totable()) do
    local line = {}
    for j, p in ipairs(row) do
      local shade = math.floor(brightness(p) / 256 * #SHADES) + 1
      line[j] = SHADES:sub(shade, shade):rep(wide)
    end
    lines[i] = table.concat(line):gsub(" +$", "")
  end
  if k > 1 then lines[#lines + 1] = ("(1 : %d)"):format(k) end
  return table.concat(lines, "\n") .. "\n"
end

-- The question for kitty's graphics, for the size of a cell, and for the device's attributes, which
-- every terminal answers, and last: when that has come, no other answer will.
local QUESTION = "\27_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\27\\\27[16t\27[c"
local KINDS = { kitty = true, sixel = true, blocks = true, ascii = true, none = true }
local PATIENCE = 1000        -- milliseconds: a terminal that is far away
local asked                  -- what the terminal has answered: { kind =, width =, height = }

--- What VAELUA_IMAGES may be, as a text.
M.KINDS = "auto, kitty, sixel, blocks, ascii or none"

--- What an answer says: kind, and width and height of a cell if it tells; silent if nothing came.
function M.read_answer(answer)
  local height, width = answer:match("\27%[6;(%d+);(%d+)t")
  local kind = "blocks"
  local attributes = answer:match("\27%[%?([%d;]*)c")
  if attributes and (";" .. attributes .. ";"):find(";4;", 1, true) then kind = "sixel" end
  if answer:find("\27_Gi=31;OK", 1, true) then kind = "kitty" end
  return { kind = kind, width = tonumber(width), height = tonumber(height),
           silent = not attributes }
end

--- ask(): what the terminal says that it can. Keys that wait in the input would mix with the
--- answer: then it is asked the next time.
function M.ask()
  if asked then return asked end
  local answer = core.ask_terminal(QUESTION, PATIENCE)
  if answer then asked = M.read_answer(answer) end
  return asked or { kind = "blocks", silent = true }
end

local function at_prompt() return core.program and core.program.interactive end

--- wanted(): what VAELUA_IMAGES asks for, or nil; and the word itself if it means nothing.
function M.wanted()
  local word = os.getenv("VAELUA_IMAGES") or ""
  if word == "" or word == "auto" then return nil end
  if word == "off" then return "none" end
  return KINDS[word] and word or nil, not KINDS[word] and word or nil
end

--- terminal(): how pictures are shown - "kitty", "sixel", "blocks", "ascii" or "none" - and the
--- size of a cell. VAELUA_IMAGES decides; else a dumb terminal takes letters, any other one is
--- asked at the prompt, and has blocks from a script.
function M.terminal()
  local wanted, wrong = M.wanted()
  if wrong then fail("VAELUA_IMAGES is %s, not '%s'", M.KINDS, wrong) end
  if not core.isatty(1) then return { kind = "none" } end
  if not wanted and os.getenv("TERM") == "dumb" then wanted = "ascii" end
  if wanted == "none" or wanted == "ascii" then return { kind = wanted } end
  local found = not wanted and at_prompt() and M.ask() or { kind = "blocks" }
  local width, height = core.cell_size()
  return { kind = wanted or found.kind,
           width = math.max(found.width or width or 9, 6),
           height = math.max(found.height or height or 18, 6) }
end

local function on_terminal() return M.terminal().kind ~= "none" end

local TALLEST, LARGEST = 800, 3      -- pixels of a picture; times that it is enlarged at most

-- The picture as large as fits, in whole pixels, or each block of pixels as their mean.
local function fitted(picture, room)
  local h, w, c = table.unpack(picture.shape)
  local k = math.min(room // w, TALLEST // h, LARGEST)
  if k <= 1 then return shrunk(picture, math.max(math.ceil(w / room), 1)) end
  return picture:reshape(h, 1, w, 1, c):expand(h, k, w, k, c):reshape(h * k, w * k, c)
end

--- shaded(matrix): [H,W] as a grey picture, large enough to see.
function M.shaded(m)
  return enlarged(pictures_of(m), math.max(40 // m.shape[2], 1))[1]
end

--- draw(picture): a uint8 picture [H,W,C] on the terminal.
function M.draw(picture)
  local t = M.terminal()
  if t.kind == "none" then return end
  if t.kind == "ascii" then
    io.stdout:write(M.letters(picture, core.columns()))
  elseif t.kind == "blocks" then
    io.stdout:write(M.half_blocks(picture, core.columns()))
  else
    local room = core.columns() * t.width
    io.stdout:write(core.picture_text(fitted(picture, room), t.kind, t.width, t.height), "\n")
  end
  io.stdout:flush()
end

-- ---- show ---------------------------------------------------------------------------------------

local SMALLEST = 56          -- pictures in files are at least so wide
local unnamed = 0            -- pictures without a name so far

local function write_figure(here, name, items, o, names)
  local captions = names ~= nil
  for _, item in ipairs(items) do captions = captions or item.texts ~= nil end
  local wanted = captions and 2 * SMALLEST or SMALLEST
  local k = math.max(math.ceil(wanted / items[1].x.shape[3]), 1)
  local path = here.figure(name .. ".png")
  core.file_write(path, compose(items, o, names, k, 2))
  return path
end

-- Without a history: a picture is never trained through.
local function evaluated(f, ...)
  local depth = core.mode_push("eval")
  local _ <close> = setmetatable({}, { __close = function() core.mode_pop(depth) end })
  return f(...)
end

local function ready(...)
  local items, o = read_arguments(...)
  made_alike(items)
  return items, o, read_labels(items, o)
end

local function show(name, ...)
  local items, o, names = ready(...)
  if on_terminal() then
    M.draw(compose(items, o, names, 1, 1))
  end
  local here = run.current()
  if not here then return end
  if not name then
    unnamed = unnamed + 1
    name = "picture-" .. unnamed
  end
  local path = write_figure(here, name, items, o, names)
  if not on_terminal() then run.say("figure  " .. path) end
end

--- save(name, x ..., options): the picture in the run's folder alone, without a word.
function M.save(name, ...)
  return evaluated(function(...) write_figure(run.current(), name, ready(...)) end, ...)
end

--- va.show([name], x ..., { rows, columns, labels })
function M.show(...)
  if type((...)) == "string" then return evaluated(show, ...) end
  return evaluated(show, nil, ...)
end

-- ---- between codes ------------------------------------------------------------------------------

local function need_pair(who, a, b, n)
  if not core.is_tensor(a) or not core.is_tensor(b) or shape_text(a) ~= shape_text(b) then
    fail("%s: two tensors of one shape are needed", who)
  end
  if math.type(n) ~= "integer" or n < 2 then
    fail("%s: n must be an integer from 2, got %s", who, fail.came(n))
  end
end

-- n weights, one a row, for a tensor of the rank of a.
local function weights(list, a)
  local shape = { #list }
  for i = 1, #a.shape do shape[i + 1] = 1 end
  return core.tensor(list):reshape(shape)
end

local function between(a, b, n, weight)
  local left, right = {}, {}
  for i = 1, n do left[i], right[i] = weight((i - 1) / (n - 1)) end
  return weights(left, a) * a:unsqueeze(1) + weights(right, a) * b:unsqueeze(1)
end

--- va.interp(a, b, n): n steps on the straight line from a to b, both ends included: [n, ...].
function M.interp(a, b, n)
  need_pair("interp", a, b, n)
  return between(a, b, n, function(t) return 1 - t, t end)
end

--- va.slerp(a, b, n): the same on the arc between them (Shoemake 1985): where codes lie on a
--- sphere, as normal ones of many dimensions nearly do, the straight line would leave it.
function M.slerp(a, b, n)
  need_pair("slerp", a, b, n)
  local lengths = a:square():sum():item() * b:square():sum():item()
  local cosine = lengths > 0 and (a * b):sum():item() / math.sqrt(lengths) or 1
  local angle = math.acos(math.max(-1, math.min(1, cosine)))
  if math.sin(angle) < 1e-6 then return M.interp(a, b, n) end
  return between(a, b, n, function(t)
    return math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
  end)
end

local traverse_options = { units = true, from = true, to = true, steps = true }

-- Units as a list of numbers; all if none are named.
local function unit_list(units, d)
  if core.is_tensor(units) then units = units:totable() end
  if type(units) == "number" then units = { units } end
  if units == nil then
    units = {}
    for i = 1, d do units[i] = i end
  end
  for i, u in ipairs(units) do
    if math.type(u) ~= "integer" or u == 0 or math.abs(u) > d then
      fail("traverse: unit %s is outside 1..%d", tostring(u), d)
    end
    units[i] = u < 0 and d + 1 + u or u
  end
  return units
end

local function traverse(model, z, o)
  z = z:reshape(1, -1)
  local d, steps = z.shape[2], o.steps or 11
  local line = ops.linspace(o.from or -3, o.to or 3, steps):reshape(steps, 1)
  local codes = {}
  for i, u in ipairs(unit_list(o.units, d)) do
    local mask = ops.one_hot(core.tensor({ u }, "int32"), d)
    codes[i] = z * (1 - mask) + line * mask
  end
  return model:decode(ops.cat(codes, 1))
end

--- va.traverse(model, z, { units, from=-3, to=3, steps=11 }): pictures of one code with one unit
--- at a time going from `from` to `to`: [units * steps, ...].
function M.traverse(model, z, given)
  given = options.checked("traverse", given, traverse_options)
  if not core.is_tensor(z) then fail("traverse: a code is needed, got %s", type(z)) end
  return evaluated(traverse, model, z, given)
end

return M
