-- vae.lua - the Gaussian VAE (Kingma and Welling 2014) of the compared study.
--
-- Two 3x3 convolutions of stride 2 (32 and 64 filters) and one linear layer for mean and log
-- variance; the decoder mirrors them. decoder = "4x4" has 4x4 transposed convolutions and a ReLU
-- after its linear layer. Made for pictures whose height and width are multiples of 4.

local fail = require "vaelua.fail"
local dist = require "vaelua.dist"
local nn = require "vaelua.nn"
local models = require "vaelua.models"

local M = {}

M.defaults = { name = "vae", shape = { 28, 28, 1 }, z = 20, decoder = "3x3", filters = { 32, 64 } }

--- The encoder and the decoder, shared with the deterministic autoencoder: outputs is the size of
-- the encoder's head.
function M.parts(who, o, outputs)
  local h, w, c = table.unpack(o.shape)
  if #o.shape ~= 3 or h % 4 ~= 0 or w % 4 ~= 0 then
    fail("models.%s: shape must be { height, width, channels } with height and width "
      .. "multiples of 4, got { %s }", who, table.concat(o.shape, ", "))
  end
  if o.decoder ~= "3x3" and o.decoder ~= "4x4" then
    fail("models.%s: decoder is \"3x3\" or \"4x4\", got %s", who, tostring(o.decoder))
  end
  local first, second = table.unpack(o.filters)
  local kernel = o.decoder == "4x4" and 4 or 3
  local dec = { nn.linear { h // 4, w // 4, second } }
  if o.decoder == "4x4" then dec[#dec + 1] = nn.relu end
  table.move({ nn.deconv(first, kernel, { stride = 2 }), nn.relu,
               nn.deconv(c, kernel, { stride = 2 }) }, 1, 3, #dec + 1, dec)
  return {
    enc = nn.chain(o.shape, {
      nn.conv(first, 3, { stride = 2 }), nn.relu,
      nn.conv(second, 3, { stride = 2 }), nn.relu,
      nn.linear(outputs) }),
    dec = nn.chain(o.z, dec),
  }
end

function M.make(given)
  local o = models.options("vae", given, M.defaults)
  local vae = nn.model(o.name, M.parts("vae", o, 2 * o.z))

  function vae:posterior(x) return dist.normal(self.enc(x):split(2)) end

  function vae:likelihood(z) return dist.bernoulli(self.dec(z)) end

  function vae:loss(x, beta)
    local z, kl = self:posterior(x):draw(self:prior())
    local rec = -self:likelihood(z):logp(x)
    return (rec + (beta or 1) * kl):mean(), { rec = rec, kl = kl }
  end

  return vae
end

--- va.models.vae { name="vae", shape={ 28, 28, 1 }, z=20, decoder="3x3", filters={ 32, 64 } }
return setmetatable(M, { __call = function(_, given) return M.make(given) end })
