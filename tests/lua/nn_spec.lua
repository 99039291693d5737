-- nn_spec.lua - layers, chains, parameters, models.

local va = require "vaelua"
local core = require "vaelua.core"
local makers = require "tests.lua.makers"
local nn = va.nn

local function fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  assert(tostring(message):find(pattern), tostring(message))
  return message
end

local function off(a, b) return (a - b):abs():max():item() end

local extra = { nn = nn }

describe("layer records", function()
  for _, record in ipairs(core.layer_records()) do
    for _, text in ipairs(makers.layer_calls(record)) do
      it("run " .. text, function()
        assert.is_truthy(record.doc)
        local run = makers.run(text, nil, extra)
        assert(core.is_tensor(run.y))
      end)
    end
    if record.example and not record.name:find "embedding" then
      it("have a gradient: " .. record.name, function()
        local chain
        local text = record.example:gsub("nn%.chain(%b())", "chain")
        local made = record.example:match("nn%.chain%b()")
        chain = load("local nn = ... return " .. made)(nn)
        local ok, why = makers.check_gradient(text, { chain = chain })
        assert(ok, why)
      end)
    end
  end

  it("names of activations are those of ops", function()
    for _, name in ipairs { "relu", "silu", "gelu", "tanh", "sigmoid", "softplus", "elu" } do
      local x = va.randn(3, 4)
      assert.are.equal(0, off(nn.chain(4, { nn[name] })(x), x[name](x)))
      assert.are.equal(0, off(nn[name](x), x[name](x)))
    end
    local x = va.tensor { { -2, 3 } }
    assert.are.same({ { -1, 3 } }, nn.chain(2, { nn.lrelu(0.5) })(x):totable())
  end)
end)

