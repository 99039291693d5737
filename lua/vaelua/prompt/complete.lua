-- prompt/complete.lua - Tab: which names may stand at the cursor.
--
-- Must answer at once and change nothing: tables are read raw, no function of the user's is called
-- and no device is asked. What stands before the cursor is cut into tokens; "a.b[1]:na" is walked
-- by rawget. Names behind an __index function are known where the metatable lists the tables that
-- hold them:
--
--   __names = { methods, Base }      keys of these tables are names, their values the fields

local core = require "vaelua.core"
local fail = require "vaelua.fail"

local M = {}

M.commands = {}           -- names that exist at the prompt alone: tools.lua puts them in

local KEYWORDS = {}
for word in ("and break do else elseif end false for function goto if in local nil not or repeat "
  .. "return then true until while"):gmatch("%a+") do KEYWORDS[word] = true end

-- ---- tokens -------------------------------------------------------------------------------------

-- The end of a quoted text that begins at `at`, or nil.
local function quote_end(text, at)
  local quote, i = text:sub(at, at), at + 1
  while i <= #text do
    local c = text:sub(i, i)
    if c == quote or c == "\n" then return i end
    i = i + (c == "\\" and 2 or 1)
  end
end

-- One token that begins at `at`: its kind and where it ends; nil: it does not end.
local function token_at(text, at)
  local level = text:match("^%[(=*)%[", at)
  if level then
    local _, last = text:find("]" .. level .. "]", at, true)
    return "text", last, at + #level + 2
  end
  if text:find("^[\"']", at) then return "text", quote_end(text, at), at + 1 end
  for _, p in ipairs { "^[%a_\x80-\xFF][%w_\x80-\xFF]*", "^%d[%w%.]*", "^%.%.+", "^." } do
    local _, last = text:find(p, at)
    if last then return p:find("%%a_") and "name" or p:find("%%d") and "number" or "sign", last end
  end
end

-- Where the comment at `at` ends; nil: there is none, false: it does not end.
local function comment_end(text, at)
  if text:sub(at, at + 1) ~= "--" then return nil end
  local level = text:match("^%-%-%[(=*)%[", at)
  local close = level and "]" .. level .. "]" or "\n"
  local _, last = text:find(close, at, true)
  return last or false
end

