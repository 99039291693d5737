--[[ runs.lua - `vaelua runs ...`: the folders of runs are the database.

  What a run was and what came out lies in its folder (run.lua); here the folders are listed,
  compared, put into one report and run again. Files of others are read as data, never run, but by
  rerun. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"

local M = {}

local USAGE = [[
vaelua runs                            the runs, the newest first
vaelua runs compare                    those of compare.lua
vaelua runs diff latest~1 latest       what two of them set and reached differently
vaelua runs report 7k2f m3xd           one report of several runs
vaelua runs rerun 7k2f                 again, from its own sources and with its settings
vaelua runs rerun 7k2f seed=2 beta=4   the same with other settings

A run is named by its folder, its name, the beginning or the last part of it, latest or latest~N.

  --all            all runs, not only the newest 20
  --out DIR        where the runs are (runs)
  --to FILE        where the report goes (a new folder beside the runs)

Statuses: done, running, lost (its process is gone), interrupted, failed, diverged.]]

local OPTIONS = { list = { all = true }, diff = {}, report = { to = true } }
local NAMES = { "list", "diff", "report", "rerun" }

-- Words and settings as the program has read them; "--all compare" is a flag and a word.
local function take(what)
  local p, words = core.program, {}
  for i = what and 2 or 1, #p.words do words[#words + 1] = p.words[i] end
  local known = OPTIONS[what or "list"]
  for name, text in pairs(known and p.args or {}) do
    if not known[name] then
      fail.usage("runs has no option '%s'%s   see: vaelua runs --help", name,
        fail.near(name, { "all", "to", "out" }, "--"))
    end
    if name == "all" and text ~= "true" then table.insert(words, 1, text) end
  end
  return words, p.args
end

-- The runs in a list of folders, and their scores as evaluate.lua records them (runs/scores.lua).
function M.records(folders)
  local folder, runs = require "vaelua.runs.folder", {}
  for i, path in ipairs(folders) do runs[i] = folder.open(path) end
  return require "vaelua.runs.scores".records(runs)
end

-- ---- the subcommands ----------------------------------------------------------------------------

local function unknown(word)
  fail.usage("runs: '%s' is neither a command nor a script with runs in %s/%s   "
    .. "see: vaelua runs --help", word, require "vaelua.runs.folder".parent(),
    fail.near(word, NAMES))
end

local function list(words, options)
  local of = require "vaelua.runs.list"
  if #words > 1 then
    fail.usage("runs: one script at most, got '%s'", table.concat(words, " "))
  end
  local script = words[1] and (words[1]:match("([^/]+)$") or words[1]):gsub("%.lua$", "")
  local runs = of.of(script)
  if script and #runs == 0 then unknown(words[1]) end
  of.print(runs, options.all ~= nil)
  return 0
end

-- The runs that words name; least and most: how many there must be.
local function named(what, words, least, most)
  if #words < least or most and #words > most then
    fail.usage("runs %s needs %s, got %d   see: vaelua runs", what,
      most and (most == 1 and "one run" or most .. " runs") or "runs", #words)
  end
  local runs, seen, folder = {}, {}, require "vaelua.runs.folder"
  for i, word in ipairs(words) do
    runs[i] = folder.find(word)
    local real = core.realpath(runs[i].folder)
    if seen[real] and what == "report" then
      fail.usage("runs report: '%s' and '%s' are the same run", seen[real], word)
    end
    seen[real] = word
  end
  return runs
end

local COMMANDS = { list = list }

function COMMANDS.diff(words)
  local runs = named("diff", words, 2, 2)
  require "vaelua.runs.diff".print(runs[1], runs[2])
  return 0
end

function COMMANDS.report(words, options)
  return require "vaelua.runs.report".write(named("report", words, 1), options.to)
end

-- main.c runs the script that this has prepared.
function COMMANDS.rerun(words)
  require "vaelua.runs.rerun".prepare(named("rerun", words, 1, 1)[1])
  return 0
end

-- vaelua runs ...; the exit status.
function M.command()
  if core.program.options.help then
    print(USAGE)
    return 0
  end
  local word = core.program.words[1]
  local what = word and COMMANDS[word] and word
  local words, options = take(what)
  return COMMANDS[what or "list"](words, options)
end

return M
