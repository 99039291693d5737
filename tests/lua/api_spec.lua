-- api_spec.lua - small versions of the scripts that researchers write: each trains for a few
-- steps and must lower its loss.

local va = require "vaelua"
local nn, dist = va.nn, va.dist

local x = va.rand(64, 8, 8, 1)
local y = va.randint(1, 3, 64)
local set = va.set(x, y, { classes = { "a", "b", "c" } })
local data = va.data { train = set, test = set:subset(16) }

-- Trains model:loss(x, beta, y) for some epochs; the mean loss of the first and of the last.
local function falls(model, epochs, prepare)
  local adam = va.adam(model, { lr = 1e-2 })
  local first, last
  for t, v, label in set:epochs(epochs or 8, 32) do
    local loss, terms = model:loss(v, 0.1, label)
    adam:step(loss)
    if prepare then prepare(t, v) end
    va.log(t, model, loss, terms)
    last = loss:item()
    first = first or last
  end
  assert(last < first, ("loss %g -> %g"):format(first, last))
  return first, last
end

local function chains(z)
  return {
    enc = nn.chain({ 8, 8, 1 }, { nn.conv(4, 3, { stride = 2 }), nn.relu, nn.linear(2 * z) }),
    dec = nn.chain(z, { nn.linear { 4, 4, 4 }, nn.relu, nn.deconv(1, 3, { stride = 2 }) }),
  }
end

local function gaussian(model)
  function model:posterior(v) return dist.normal(self.enc(v):split(2)) end
  function model:likelihood(z) return dist.bernoulli(self.dec(z)) end
  return model
end

