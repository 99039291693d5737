--[[ rating/answers.lua - reads key.json and the files of answers that people saved.

  Every file is checked against the key: another page, unknown questions, words that are no answer,
  a file given twice and a rater who answered twice are errors that name the file. ]]

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local file = require "vaelua.file"

local M = {}

M.KEY_FORMAT, M.FORMAT = "vaelua key 1", "vaelua answers 1"

local WORDS = { left = true, right = true, none = true }

local function bad(path, format, ...)
  fail.data(path .. ": " .. format:format(...))
end

local function read_json(path, what)
  local text = file.read(path)
  if not text then bad(path, "cannot be read; %s is needed", what) end
  local ok, t = pcall(core.unjson, text, path)
  if not ok or type(t) ~= "table" then bad(path, "is damaged: not JSON, but %s is needed", what) end
  return t
end

local function check_format(path, t, format, what)
  local kind = format:match("^(.*) %d+$")
  local given = type(t.format) == "string" and t.format or ""
  local version = tonumber(given:match("^" .. kind .. " (%d+)$"))
  if not version then bad(path, "is not %s", what) end
  if given ~= format then
    bad(path, "has format '%s', this program reads '%s'", given, format)
  end
end

local function check_side(path, i, side, sources)
  if type(side) ~= "string" or not sources[side] then
    bad(path, "question %d has a side of no known source", i)
  end
end

--- The key in a folder, or at a path: { page, run, seed, groups, questions, by_id }.
function M.read_key(where)
  if where == "" then
    fail.usage("rating: answers need key=FOLDER, the folder of the page and its key.json")
  end
  local path = core.exists(where .. "/key.json") and where .. "/key.json" or where
  local what = "the key.json that rate.lua wrote beside the page"
  local key = read_json(path, what)
  check_format(path, key, M.KEY_FORMAT, what)
  if type(key.groups) ~= "table" or type(key.questions) ~= "table"
     or type(key.page) ~= "string" then
    bad(path, "is damaged: it has no page, groups or questions")
  end
  local groups = {}
  for i, g in ipairs(key.groups) do
    if type(g) ~= "table" or type(g.name) ~= "string" or type(g.sources) ~= "table" then
      bad(path, "group %d is damaged", i)
    end
    groups[g.name] = {}
    for _, s in ipairs(g.sources) do groups[g.name][s.key or 0] = true end
  end
  key.by_id = {}
  for i, q in ipairs(key.questions) do
    if type(q) ~= "table" or type(q.id) ~= "string" or not groups[q.group] then
      bad(path, "question %d is damaged", i)
    end
    check_side(path, i, q.left, groups[q.group])
    check_side(path, i, q.right, groups[q.group])
    key.by_id[q.id] = q
  end
  return key
end

local function check_answer(path, i, a, key, seen)
  if type(a) ~= "table" or type(a.id) ~= "string" or type(a.answer) ~= "string" then
    bad(path, "answer %d has no id or no answer", i)
  elseif not key.by_id[a.id] then
    bad(path, "answer %d is to the question '%s', which the page does not have", i, a.id)
  elseif seen[a.id] then
    bad(path, "the question '%s' is answered twice", a.id)
  elseif not WORDS[a.answer] then
    bad(path, "answer %d is '%s'; an answer is left, right or none", i, a.answer)
  elseif a.seconds ~= nil and (type(a.seconds) ~= "number" or a.seconds < 0) then
    bad(path, "answer %d took '%s' seconds", i, tostring(a.seconds))
  end
  seen[a.id] = a.answer
end

local function read_one(path, key)
  local what = "a file of answers that the page saved"
  local t = read_json(path, what)
  check_format(path, t, M.FORMAT, what)
  if t.page ~= key.page then
    bad(path, "has answers to another page (%s); the key is that of page %s", tostring(t.page),
        key.page)
  end
  if type(t.answers) ~= "table" or #t.answers == 0 then bad(path, "has no answers") end
  if type(t.sitting) ~= "string" then bad(path, "is damaged: it names no sitting") end
  local answers, seconds = {}, {}
  for i, a in ipairs(t.answers) do
    check_answer(path, i, a, key, answers)
    seconds[#seconds + 1] = a.seconds
  end
  local name = type(t.rater) == "string" and t.rater ~= "" and t.rater or nil
  return { path = path, name = name, sitting = t.sitting, answers = answers, seconds = seconds,
           count = #t.answers }
end

--- All files of answers to the page of the key: a list of { path, name or nil, answers = id ->
--- "left", "right" or "none", seconds, count }.
function M.read(paths, key)
  local list, sittings, names = {}, {}, {}
  for i, path in ipairs(paths) do
    local one = read_one(path, key)
    if sittings[one.sitting] then
      bad(path, "is of the same sitting as %s; give one of them", sittings[one.sitting])
    end
    local name = one.name and one.name:lower()
    if name and names[name] then
      bad(path, "is by '%s', as is %s; one rater may answer a page once", one.name, names[name])
    end
    sittings[one.sitting] = path
    if name then names[name] = path end
    one.label = one.name or ("rater %d"):format(i)
    list[i] = one
  end
  return list
end

return M
