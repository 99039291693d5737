--[[ report/text.lua - the table on a terminal. ]]

local M = {}

-- ---- on the terminal ----------------------------------------------------------------------------

local function width(text) return utf8.len(text) or #text end

local function padded(text, to, right)
  local fill = (" "):rep(to - width(text))
  return right and fill .. text or text .. fill
end

local function widths(t)
  local w = {}
  for i, text in ipairs(t.head) do w[i] = width(text) end
  for _, line in ipairs(t.lines) do
    for i, text in ipairs(line) do
      if not (line.heading and i == 1) then w[i] = math.max(w[i], width(text)) end
    end
  end
  return w
end

-- The table of layout.lua as text.
function M.table(t)
  local w, last, out = widths(t), #t.head, {}
  local function put(line)
    local cells = {}
    for i, text in ipairs(line) do
      cells[i] = padded(text, w[i], i > 2 and i < last)
    end
    out[#out + 1] = (table.concat(cells, "  "):gsub("%s+$", ""))
  end
  put(t.head)
  local total = 2 * (last - 1)
  for _, n in ipairs(w) do total = total + n end
  out[#out + 1] = ("-"):rep(total)
  for _, line in ipairs(t.lines) do
    if line.heading then out[#out + 1] = line[1] else put(line) end
  end
  return table.concat(out, "\n")
end

return M
