-- plot_spec.lua - pictures and plots: what is composed, what is written in a run, what is refused.

local va = require "vaelua"
local core = require "vaelua.core"
local show = require "vaelua.show"
local plot = require "vaelua.plot"
local child = require "tests.lua.child"

local says = require "tests.lua.says".says

describe("grid", function()
  it("stands row by row, with white between and where nothing is", function()
    local x = va.tensor { { { { 0 } } }, { { { 0.2 } } }, { { { 1 } } } }      -- three of one pixel
    local g = show.grid(x, 2, 2, 1)
    assert.are.equal("uint8", g.dtype)
    assert.are.same({ 5, 5, 1 }, g.shape)
    local w = 255
    assert.are.same({ { w, w, w, w, w }, { w, 0, w, 51, w }, { w, w, w, w, w },
                      { w, 255, w, w, w }, { w, w, w, w, w } }, g:squeeze():totable())
  end)

  it("without padding is the pictures alone", function()
    local x = va.randint(0, 255, { 6, 3, 4, 3 }):as("uint8")
    local g = show.grid(x, 2, 3, 0)
    assert.are.same({ 6, 12, 3 }, g.shape)
    local fifth = g:slice(1, 4, 6):slice(2, 5, 8):contiguous()
    assert.are.same(x[5]:totable(), fifth:totable())
  end)

  it("NaN is black, what is beyond 0..1 is cut", function()
    local x = va.tensor { 0 / 0, -3, 7 }:reshape(1, 1, 3, 1)
    assert.are.same({ { 0, 0, 255 } }, show.grid(x, 1, 1, 0):squeeze():totable())
  end)
end)

describe("half blocks", function()
  it("hold two pixels a letter", function()
    local p = va.tensor({ { { 1 }, { 2 } }, { { 3 }, { 4 } }, { { 5 }, { 5 } } }, "uint8")
    assert.are.equal("\27[38;2;1;1;1;48;2;3;3;3m▀\27[38;2;2;2;2;48;2;4;4;4m▀\27[0m\n"
                     .. "\27[38;2;5;5;5;49m▀▀\27[0m\n", show.half_blocks(p, 80))
  end)

  it("are shrunk to fit, and say so", function()
    local text = show.half_blocks(va.full({ 8, 200, 3 }, 9, "uint8"), 80)
    assert.is_truthy(text:find("(1 : 3)", 1, true))
    local _, n = text:match("^[^\n]*"):gsub("▀", "")
    assert.are.equal(66, n)
  end)
end)

describe("show", function()
  it("refuses what is no picture", function()
    says("pictures are [N, H, W, C] with C = 1 or 3, got {2, 3, 3, 2}", va.show,
         va.zeros(2, 3, 3, 2))
    says("there is nothing to show", va.show)
    says("no option 'row'", va.show, va.zeros(2, 3, 3, 1), { row = 1 })
    says("3 labels for 2 pictures", va.show, va.zeros(2, 3, 3, 1), va.tensor({ 1, 2, 3 }, "int32"))
    says("in one grid", va.show, va.zeros(2, 3, 3, 1), va.zeros(2, 4, 4, 1))
  end)
end)

describe("ways between codes", function()
  it("interp has both ends exactly and equal steps", function()
    local a, b = va.randn(4), va.randn(4)
    local z = va.interp(a, b, 5)
    assert.are.same({ 5, 4 }, z.shape)
    assert.are.same(a:totable(), z[1]:totable())
    assert.are.same(b:totable(), z[5]:totable())
    assert.is_true((z[3] - (a + b) / 2):abs():max():item() < 1e-6)
    says("n must be an integer from 2", va.interp, a, b, 1)
    says("two tensors of one shape", va.interp, a, va.zeros(3), 4)
  end)

  it("slerp stays on the sphere", function()
    local a, b = va.tensor { 1, 0, 0 }, va.tensor { 0, 1, 0 }
    local z = va.slerp(a, b, 3)
    local r = math.sqrt(0.5)
    local arc = va.tensor { { 1, 0, 0 }, { r, r, 0 }, { 0, 1, 0 } }
    assert.is_true((z - arc):abs():max():item() < 1e-6)
    assert.are.same({ 4, 3 }, va.slerp(a, a * 2, 4).shape)
    assert.are.same({ 2, 3 }, va.slerp(a, a * 0, 2).shape)
  end)

  it("traverse moves one unit at a time", function()
    local model = { decode = function(_, z) return z end }
    local z = va.traverse(model, va.tensor { 7, 8, 9 },
                          { units = { 2, -1 }, steps = 3, from = 0, to = 1 })
    assert.are.same({ { 7, 0, 9 }, { 7, 0.5, 9 }, { 7, 1, 9 },
                      { 7, 8, 0 }, { 7, 8, 0.5 }, { 7, 8, 1 } }, z:totable())
    assert.are.same({ 33, 3 }, va.traverse(model, va.zeros(3)).shape)
    says("unit 4 is outside 1..3", va.traverse, model, va.zeros(3), { units = 4 })
  end)
end)

