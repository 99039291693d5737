-- reference/man.lua - vaelua(1) in mdoc, from the program's own --help.

local reference = require "vaelua.reference"

local M = {}

-- Text as roff shows it: no line may begin with a control character.
local function plain(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-")
  return (text:gsub("^([.'])", "\\&%1"))
end

-- Lines of at most 75 letters; sentences stand on lines of their own.
local function sentences(text)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    local ended = line:find("[.!?]$") and word:find("^%u")
    if line ~= "" and (ended or #line + #word > 72) then lines[#lines + 1], line = line, "" end
    line = line .. (line ~= "" and " " or "") .. word
  end
  lines[#lines + 1] = line
  for i, l in ipairs(lines) do lines[i] = plain(l) end
  return table.concat(lines, "\n")
end

-- Words behind a macro: those that are macros themselves are shown as they are.
local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do
    if #word <= 3 then word = "\\&" .. word end
    list[#list + 1] = plain(word):gsub("^\\e&", "\\&")
  end
  return table.concat(list, " ")
end

local function option(out, o)
  local parts = {}
  if o.letter then parts[1] = ("Fl " .. o.letter):gsub(" $", "") end
  if o.name then parts[#parts + 1] = "Fl \\-" .. plain(o.name) end
  local it = table.concat(parts, " , ")
  if o.value then it = it .. " Ar " .. o.value:lower() end
  out[#out + 1] = ".It " .. it
  out[#out + 1] = sentences(o.doc)
end

local function options(out, help)
  out[#out + 1] = ".Bl -tag -width Ds"
  for _, o in ipairs(help.options) do option(out, o) end
  out[#out + 1] = ".El"
end

local function examples(out, help)
  out[#out + 1] = ".Bl -tag -width Ds"
  for _, e in ipairs(help.examples) do
    out[#out + 1] = ".It Ic " .. words(e[1])
    out[#out + 1] = sentences(e[2])
  end
  out[#out + 1] = ".El"
end

-- "0 done, 1 error in the script, ...": the statuses of the program's help.
local function statuses(out, notes)
  for _, note in ipairs(notes) do
    local list = note:match("^exit status: (.*)$")
    for status, what in (list or ""):gmatch("(%d+) ([^,.]+)") do
      out[#out + 1] = (".It %s\n%s"):format(status, plain(what))
    end
  end
end

local function notes(out, help)
  for _, note in ipairs(help.notes) do
    if not note:find("^exit status") then
      out[#out + 1] = ".Pp"
      out[#out + 1] = sentences(note)
    end
  end
end

--- vaelua.1
function M.man()
  local p, out = reference.program(), {}
  local function put(...) for _, line in ipairs { ... } do out[#out + 1] = line end end
  put('.\\" Made by make docs from vaelua --help: not to be edited.', ".Dd $Mdocdate$",
    ".Dt VAELUA 1", ".Os", ".Sh NAME", ".Nm vaelua",
    ".Nd autoencoders in Lua: scripts, runs and a prompt", ".Sh SYNOPSIS", ".Nm",
    ".Op Ar options", ".Op Ar script Op Ar settings", ".Op Ar words")
  for _, c in ipairs(p.commands) do
    put(".Nm", ".Cm " .. c[1], ".Op Ar words")
  end
  put(".Sh DESCRIPTION", ".Nm",
    "runs a script in Lua 5.4, a command of its own, or the prompt.", "The options are:")
  options(out, p.main)
  notes(out, p.main)
  put(".Sh COMMANDS", ".Bl -tag -width Ds")
  for _, c in ipairs(p.commands) do put(".It Cm " .. c[1], sentences(c[2])) end
  put(".El", ".Pp", "The options of", ".Cm runs", "are:")
  options(out, p.runs)
  notes(out, p.runs)
  put(".Sh ENVIRONMENT", ".Bl -tag -width Ds")
  for _, o in ipairs(p.main.options) do
    if o.name and o.value then
      put(".It Ev VAELUA_" .. o.name:upper():gsub("-", "_"), "As", ".Fl \\-" .. plain(o.name)
        .. " .")
    end
  end
  put(".El", ".Sh EXIT STATUS", ".Bl -tag -width Ds")
  statuses(out, p.main.notes)
  put(".El", ".Sh EXAMPLES")
  examples(out, p.main)
  examples(out, p.runs)
  put("")
  return (table.concat(out, "\n"))
end

return M
