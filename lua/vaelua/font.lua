-- font.lua - a typeface of 3 x 5 pixels, for captions in pictures.
--
-- A letter is five octal digits, one a row from the top; the bits of a digit are its pixels. There
-- are capitals only; what is not known is a question mark.

local M = { WIDTH = 4, HEIGHT = 7 }      -- of a cell, with the space around the letter

local rows = {
  A = "25755", B = "65656", C = "34443", D = "65556", E = "74647", F = "74644", G = "34553",
  H = "55755", I = "72227", J = "11152", K = "55655", L = "44447", M = "57755", N = "65555",
  O = "25552", P = "65644", Q = "25563", R = "65655", S = "34216", T = "72222", U = "55557",
  V = "55522", W = "55775", X = "55255", Y = "55222", Z = "71247",
  ["0"] = "75557", ["1"] = "26227", ["2"] = "71747", ["3"] = "71717", ["4"] = "55711",
  ["5"] = "74717", ["6"] = "74757", ["7"] = "71122", ["8"] = "75757", ["9"] = "75717",
  [" "] = "00000", ["-"] = "00700", ["."] = "00002", [","] = "00024", ["/"] = "11244",
  [":"] = "02020", ["="] = "07070", ["+"] = "02720", ["("] = "12221", [")"] = "42224",
  ["%"] = "51245", ["_"] = "00007", ["#"] = "57575", ["'"] = "22000", ["?"] = "71202",
  ["!"] = "22202", ["*"] = "05250", ["<"] = "12421", [">"] = "42124", ["|"] = "22222",
  ["["] = "64446", ["]"] = "31113", ["~"] = "03600",
}

-- Draws text into a list of rows of bytes, its upper left corner at (left, top), both from 0; each
-- pixel is a square of `size`. What lies outside is left out.
function M.draw(canvas, text, left, top, size, ink)
  local at = left
  for _, code in utf8.codes(text, true) do
    local glyph = code < 128 and rows[string.char(code):upper()] or rows["?"]
    for r = 0, 4 do
      local bits = tonumber(glyph:sub(r + 1, r + 1))
      for c = 0, 2 do
        if bits >> (2 - c) & 1 == 1 then
          for dy = 1, size do
            local line = canvas[top + r * size + dy]
            for dx = 1, size do
              local x = at + c * size + dx
              if line and line[x] then line[x] = ink end
            end
          end
        end
      end
    end
    at = at + M.WIDTH * size
  end
end

return M
