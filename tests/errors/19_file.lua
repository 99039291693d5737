-- Weights that are not there.
local va = require "vaelua"
local vae = va.models.vae { name = "vae", shape = { 8, 8, 1 }, z = 2 }
vae:load "runs/old/vae-best.safetensors"
