--[[ gnuplot.lua - a figure in gnuplot's language: axes, series, bands and names.

  The palette is Okabe and Ito's, which people with any colour vision can tell apart, and grey and
  brown for ten classes. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"

local M = {}

local palette = { "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000",
                  "#F0E442", "#999999", "#7F4F24" }

M.styles = {
  line = "lines dashtype 1", dashed = "lines dashtype 2", dotted = "lines dashtype 3",
  steps = "steps", bars = "boxes fill solid 0.7 noborder",
}

-- Colour k of the palette; after the last comes the first.
function M.colour_of(k)
  return palette[((math.tointeger(k) or 1) - 1) % #palette + 1]
end

-- A text between single quotes, which gnuplot takes as it stands.
local function quoted(text) return "'" .. text:gsub("[%c]", " "):gsub("'", "''") .. "'" end

local function number(v)
  if v ~= v or v == math.huge or v == -math.huge then return "NaN" end
  return ("%.9g"):format(v)
end

local function rgb(colour) return tonumber(colour:sub(2), 16) end

-- ---- axes --------------------------------------------------------------------------------------

function M.finite(v) return v == v and v ~= math.huge and v ~= -math.huge end

-- Smallest and largest of what an axis shows; nil if there is nothing.
local function range(list, axis, above)
  local low, high = math.huge, -math.huge
  for _, s in ipairs(list) do
    for i, v in ipairs(s[axis]) do
      local band = axis == "y" and s.low
      for _, end_ in ipairs { v, band and s.low[i] or v, band and s.high[i] or v } do
        if M.finite(end_) and end_ > above then
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
  for _, s in ipairs(list) do bars = bars or s.style == M.styles.bars end
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
    if s.style == M.styles.bars then n, place[i] = n + 1, n end
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
    local colour = s.colours and rgb(M.colour_of(s.colours[j])) or 0
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
  if s.style == M.styles.bars then with = s.style end
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

--- The text that draws a list of series, with the table of axes o; letters: for a terminal of text.
function M.script(list, o, terminal, letters)
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

--- The text that draws rows of numbers as colours.
function M.heat(rows, o, terminal)
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

--- What gnuplot prints: the picture, and its messages before or behind it.
function M.run(text)
  local status, output = core.run_command({ "gnuplot" }, text)
  if status == 127 then
    fail("plot: gnuplot is not installed; on Debian: sudo apt install gnuplot-nox")
  elseif status ~= 0 then
    fail("plot: gnuplot says: %s", (output:gsub("%s+$", "")))
  end
  return output
end

return M
