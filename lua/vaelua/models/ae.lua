-- ae.lua - the deterministic autoencoder beside the VAE: the same encoder and decoder, a code
-- without noise, the squared error of the decoder's picture as loss.
--
-- Its picture is the mean of a Bernoulli distribution like the VAE's, so that its cross-entropy is
-- defined; its code has no density, so KL and ELBO are not.

local dist = require "vaelua.dist"
local models = require "vaelua.models"
local nn = require "vaelua.nn"
local vae = require "vaelua.models.vae"
local squared = require "vaelua.loss".squared

local defaults = {}
for k, v in pairs(vae.defaults) do defaults[k] = v end
defaults.name = "ae"

--- va.models.ae { name="ae", shape={ 28, 28, 1 }, z=20, decoder="3x3", filters={ 32, 64 } }
return function(given)
  local o = models.options("ae", given, defaults)
  local ae = nn.model(o.name, vae.parts("ae", o, o.z))

  function ae:posterior(x) return dist.delta(self.enc(x)) end

  function ae:likelihood(z) return dist.bernoulli(self.dec(z)) end

  function ae:loss(x)
    local rec = squared(self:likelihood(self:posterior(x):mean()):mean(), x)
    return rec:mean(), { rec = rec }
  end

  return ae
end
