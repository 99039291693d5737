-- 06_latents.lua - a walk through the codes of a small VAE: between two pictures, along its units,
-- by an attribute, and how sure it is.
local va = require "vaelua"

-- One bright row in each picture; class "high" has it in the upper half.
local row = va.randint(1, 8, 512)
local x = va.one_hot(row, 8):reshape(512, 8, 1, 1):expand(512, 8, 8, 1) * 0.9
local y = (row:as("float32"):gt(4) + 1):as("int32")
local set = va.set(x, y, { classes = { "high", "low" } })

local vae = va.models.vae { shape = { 8, 8, 1 }, z = 4, filters = { 8, 8 } }
local h = va.fit(vae, set, { epochs = 4, batch = 64, lr = 5e-3, beta = 0.2 })
print(("loss %.1f -> %.1f nats"):format(h.loss[1], h.last.loss))

local few = set:first(8)
va.show(few, vae:reconstruct(few))                      -- a row each

local z = vae:encode(few)
va.show(vae:decode(va.interp(z[1], z[2], 9)))           -- the straight way between two of them
local units = va.top_kl(vae, set, 2)                    -- the two units that carry most
va.show(va.traverse(vae, z[1], { units = units, from = -2, to = 2, steps = 7 }), { rows = 2 })

local lower = va.attribute(vae, set, "high", "low")     -- mean code of "low" minus that of "high"
va.show(few, vae:decode(z + lower))
va.show(va.neighbours(vae:decode(z):rows(1, 2), set, 5), { rows = 2 })
va.show(va.variance(vae, few, 16) * 20)                 -- bright where the draws disagree
print("units by information", table.concat(units:totable(), " "))