describe("plot", function()
  local function svg(...) return plot.svg(...) end

  it("draws one picture of every kind of series", function()
    for _, series in ipairs {
      { 1, 2, 3 }, va.randn(5), { y = { 1, 2 } }, { { 1, 2 }, { 3, 4 } },
      { x = { 1, 2, 3 }, y = { 1, 4, 9 }, label = "squares", style = "dashed" },
      { y = { 3, 1 }, style = "bars" }, { y = { 3, 1 }, style = "steps", colour = "#123456" },
      { y = { 3, 1 }, sd = { 0.5, 0.1 } }, { y = { 3, 1 }, points = true, colour = { 1, 2 } },
    } do
      local text = svg(series)
      assert.are.equal("<?xml", text:sub(1, 5))
      assert.is_truthy(text:find("</svg>%s*$"))
    end
  end)

  it("takes NaN, infinities and data without any number", function()
    assert.is_truthy(svg({ 1, 0 / 0, 3, 1 / 0 }, { 2, 2, 2, 2 }))
    assert.is_truthy(svg({ 0 / 0, 0 / 0 }))
    assert.is_truthy(svg({ 0 / 0 }, { log = true }))
    assert.is_truthy(svg({ -1, 0, 10 }, { log = "y" }))
    assert.is_truthy(svg({ 5 }))
  end)

  it("prints any text as it is", function()
    local text = svg({ y = { 1, 2 }, label = [[it's "q" \n $s1 `id` a_b^c & <d>]] },
                     { x = "x'", y = "β" })
    text = text:gsub("&quot;", '"'):gsub("&lt;", "<"):gsub("&gt;", ">"):gsub("&amp;", "&")
    assert.is_truthy(text:find([[it's "q" \n $s1 `id` a_b^c & <d>]], 1, true))
    assert.is_truthy(text:find("β", 1, true))
  end)

  it("equal data give equal bytes", function()
    assert.are.equal(svg({ 1, 2, 3 }, { log = true }), svg({ 1, 2, 3 }, { log = true }))
  end)

  it("refuses what it does not know", function()
    says("a series has no field 'lable' (fields:", va.plot, { y = { 1 }, lable = "a" })
    says("the table of axes has no field 'grid'", va.plot, { y = { 1 } }, { grid = true })
    says("2 values of x for 3 of y", va.plot, { x = { 1, 2 }, y = { 1, 2, 3 } })
    says("no style 'dotty' (styles: bars, dashed, dotted, line, steps)", va.plot,
         { y = { 1 }, style = "dotty" })
    says("y[2] is no number", va.plot, { y = { 1, "2" } })
    says("nothing to plot", va.plot)
    says("colour red is not of the form #rrggbb", va.plot, { y = { 1 }, colour = "red" })
    says("log is true", va.plot, { y = { 1 } }, { log = "z" })
  end)
end)

describe("in a run", function()
  local c
  setup(function() c = child.new() end)
  teardown(function() c:drop() end)

  it("show and plot write figures and name them", function()
    local r = c:run([[
      local va = require "vaelua"
      va.show("first", va.rand(4, 8, 8, 1), va.tensor({ 1, 2, 3, 4 }, "int32"))
      va.show(va.rand(4, 8, 8, 3))
      va.plot("curve", { y = { 1, 2 }, label = 'a,"b"' }, { x = "epoch" })
    ]], "--out runs")
    assert.are.equal(0, r.status, r.err)
    assert.are.same({ "curve.csv", "curve.svg", "first.png", "picture-1.png" },
                    c:list("runs/latest/figures"))
    assert.are.equal('series,epoch,y\n"a,""b""",1,1\n"a,""b""",2,2\n',
                     c:read("runs/latest/figures/curve.csv"))
    assert.is_truthy(r.err:find("figures/first.png", 1, true))
    local p = core.file_read(c:path "runs/latest/figures/first.png")
    assert.are.equal(1, p.shape[3])
    assert.are.equal(3, core.file_read(c:path "runs/latest/figures/picture-1.png").shape[3])
  end)

  it("a missing gnuplot is named with its package", function()
    local r = c:run([[require "vaelua".plot({ 1, 2, 3 })]], "--out other", "PATH=/nowhere")
    assert.are.equal(1, r.status)
    assert(r.err:find("sudo apt install gnuplot-nox", 1, true), r.err)
  end)
end)
