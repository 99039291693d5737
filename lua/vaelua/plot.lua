--[[ plot.lua - curves and points, drawn by gnuplot.

    va.plot(h.loss)
    va.plot("loss", { y = h.loss, label = "VAE" }, { x = t, y = m, sd = s }, { x = "epoch" })

  A series is { x, y, label, points, colour, style, sd, low, high }, or a list of numbers, or a
  tensor, which is its y. x: 1, 2, ... if absent. points: dots, no line. colour: a number of the
  palette, "#rrggbb", or one number a point (classes). style: "line", "dashed", "dotted", "steps",
  "bars". sd: a band of y - sd to y + sd; low, high: a band from one to the other. The last table
  has the names of the axes and log (true or "y", "x", "xy").

  In a run: figures/NAME.svg and NAME.csv; on a terminal: letters. The palette is Okabe and Ito's,
  which people with any colour vision can tell apart, and grey and brown for ten classes. ]]

local core = require "vaelua.core"
local run = require "vaelua.run"

local M = {}

local palette = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
                  "#F0E442", "#999999", "#7F4F24" }

local styles = {
  line = "lines dashtype 1", dashed = "lines dashtype 2", dotted = "lines dashtype 3",
  steps = "steps", bars = "boxes fill solid 0.7 noborder",
}

local function fail(format, ...) return core.fail("user", format:format(...)) end

local function sorted_names(t)
  local names = {}
  for name in pairs(t) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return table.concat(names, ", ")
end

local function check_names(what, t, known)
  for name in pairs(t) do
    if not known[name] then
      fail("plot: %s has no field '%s' (fields: %s)", what, tostring(name), sorted_names(known))
    end
  end
end

