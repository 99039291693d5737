-- A misspelt setting on the command line.
-- words: latnet=32
local va = require "vaelua"
local cfg = va.args { latent = 20, epochs = 5 }
print(cfg.latent)
