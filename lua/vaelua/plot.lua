--[[ plot.lua - curves and points, drawn by gnuplot.

    va.plot(h.loss)
    va.plot("loss", { y = h.loss, label = "VAE" }, { x = t, y = m, sd = s }, { x = "epoch" })

  A series is { x, y, label, points, colour, style, sd, low, high }, or a list of numbers, or a
  tensor, which is its y. x: 1, 2, ... if absent. points: dots, no line. colour: a number of the
  palette, "#rrggbb", or one number a point (classes). style: "line", "dashed", "dotted", "steps",
  "bars". sd: a band of y - sd to y + sd; low, high: a band from one to the other. The last table
  has the names of the axes and log (true or "y", "x", "xy").

  In a run: figures/NAME.svg and NAME.csv; on a terminal: letters. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local file = require "vaelua.file"
local gnuplot = require "vaelua.plot.gnuplot"
local keys = require "vaelua.keys"
local options = require "vaelua.options"
local run = require "vaelua.run"

local M = {}

local function names_of(t) return table.concat(keys.sorted(t), ", ") end

local function check_names(what, t, known)
  for name in pairs(t) do
    if not known[name] then
      fail("plot: %s has no field '%s' (fields: %s)", what, tostring(name), names_of(known))
    end
  end
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
              label = v.label and tostring(v.label), points = v.points,
              colour = gnuplot.colour_of(1) }
  if (s.low == nil) ~= (s.high == nil) then fail("plot: a band has both low and high") end
  if s.sd and not s.low then
    s.low, s.high = {}, {}
    for i, sd in ipairs(s.sd) do s.low[i], s.high[i] = y[i] - sd, y[i] + sd end
  end
  local c = v.colour or place
  if type(c) == "number" then
    s.colour = gnuplot.colour_of(c)
  elseif type(c) == "string" then
    if not c:find("^#%x%x%x%x%x%x$") then fail("plot: colour %s is not of the form #rrggbb", c) end
    s.colour = c
  else
    s.colours = check_length(numbers(c, "colour"), "colour", #y)
  end
  s.style = v.style and (gnuplot.styles[v.style] or fail("plot: no style '%s' (styles: %s)",
    tostring(v.style), names_of(gnuplot.styles))) or gnuplot.styles.line
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

-- ---- csv ---------------------------------------------------------------------------------------

local function csv(list, o)
  local extra, with_colour = {}, false
  for _, name in ipairs { "sd", "low", "high" } do
    for _, s in ipairs(list) do
      local own = s[name] and (name == "sd" or not s.sd)     -- the ends of sd say nothing new
      if own then extra[name] = true end
    end
  end
  for _, s in ipairs(list) do with_colour = with_colour or s.colours ~= nil end
  local head = { "series", file.field(tostring(o.x or "x")), file.field(tostring(o.y or "y")) }
  for _, name in ipairs { "sd", "low", "high" } do
    if extra[name] then head[#head + 1] = name end
  end
  if with_colour then head[#head + 1] = "class" end
  local lines = { table.concat(head, ",") }
  for i, s in ipairs(list) do
    for j, y in ipairs(s.y) do
      local row = { file.field(s.label or tostring(i)), ("%.9g"):format(s.x[j]),
                    ("%.9g"):format(y) }
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
  local output = gnuplot.run(gnuplot.script(list, o, SVG))
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
  io.stdout:write(gnuplot.run(gnuplot.script(list, o, size, true)))
end

local PNG = "pngcairo noenhanced size %d,%d font 'Sans,12' background rgb 'white'"
local TERMINALS = { png = PNG:format(900, 560),
                    pdf = "pdfcairo noenhanced size 15cm,9.2cm font 'Sans,10'" }

-- A file for a name with an ending; its folder must be there.
local function write_file(path, text_of, terminal)
  local ending = path:match("%.(%w+)$")
  local output = gnuplot.run(text_of(terminal or TERMINALS[ending] or SVG))
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
  local function text_of(terminal) return gnuplot.script(list, o, terminal) end
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

--- va.hist([name], x, { bins=30, x, log }): how many numbers of x fall into each of `bins` equal
--- parts of their range; what is not finite is left out.
function M.hist(...)
  local name, x, given = named(...)
  local o = options.checked("hist", given, { bins = true, x = true, log = true })
  local bins, low, high = fail.need_integer("hist", "bins", o.bins or 30, 1), math.huge, -math.huge
  local all, list = numbers(x, "x"), {}
  for _, v in ipairs(all) do
    if gnuplot.finite(v) then
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
  local o = options.checked("scatter", given, { labels = true, x = true, y = true })
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

--- va.heat([name], matrix, { x, y }): a matrix [H, W] as colours, row 1 at the top.
function M.heat(...)
  local name, m, given = named(...)
  local o = options.checked("heat", given, { x = true, y = true })
  if not core.is_tensor(m) or #m.shape ~= 2 or #m == 0 then
    fail("heat: a matrix [H, W] is needed, got %s",
      core.is_tensor(m) and "[" .. table.concat(m.shape, ", ") .. "]" or type(m))
  end
  local rows, low, high = m:totable(), math.huge, -math.huge
  for _, row in ipairs(rows) do
    for _, v in ipairs(row) do
      if gnuplot.finite(v) then low, high = math.min(low, v), math.max(high, v) end
    end
  end
  if low > high then fail("heat: there is no finite number") end
  local function text_of(terminal) return gnuplot.heat(rows, o, terminal) end
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