-- Colour k of the palette; after the last comes the first.
local function colour_of(k)
  return palette[((math.tointeger(k) or 1) - 1) % #palette + 1]
end

-- ---- series ------------------------------------------------------------------------------------

local series_fields = { x = true, y = true, label = true, points = true, colour = true,
                        style = true, sd = true, low = true, high = true, [1] = true, [2] = true }
local option_fields = { x = true, y = true, log = true, title = true }

-- A list of numbers of a tensor or list.
local function numbers(v, what)
  if core.is_tensor(v) then v = #v.shape == 0 and { v:item() } or v:reshape(-1):totable() end
  if type(v) ~= "table" then fail("plot: %s must be a list or a tensor, got %s", what, type(v)) end
  local list = {}
  for i, n in ipairs(v) do
    if core.is_tensor(n) then n = n:item() end
    if type(n) ~= "number" then fail("plot: %s[%d] is no number, but a %s", what, i, type(n)) end
    list[i] = n
  end
  return list
end

local function check_length(list, what, n)
  if #list ~= n then fail("plot: %d values of %s for %d of y", #list, what, n) end
  return list
end

local function counting(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

local function is_list_of_numbers(t) return type(t[1]) == "number" end

-- { x }, { x, y } by place mean the same as by name; one alone is y.
local function read_series(v, place)
  if core.is_tensor(v) or is_list_of_numbers(v) then v = { y = v } end
  check_names("a series", v, series_fields)
  local x, y = v.x or v[1], v.y or v[2]
  if y == nil then x, y = nil, x end
  if y == nil then fail("plot: series %d has no y", place) end
  y = numbers(y, "y")
  local s = { y = y, x = x and check_length(numbers(x, "x"), "x", #y) or counting(#y),
              sd = v.sd and check_length(numbers(v.sd, "sd"), "sd", #y),
              low = v.low and check_length(numbers(v.low, "low"), "low", #y),
              high = v.high and check_length(numbers(v.high, "high"), "high", #y),
              label = v.label and tostring(v.label), points = v.points, colour = colour_of(1) }
  if (s.low == nil) ~= (s.high == nil) then fail("plot: a band has both low and high") end
  if s.sd and not s.low then
    s.low, s.high = {}, {}
    for i, sd in ipairs(s.sd) do s.low[i], s.high[i] = y[i] - sd, y[i] + sd end
  end
  local c = v.colour or place
  if type(c) == "number" then
    s.colour = colour_of(c)
  elseif type(c) == "string" then
    if not c:find("^#%x%x%x%x%x%x$") then fail("plot: colour %s is not of the form #rrggbb", c) end
    s.colour = c
  else
    s.colours = check_length(numbers(c, "colour"), "colour", #y)
  end
  s.style = v.style and (styles[v.style] or fail("plot: no style '%s' (styles: %s)",
    tostring(v.style), sorted_names(styles))) or styles.line
  return s
end

-- The table of options has texts where a series has numbers.
local function is_options(t)
  if core.is_tensor(t) or type(t) ~= "table" then return false end
  local data = t[1] ~= nil or t.y ~= nil and type(t.y) ~= "string"
  return not data and next(t) ~= nil
end

local function read_arguments(...)
  local all, o = table.pack(...), {}
  if all.n > 0 and is_options(all[all.n]) then
    o = all[all.n]
    check_names("the table of axes", o, option_fields)
    if o.log and o.log ~= true and not (type(o.log) == "string" and o.log:find("^[xy]+$")) then
      fail("plot: log is true, \"x\", \"y\" or \"xy\", got %s", tostring(o.log))
    end
    all.n = all.n - 1
  end
  local list = {}
  for i = 1, all.n do
    local v = all[i]
    if not core.is_tensor(v) and type(v) ~= "table" then
      fail("plot: argument %d must be a series, a list or a tensor, got %s", i, type(v))
    end
    list[i] = read_series(v, i)
  end
  if #list == 0 then fail("plot: there is nothing to plot") end
  return list, o
end

-- ---- gnuplot's language ------------------------------------------------------------------------

-- A text between single quotes, which gnuplot takes as it stands.
local function quoted(text) return "'" .. text:gsub("[%c]", " "):gsub("'", "''") .. "'" end

local function number(v)
  if v ~= v or v == math.huge or v == -math.huge then return "NaN" end
  return ("%.9g"):format(v)
end

local function rgb(colour) return tonumber(colour:sub(2), 16) end

-- ---- axes --------------------------------------------------------------------------------------

local function finite(v) return v == v and v ~= math.huge and v ~= -math.huge end

-- Smallest and largest of what an axis shows; nil if there is nothing.
local function range(list, axis, above)
  local low, high = math.huge, -math.huge
  for _, s in ipairs(list) do
    for i, v in ipairs(s[axis]) do
      local band = axis == "y" and s.low
      for _, end_ in ipairs { v, band and s.low[i] or v, band and s.high[i] or v } do
        if finite(end_) and end_ > above then
          low, high = math.min(low, end_), math.max(high, end_)
        end
      end
    end
  end
  if low <= high then return low, high end
end

-- gnuplot widens a logarithmic axis to whole powers of ten. Where there are less than two of them
-- the axis is fitted to the data and has its own tics.
local function log_axis(axis, low, high)
  local lines = { ("set logscale %s"):format(axis) }
  if high / low >= 100 then return lines end
  local steps = high / low < 10 and { 1, 1.5, 2, 2.5, 3, 4, 5, 7 } or { 1, 2, 5 }
  local tics, pad = {}, math.max((high / low) ^ 0.05, 1.02)
  for power = math.floor(math.log(low / pad, 10)), math.ceil(math.log(high * pad, 10)) do
    for _, m in ipairs(steps) do tics[#tics + 1] = ("%.9g"):format(m * 10.0 ^ power) end
  end
  lines[2] = ("set %srange [%.9g:%.9g]"):format(axis, low / pad, high * pad)
  lines[3] = ("set %stics (%s)"):format(axis, table.concat(tics, ", "))
  return lines
end

-- What has no finite number is drawn as an empty field; bars stand on zero and have room beside.
local function axis_lines(list, o, axis)
  local is_log = o.log == true and axis == "y" or type(o.log) == "string" and o.log:find(axis)
  local low, high = range(list, axis, is_log and 0 or -math.huge)
  if not low then return { ("set %srange [0.1:1]"):format(axis) } end
  if is_log then return log_axis(axis, low, high) end
  local bars = false
  for _, s in ipairs(list) do bars = bars or s.style == styles.bars end
  if not bars and low == high then      -- gnuplot would say that it widens the axis
    local room = math.max(math.abs(low) * 0.1, 0.5)
    return { ("set %srange [%.9g:%.9g]"):format(axis, low - room, high + room) }
  end
  if not bars then return {} end
  if axis == "x" then
    return { ("set xrange [%.9g:%.9g]"):format(low - 0.6, high + 0.6),
             high - low <= 30 and "set xtics 1" or nil }
  end
  return { low >= 0 and "set yrange [0:*]" or high <= 0 and "set yrange [*:0]" or nil }
end

-- Bars of several series stand side by side: the place of each, and the width.
local function bar_places(list)
  local n, place = 0, {}
  for i, s in ipairs(list) do
    if s.style == styles.bars then n, place[i] = n + 1, n end
  end
  local width = 0.8 / math.max(n, 1)
  for i in pairs(place) do place[i] = (place[i] - (n - 1) / 2) * width end
  return place, width
end

-- ---- the picture -------------------------------------------------------------------------------

-- Columns: x, y, low and high end of the band, colour.
local function block(s, i)
  local lines = { ("$s%d << EOD"):format(i) }
  for j, y in ipairs(s.y) do
    local colour = s.colours and rgb(colour_of(s.colours[j])) or 0
    lines[#lines + 1] = ("%s %s %s %s %d"):format(number(s.x[j]), number(y),
      number(s.low and s.low[j] or y), number(s.high and s.high[j] or y), colour)
  end
  lines[#lines + 1] = "EOD"
  return table.concat(lines, "\n")
end

-- Letters know no filled areas and no colours; there the band is left out.
local function clauses(s, i, letters, place, width)
  local list = {}
  if s.low and not letters then
    list[1] = ("$s%d using 1:3:4 with filledcurves fill transparent solid 0.2 noborder "
               .. "lc rgb '%s' notitle"):format(i, s.colour)
  end
  local title = s.label and "title " .. quoted(s.label) or "notitle"
  local with, colour = s.style .. " lw 2", ("lc rgb '%s'"):format(s.colour)
  if s.style == styles.bars then with = s.style end
  if s.points or s.colours then
    with = "points pt 7 ps " .. (#s.y > 150 and 0.3 or 0.5)
  end
  if letters then colour = "" end
  if letters and (s.points or s.colours) then with = "points" end
  local columns = "1:2"
  if place then columns = ("($1 + %.9g):2:(%.9g)"):format(place, width) end
  if s.colours and not letters then columns, colour = "1:2:5", "lc rgb variable" end
  list[#list + 1] = ("$s%d using %s with %s %s %s"):format(i, columns, with, colour, title)
  return list
end

-- Names of many series stand beside the picture, where they hide nothing.
local function key_place(list, letters)
  local named = 0
  for _, s in ipairs(list) do named = named + (s.label and 1 or 0) end
  if named > 4 and not letters then return "set key outside right top reverse Left" end
  return "set key top right noopaque"
end

local function script(list, o, terminal, letters)
  local lines = { "set terminal " .. terminal, "set encoding utf8", "set datafile missing 'NaN'",
                  "set border 3", "set tics nomirror out", key_place(list, letters) }
  if not letters then lines[#lines + 1] = "set grid back lc rgb '#DDDDDD' lw 0.5" end
  if o.x then lines[#lines + 1] = "set xlabel " .. quoted(tostring(o.x)) end
  if o.y then lines[#lines + 1] = "set ylabel " .. quoted(tostring(o.y)) end
  if o.title then lines[#lines + 1] = "set title " .. quoted(tostring(o.title)) end
  if not range(list, "y", -math.huge) then lines[#lines + 1] = "set xrange [0:1]" end
  for _, axis in ipairs { "x", "y" } do
    table.move(axis_lines(list, o, axis), 1, 3, #lines + 1, lines)
  end
  local parts, places, width = {}, bar_places(list)
  for i, s in ipairs(list) do
    lines[#lines + 1] = block(s, i)
    table.move(clauses(s, i, letters, places[i], width), 1, 2, #parts + 1, parts)
  end
  lines[#lines + 1] = "plot " .. table.concat(parts, ", \\\n  ")
  return table.concat(lines, "\n") .. "\n"
end

-- What gnuplot prints: the picture, and its messages before or behind it.
local function gnuplot(text)
  local status, output = core.run_command({ "gnuplot" }, text)
  if status == 127 then
    fail("plot: gnuplot is not installed; on Debian: sudo apt install gnuplot-nox")
  elseif status ~= 0 then
    fail("plot: gnuplot says: %s", (output:gsub("%s+$", "")))
  end
  return output
end

-- ---- csv ---------------------------------------------------------------------------------------

local function field(text)
  if not text:find('[",\n\r]') then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

local function csv(list, o)
  local extra, with_colour = {}, false
  for _, name in ipairs { "sd", "low", "high" } do
    for _, s in ipairs(list) do
      local own = s[name] and (name == "sd" or not s.sd)     -- the ends of sd say nothing new
      if own then extra[name] = true end
    end
  end
  for _, s in ipairs(list) do with_colour = with_colour or s.colours ~= nil end
  local head = { "series", field(tostring(o.x or "x")), field(tostring(o.y or "y")) }
  for _, name in ipairs { "sd", "low", "high" } do
    if extra[name] then head[#head + 1] = name end
  end
  if with_colour then head[#head + 1] = "class" end
  local lines = { table.concat(head, ",") }
  for i, s in ipairs(list) do
    for j, y in ipairs(s.y) do
      local row = { field(s.label or tostring(i)), ("%.9g"):format(s.x[j]), ("%.9g"):format(y) }
      for _, name in ipairs { "sd", "low", "high" } do
        if extra[name] then row[#row + 1] = s[name] and ("%.9g"):format(s[name][j]) or "" end
      end
      if with_colour then row[#row + 1] = s.colours and ("%.9g"):format(s.colours[j]) or "" end
      lines[#lines + 1] = table.concat(row, ",")
    end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- ---- plot --------------------------------------------------------------------------------------

local SVG = "svg noenhanced size 720,440 dynamic font 'Helvetica,Arial,sans-serif,14' "
            .. "background rgb 'white'"

--- svg(series ..., axes): the picture as text, for reports.
function M.svg(...)
  local list, o = read_arguments(...)
  local output = gnuplot(script(list, o, SVG))
  return output:match("<%?xml.*</svg>\n") or fail("plot: gnuplot says: %s", output)
end

local unnamed = 0

--- save(name, series ..., axes): the figure in the run's folder alone, without a word.
function M.save(name, ...)
  local here = run.current()
  local path = here.figure(name .. ".svg")
  core.write(here.figure(name .. ".csv"), csv(read_arguments(...)))
  core.write(path, M.svg(...))
  return path
end

local function write_figure(name, ...)
  if not run.current() then return end
  if not name then
    unnamed = unnamed + 1
    name = "plot-" .. unnamed
  end
  local path = M.save(name, ...)
  if not core.isatty(1) then run.say("figure  " .. path) end
end

local function draw_letters(...)
  local list, o = read_arguments(...)
  local columns = math.min(core.columns(), 120)
  local size = ("dumb noenhanced mono size %d,%d"):format(columns, math.max(columns // 4, 16))
  io.stdout:write(gnuplot(script(list, o, size, true)))
end

local PNG = "pngcairo noenhanced size %d,%d font 'Sans,12' background rgb 'white'"
local TERMINALS = { png = PNG:format(900, 560),
                    pdf = "pdfcairo noenhanced size 15cm,9.2cm font 'Sans,10'" }

-- A file for a name with an ending; its folder must be there.
local function write_file(path, text_of, terminal)
  local ending = path:match("%.(%w+)$")
  local output = gnuplot(text_of(terminal or TERMINALS[ending] or SVG))
  local from = ending == "svg" and output:find("<?xml", 1, true)
               or ending == "png" and output:find("\137PNG", 1, true)
               or ending == "pdf" and output:find("%PDF", 1, true)
  if not from then fail("plot: gnuplot says: %s", output:sub(1, 300)) end
  core.write(path, output:sub(from))
end

-- Where the terminal shows pictures: as one; elsewhere as letters.
local function draw(text_of, letters)
  local show = require "vaelua.show"
  local t = show.terminal()
  if t.kind ~= "kitty" and t.kind ~= "sixel" then return letters() end
  local width = math.max(math.min(core.columns() * t.width, 720), 200)
  local path = os.tmpname()
  local _ <close> = setmetatable({}, { __close = function() os.remove(path) end })
  os.remove(path)
  path = path .. ".png"
  write_file(path, text_of, PNG:format(width, width * 5 // 8))
  show.draw(core.file_read(path))
end

local function is_file(name) return name and name:lower():find("%.[sp][vnd][gf]$") ~= nil end

local function plot(name, ...)
  local list, o = read_arguments(...)          -- errors come before anything is written
  local function text_of(terminal) return script(list, o, terminal) end
  if is_file(name) then return write_file(name, text_of) end
  local all = table.pack(...)
  if core.isatty(1) then
    draw(text_of, function() draw_letters(table.unpack(all, 1, all.n)) end)
  end
  write_figure(name, ...)
end

-- ---- short forms -------------------------------------------------------------------------------

-- A name in front, or nil, and the rest.
local function named(...)
  if type((...)) == "string" then return ... end
  return nil, ...
end

local function options_of(who, given, known)
  if given ~= nil and type(given) ~= "table" then
    fail("%s: options stand in a table, got %s", who, type(given))
  end
  for name in pairs(given or {}) do
    if not known[name] then
      fail("%s has no option '%s' (options: %s)", who, tostring(name), sorted_names(known))
    end
  end
  return given or {}
end

--- va.hist([name], x, { bins=30, x, log }): how many numbers of x fall into each of `bins` equal
--- parts of their range; what is not finite is left out.
function M.hist(...)
  local name, x, given = named(...)
  local o = options_of("hist", given, { bins = true, x = true, log = true })
  local bins, low, high = o.bins or 30, math.huge, -math.huge
  if math.type(bins) ~= "integer" or bins < 1 then
    fail("hist: bins must be an integer from 1, got %s", tostring(bins))
  end
  local all, list = numbers(x, "x"), {}
  for _, v in ipairs(all) do
    if finite(v) then
      list[#list + 1], low, high = v, math.min(low, v), math.max(high, v)
    end
  end
  if #list == 0 then fail("hist: there is no finite number") end
  if low == high then low, high = low - 0.5, high + 0.5 end
  local width, s = (high - low) / bins, { x = {}, y = {}, style = "steps" }
  s.x[1], s.y[1] = low, 0                  -- the outline: up, along each part, down at the end
  for i = 1, bins + 1 do s.x[i + 1], s.y[i + 1] = low + (i - 1) * width, 0 end
  for _, v in ipairs(list) do
    local i = math.min(math.floor((v - low) / width) + 1, bins)
    s.y[i + 1] = s.y[i + 1] + 1
  end
  return plot(name, s, { x = o.x or "value", y = "count", log = o.log })
end

--- va.scatter([name], z, [y], { labels, x, y }): the points z [N, 2], or lists x and y; an int32
--- [N] behind them colours by class, and labels are the names of these.
function M.scatter(...)
  local name, z, y, given = named(...)
  if type(y) == "table" and y[1] == nil then y, given = nil, y end
  local o = options_of("scatter", given, { labels = true, x = true, y = true })
  local xs, ys, class
  if core.is_tensor(z) and #z.shape == 2 then
    if z.shape[2] ~= 2 then
      fail("scatter: points are [N, 2], got [%s]; va.pca(z) gives such",
        table.concat(z.shape, ", "))
    end
    xs, ys, class = numbers(z:slice(2, 1, 1), "x"), numbers(z:slice(2, 2, 2), "y"), y
  else
    xs, ys = numbers(z, "x"), numbers(y, "y")
    check_length(xs, "x", #ys)
  end
  if not class then
    return plot(name, { x = xs, y = ys, points = true }, { x = o.x or "x", y = o.y or "y" })
  end
  local k_of = check_length(numbers(class, "the classes"), "the classes", #xs)
  local series, order = {}, {}
  for i, k in ipairs(k_of) do
    if not series[k] then
      series[k] = { x = {}, y = {}, points = true, colour = k,
                    label = o.labels and o.labels[k] or tostring(k) }
      order[#order + 1] = k
    end
    table.insert(series[k].x, xs[i])
    table.insert(series[k].y, ys[i])
  end
  table.sort(order)
  for i, k in ipairs(order) do order[i] = series[k] end
  order[#order + 1] = { x = o.x or "1", y = o.y or "2" }
  return plot(name, table.unpack(order))
end

local RAMP = " .:-=+*#%@"

-- Shades of letters, the smallest number blank.
local function heat_letters(rows, low, high)
  local lines, most = {}, core.columns()
  for i, row in ipairs(rows) do
    local line = {}
    for j = 1, math.min(#row, most // 2) do
      local share = high > low and (row[j] - low) / (high - low) or 0
      local at = share == share and math.floor(share * 9.999) + 1 or 1
      line[j] = RAMP:sub(at, at):rep(2)
    end
    lines[i] = table.concat(line)
  end
  io.stdout:write(table.concat(lines, "\n"), ("\n' ' is %.4g, '@' is %.4g\n"):format(low, high))
end

local function heat_script(rows, o, terminal)
  local lines = { "set terminal " .. terminal, "set encoding utf8", "unset key",
    "set yrange [*:*] reverse", "set autoscale xfix", "set autoscale yfix", "set tics out nomirror",
    "set palette defined (0 '#440154', 1 '#3B528B', 2 '#21918C', 3 '#5EC962', 4 '#FDE725')",
    o.x and "set xlabel " .. quoted(tostring(o.x)) or "",
    o.y and "set ylabel " .. quoted(tostring(o.y)) or "", "$m << EOD" }
  for i, row in ipairs(rows) do
    for j, v in ipairs(row) do lines[#lines + 1] = ("%d %d %s"):format(j, i, number(v)) end
    lines[#lines + 1] = ""
  end
  lines[#lines + 1] = "EOD\nplot $m using 1:2:3 with image pixels\n"
  return table.concat(lines, "\n")
end

--- va.heat([name], matrix, { x, y }): a matrix [H, W] as colours, row 1 at the top.
function M.heat(...)
  local name, m, given = named(...)
  local o = options_of("heat", given, { x = true, y = true })
  if not core.is_tensor(m) or #m.shape ~= 2 or #m == 0 then
    fail("heat: a matrix [H, W] is needed, got %s",
      core.is_tensor(m) and "[" .. table.concat(m.shape, ", ") .. "]" or type(m))
  end
  local rows, low, high = m:totable(), math.huge, -math.huge
  for _, row in ipairs(rows) do
    for _, v in ipairs(row) do
      if finite(v) then low, high = math.min(low, v), math.max(high, v) end
    end
  end
  if low > high then fail("heat: there is no finite number") end
  local function text_of(terminal) return heat_script(rows, o, terminal) end
  if is_file(name) then return write_file(name, text_of) end
  if core.isatty(1) then
    draw(text_of, function()
      if os.getenv("TERM") == "dumb" then return heat_letters(rows, low, high) end
      require "vaelua.show".draw(require "vaelua.show".shaded(m))
    end)
  end
  local here = run.current()
  if not here then return end
  if not name then
    unnamed = unnamed + 1
    name = "plot-" .. unnamed
  end
  write_file(here.figure(name .. ".svg"), text_of)
end

--- va.plot([name], series ..., { x, y, log, title }): a name that ends in .svg, .png or .pdf is a
--- file.
function M.plot(...)
  if type((...)) == "string" then return plot(...) end
  return plot(nil, ...)
end

return M
