-- reference/shell.lua - completion for bash, zsh and fish.
--
-- Options, commands and the names of help are written in; runs and the settings of a script are
-- asked for when Tab is pressed: `vaelua runs --all` and `vaelua SCRIPT --print-config`.

local keys = require "vaelua.keys"
local reference = require "vaelua.reference"

local M = {}

-- What the value of an option is completed with, by the word that --help has for it.
local VALUES = { DIR = "dir", FILE = "file", RUN = "run" }

-- Words that an option's text lists: "auto, bar, plain or none".
local function listed(o)
  if o.value ~= "KIND" and o.value ~= "NAME" then return nil end
  local words = {}
  for word in o.doc:gsub(" or ", ", "):gmatch("[%w:]+") do words[#words + 1] = word end
  return words
end

local function values(list)
  local found = { dir = {}, file = {}, run = {}, words = {} }
  for _, o in ipairs(list) do
    local kind = o.value and VALUES[o.value]
    if o.name and kind then
      table.insert(found[kind], "--" .. o.name)
    elseif o.name and listed(o) then
      found.words["--" .. o.name] = table.concat(listed(o), " ")
    end
  end
  return found
end

local function options(list)
  local words = {}
  for _, o in ipairs(list) do
    if o.letter then words[#words + 1] = "-" .. o.letter end
    if o.name then words[#words + 1] = "--" .. o.name end
  end
  return words
end

local function first(list)
  local words = {}
  for i, e in ipairs(list) do words[i] = e[1] end
  return words
end

local function fill(text, with)
  return (text:gsub("@([%u_]+)@", function(name) return with[name] end))
end

-- Shared by bash and zsh: POSIX functions that list words, one a line.
local ASK = [[
_vaelua_runs() {
  "$1" runs --all 2>/dev/null | sed -n '2,$s/^\([0-9][^ ]*\) .*/\1/p'
  echo latest
}

_vaelua_settings() {
  "$1" "$2" --print-config 2>/dev/null </dev/null | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*=\).*/\1/p'
}
]]

local BASH = [==[
# bash completion of vaelua, made by make docs: not to be edited.

@ASK@
_vaelua() {
  local program=${COMP_WORDS[0]/#\~/$HOME} word=${COMP_WORDS[COMP_CWORD]}
  local before=${COMP_WORDS[COMP_CWORD-1]} command= script= i
  [[ $word == = ]] && word= && before=${COMP_WORDS[COMP_CWORD-2]}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
      @TAKES@) ((i++)) ;;
      -*) ;;
      @COMMANDS_OR@) command=${COMP_WORDS[i]}; break ;;
      *.lua) script=${COMP_WORDS[i]}; break ;;
    esac
  done
  case $before in
    @DIRS@) COMPREPLY=($(compgen -d -- "$word")); return ;;
    @FILES@) COMPREPLY=($(compgen -f -- "$word")); return ;;
    @RUNS@) COMPREPLY=($(compgen -W "$(_vaelua_runs "$program")" -- "$word")); return ;;
@WORDS@
  esac
  case $command in
    help) COMPREPLY=($(compgen -W "@NAMES@" -- "$word")); return ;;
    runs)
      if [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "@RUNS_OPTIONS@" -- "$word"))
      elif [[ $before == runs ]]; then
        COMPREPLY=($(compgen -W "@RUNS_WORDS@" -- "$word"))
      else
        COMPREPLY=($(compgen -W "$(_vaelua_runs "$program")" -- "$word"))
      fi
      return ;;
    ?*) return ;;
  esac
  if [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "@OPTIONS@" -- "$word"))
  elif [[ $script ]]; then
    COMPREPLY=($(compgen -W "$(_vaelua_settings "$program" "${script/#\~/$HOME}")" -- "$word"))
    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  else
    COMPREPLY=($(compgen -W "@COMMANDS@" -- "$word")
               $(compgen -f -X '!*.lua' -- "$word") $(compgen -d -S / -- "$word"))
    [[ ${COMPREPLY[0]} == */ ]] && compopt -o nospace 2>/dev/null
  fi
  return 0
}

complete -F _vaelua vaelua
]==]

local ZSH = [==[
#compdef vaelua
# zsh completion of vaelua, made by make docs: not to be edited.

@ASK@
_vaelua() {
  local program=${~words[1]} command= script= i
  for ((i = 2; i < CURRENT; i++)); do
    case ${words[i]} in
      @TAKES@) ((i++)) ;;
      -*) ;;
      @COMMANDS_OR@) command=${words[i]}; break ;;
      *.lua) script=${words[i]}; break ;;
    esac
  done
  case ${words[CURRENT-1]} in
    @DIRS@) _files -/; return ;;
    @FILES@) _files; return ;;
    @RUNS@) compadd -- ${(f)"$(_vaelua_runs "$program")"}; return ;;
