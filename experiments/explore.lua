-- explore.lua: sets the stage for looking at a run.   vaelua -i experiments/explore.lua run=latest
--
-- Afterwards every model of the run stands under its name (vae, ae), beside data, run, h (the
-- history) and a few pictures x with their labels y. Things to type:
--
--   show(x, vae:reconstruct(x))                           pictures and what the model makes of them
--   show(vae:decode(interp(vae:encode(x)[1], vae:encode(x)[2], 9)))
--   show(traverse(vae, vae:encode(x)[1], { units = top_kl(vae, data.test, 3) }))
--   show(vae:decode(vae:encode(x) + attribute(vae, data.train, 6, 8)))
--   show(vae:sample(16))      show(variance(vae, x) * 10)
--   plot(h.vae.loss)          reload "models.vae"
--   h.vae = fit(vae, data.train, { epochs = 1, lr = 3e-4 })
local va = require "vaelua"

local cfg = va.args { run = "latest", first = 8, seed = 1 }
local run = va.open(cfg.run)

for name, model in pairs(run.models) do
  rawset(_G, (name:gsub("[^%w_]", "_")), model)
end
rawset(_G, "run", run)
rawset(_G, "data", run.data)
rawset(_G, "h", run.history)
print(run)

if run.data then
  local x, y = run.data.test:first(cfg.first)
  rawset(_G, "x", x)
  rawset(_G, "y", y)
end
for _, name in ipairs { "show", "interp", "slerp", "traverse", "top_kl", "neighbours",
                        "attribute", "variance", "fit", "plot", "reload" } do
  rawset(_G, name, va[name])
end
