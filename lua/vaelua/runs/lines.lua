--[[ lines.lua - columns of text, and the difference of two texts by lines.

  The difference is a longest common subsequence by dynamic programming, behind what is equal at
  both ends; texts that would need more than a few million cells are only said to differ. ]]

local M = {}

-- ---- columns ------------------------------------------------------------------------------------

local function width(text) return utf8.len(text) or #text end

-- The text in at most n columns.
function M.cut(text, n)
  if width(text) <= n then return text end
  if n < 2 then return "" end
  local at = utf8.len(text) and utf8.offset(text, n) or n
  return text:sub(1, at - 1) .. "…"
end

-- Rows of texts in columns that stand two apart; right: columns that end at one line.
function M.columns(rows, right, indent)
  local w, out = {}, {}
  for _, row in ipairs(rows) do
    for i, text in ipairs(row) do w[i] = math.max(w[i] or 0, width(text)) end
  end
  for k, row in ipairs(rows) do
    local cells = {}
    for i, text in ipairs(row) do
      local fill = (" "):rep(w[i] - width(text))
      cells[i] = right and right[i] and fill .. text or text .. fill
    end
    out[k] = (((indent or "") .. table.concat(cells, "  ")):gsub("%s+$", ""))
  end
  return out, w
end

-- ---- difference ---------------------------------------------------------------------------------

local MOST_CELLS, AROUND = 4000000, 3

function M.split(text)
  local list = {}
  for line in (text or ""):gmatch("([^\n]*)\n") do list[#list + 1] = line end
  local rest = (text or ""):match("([^\n]*)$")
  if rest ~= "" then list[#list + 1] = rest end
  return list
end

-- length[i][j]: longest common subsequence of a from i on and b from j on, within the middle.
local function lengths(a, b, from, a_to, b_to)
  local length = { [a_to + 1] = {} }
  for i = a_to, from, -1 do
    local row, below = {}, length[i + 1]
    for j = b_to, from, -1 do
      if a[i] == b[j] then
        row[j] = (below[j + 1] or 0) + 1
      else
        row[j] = math.max(below[j] or 0, row[j + 1] or 0)
      end
    end
    length[i] = row
  end
  return length
end

-- All lines in order as { sign, text }, sign one of " ", "-", "+"; nil if that is too much work.
local function edits(a, b)
  local from, a_to, b_to = 1, #a, #b
  while from <= a_to and from <= b_to and a[from] == b[from] do from = from + 1 end
  while a_to >= from and b_to >= from and a[a_to] == b[b_to] do a_to, b_to = a_to - 1, b_to - 1 end
  if (a_to - from + 2) * (b_to - from + 2) > MOST_CELLS then return nil end
  local length, list = lengths(a, b, from, a_to, b_to), {}
  local function put(sign, line) list[#list + 1] = { sign, line } end
  for i = 1, from - 1 do put(" ", a[i]) end
  local i, j = from, from
  while i <= a_to or j <= b_to do
    if i <= a_to and j <= b_to and a[i] == b[j] then
      put(" ", a[i])
      i, j = i + 1, j + 1
    elseif j > b_to or i <= a_to and (length[i + 1][j] or 0) >= (length[i][j + 1] or 0) then
      put("-", a[i])
      i = i + 1
    else
      put("+", b[j])
      j = j + 1
    end
  end
  for k = a_to + 1, #a do put(" ", a[k]) end
  return list
end

-- "@@ -3,7 +3,8 @@" for the edits from first to last, which begin at these lines.
local function header(list, first, last, a_line, b_line)
  local a_count, b_count = 0, 0
  for k = first, last do
    if list[k][1] ~= "+" then a_count = a_count + 1 end
    if list[k][1] ~= "-" then b_count = b_count + 1 end
  end
  return ("@@ -%d,%d +%d,%d @@"):format(a_count > 0 and a_line or a_line - 1, a_count,
                                        b_count > 0 and b_line or b_line - 1, b_count)
end

-- Which edits are shown: changes and what is near them.
local function near_changes(list)
  local shown = {}
  for k, edit in ipairs(list) do
    if edit[1] ~= " " then
      for i = math.max(1, k - AROUND), math.min(#list, k + AROUND) do shown[i] = true end
    end
  end
  return shown
end

-- The unified difference of two texts as lines: changes with three lines around them.
function M.unified(a, b)
  local list = edits(M.split(a), M.split(b))
  if not list then return { "(too long to show how)" } end
  local shown, out, a_line, b_line = near_changes(list), {}, 1, 1
  for k, edit in ipairs(list) do
    if shown[k] and not shown[k - 1] then
      local last = k
      while shown[last + 1] do last = last + 1 end
      out[#out + 1] = header(list, k, last, a_line, b_line)
    end
    if shown[k] then out[#out + 1] = edit[1] .. edit[2] end
    if edit[1] ~= "+" then a_line = a_line + 1 end
    if edit[1] ~= "-" then b_line = b_line + 1 end
  end
  if #out == 0 then out[1] = "(only the end of the last line differs)" end
  return out
end

return M
