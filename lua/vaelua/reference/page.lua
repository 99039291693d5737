-- reference/page.lua - the catalogue as one page without network: found by the browser's search,
-- printed as it stands, light or dark as the reader has it.

local core = require "vaelua.core"
local html = require "vaelua.report.html"
local reference = require "vaelua.reference"

local M = {}

local STYLE = [[
dt { margin-top: 1rem; break-after: avoid } dt code { font-weight: 600 }
dt .soft { font-weight: 400 } dd { margin: .15rem 0 0 1.25rem; max-width: 48rem }
dd code, dt code { font: .875rem/1.4 ui-monospace, "DejaVu Sans Mono", monospace }
dt:target code { background: var(--tint); outline: 2px solid var(--accent) }
]]

local function put(out, format, ...) out[#out + 1] = format:format(...) end

local function entry(out, group, e)
  local call = group.prefix .. e.name
  if not e.file then call = ("%s(%s)"):format(call, reference.signature(e)) end
  local returns = e.returns and e.returns ~= "any" and e.returns ~= "nil"
                  and " → " .. e.returns:gsub("vaelua%.", "") or ""
  put(out, '<dt id="%s.%s"><code>%s</code><span class="soft">%s</span></dt>', group.name, e.name,
    html.escape(call), html.escape(returns))
  put(out, "<dd>%s", html.escape(e.doc))
  if e.no_gradient then put(out, "<br>No gradient: %s", html.escape(e.no_gradient)) end
  if e.example then put(out, "<br><code>%s</code>", html.escape(e.example)) end
  put(out, "</dd>")
end

local function options(out, title, id, help)
  put(out, '<h2 id="%s">%s</h2>', id, html.escape(title))
  local calls, lines = {}, {}
  for i, e in ipairs(help.examples) do calls[i] = { e[1], e[2] } end
  put(out, "%s", html.table({ "call", "what" }, calls))
  for i, o in ipairs(help.options) do
    local names = {}
    if o.letter then names[1] = "-" .. o.letter .. (not o.name and o.value and " " .. o.value
                                                    or "") end
    if o.name then names[#names + 1] = "--" .. o.name .. (o.value and " " .. o.value or "") end
    lines[i] = { table.concat(names, ", "), o.doc }
  end
  put(out, "%s", html.table({ "option", "what" }, lines))
  for _, note in ipairs(help.notes) do put(out, "<p>%s</p>", html.escape(note)) end
end

--- reference.html
function M.page()
  local program, out = reference.program(), {}
  put(out, '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">')
  put(out, '<meta name="viewport" content="width=device-width, initial-scale=1">')
  put(out, "<title>vaelua: reference</title><style>%s%s</style></head><body>", html.STYLE, STYLE)
  put(out, "<h1>vaelua %s</h1>", html.escape(core.version))
  put(out, '<p class="soft">va = require "vaelua", nn = va.nn, dist = va.dist. What stands in '
    .. "braces is given by name in one trailing table; = shows a default. Made by make docs from "
    .. "the records and comments in the sources.</p><nav>")
  put(out, '<a href="#program">The program</a><a href="#runs">vaelua runs</a>')
  for _, g in ipairs(reference.catalogue()) do
    put(out, '<a href="#%s">%s</a>', g.name, html.escape(g.title))
  end
  put(out, "</nav>")
  options(out, "The program", "program", program.main)
  options(out, "vaelua runs", "runs", program.runs)
  for _, g in ipairs(reference.catalogue()) do
    put(out, '<h2 id="%s">%s</h2><dl>', g.name, html.escape(g.title))
    for _, e in ipairs(g.entries) do entry(out, g, e) end
    put(out, "</dl>")
  end
  put(out, "</body></html>\n")
  return table.concat(out, "\n")
end

return M
