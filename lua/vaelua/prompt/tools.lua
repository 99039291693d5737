-- prompt/tools.lua - what the prompt has beside va: who(), mem(), time(f), reload "models.vae".

local core = require "vaelua.core"
local keys = require "vaelua.keys"
local complete = require "vaelua.prompt.complete"
local fail = require "vaelua.fail"

local M = { names = complete.commands, rows = 0, columns = 0 }     -- of the screen

local print = print

local ours = {}           -- globals that are Lua's or the prompt's
for name in ([[_G _VERSION arg assert collectgarbage coroutine debug dofile error getmetatable io
  ipairs load loadfile math next os package pairs pcall print rawequal rawget rawlen rawset require
  select setmetatable string table tonumber tostring type utf8 warn xpcall _ ]]):gmatch("%S+") do
  ours[name] = true
end

--- True for a name that is Lua's.
function M.is_standard(name) return ours[name] == true and M.names[name] == nil end

--- Names of the user's globals, sorted.
function M.user_names()
  local list = {}
  for _, name in ipairs(keys.names(_G)) do
    if not ours[name] then list[#list + 1] = name end
  end
  return list
end

-- ---- sizes --------------------------------------------------------------------------------------

local function size_text(bytes)
  local units, i = { "B", "kB", "MB", "GB", "TB" }, 1
  while bytes >= 999.5 and i < #units do bytes, i = bytes / 1000, i + 1 end
  return ("%.3g %s"):format(bytes, units[i])
end

local WIDTH = { float32 = 4, int32 = 4, uint8 = 1, float64 = 8 }

local function tensor_bytes(t)
  local n = WIDTH[t.dtype]
  for _, size in ipairs(t.shape) do n = n * size end
  return n
end

-- Bytes of the tensors below a value, each once; tables are walked by next.
local function bytes_of(v, seen)
  if core.is_tensor(v) then
    if seen[v] then return 0 end
    seen[v] = true
    return tensor_bytes(v)
  end
  if type(v) ~= "table" or seen[v] then return 0 end
  seen[v] = true
  local n, meta = 0, debug.getmetatable(v)
  local fields = type(meta) == "table" and rawget(meta, "is_model") and rawget(meta, "fields") or v
  for _, child in next, fields do n = n + bytes_of(child, seen) end
  return n
end

-- ---- who ----------------------------------------------------------------------------------------

local function shape_text(shape) return table.concat(shape, " x ") end

local function count_of(t)
  local n = 0
  for _ in next, t do n = n + 1 end
  return n == 1 and "1 entry" or n .. " entries"
end

-- Kind and what there is to say of it.
local function kind_of(v)
  local meta = debug.getmetatable(v)
  meta = type(meta) == "table" and meta or {}
  if core.is_tensor(v) then
    return "tensor", ("%s [%s] %s"):format(v.dtype, shape_text(v.shape), v.device)
  elseif rawget(meta, "is_model") then
    return "model", meta.name
  elseif type(v) == "string" then
    return "string", #v .. " bytes"
  elseif type(v) == "number" or type(v) == "boolean" then
    return type(v), tostring(v)
  elseif type(v) == "function" then
    local about = debug.getinfo(v, "S")
    local ours_too = core.ours(about.source) and about.source:match("vaelua/.*$")
    return "function", about.what ~= "C"
      and ("%s:%d"):format(ours_too or about.short_src, about.linedefined) or ""
  elseif type(v) ~= "table" then
    return type(v), ""
  end
  local name, shape = rawget(meta, "__name"), rawget(v, "shape")
  if meta == package.loaded["vaelua.set"] then
    return "set", ("%d rows of [%s]"):format(#v, shape_text(shape))
  elseif name == "chain" then
    return "chain", ("[%s] to [%s]"):format(shape_text(v.input), shape_text(v.output))
  elseif name == "distribution" then
    return name, tostring(v)
  end
  return type(name) == "string" and name or "table", count_of(v)
end

local function clipped(text, width)
  if (utf8.len(text) or 0) <= width then return text end
  return text:sub(1, utf8.offset(text, width) - 1) .. "…"
end

local function padded(text, width)
  return text .. (" "):rep(width - (utf8.len(text) or #text))
end

--- who(): the globals of yours, what they are and how many bytes of tensors they hold.
function M.names.who()
  local names, seen, total = M.user_names(), {}, 0
  if #names == 0 then return print("nothing yet") end
  local width = 4
  for i, name in ipairs(names) do
    names[i] = clipped(name, 30)
    width = math.max(width, #names[i])
  end
  local most = M.rows > 0 and #names > M.rows - 4 and math.max(M.rows - 5, 4) or #names
  local room = M.columns > 0 and math.max(math.min(M.columns - width - 26, 60), 8) or 40
  for i, name in ipairs(M.user_names()) do
    local v = rawget(_G, name)
    local kind, about = kind_of(v)
    local bytes = bytes_of(v, {})
    total = total + bytes_of(v, seen)
    if i <= most then
      local size = bytes > 0 and size_text(bytes) or ""
      local line = padded(names[i], width) .. "  " .. padded(kind, 12) .. "  "
        .. padded(clipped(about, room), room) .. (" %8s"):format(size)
      print((line:gsub("%s+$", "")))
    end
  end
  if most < #names then print(("… %d more"):format(#names - most)) end
  if total > 0 then print(("tensors in all: %s"):format(size_text(total))) end
end

-- ---- mem ----------------------------------------------------------------------------------------

local function resident()
  local f <close> = io.open("/proc/self/statm")
  local pages = f and f:read("a"):match("^%d+ (%d+)")
  return pages and tonumber(pages) * 4096
end

--- mem(): memory of tensors on the device, of Lua and of the process.
function M.names.mem()
  collectgarbage()
  local m = require "vaelua.tensor".memory()
  local function line(name, bytes, about)
    if bytes then print(("%-12s %9s   %s"):format(name, size_text(bytes), about)) end
  end
  line("tensors", m.bytes, ("on %s%s"):format(m.device,
    m.tensors and (", %d of them"):format(m.tensors) or ""))
  line("peak", m.peak, "the most so far")
  line("idle", m.idle, "kept for the next ones")
  line("free", m.free, m.total and "of " .. size_text(m.total) or "")
  line("host", m.host, "tensors of the CPU")
  line("Lua", collectgarbage("count") * 1024, "tables, strings, functions")
  line("process", resident(), "of the machine's memory")
end

-- ---- time ---------------------------------------------------------------------------------------

local function seconds_text(s)
  if s < 1e-3 then return ("%.3g µs"):format(s * 1e6) end
  return s < 1 and ("%.3g ms"):format(s * 1e3) or ("%.3g s"):format(s)
end

local function timed(f, ...)
  local start = core.clock()
  local results = table.pack(f(...))
  core.settle()
  return core.clock() - start, results
end

--- time(f, [n=1], ...): calls f(...) n times, waits for the device each time, tells the seconds;
--- gives what the last call gave.
function M.names.time(f, n, ...)
  local meta = debug.getmetatable(f)
  if type(f) ~= "function" and not (type(meta) == "table" and meta.__call) then
    fail("time: a function is needed, got %s; time(function() return ... end)", type(f))
  end
  n = n or 1
  if math.type(n) ~= "integer" or n < 1 then
    fail("time: n must be an integer from 1, got %s", tostring(n))
  end
  local least, sum, results = math.huge, 0, nil
  core.settle()
  for _ = 1, n do
    local s
    s, results = timed(f, ...)
    least, sum = math.min(least, s), sum + s
  end
  print(n == 1 and seconds_text(sum) or ("%s a call, the fastest %s, of %d calls"):format(
    seconds_text(sum / n), seconds_text(least), n))
  return table.unpack(results, 1, results.n)
end

for name in pairs(M.names) do
  if rawget(_G, name) == nil then ours[name] = true end
end

-- ---- ?name of what is the user's ----------------------------------------------------------------

-- The comment right above a line of a file, and that line.
local function source_of(path, number)
  local f <close> = io.open(path)
  if not f then return "" end
  local above, i = {}, 0
  for line in f:lines() do
    i = i + 1
    if i == number then
      above[#above + 1] = line
      return "\n  " .. table.concat(above, "\n  ")
    end
    if line:find("^%s*%-%-") then above[#above + 1] = line else above = {} end
  end
  return ""
end

--- About a global of the user's, or nil.
function M.about(word)
  local v = rawget(_G, word)
  if v == nil or type(word) ~= "string" then return nil end
  local kind, about = kind_of(v)
  local text = ("%s   a %s%s"):format(word, kind, about ~= "" and ": " .. about or "")
  if type(v) ~= "function" then return text end
  local d = debug.getinfo(v, "S")
  return text .. (d.source:sub(1, 1) == "@" and source_of(d.source:sub(2), d.linedefined) or "")
end

return M