describe("a chain", function()
  local function encoder()
    return nn.chain({ 28, 28, 1 }, {
      nn.conv(32, 3, { stride = 2 }), nn.relu, nn.conv(64, 3, { stride = 2 }), nn.relu,
      nn.linear(40) })
  end

  it("infers its shapes", function()
    local enc = encoder()
    assert.are.same({ 28, 28, 1 }, enc.input)
    assert.are.same({ 40 }, enc.output)
    assert.are.equal(5, #enc)
    assert.are.same({ 14, 14, 32 }, enc[1].output)
    assert.are.same({ 3, 40 }, enc(va.randn(3, 28, 28, 1)).shape)
    assert.are.same({ 64, 3, 3, 32 }, enc[3].weight.shape)
  end)

  it("mirrors sizes: a stride divides, a transposed one multiplies", function()
    for _, kernel in ipairs { 3, 4, 5 } do
      local dec = nn.chain(20, { nn.linear { 7, 7, 8 }, nn.deconv(4, kernel, { stride = 2 }),
                                 nn.deconv(1, kernel, { stride = 2 }) })
      assert.are.same({ 28, 28, 1 }, dec.output)
      assert.are.same({ 2, 28, 28, 1 }, dec(va.randn(2, 20)).shape)
    end
  end)

  it("gives a ReLU to the layer before it and gets the same numbers", function()
    local c = nn.chain({ 6, 6, 2 }, { nn.conv(3, 3), nn.relu, nn.deconv(2, 3), nn.relu,
                                      nn.linear(4), nn.relu })
    local x = va.randn(2, 6, 6, 2)
    local y = x
    for i = 1, #c do y = c[i](y) end
    assert.are.equal(0, off(c(x), y))
  end)

  it("takes functions, chains, lists and layer names", function()
    local inner = nn.chain(4, { nn.linear(4) })
    local c = nn.chain({ 2, 2 }, { nn.flatten, inner, { nn.linear(3), nn.tanh },
                                   function(x) return x:sum(2, { keep = true }) end })
    assert.are.same({ 1 }, c.output)
    assert.are.same({ 5, 1 }, c(va.randn(5, 2, 2)).shape)
    assert.are.equal(c[2][1].weight, inner[1].weight)      -- shared
    local next_one = nn.chain(c, { nn.linear(2) })
    assert.are.same({ 1 }, next_one.input)
  end)

  it("returns one value", function()
    assert.are.equal(1, select("#", nn.chain(3, { nn.linear(2), nn.relu })(va.ones(1, 3))))
  end)

  it("tells mistakes when it is built, with the layer's number and the user's line", function()
    local m = fails("layer 2 'conv%(8, 3%)': needs rows with height, width and channels, got "
      .. "%[20%]", function() nn.chain(4, { nn.linear(20), nn.conv(8, 3) }) end)
    assert(m:find("^tests/lua/nn_spec.lua:%d+:"), m)
    fails("layer 1%.2 'maxpool%(64%)'", nn.chain, { 8, 8, 1 },
      { { nn.conv(2, 3), nn.maxpool(64) } })
    fails("layer 1 'conv': needs its arguments: nn.conv%(filters", nn.chain, { 8, 8, 1 },
      { nn.conv })
    fails("layer 1 'function': fails on zeros of shape %[2, 3%]", nn.chain, 3,
      { function(x) return x:reshape(7, 7) end })
    fails("layer 1 'function': must return a tensor", nn.chain, 3, { function() return 1 end })
    fails("layer 1 'groupnorm%(3%)': needs channels that 3 groups divide, got 4", nn.chain,
      { 2, 2, 4 }, { nn.groupnorm(3) })
    fails("list of layers", nn.chain, 3, nn.relu)
    fails("did you mean 'linear'", function() return nn.liner end)
    fails("option 'strid'", nn.conv, 3, 3, { strid = 2 })
  end)

  it("checks what it is given", function()
    local enc = encoder()
    fails("chain: needs %[N, 28, 28, 1%], got %[28, 28, 1%]; one row needs a batch axis", enc,
      va.ones(28, 28, 1))
    fails("x:reshape%(%-1, 28, 28, 1%) would fit", enc, va.ones(2, 784))
    fails("needs a tensor", enc, 3)
    local m = nn.model("checker", { enc = enc })
    fails("enc: needs", m.enc, va.ones(2, 3))
  end)

  it("makes its own weights from one description, and shares built things", function()
    local l = nn.linear(3)
    local a = nn.model("own", { a = nn.chain(3, { l }), b = nn.chain(3, { l }) })
    assert.is_true(off(a.a[1].weight, a.b[1].weight) > 0)
  end)

  it("takes labels by an embedding", function()
    local y = va.tensor({ 1, 3, 2 }, "int32")
    assert.are.same({ 3, 5 }, nn.chain({}, { nn.embedding(3, 5) })(y).shape)
    assert.are.same({ 3, 5 }, nn.chain(1, { nn.embedding(3, 5) })(y).shape)
    local c = nn.chain({}, { nn.embedding(3, 5) })
    assert.are.equal(0, off(c(y)[2], c[1].weight[3]))
  end)

  it("prints as a table", function()
    local text = tostring(encoder())
    assert(text:find "conv%(64, 3, { stride = 2 }%) +7 x 7 x 64 +18,496", text)
    assert(text:find "total +144,296", text)
  end)
end)

describe("initial weights", function()
  it("are PyTorch's defaults: uniform within 1/sqrt(fan_in)", function()
    local m = nn.model("fans", { a = nn.chain({ 8, 8, 16 }, { nn.conv(32, 3), nn.deconv(24, 3),
                                                              nn.linear(64) }) })
    local function bound(w, fan_in)
      local limit = 1 / math.sqrt(fan_in)
      local top = w:abs():max():item()
      assert(top <= limit and top > 0.9 * limit, top .. " / " .. limit)
      assert(math.abs(w:std():item() / (limit / math.sqrt(3)) - 1) < 0.1)
    end
    bound(m.a[1].weight, 16 * 9)
    bound(m.a[2].weight, 24 * 9)          -- a transposed one counts its outputs
    bound(m.a[3].weight, 8 * 8 * 24)
  end)

  it("are addressed by path and seed, whatever else was made", function()
    local function made()
      return nn.model("m", { enc = nn.chain(6, { nn.linear(8), nn.relu, nn.linear(4) }) })
    end
    va.seed(5)
    local a = made()
    va.seed(5)
    nn.model("other", { enc = nn.chain(3, { nn.linear(2) }) })
    va.randn(100)
    local b = made()
    assert.are.equal(0, off(a.enc[3].weight, b.enc[3].weight))
    va.seed(6)
    assert.is_true(off(made().enc[3].weight, a.enc[3].weight) > 0)
    va.seed(1)
  end)

  it("start a head of 2 z rows with the rows of a head of z", function()
    local a, b = va.models.vae { z = 6 }, va.models.ae { z = 6 }
    assert.are.equal(0, off(a.enc[5].weight:rows(1, 6), b.enc[5].weight))
    assert.are.equal(0, off(a.enc[1].weight, b.enc[1].weight))
    assert.are.equal(0, off(a.dec[2].weight, b.dec[2].weight))
  end)

  it("can be chosen, before or after the model is put together", function()
    local c = nn.init.orthogonal(nn.chain(8, { nn.linear(8), nn.relu, nn.linear(3) }))
    local m = nn.model("orthogonal", { c = c })
    local w = m.c[1].weight
    assert(off(w:matmul(w:transpose()), va.eye(8)) < 1e-5)
    local v = m.c[3].weight
    assert(off(v:matmul(v:transpose()), va.eye(3)) < 1e-5)
    nn.init.kaiming(m)
    assert(math.abs(m.c[1].weight:std():item() - math.sqrt(2 / 8)) < 0.15)
    nn.init.normal(c[3].weight, 5)
    assert(m.c[3].weight:std():item() > 2)
    nn.init.xavier(c)
    assert(m.c[1].weight:abs():max():item() <= math.sqrt(6 / 16))
    assert.are.equal(0, m.c[1].weight:sum():item() * 0)
    fails("nn.init has no 'he'", function() return nn.init.he end)
    fails("not a parameter", nn.init.normal, va.ones(3, 3))
  end)
end)

describe("modes", function()
  it("dropout drops in training only", function()
    local c = nn.chain(1000, { nn.dropout(0.5) })
    local x = va.ones(2, 1000)
    assert.are.equal(0, off(c(x), x))
    va.train(function()
      local y = c(x)
      local share = y:eq(0):mean():item()
      assert(share > 0.4 and share < 0.6)
      assert.are.equal(2, y:max():item())
    end)
    va.no_grad(function() assert.are.equal(0, off(c(x), x)) end)
  end)

  it("batch norm uses and updates batch statistics in training only", function()
    local m = nn.model("norm", { c = nn.chain(3, { nn.batchnorm }) })
    local x = va.randn(64, 3) * 2 + 5
    local plain = m.c(x)
    assert(off(plain, x / math.sqrt(1 + 1e-5)) < 1e-5)
    va.train(function()
      local y = m.c(x)
      assert(y:mean():abs():item() < 1e-5)
      assert(math.abs(y:std():item() - 1) < 2e-2)
    end)
    assert(off(m.c[1].mean, x:mean(1) * 0.1) < 1e-5)
    assert(off(m.c[1].var, x:var(1) * 0.1 + 0.9) < 1e-4)
    assert.are.equal(2, #nn.buffers(m))
    assert.are.equal(2, #m:params())
  end)
end)

describe("a residual", function()
  it("adds its input, through a 1x1 convolution where shapes differ", function()
    local same = nn.chain({ 4, 4, 2 }, { nn.residual { nn.conv(2, 3), nn.relu } })
    local x = va.randn(2, 4, 4, 2)
    local body = same[1].body
    assert.are.equal(0, off(same(x), x + body(x)))
    local down = nn.chain({ 8, 8, 2 }, { nn.residual { nn.conv(6, 3, { stride = 2 }) } })
    assert.are.same({ 4, 4, 6 }, down.output)
    local up = nn.chain({ 4, 4, 2 }, { nn.residual { nn.deconv(3, 3, { stride = 2 }) } })
    assert.are.same({ 8, 8, 3 }, up.output)
    assert.are.same({ 5 }, nn.chain(3, { nn.residual { nn.linear(5) } }).output)
    local m = nn.model("res", { c = down })
    local names = {}
    for name in pairs(m:params()) do names[#names + 1] = name end
    assert.are.same({ "c.1.1.bias", "c.1.1.weight", "c.1.skip.1.bias", "c.1.skip.1.weight" }, names)
  end)
end)

describe("a layer of one's own", function()
  local scale = nn.layer {
    name = "scale",
    build = function(self, shape, start)
      self.w = nn.param(va.ones(shape) * (start or 1))
      return shape
    end,
    forward = function(self, x) return x * self.w end,
    half = function(self) return self.w / 2 end,
  }

  it("is built for its shape, found, printed and trained", function()
    local m = nn.model("scaled", { c = nn.chain(3, { scale(2), nn.linear(1), scale }) })
    assert.are.equal(2, m.c[1].w:max():item())
    assert.are.equal(1, m.c[1]:half():max():item())
    assert.is_truthy(m:params()["c.3.w"])
    assert(tostring(m):find "scale%(2%)")
    va.sgd(m, { lr = 1 }):step(m.c(va.ones(1, 3)):sum())
    assert.is_true(off(m.c[1].w, va.ones(3) * 2) > 0)
  end)

  it("draws by its place in the model", function()
    local noisy = nn.layer {
      build = function(self, shape) self.w = nn.param(va.randn(shape)) return shape end,
      forward = function(self, x) return x + self.w end,
    }
    local function made() return nn.model("noisy", { c = nn.chain(5, { noisy(), noisy() }) }) end
    local a = made()
    va.randn(3)
    local b = made()
    assert.are.equal(0, off(a.c[2].w, b.c[2].w))
    assert.is_true(off(a.c[1].w, a.c[2].w) > 0)
  end)

  it("may be a flow step, whose log determinants are summed", function()
    local step = nn.layer {
      forward = function(_, x) return x * 2, va.ones(#x) * math.log(2) * x.shape[2] end,
    }
    local c = nn.chain(3, { step, step })
    local y, logdet = c(va.ones(4, 3))
    assert.are.equal(4, y:max():item())
    assert(math.abs(logdet[1]:item() - 6 * math.log(2)) < 1e-5)
  end)

  it("tells mistakes", function()
    fails("forward", nn.layer, { name = "x" })
    local bad = nn.layer { name = "bad", build = function() error "no" end,
                           forward = function(_, x) return x end }
    fails("layer 1 'bad'", nn.chain, 3, { bad })
  end)
end)

describe("parameters", function()
  it("are found in all fields and sorted by path with numbers as numbers", function()
    local layers = {}
    for i = 1, 11 do layers[i] = nn.linear(2) end
    local p = nn.param(va.zeros(3))
    local inner = nn.model("inner", { w = nn.param(1) })
    local m = nn.model("finder", { enc = nn.chain(2, layers), list = { p, p, nn.param(va.ones(2)) },
                                   inner = inner, count = 3, b = nn.buffer(va.ones(1)) })
    local names = {}
    for name in pairs(m:params()) do names[#names + 1] = name end
    assert.are.equal(22 + 2 + 1, #names)
    assert.are.equal(#names, #m:params())
    local at = {}
    for i, name in ipairs(names) do at[name] = i end
    assert(at["enc.2.bias"] < at["enc.10.bias"] and at["enc.1.bias"] < at["enc.1.weight"])
    assert.is_truthy(at["inner.w"] and at["list.1"] and at["list.3"])
    assert.is_nil(at["list.2"])                       -- the same one again
    assert.are.same("b", nn.buffers(m)[1][1])
    assert.are.equal(2, #m:params("^enc%.10"))
  end)

  it("are written in place by set and lerp", function()
    local p = nn.param(va.zeros(2))
    p:set(va.tensor { 1, 2 })
    assert.are.same({ 1, 2 }, p:totable())
    p:lerp(va.tensor { 3, 4 }, 0.5)
    assert.are.same({ 2, 3 }, p:totable())
    local x = va.ones(2)
    local q = nn.param(x)
    q:set(5)
    assert.are.same({ 1, 1 }, x:totable())            -- its own memory
    fails("nn.param needs a tensor", nn.param, "x")
  end)
end)

describe("a model", function()
  local normal, bernoulli = va.dist.normal, va.dist.bernoulli

  local function small(name)
    local m = nn.model(name or "small", {
      enc = nn.chain({ 4, 4, 1 }, { nn.linear(6) }), dec = nn.chain(3, { nn.linear { 4, 4, 1 } }) })
    function m:posterior(x) return normal(self.enc(x):split(2)) end
    function m:likelihood(z) return bernoulli(self.dec(z)) end
    return m
  end

  it("derives encode, decode, reconstruct and sample", function()
    local m, x = small(), va.rand(5, 4, 4, 1)
    assert.are.same({ 5, 3 }, m:encode(x).shape)
    assert.are.same({ 5, 4, 4, 1 }, m:reconstruct(x).shape)
    assert.are.same({ 7, 4, 4, 1 }, m:sample(7).shape)
    assert.are.same({ 3 }, m:prior():mean().shape)
    local bare = nn.model("bare", {})
    fails("has no posterior", bare.encode, bare, x)
    fails("has no prior", bare.prior, bare)
    assert.is_nil(bare.posterior)
  end)

  it("passes labels on", function()
    local m, seen = small(), nil
    function m:likelihood(z, y)
      seen = y
      return bernoulli(self.dec(z))
    end
    m:sample(2, "labels")
    assert.are.equal("labels", seen)
  end)

  it("has a name of its own in a seed", function()
    va.seed(11)
    assert.are.equal("twin", nn.name_of(small "twin"))
    assert.are.equal("twin#2", nn.name_of(small "twin"))
    va.seed(12)
    assert.are.equal("twin", small("twin").name)
    va.seed(1)
  end)

  it("draws noise addressed by its name, whatever else draws", function()
    local function noise(before)
      va.seed(3)
      local m = small "noisy"
      if before then small("other"):posterior(va.rand(2, 4, 4, 1)):sample() end
      m.draw = function() return va.randn(4) end
      if before then va.randn(10) end
      return m:draw()
    end
    assert.are.equal(0, off(noise(false), noise(true)))
    va.seed(1)
  end)

  it("leaves no stream behind when a function fails", function()
    local m = small()
    m.fail = function() error "on purpose" end
    pcall(m.fail, m)
    assert.are.equal("noise", core.stream_purpose())
  end)

  it("suggests the right name for a misspelt field", function()
    local m = small()
    fails("has no field 'smaple' %(did you mean 'sample'%?%)", function() return m.smaple end)
    assert.is_nil(m.dec2)
    assert.is_nil(m.something_else)
  end)

  it("copies what fits and names what does not", function()
    local a, b = small(), small()
    a.enc[1].weight:set(1)
    b.more = nn.chain(2, { nn.linear(1) })
    assert.are.same({ "more.1.bias", "more.1.weight" }, b:copy(a))
    assert.are.equal(1, b.enc[1].weight:min():item())
    b.enc[1].weight:set(2)
    assert.are.equal(1, a.enc[1].weight:min():item())
  end)

  it("clones with weights and functions of its own", function()
    local a = small "original"
    local c = a:clone "copy"
    assert.are.equal("copy", c.name)
    local x = va.rand(2, 4, 4, 1)
    assert.are.equal(0, off(a:encode(x), c:encode(x)))
    c.enc[1].weight:set(0)
    c.enc[1].bias:set(0)
    assert.is_true(off(a:encode(x), c:encode(x)) > 0)
    assert.are.equal(0, c:encode(x):abs():max():item())
  end)

  it("is saved and loaded", function()
    local path = os.tmpname() .. ".safetensors"
    local a, b = small "kept", small "other"
    a.enc[1].bias:set(7)
    a:save(path, { note = "x" })
    b:load(path)
    assert.are.equal(7, b.enc[1].bias:max():item())
    local _, notes = va.read(path)
    assert.are.equal("x", notes.note)
    local wrong = nn.model("wrong", { enc = nn.chain(3, { nn.linear(2) }) })
    fails("'enc.1.bias' has shape %[6%], the model 'wrong' needs %[2%]", wrong.load, wrong, path)
    os.remove(path)
  end)

  it("has an average that follows it", function()
    local m = small()
    local e = va.ema(m, 0.9)
    assert.are.equal(m.name .. "-ema", e.name)
    local before = e.enc[1].weight + 0
    m.enc[1].weight:set(m.enc[1].weight + 1)
    e:update()
    assert(off(e.enc[1].weight, before + 0.1) < 1e-6)
    assert.are.equal(0, #e:params())
    assert.are.equal(4, #nn.buffers(e))
    assert.are.same({ 2, 3 }, e:encode(va.rand(2, 4, 4, 1)).shape)
  end)

  it("can be frozen: gradients reach its input and not its weights", function()
    local m = small()
    local f = nn.frozen(m)
    local x = va.var(va.rand(2, 4, 4, 1))
    assert.are.equal(0, off(f:encode(x), m:encode(x)))
    local g = va.grad(f:encode(x):sum(), x)
    assert.is_true(g:abs():max():item() > 0)
    fails("does not depend", va.grad, f.enc(x):sum(), m)
    local norm = nn.chain(3, { nn.batchnorm })
    va.train(function() nn.frozen(norm)(va.randn(8, 3) + 4) end)
    assert.are.equal(0, norm[1].mean:abs():max():item())
  end)

  it("prints its parts, sizes and parameters", function()
    local text = tostring(small())
    assert(text:find "enc: 4 x 4 x 1", text)
    assert(text:find "total +166", text)
  end)
end)

describe("va.models", function()
  it("builds the study's models", function()
    local x = va.rand(4, 28, 28, 1)
    for _, decoder in ipairs { "3x3", "4x4" } do
      local vae = va.models.vae { decoder = decoder }
      local loss, terms = vae:loss(x, 1)
      assert.are.same({}, loss.shape)
      assert.are.same({ 4 }, terms.kl.shape)
      assert(math.abs(loss:item() - (terms.rec + terms.kl):mean():item()) < 1e-2)
      local ae = va.models.ae { decoder = decoder, z = 5 }
      local rec = ae:loss(x)
      assert(math.abs(rec:item() - (ae:reconstruct(x) - x):square():rowsum():mean():item()) < 1e-3)
    end
    fails("did you mean 'shape'", va.models.vae, { shap = { 28, 28, 1 } })
    fails("multiples of 4", va.models.vae, { shape = { 30, 28, 1 } })
    fails("there is no model 'vea' %(did you mean 'vae'%?%)", function() return va.models.vea end)
  end)

  it("builds a classifier", function()
    local m = va.models.classifier { classes = 3, shape = { 8, 8, 1 } }
    local x, y = va.rand(6, 8, 8, 1), va.randint(1, 3, 6)
    assert.are.same({ 6, 3 }, m:classify(x):mean().shape)
    assert.are.same({ 6, 128 }, m:features(x).shape)
    local adam = va.adam(m)
    for _ in va.steps(2) do adam:step((m:loss(x, 1, y))) end
  end)
end)