describe("a script written against the API", function()
  it("trains a conditional VAE", function()
    local m = nn.model("cvae", {
      enc = nn.chain(64 + 3, { nn.linear(16), nn.relu, nn.linear(8) }),
      dec = nn.chain(4 + 3, { nn.linear(16), nn.relu, nn.linear { 8, 8, 1 } }),
    })
    function m:posterior(v, label)
      return dist.normal(self.enc(va.cat { v:flatten(), va.one_hot(label, 3) }):split(2))
    end
    function m.prior() return dist.normal.unit(4) end
    function m:likelihood(z, label)
      return dist.bernoulli(self.dec(va.cat { z, va.one_hot(label, 3) }))
    end
    function m:loss(v, beta, label)
      local z, kl = self:posterior(v, label):draw(self:prior())
      local rec = -self:likelihood(z, label):logp(v)
      return (rec + beta * kl):mean(), { rec = rec, kl = kl }
    end
    falls(m)
    assert.are.same({ 3, 8, 8, 1 }, m:sample(3, va.tensor({ 1, 2, 3 }, "int32")).shape)
    assert.are.same({ 2, 8, 8, 1 }, m:reconstruct(set:first(2)).shape)
  end)

  it("trains an importance-weighted autoencoder", function()
    local m = gaussian(nn.model("iwae", chains(4)))
    function m:loss(v)
      local k = 5
      local q = self:posterior(v):tile(k)
      local z = q:sample()
      local w = self:likelihood(z):logp(v:tile(k)) + self:prior():logp(z) - q:logp(z)
      return -(w:reshape(k, -1):logsumexp(1) - math.log(k)):mean()
    end
    falls(m)
  end)

  it("trains a VQ-VAE with a straight-through gradient and a buffer of counts", function()
    local m = nn.model("vqvae", {
      enc = nn.chain({ 8, 8, 1 }, { nn.conv(4, 3, { stride = 2 }) }),
      dec = nn.chain({ 4, 4, 4 }, { nn.deconv(1, 3, { stride = 2 }) }),
      book = nn.param(va.randn(16, 4)),
      used = nn.buffer(va.zeros(16)),
    })
    function m:loss(v)
      local e = self.enc(v)
      local rows = e:reshape(-1, 4)
      local index = rows:nearest(self.book)
      self.used:set(self.used * 0.9 + va.one_hot(index, 16):sum(1) * 0.1)
      local q = self.book:pick(index)
      local straight = (rows + (q - rows):detach()):reshape(e.shape)
      local rec = -dist.bernoulli(self.dec(straight)):logp(v)
      local book = (q - rows:detach()):square():mean()
      local commit = (rows - q:detach()):square():mean()
      return rec:mean() + book + 0.25 * commit
    end
    falls(m)
    assert(m.used:sum():item() > 0)
  end)

  it("trains a ladder of two codes", function()
    local m = nn.model("ladder", {
      enc1 = nn.chain({ 8, 8, 1 }, { nn.linear(16), nn.relu, nn.linear(8) }),
      enc2 = nn.chain(4, { nn.linear(8), nn.relu, nn.linear(4) }),
      up = nn.chain(2, { nn.linear(8) }),
      dec = nn.chain(4, { nn.linear { 8, 8, 1 } }),
    })
    function m:posterior(v)
      return dist.joint { dist.normal(self.enc1(v):split(2)),
        function(z1) return dist.normal(self.enc2(z1):split(2)) end }
    end
    function m:likelihood(z) return dist.bernoulli(self.dec(z[1])) end
    function m:loss(v, beta)
      local q = self:posterior(v)
      local z = q:sample()
      local p = dist.normal.unit():logp(z[2]) + dist.normal(self.up(z[2]):split(2)):logp(z[1])
      local kl = q:logp(z) - p
      local rec = -self:likelihood(z):logp(v)
      return (rec + beta * kl):mean(), { rec = rec, kl = kl }
    end
    falls(m)
  end)

  it("trains with a learned mixture as prior", function()
    local m = gaussian(nn.model("vamp", chains(4)))
    m.pseudo = nn.param(va.rand(6, 8, 8, 1))
    function m:prior() return dist.mixture(self:posterior(self.pseudo:sigmoid())) end
    function m:loss(v, beta)
      local z, kl = self:posterior(v):draw(self:prior())
      return (beta * kl - self:likelihood(z):logp(v)):mean()
    end
    falls(m)
    assert.are.same({ 5, 8, 8, 1 }, m:sample(5).shape)
  end)

  it("trains a flow posterior of layers that return y and log det", function()
    local planar = nn.layer {
      name = "planar",
      build = function(self, shape)
        self.w, self.u = nn.param(va.randn(shape[1]) * 0.1), nn.param(va.randn(shape[1]) * 0.1)
        self.b = nn.param(va.zeros())
        return shape
      end,
      forward = function(self, z)
        local h = ((z * self.w):rowsum() + self.b):tanh()
        local slope = (1 - h:square()) * (self.w * self.u):sum()
        return z + h:unsqueeze(2) * self.u:unsqueeze(1), (1 + slope):abs():log()
      end,
    }
    local parts = chains(4)
    parts.flow1, parts.flow2 = nn.chain(4, { planar() }), nn.chain(4, { planar() })
    local m = nn.model("flow", parts)
    function m:posterior(v)
      return dist.flow(dist.normal(self.enc(v):split(2)), { self.flow1, self.flow2 })
    end
    function m:likelihood(z) return dist.bernoulli(self.dec(z)) end
    function m:loss(v, beta)
      local z, kl = self:posterior(v):draw(self:prior())
      return (beta * kl - self:likelihood(z):logp(v)):mean()
    end
    falls(m)
  end)

  it("trains an adversarial pair whose losses share a history", function()
    local up = nn.chain(4, { nn.linear(16), nn.relu, nn.linear { 8, 8, 1 } })
    local down = nn.chain({ 8, 8, 1 }, { nn.linear(16), nn.lrelu(0.2), nn.linear(1) })
    local g, d = nn.model("g", { net = up }), nn.model("d", { net = down })
    local adam_g, adam_d = va.adam(g, { lr = 1e-3 }), va.adam(d, { lr = 1e-3 })
    local before = g.net(va.ones(1, 4)):detach()
    for _, v in set:epochs(2, 32) do
      local fake = g.net(va.randn(#v, 4)):sigmoid()
      local on_fake = d.net(fake)
      local loss_g = (-on_fake):softplus():mean()
      local loss_d = on_fake:softplus():mean() + (-d.net(v)):softplus():mean()
      va.step({ adam_g, loss_g }, { adam_d, loss_d })
    end
    assert((g.net(va.ones(1, 4)) - before):abs():max():item() > 0)
  end)

  it("trains a Wasserstein autoencoder by the discrepancy of its codes", function()
    local m = nn.model("wae", { enc = nn.chain({ 8, 8, 1 }, { nn.linear(4) }),
                                dec = nn.chain(4, { nn.linear { 8, 8, 1 } }) })
    function m:posterior(v) return dist.delta(self.enc(v)) end
    function m:likelihood(z) return dist.bernoulli(self.dec(z)) end
    function m:loss(v)
      local z = self.enc(v)
      local rec = va.loss.squared(self.dec(z):sigmoid(), v)
      return rec:mean() + 10 * va.loss.mmd(z, self:prior())
    end
    falls(m)
  end)

  it("trains a classifier with augmentation, a schedule, clipping and early stopping", function()
    local m = nn.model("net", { body = nn.chain({ 8, 8, 1 }, {
      nn.conv(8, 3), nn.batchnorm, nn.silu, nn.maxpool(2), nn.residual { nn.conv(8, 3), nn.relu },
      nn.flatten, nn.dropout(0.1), nn.linear(3) }) })
    function m:classify(v) return dist.categorical(self.body(v)) end
    local adam = va.adamw(m, { lr = 1e-2, decay = 1e-2, clip = 1 })
    local ema = va.ema(m, 0.9)
    local rate = va.schedule.ramp(1e-2, 1e-3, 3, { shape = "cosine" })
    local stop = va.early(m, { patience = 2 })
    for t, v, label in set:map(va.augment.flip):epochs(3, 16) do
      adam.lr = rate(t)
      local loss = -m:classify(v):logp(label):mean()
      adam:step(loss)
      ema:update()
      if t % 1 == 0 then
        local right = va.average()
        for u, truth in data.test:batches(8) do right:add(m.body(u):argmax():eq(truth)) end
        if stop(right:value()) then break end
      end
    end
    assert.are.same({ 16, 3 }, data.test:collect(function(u) return ema.body(u) end).shape)
  end)

  it("accumulates gradients, and steps without a loss", function()
    local p = nn.param(va.ones(2))
    local sgd = va.sgd(p, { lr = 0.5 })
    for _ in va.steps(1) do
      sgd:add((p * 1):sum())
      sgd:add((p * 2):sum())
      sgd:step()
    end
    assert.are.same({ -0.5, -0.5 }, p:totable())
  end)

  it("evaluates with protocols of its own", function()
    local m = gaussian(nn.model("mine", chains(4)))
    va.protocol("brightness", function(model, sets, scale)
      local mean = va.average()
      for v in sets.test:batches(8) do mean:add(model:reconstruct(v):flatten():mean(2)) end
      return { brightness = va.score(mean:value() * scale, "grey", "higher") }
    end)
    local scores = va.evaluate(m, data, { "recon", "elbo", "active_units", "brightness:2" })
    assert.is_number(scores[m].brightness.value)
  end)

  it("fits with one call, and remembers", function()
    local m = gaussian(nn.model("fitted", chains(4)))
    function m:loss(v, beta)
      local z, kl = self:posterior(v):draw(self:prior())
      local rec = -self:likelihood(z):logp(v)
      return (rec + beta * kl):mean(), { rec = rec, kl = kl }
    end
    local beta = va.schedule.ramp(0, 1, 2)
    local h = va.fit(m, set, { epochs = 3, batch = 16, lr = 1e-2, beta = beta })
    assert.are.equal(3, #h.loss)
    assert.are.equal(h.loss[3], h.last.loss)
    assert.is_number(h.last.kl)
    local control = va.schedule.control { target = 5, from = 0, to = 1 }
    va.fit(m, set, { epochs = 1, batch = 16, lr = 1e-2, beta = control })
  end)

  it("copies, clones, freezes and saves models", function()
    local m = gaussian(nn.model("orig", chains(4)))
    local twin = m:clone("twin")
    assert.are.equal(0, (m.dec(va.ones(1, 4)) - twin.dec(va.ones(1, 4))):abs():max():item())
    local other = nn.model("other", chains(4))
    other:copy(m)
    local path = os.tmpname() .. ".safetensors"
    m:save(path)
    other:load(path)
    os.remove(path)
    local names = {}
    for name in pairs(m:params("enc")) do names[#names + 1] = name end
    assert.are.same({ "enc.1.bias", "enc.1.weight", "enc.3.bias", "enc.3.weight" }, names)
    local frozen = nn.frozen(m.dec)
    local z = va.var(va.ones(1, 4))
    assert.are.same({ 1, 4 }, va.grad(frozen(z):sum(), z).shape)
  end)
end)
