-- layering_spec.lua - dependencies run one way, and headers of others are where they belong.

local core = require "vaelua.core"

-- Each folder of core/ may include its own files and those of the folders before it.
local RINGS = { "base", "tensor", "backend", "autograd", "nn", "metrics", "bind" }
local rank = {}
for i, ring in ipairs(RINGS) do rank[ring] = i end

-- Which folders may know a library, by its header.
local OWNERS = {
  { "^lua%.h$", "^lauxlib%.h$", "^lualib%.h$", folders = { "bind", "" } },
  { "^cuda", "^cublas", "^cudnn", folders = { "backend/cuda" } },
  { "^dnnl", "^oneapi/", "^cblas%.h$", "^lapack", folders = { "backend/cpu" } },
  { "^readline/", folders = { "" } },
  { "^chafa", "^glib", folders = { "bind" } },
}

local function files(folder, found)
  for _, name in ipairs(core.list(folder)) do
    local path = folder .. "/" .. name
    if core.exists(path) == "folder" then
      files(path, found)
    elseif name:find("%.[ch]$") or name:find("%.cu$") or name:find("%.def$") then
      found[#found + 1] = path
    end
  end
  return found
end

-- The mistakes of one text that lies in folder ("backend/cpu", "" for main.c).
local function mistakes(folder, text)
  local found = {}
  local ring = folder:match("^[^/]*")
  for quote, header in text:gmatch('#%s*include%s*([<"])([^>"]+)[>"]') do
    local other = quote == '"' and header:match("^([^/]+)/")
    if other and not rank[other] then
      found[#found + 1] = header .. ": no such ring"
    elseif other and ring ~= "" and rank[other] > rank[ring] then
      found[#found + 1] = ("%s is above %s"):format(header, ring)
    end
    for _, owner in ipairs(OWNERS) do
      local known, allowed = false, false
      for _, pattern in ipairs(owner) do known = known or header:find(pattern) ~= nil end
      for _, name in ipairs(owner.folders) do allowed = allowed or name == folder end
      if known and not allowed then found[#found + 1] = header .. " is not for " .. folder end
    end
  end
  return found
end

describe("layering", function()
  for _, path in ipairs(files("core", {})) do
    local folder = path:match("^core/(.*)/[^/]+$") or ""
    it(path, function()
      local f <close> = assert(io.open(path))
      assert.same({}, mistakes(folder, f:read("a")))
    end)
  end

  it("sees what it looks for", function()
    assert.equal(1, #mistakes("tensor", '#include "autograd/op.h"\n'))
    assert.equal(1, #mistakes("autograd", "# include <lua.h>\n"))
    assert.equal(1, #mistakes("nn", "#include <dnnl.h>"))
    assert.equal(0, #mistakes("", '#include "bind/bind.h"\n#include <lua.h>'))
  end)

  it("no #ifdef for devices outside the Makefile", function()
    for _, path in ipairs(files("core", {})) do
      local f <close> = assert(io.open(path))
      local text = f:read("a")
      if not path:find("backend/cuda/") then
        assert.is_nil(text:match("#%s*if[^\n]*USE_CUDA"), path)
        assert.is_nil(text:match("#%s*if[^\n]*WITH_CUDA"), path)
      end
    end
  end)
end)
