-- errors_spec.lua - a gallery of broken scripts, tests/errors/NN_name.lua: what each of them says,
-- to the letter, stands in NN_name.txt beside it, and its exit status in the last line. A script's
-- line "-- words: ..." is its command line.

local core = require "vaelua.core"

local program = core.realpath("/proc/self/exe")
local gallery = core.realpath("tests/errors")
local runs = os.tmpname()
os.remove(runs)

teardown(function() core.run_command { "rm", "-rf", runs } end)

local function slurp(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read("a")
  f:close()
  return text
end

-- What the script writes to the standard error, with names of runs made equal.
local function said(name, more)
  local words = slurp(gallery .. "/" .. name):match("\n%-%- words: ([^\n]*)") or ""
  local line = ("cd %s && VAELUA_RUNS=%s OMP_NUM_THREADS=1 %s -q %s %s %s 2>&1 >/dev/null <&-"
    ):format(gallery, runs, program, name, words, more or "")
  local status, text = core.run_command { "sh", "-c", line }
  text = text:gsub(runs:gsub("%p", "%%%0") .. "/[%w%-_]+", "runs/RUN")
  return text, status
end

local names = {}
for _, name in ipairs(core.list(gallery)) do
  if name:find("%.lua$") then names[#names + 1] = name end
end
table.sort(names)

describe("the gallery", function()
  it("has the commonest mistakes", function() assert(#names >= 20) end)

  for _, name in ipairs(names) do
    it(name, function()
      local text, status = said(name)
      assert.equal(slurp(gallery .. "/" .. name:gsub("lua$", "txt")),
        ("%sexit %d\n"):format(text, status))
    end)
  end
end)

describe("every message", function()
  for _, name in ipairs(names) do
    it(name .. " begins with the user's own line, and has none of ours", function()
      local text = slurp(gallery .. "/" .. name:gsub("lua$", "txt"))
      assert.is_nil(text:find("lua/vaelua/", 1, true))
      assert.is_nil(text:find("traceback", 1, true))
      if not text:find("exit 2", 1, true) then
        assert.is_truthy(text:find("^error: " .. name:gsub("%p", "%%%0") .. ":%d+: "), text)
      end
    end)
  end
end)

describe("--traceback", function()
  it("has the calls of ours and of the user", function()
    local text = said("29_data_for_set.lua", "--traceback")
    assert.is_truthy(text:find("stack traceback:.*fit.lua.*29_data_for_set.lua:7: in main chunk"),
      text)
  end)

  it("has those of a coroutine", function()
    local text = said("21_coroutine.lua", "--traceback")
    assert.is_truthy(text:find("in a coroutine: stack traceback:.*21_coroutine.lua:4: in function"),
      text)
    assert.is_truthy(text:find("resumed in: stack traceback:.*21_coroutine.lua:6: in "), text)
  end)
end)
