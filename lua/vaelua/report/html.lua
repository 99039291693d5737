--[[ report/html.lua - the parts that a page is made of: text that HTML shows as it stands, tables,
  files as data inside of the page, and the style. ]]

local file = require "vaelua.file"

local M = {}

local ESCAPES = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- Text as HTML shows it.
function M.escape(text) return (tostring(text):gsub('[&<>"]', ESCAPES)) end

local ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- Every pair of letters, for 12 bits.
local pairs_of_letters

local function letters()
  if pairs_of_letters then return pairs_of_letters end
  pairs_of_letters = {}
  for i = 0, 4095 do
    local a, b = i >> 6, i & 63
    pairs_of_letters[i] = ALPHABET:sub(a + 1, a + 1) .. ALPHABET:sub(b + 1, b + 1)
  end
  return pairs_of_letters
end

--- RFC 4648.
function M.base64(bytes)
  local two, out = letters(), {}
  for i = 1, #bytes - 2, 3 do
    local a, b, c = bytes:byte(i, i + 2)
    out[#out + 1] = two[a << 4 | b >> 4]
    out[#out + 1] = two[(b & 15) << 8 | c]
  end
  local rest = #bytes % 3
  if rest == 1 then
    out[#out + 1] = two[bytes:byte(-1) << 4] .. "=="
  elseif rest == 2 then
    local a, b = bytes:byte(-2, -1)
    out[#out + 1] = two[a << 4 | b >> 4] .. ALPHABET:sub(((b & 15) << 2) + 1, ((b & 15) << 2) + 1)
                    .. "="
  end
  return table.concat(out)
end

local TYPES = { png = "image/png", svg = "image/svg+xml" }

--- A picture or figure with its caption; nothing where the file is not there.
function M.figure(path, label, caption, kind)
  local bytes = file.read(path)
  if not bytes then return "" end
  local source = ("data:%s;base64,%s"):format(TYPES[path:match("%.(%w+)$")], M.base64(bytes))
  return ('<figure class="%s"><img src="%s" alt="%s" loading="lazy"><figcaption><b>%s</b>%s'
          .. '</figcaption></figure>\n'):format(kind, source, M.escape(label), M.escape(label),
          caption and " " .. M.escape(caption) or "")
end

--- A table of texts. align: number of the first column of numbers; bold(i, j) marks cells.
function M.table(head, lines, options)
  local o, out = options or {}, { '<div class="wide"><table>' }
  local function put(line, tag, i)
    if line.heading then
      out[#out + 1] = ('<tr class="group"><th colspan="%d">%s</th></tr>'):format(#head,
                      M.escape(line[1]))
      return
    end
    local cells = {}
    for j = 1, #head do
      local text = M.escape(line[j] or "")
      local right = o.numbers and j >= o.numbers[1] and j <= o.numbers[2]
      if o.bold and i and o.bold(i, j) then text = "<b>" .. text .. "</b>" end
      local inside = text:find("^%s%s") and ' class="in"' or right and ' class="n"' or ""
      cells[j] = ("<%s%s>%s</%s>"):format(tag, inside, text, tag)
    end
    out[#out + 1] = "<tr>" .. table.concat(cells) .. "</tr>"
  end
  out[#out + 1] = "<thead>"
  put(head, "th")
  out[#out + 1] = "</thead><tbody>"
  for i, line in ipairs(lines) do put(line, "td", i) end
  out[#out + 1] = "</tbody></table></div>\n"
  return table.concat(out, "\n")
end

--- Something that is opened by a click.
function M.details(summary, inside)
  return ("<details><summary>%s</summary>\n%s</details>\n"):format(M.escape(summary), inside)
end

function M.code(text) return "<pre>" .. M.escape(text) .. "</pre>\n" end

M.STYLE = [[
:root { --paper: #fff; --ink: #1c2024; --soft: #5a636c; --line: #d9dee3; --tint: #f5f7f9;
  --accent: #0072b2; color-scheme: light dark }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e9ec; --soft: #9aa4ae;
  --line: #333a41; --tint: #1d2226; --accent: #56b4e9 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 72rem; padding: 1.5rem 1.25rem 4rem; background: var(--paper);
  color: var(--ink); font: 16px/1.55 system-ui, "Segoe UI", "DejaVu Sans", sans-serif }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem }
h2 { font-size: 1.2rem; margin: 2.75rem 0 .75rem; padding-top: .75rem;
  border-top: 1px solid var(--line) }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem }
p, li { max-width: 48rem }
a { color: var(--accent) }
.soft, figcaption, .notes { color: var(--soft); font-size: .875rem }
.status { display: inline-block; padding: 0 .6rem; border-radius: 1rem; font-size: .8rem;
  border: 1px solid var(--line); background: var(--tint) }
.verdict { background: var(--tint); border: 1px solid var(--line); border-left: 4px solid
  var(--accent); border-radius: 6px; padding: .5rem 1.25rem 1rem; margin: 1.25rem 0 }
.verdict ul { margin: .25rem 0; padding-left: 1.2rem }
.wide { overflow-x: auto; margin: .75rem 0 }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top }
td, tbody th { white-space: nowrap }
thead th { vertical-align: bottom }
td:first-child { white-space: normal; min-width: 12rem }
td:last-child { white-space: normal; min-width: 8rem }
thead th { border-bottom: 2px solid var(--ink) }
tr.group th { padding-top: .8rem; color: var(--soft); font-weight: 600 }
td.n, th.n { text-align: right }
td.in { padding-left: 1.25rem }
figure { margin: 1rem 0; break-inside: avoid }
figure img { display: block; max-width: 100%; height: auto; background: #fff;
  border: 1px solid var(--line); border-radius: 4px; padding: 6px }
figure.picture img { image-rendering: pixelated }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 0 1.5rem; align-items: start }
.figures .whole { grid-column: 1 / -1 }
pre { overflow-x: auto; background: var(--tint); border: 1px solid var(--line);
  border-radius: 4px; padding: .6rem .8rem; font: .8125rem/1.45 ui-monospace, "DejaVu Sans Mono",
  monospace; white-space: pre }
summary { cursor: pointer; padding: .3rem 0; color: var(--accent) }
button { font: inherit; font-size: .8rem; padding: .15rem .7rem; border-radius: 4px; cursor:
  pointer; border: 1px solid var(--line); background: var(--tint); color: var(--ink) }
nav { font-size: .875rem; margin: 1rem 0 } nav a { margin-right: 1rem; white-space: nowrap }
@media (max-width: 40rem) { body { padding: 1rem .8rem 3rem; font-size: 15px }
  h1 { font-size: 1.3rem } }
@media print { :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --tint: #f6f6f6;
  --accent: #004b78 } body { max-width: none; padding: 0; font-size: 10pt } nav, button { display:
  none } table { font-size: 7.5pt } td, th { white-space: normal; padding-right: .4rem }
  .wide { overflow: visible } h2 { break-after: avoid } .figures { grid-template-columns: 1fr 1fr }
  pre { white-space: pre-wrap } }
@page { size: A4; margin: 15mm }
]]

M.SCRIPT = [[
for (const b of document.querySelectorAll('button[data-copy]')) b.onclick = () => {
  const text = document.getElementById(b.dataset.copy).textContent;
  const done = () => { b.textContent = 'copied'; setTimeout(() => b.textContent = 'copy', 1500) };
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => {});
};
for (const d of document.querySelectorAll('details'))
  addEventListener('beforeprint', () => d.open = d.dataset.print !== undefined || d.open);
]]

return M
