-- compare.lua: a Gaussian VAE against a deterministic autoencoder of the same architecture, trained
-- side by side on the same batches from the same initial weights, judged on the test set.
--   vaelua experiments/compare.lua                    20 epochs of both, one seed
--   vaelua experiments/compare.lua seeds=8 beta=4     eight paired seeds with all tests, another β
--   vaelua experiments/compare.lua inception=FILE     also FID and IS on the Inception network
--   vaelua experiments/compare.lua quick=true         the same in a minute or two, worse numbers
local va = require "vaelua"

local cfg = va.args { z = 20, beta = 1.0, epochs = 20, batch = 128, lr = 1e-3, seeds = 1,
                      decoder = "3x3", train = 60000, count = 10000,
                      quick = { epochs = 4, train = 30000, count = 5000 } }
local data = va.data "fashion_mnist"

va.question("How does the VAE compare with the autoencoder in reconstruction and in generation?",
  "squared_error", "cross_entropy", "frechet/prior", "frechet/gmm:10")
va.question("How much of the distribution of fashion pictures does the VAE capture?",
  { "frechet/prior", model = "vae" }, { "frechet/gmm:10", model = "vae" },
  { "inception_score/prior", model = "vae" })
va.question("Do the scores agree with what people see?", { text = "Scores alone cannot say. "
  .. "experiments/rate.lua shows pictures of this run to people, blind, and compares." })
va.question("What does the trade-off between reconstruction and generation mean in practice?",
  "nelbo", "inception_score/gmm:10", { text = "The autoencoder has no density of its own: what it "
  .. "generates depends on the sampler that is fitted to its codes (rows \"samples: ...\")." })

for seed in va.seeds(cfg.seeds) do
  local about = { shape = data.shape, z = cfg.z, decoder = cfg.decoder }
  local vae, ae = va.models.vae(about), va.models.ae(about)
  local adam = { [vae] = va.adam(vae, { lr = cfg.lr }), [ae] = va.adam(ae, { lr = cfg.lr }) }
  for t, x in data.train:subset(cfg.train):epochs(cfg.epochs, cfg.batch) do
    for _, m in ipairs { vae, ae } do
      local loss, terms = m:loss(x, cfg.beta)
      adam[m]:step(loss)
      va.log(t, m, loss, terms)
    end
  end

  va.evaluate({ vae, ae }, data, { "recon", "elbo", "active_units", "mutual_information", "probe",
    "latents", "uncertainty", "failures", "frechet", "inception_score", "kid", "prdc",
    { "frechet", features = "inception:64", preset = "fid/tm-0.8" },
    { "frechet", features = "inception:2048", preset = "fid/torch-fidelity" },
    { "inception_score", features = "inception", preset = "is/torch-fidelity" },
    "classes", "nearest", "samples:64", "reconstructions:10", "interpolations:8", "traversals:6" },
    { samplers = { "prior", "gaussian", "gmm:10" }, count = cfg.count })
  va.note("\nseed %d: training losses of the last epoch beside the study's column \"MSE\"\n"
    .. "  vae  %7.2f nats per image, binary cross-entropy + %g KL    study: 239.51\n"
    .. "  ae   %7.2f squared error per image                        study:   6.68",
    seed, va.history(vae).last.loss, cfg.beta, va.history(ae).last.loss)
end
va.report()