-- Tokens { kind, text }; the content of an open text if the cursor is in one; true in a comment.
local function tokens_of(text)
  local list, at = {}, 1
  while true do
    at = text:find("%S", at)
    if not at then return list end
    local comment = comment_end(text, at)
    if comment == false then return list, nil, true end
    if comment then
      at = comment + 1
    else
      local kind, last, inside = token_at(text, at)
      if not last then return list, text:sub(inside), nil, text:sub(at, at) end
      list[#list + 1] = { kind = kind, text = text:sub(at, last), last = last }
      at = last + 1
    end
  end
end

-- ---- fields, read raw ---------------------------------------------------------------------------

local function meta_of(v)
  local meta = debug.getmetatable(v)
  return type(meta) == "table" and meta or nil
end

-- What is known of a value that is not there: the methods of its kind.
local Kind = {}
local function kind(...) return setmetatable({ tables = { ... } }, Kind) end

local SHAPES = { shape = {}, dtype = "", device = "" }

local function tensor_kind() return kind(core.methods, SHAPES) end

local function distribution_kind()
  local base = require "vaelua.density".Base
  local more = { sample = print, logp = print, mean = print, var = print, mode = print }
  return kind(base, more)
end

-- Tables that hold the fields of a value, in the order in which they are asked.
local function tables_of(v)
  if debug.getmetatable(v) == Kind then return v.tables end
  if core.is_tensor(v) then return { core.methods, SHAPES } end
  if type(v) == "string" then return { string } end
  local list, depth = { type(v) == "table" and v or nil }, 0
  local meta = meta_of(v)
  if meta and meta == package.loaded["vaelua.set"] then require "vaelua.train" end   -- its loops
  while meta and depth < 10 do
    local names, index = rawget(meta, "__names"), rawget(meta, "__index")
    if rawget(meta, "is_model") == true then list[#list + 1] = rawget(meta, "fields") end
    if rawget(meta, "__name") == "layer" then list[#list + 1] = rawget(v, "by_name") end
    for _, t in ipairs(type(names) == "table" and names or {}) do list[#list + 1] = t end
    if type(index) ~= "table" then break end
    list[#list + 1] = index
    meta, depth = meta_of(index), depth + 1
  end
  return list
end

local function field(v, key)
  if core.is_tensor(v) and type(key) == "number" then return tensor_kind() end
  for _, t in ipairs(tables_of(v)) do
    local found = rawget(t, key)
    if found ~= nil then return found end
  end
  local meta = meta_of(v)       -- a chain's layers
  local items = type(v) == "table" and meta and rawget(meta, "__name") == "chain"
                and rawget(v, "items")
  if type(items) == "table" then return rawget(items, key) end
end

-- ---- roots --------------------------------------------------------------------------------------

local function va() return (require "vaelua") end

local function va_tables()
  local list = { va() }
  for _, t in ipairs(meta_of(list[1]).__names or {}) do list[#list + 1] = t end
  return list
end

--- A value of va by its name, or nil; may load one of our modules.
function M.va_name(name)
  if name == "models" then return va().models end
  for _, t in ipairs(va_tables()) do
    if rawget(t, name) ~= nil then return va()[name] end
  end
end

local function root(name)
  local v = rawget(_G, name)
  if v ~= nil then return v end
  if name == "va" then return va() end
  if M.commands[name] then return M.commands[name] end
  return M.va_name(name)
end

--- All names that mean something at the prompt.
function M.root_names()
  local list = { "va", "models" }
  for _, t in ipairs { _G, M.commands, table.unpack(va_tables()) } do
    for name in next, t do
      if type(name) == "string" then list[#list + 1] = name end
    end
  end
  return list
end

--- The name that was meant, or nil.
function M.near(word)
  local list = M.root_names()
  for _, name in ipairs(list) do
    if name == word then return nil end
  end
  return fail.nearest(word, list)
end

-- ---- what stands before the cursor --------------------------------------------------------------

-- The place of the bracket that the one at i closes.
local function opening(tokens, i)
  local depth = 0
  for k = i, 1, -1 do
    local t = tokens[k].kind == "sign" and tokens[k].text
    if t == ")" or t == "]" or t == "}" then depth = depth + 1 end
    if t == "(" or t == "[" or t == "{" then depth = depth - 1 end
    if depth == 0 then return k end
  end
end

local TENSORS = { encode = true, decode = true, reconstruct = true, sample = true, tensor = true,
                  interp = true, slerp = true, traverse = true }
local DISTRIBUTIONS = { posterior = true, likelihood = true, prior = true, classify = true }

-- What a call of a function of this name gives, as far as names tell.
local function result_of(name)
  if TENSORS[name] or core.ops[name] then return tensor_kind() end
  if DISTRIBUTIONS[name] or rawget(require "vaelua.dist", name) then return distribution_kind() end
end

local function is_sign(t, text) return t ~= nil and t.kind == "sign" and t.text == text end

local value_at

local function indexed(tokens, i)
  local open = opening(tokens, i)
  local key = open and i == open + 2 and tokens[open + 1]
  if not key or key.kind ~= "number" and key.kind ~= "text" then return nil end
  local v = value_at(tokens, open - 1)
  if v == nil then return nil end
  return field(v, key.kind == "number" and math.tointeger(tonumber(key.text))
                  or key.text:sub(2, -2))
end

-- The value of the expression that ends with token i, or nil.
function value_at(tokens, i)
  local t = tokens[i]
  if not t then return nil end
  if t.kind == "name" then
    local before = tokens[i - 1]
    if is_sign(before, ".") then
      local v = value_at(tokens, i - 2)
      if v == nil then return nil end
      if rawequal(v, va()) then return M.va_name(t.text) end
      return field(v, t.text)
    end
    return not is_sign(before, ":") and root(t.text) or nil
  elseif is_sign(t, "]") then
    return indexed(tokens, i)
  elseif is_sign(t, ")") then
    local open = opening(tokens, i)
    local callee = open and tokens[open - 1]
    if callee and callee.kind == "name" then return result_of(callee.text) end
    if open and i == open + 2 then return value_at(tokens, i - 1) end
  elseif t.kind == "text" then
    return ""
  end
end

-- The brackets that are open at the end, the innermost first: { sign, callee, at }.
local function open_brackets(tokens)
  local list, i = {}, #tokens
  while i >= 1 do
    local t = tokens[i]
    if is_sign(t, ")") or is_sign(t, "]") or is_sign(t, "}") then
      i = opening(tokens, i) or 0
    elseif is_sign(t, "(") or is_sign(t, "[") or is_sign(t, "{") then
      local before = tokens[i - 1]
      list[#list + 1] = { sign = t.text, at = i, callee = before and before.kind == "name"
                          and not KEYWORDS[before.text] and before.text }
    end
    i = i - 1
  end
  return list
end

-- ---- options ------------------------------------------------------------------------------------

-- The value of a method of this name, of an object that is not known: x:sum { keep.
local function any_method(name)
  for _, t in ipairs(tables_of(tensor_kind())) do
    if type(rawget(t, name)) == "function" then return rawget(t, name) end
  end
  require "vaelua.train"                                                             -- its loops
  return rawget(require "vaelua.set", name)
end

-- The options of va.NAME or NAME by its comment alone: its module need not be loaded.
local function options_unloaded(tokens, i)
  local name, before = tokens[i].text, tokens[i - 2]
  if is_sign(tokens[i - 1], ":") or rawget(va(), name) ~= nil then return nil end
  if is_sign(tokens[i - 1], ".") then
    if before and before.text ~= "va" or is_sign(tokens[i - 3], ".") then return nil end
  elseif rawget(_G, name) ~= nil then
    return nil
  end
  return require "vaelua.reference".options_said(meta_of(va()).__names[2][name], name)
end

-- The options of the function whose name is token i.
local function options_of(tokens, i)
  local name, sign, v = tokens[i].text, tokens[i - 1]
  local list = options_unloaded(tokens, i)
  if list then return list end
  if is_sign(sign, ":") then
    local object = value_at(tokens, i - 2)
    v = object == nil and any_method(name) or field(object, name)
  else
    v = value_at(tokens, i)
    local before = tokens[i - 2]
    if v == nil and is_sign(sign, ".") and before and before.text == "models" then
      for _, known in ipairs(core.modules "models") do
        if known == name then v = require "vaelua.models"[name] end
      end
    end
  end
  return v ~= nil and require "vaelua.reference".options(v, name) or {}
end

-- ---- texts --------------------------------------------------------------------------------------

local function entries(folder, start)
  local list = {}
  if core.exists(folder) ~= "folder" then return list end
  for _, name in ipairs(core.list(folder)) do
    if name:sub(1, #start) == start and (start ~= "" or name:sub(1, 1) ~= ".") then
      list[#list + 1] = name
    end
  end
  return list
end

local MOST_LOOKED_AT = 500

-- Names in the folder of a path that begin as its last part; folders end with "/".
local function files(path)
  local folder, start = path:match("^(.*/)([^/]*)$")
  folder, start = folder or "", start or path
  local list = entries(folder == "" and "." or folder, start)
  for i = 1, #list <= MOST_LOOKED_AT and #list or 0 do
    if core.exists(folder .. list[i]) == "folder" then list[i] = list[i] .. "/" end
  end
  return list
end

local function runs()
  local list, parent = { "latest" }, require "vaelua.runs.folder".parent()
  for _, name in ipairs(entries(parent, "")) do
    if name:find("^%d+%-%d+%-") then list[#list + 1] = name end
  end
  return list
end

-- Modules of the user's that are loaded.
local function modules()
  local list = {}
  for name in next, package.loaded do
    if name ~= "_G" and not name:find("^vaelua") and rawget(_G, name) == nil then
      list[#list + 1] = name
    end
  end
  return list
end

local function fixed(...)
  local list = { ... }
  return function() return { table.unpack(list) } end
end

local function modules_in(folder) return function() return core.modules(folder) end end

local protocols, samplers = modules_in "protocols", modules_in "samplers"
local dtypes = fixed("float32", "int32", "uint8", "float64")

-- What a text may be, by the function that it is given to.
local TEXTS = {
  open = runs, data = modules_in "data", evaluate = protocols, report = protocols,
  samplers = samplers, sampler = samplers, reload = modules, require = modules,
  tensor = dtypes, full = dtypes, as = dtypes, device = fixed("cpu", "cuda"),
  precision = fixed("float32", "tf32", "bf16"), to = fixed("cpu", "cuda"),
  help = function() return require "vaelua.help".names() end,
}

-- The function that the open text is given to, or the option that it is a value of.
local function given_to(tokens)
  local before = tokens[#tokens]
  if before and before.kind == "name" then return before.text end
  for _, b in ipairs(open_brackets(tokens)) do
    local sign, option = tokens[b.at - 1], tokens[b.at - 2]
    if b.callee then return b.callee end
    if b.sign == "{" and is_sign(sign, "=") and option and TEXTS[option.text] then
      return option.text
    end
  end
end

local function begins(list, start)
  local found = {}
  for _, name in ipairs(list) do
    if name:sub(1, #start) == start then found[#found + 1] = name end
  end
  return found
end

local function in_text(tokens, content, quote)
  local who = given_to(tokens)
  local list = {}
  if who and TEXTS[who] and not content:find("/") then list = begins(TEXTS[who](), content) end
  if who ~= "evaluate" and who ~= "report" and who ~= "help" then
    table.move(files(content), 1, 1000, #list + 1, list)
  end
  local folder = #list == 1 and list[1]:sub(-1) == "/"
  return list, not folder and (quote == "'" or quote == '"') and quote or nil, "\"'/["
end

-- ---- names --------------------------------------------------------------------------------------

local function add_keys(list, t, start, functions)
  for name, v in next, t do
    if type(name) == "string" and name:sub(1, #start) == start and name:find("^[%a_][%w_]*$")
       and (not functions or type(v) == "function") and name:sub(1, 2) ~= "__" then
      list[#list + 1] = name
    end
  end
end

local function fields_of(v, start, functions)
  local list = {}
  for _, t in ipairs(tables_of(v)) do
    if type(t) == "table" then add_keys(list, t, start, functions) end
  end
  return list
end

-- Names that the text itself has used are offered, too: its local variables.
local function names_of(tokens, start)
  local list = {}
  if start == "" then return require "vaelua.prompt.tools".user_names() end
  for _, name in ipairs(M.root_names()) do
    if name:sub(1, #start) == start then list[#list + 1] = name end
  end
  add_keys(list, KEYWORDS, start)
  for _, t in ipairs(tokens) do
    if t.kind == "name" and #t.text > 2 and t.text ~= start and t.text:sub(1, #start) == start then
      list[#list + 1] = t.text
    end
  end
  return list
end

local function in_code(tokens, text)
  local last, start = tokens[#tokens], ""
  if last and last.kind == "name" and last.last == #text then
    start = table.remove(tokens).text
    last = tokens[#tokens]
  end
  if is_sign(last, ".") or is_sign(last, ":") then
    local v = value_at(tokens, #tokens - 1)
    return v ~= nil and fields_of(v, start, last.text == ":") or {}
  end
  local inner, outer = table.unpack(open_brackets(tokens))
  local options = {}
  if inner and inner.sign == "{" and (inner.at == #tokens or is_sign(last, ",")) then
    local call = inner.callee and inner or outer and outer.callee and outer
    options = call and begins(options_of(tokens, call.at - 1), start) or {}
    for i, name in ipairs(options) do options[i] = name .. "=" end
  end
  return #options > 0 and options or names_of(tokens, start)
end

--- The matches for the word before the end of the text; what stands behind a single one; and the
--- characters that words end at, where they are not those of code.
function M.complete(text)
  local first = text:match("^%s*([?!:])")
  if first == "?" then
    local start = text:match("[%w_]*$")
    return begins(require "vaelua.help".names(), start)
  elseif first == "!" then
    return files(text:match("[^%s!]*$")), nil, " /!"
  elseif first == ":" then
    return begins({ "bt" }, text:match("%w*$"))
  end
  local tokens, content, comment, quote = tokens_of(text)
  if comment then return {} end
  if content then return in_text(tokens, content, quote) end
  return in_code(tokens, text)
end

return M
