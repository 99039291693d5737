--[[ literal.lua - reads config.lua, `return { name = value, ... }`, without running it.

  Values are numbers, strings, true, false and tables of them, as run.lua writes them. Anything
  else (a call, an operator, a loop) is an error with its line, so a folder from elsewhere can be
  looked at whatever lies in it. ]]

local M = {}

local DEEPEST, LONGEST = 50, 1 << 20

local Reader = {}
Reader.__index = Reader

function Reader:fail(what)
  local _, lines = self.text:sub(1, self.at - 1):gsub("\n", "")
  error({ literal = ("%s in line %d"):format(what, lines + 1) }, 0)
end

-- Spaces and comments of one line.
function Reader:skip()
  repeat
    local from = self.at
    self.at = self.text:match("^%s*()", self.at)
    self.at = self.text:match("^%-%-[^\n]*()", self.at) or self.at
  until self.at == from
end

-- Takes what the pattern matches here, or returns nil.
function Reader:take(pattern)
  self:skip()
  local found, after = self.text:match("^(" .. pattern .. ")()", self.at)
  if found then self.at = after end
  return found
end

function Reader:need(pattern, words)
  return self:take(pattern) or self:fail(words .. " expected")
end

local ESCAPES = { n = "\n", r = "\r", t = "\t", ["\\"] = "\\", ['"'] = '"', ["'"] = "'",
                  ["\n"] = "\n", a = "\a", b = "\b", f = "\f", v = "\v" }

function Reader:escape()
  local digits = self.text:match("^%d%d?%d?", self.at)
  if digits then
    if tonumber(digits) > 255 then self:fail("a wrong escape") end
    self.at = self.at + #digits
    return string.char(tonumber(digits))
  end
  local c = ESCAPES[self.text:sub(self.at, self.at)] or self:fail("a wrong escape")
  self.at = self.at + 1
  return c
end

function Reader:string(quote)
  local parts = {}
  while true do
    local plain = self.text:match('^[^\\\n"\']+', self.at) or ""
    parts[#parts + 1] = plain
    self.at = self.at + #plain
    local c = self.text:sub(self.at, self.at)
    if c == "" or c == "\n" then self:fail("a string without an end") end
    self.at = self.at + 1
    if c == quote then return table.concat(parts) end
    parts[#parts + 1] = c == "\\" and self:escape() or c
  end
end

-- 1e9999 is how an infinity is written, (0/0) what is not a number.
function Reader:number()
  if self:take("%(0/0%)") then return 0 / 0 end
  local sign = self:take("%-") and -1 or 1
  local word = self:take("%d[%w%.]*[%+%-]?%w*") or self:fail("a value expected")
  local n = tonumber(word)
  if not n then                            -- "1+2" and the like
    self:fail(("'%s' is no number"):format(word))
  end
  return sign * n
end

local NAMES = { ["true"] = true, ["false"] = false }

function Reader:value(depth)
  local quote = self:take("[\"']")
  if quote then return self:string(quote) end
  if self:take("{") then return self:table(depth + 1) end
  local word = self:take("%a[%w_]*")
  if not word then return self:number() end
  if NAMES[word] == nil then self:fail(("'%s' is no value"):format(word)) end
  return NAMES[word]
end

function Reader:key(depth)
  if self:take("%[") then
    local key = self:value(depth)
    self:need("%]", "']'")
    if type(key) == "table" or key ~= key then self:fail("a wrong key") end
    return key
  end
  return self:need("[%a_][%w_]*", "a name")
end

function Reader:table(depth)
  if depth > DEEPEST then self:fail("tables nested too deep") end
  local t = {}
  while not self:take("}") do
    local key = self:key(depth)
    self:need("=", "'='")
    t[key] = self:value(depth)
    if not self:take("[,;]") then
      self:need("}", "'}'")
      break
    end
  end
  return t
end

-- The table that the text returns, or nil and why it cannot be read.
function M.read(text)
  if #text > LONGEST then return nil, "it is longer than 1 MiB" end
  local reader = setmetatable({ text = text, at = 1 }, Reader)
  local good, result = pcall(function()
    reader:need("return%f[%W]", "'return'")
    reader:need("{", "'{'")
    local t = reader:table(1)
    reader:skip()
    if reader.at <= #text then reader:fail("more behind the table") end
    return t
  end)
  if good then return result end
  if type(result) == "table" and result.literal then return nil, result.literal end
  error(result, 0)
end

return M