@WORDS@
  esac
  case $command in
    help) compadd -- @NAMES@; return ;;
    runs)
      if [[ ${words[CURRENT]} == -* ]]; then
        compadd -- @RUNS_OPTIONS@
      elif [[ ${words[CURRENT-1]} == runs ]]; then
        compadd -- @RUNS_WORDS@
      else
        compadd -- ${(f)"$(_vaelua_runs "$program")"}
      fi
      return ;;
    ?*) return ;;
  esac
  if [[ ${words[CURRENT]} == -* ]]; then
    local -a options
    options=(
@DESCRIBED@
    )
    _describe option options
  elif [[ -n $script ]]; then
    compadd -S '' -- ${(f)"$(_vaelua_settings "$program" "${~script}")"}
  else
    compadd -- @COMMANDS@
    _files -g '*.lua'
  fi
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _vaelua "$@"
else
  compdef _vaelua vaelua
fi
]==]

local FISH = [==[
# fish completion of vaelua, made by make docs: not to be edited.

function __vaelua_runs
  set -l program (commandline -opc)[1]
  $program runs --all 2>/dev/null | string match -rg '^(\d\S*) '
  echo latest
end

function __vaelua_script
  string match -r '.*\.lua$' -- (commandline -opc) | head -n 1
end

function __vaelua_settings
  set -l program (commandline -opc)[1]
  $program (__vaelua_script) --print-config 2>/dev/null </dev/null | string match -rg '^(\w+=)'
end

function __vaelua_first
  test (count (commandline -opc)) -eq 1
end

complete -c vaelua -n __vaelua_first -k -xa '(__fish_complete_suffix .lua)'
complete -c vaelua -n '__vaelua_script > /dev/null' -fa '(__vaelua_settings)'
complete -c vaelua -n '__fish_seen_subcommand_from runs' -fa '@RUNS_WORDS@ (__vaelua_runs)'
complete -c vaelua -n '__fish_seen_subcommand_from help' -fa '@NAMES@'
@LINES@
]==]

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- "pattern) action" lines of a case, for options whose text lists their values.
local function cases(words, action)
  local lines = {}
  for _, name in ipairs(keys.sorted(words)) do
    lines[#lines + 1] = ("    %s) %s; return ;;"):format(name, action:format(words[name]))
  end
  return table.concat(lines, "\n")
end

-- Options that take the next word.
local function takes(p)
  local list = {}
  for _, o in ipairs(p.main.options) do
    if o.value and o.name then list[#list + 1] = "--" .. o.name end
    if o.value and o.letter and not o.name then list[#list + 1] = "-" .. o.letter end
  end
  return table.concat(list, "|")
end

local function described(list)
  local lines = {}
  for _, o in ipairs(list) do
    for _, word in ipairs(options { o }) do
      lines[#lines + 1] = "      " .. quoted(word .. ":" .. o.doc:gsub(":", "\\:"))
    end
  end
  return table.concat(lines, "\n")
end

local function fish_lines(p)
  local lines, kinds = {}, { DIR = "-xa '(__fish_complete_directories)'", FILE = "-rF",
                             RUN = "-xa '(__vaelua_runs)'" }
  for _, c in ipairs(p.commands) do
    lines[#lines + 1] = ("complete -c vaelua -n __vaelua_first -a %s -d %s"):format(c[1],
      quoted(c[2]))
  end
  local function add(list, when)
    for _, o in ipairs(list) do
      local words = listed(o)
      local value = words and "-xa " .. quoted(table.concat(words, " "))
                    or o.value and (kinds[o.value] or "-x") or ""
      if o.name or o.letter ~= "" then
        lines[#lines + 1] = ("complete -c vaelua%s%s%s %s -d %s"):format(when,
          o.letter and " -s " .. o.letter or "", o.name and " -l " .. o.name or "", value,
          quoted(o.doc)):gsub("  +", " ")
      end
    end
  end
  add(p.main.options, "")
  local own = {}
  for _, o in ipairs(p.runs.options) do
    local also = false
    for _, m in ipairs(p.main.options) do also = also or m.name == o.name end
    if not also then own[#own + 1] = o end
  end
  add(own, " -n '__fish_seen_subcommand_from runs'")
  return table.concat(lines, "\n")
end

local function with(action)
  local p = reference.program()
  local v = values(p.main.options)
  for kind, list in pairs(values(p.runs.options)) do
    if kind ~= "words" then
      for _, name in ipairs(list) do
        if not (" " .. table.concat(v[kind], " ") .. " "):find(" " .. name .. " ", 1, true) then
          table.insert(v[kind], name)
        end
      end
    end
  end
  return {
    ASK = ASK, TAKES = takes(p), COMMANDS = table.concat(first(p.commands), " "),
    COMMANDS_OR = table.concat(first(p.commands), "|"), DIRS = table.concat(v.dir, "|"),
    FILES = table.concat(v.file, "|"), RUNS = table.concat(v.run, "|"),
    WORDS = cases(v.words, action), NAMES = table.concat(reference.help_names(), " "),
    OPTIONS = table.concat(options(p.main.options), " "),
    RUNS_OPTIONS = table.concat(options(p.runs.options), " "),
    RUNS_WORDS = table.concat(p.words, " "), DESCRIBED = described(p.main.options),
    LINES = fish_lines(p),
  }
end

--- The completion of each shell.
function M.bash() return fill(BASH, with 'COMPREPLY=($(compgen -W "%s" -- "$word"))') end
function M.zsh() return fill(ZSH, with "compadd -- %s") end
function M.fish() return fill(FISH, with "") end

return M
