-- conv.lua - a training step of a convolutional VAE on pictures of 64 x 64 x 3. The peer is
-- theirs/conv.py.

local va = require "vaelua"
local worker = require "tests.bench.ours.worker"
local nn, dist = va.nn, va.dist

local function model()
  local half = { stride = 2 }
  return nn.model("vae64", {
    enc = nn.chain({ 64, 64, 3 }, {
      nn.conv(32, 4, half), nn.relu, nn.conv(64, 4, half), nn.relu, nn.conv(128, 4, half), nn.relu,
      nn.conv(256, 4, half), nn.relu, nn.linear(2 * 128) }),
    dec = nn.chain(128, { nn.linear { 4, 4, 256 }, nn.relu,
      nn.deconv(128, 4, half), nn.relu, nn.deconv(64, 4, half), nn.relu, nn.deconv(32, 4, half),
      nn.relu, nn.deconv(3, 4, half) }) })
end

worker.serve {
  step = function(batch)
    local vae = model()
    local x, adam = va.rand(batch, 64, 64, 3), va.adam(vae, { lr = 1e-3 })
    return function(seconds)
      return worker.steps(function()
        local z, kl = dist.normal(vae.enc(x):split(2)):draw(dist.normal.unit(128))
        adam:step((kl - dist.bernoulli(vae.dec(z)):logp(x)):mean())
      end, seconds)
    end
  end,
}
