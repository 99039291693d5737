-- reference/types.lua - types of parameters and results, as LuaCATS writes them.
--
-- Records say the kind of each argument. Functions in Lua do not: there a parameter has the type of
-- its default, else that which its name has everywhere in vaelua. What a function in Lua returns is
-- listed here and nowhere else.

local M = {}

local KINDS = {
  tensor = "vaelua.Tensor", operand = "vaelua.Tensor|number", value = "number",
  tensors = "vaelua.Tensor[]", int = "integer", axis = "integer", axes = "integer|integer[]",
  shape = "integer|integer[]", ints = "integer[]", bool = "boolean", text = "string",
  dtype = "vaelua.dtype",
}

--- The type of a kind of argument of a record (core/autograd/op.h).
function M.of_kind(kind) return KINDS[kind] or "any" end

local TENSOR = "vaelua.Tensor"
local OPERAND = "vaelua.Tensor|number"
local NUMBERS = "number[]|vaelua.Tensor"
local SCHEDULE = "number|fun(t: number): number"
local TRAINED = "vaelua.Model|vaelua.Chain|vaelua.Tensor|table"
local BETTER = '"higher"|"lower"'
local NAMES = {
  x = TENSOR, z = TENSOR, y = TENSOR, logits = TENSOR, mask = TENSOR, delta = TENSOR,
  codes = TENSOR, v = TENSOR, mean = OPERAND, logvar = OPERAND, logscale = OPERAND, loss = TENSOR,
  weight = OPERAND, n = "integer", k = "integer", i = "integer", B = "integer", E = "number",
  t = "number", df = "number", d1 = "number", d2 = "number", sd = "number", epochs = "number",
  period = "number", from = "number", to = "number", kl = OPERAND, p = "vaelua.Distribution",
  q = "vaelua.Distribution", d = "vaelua.Distribution", base = "vaelua.Distribution",
  components = "vaelua.Distribution", model = "vaelua.Model", m = "vaelua.Model",
  other = "vaelua.Model", set = "vaelua.Set", data = "vaelua.Data", name = "string",
  word = "string", path = "string", where = "string", format = "string", text = "string",
  unit = "string", split = "string", pattern = "string", better = BETTER, f = "function",
  g = "function", options = "table", given = "table", defaults = "table", extra = "table",
  saved = "table", metadata = "table<string, any>", notes = "table<string, any>",
  terms = "table<string, vaelua.Tensor>", parts = "table<string, any>", decay = "number",
  seed = "integer", s = "integer", level = "number", alpha = "number", on = "boolean",
  input = "integer|integer[]", list = "any[]", items = "any[]", fraction = "number",
  steps = "integer", gain = "number", deviation = "number", limit = "number", value = "number",
  grads = "vaelua.Tensor[]", index = TENSOR, what = TRAINED, dtype = "vaelua.dtype",
  inputs = TENSOR, a = "any", b = "any", spec = "table",
}

-- Options, by name.
local OPTION_NAMES = {
  batch = "integer", count = "integer", rows = "integer", columns = "integer",
  labels = "string[]", classes = "string[]", x = "string", y = "string", title = "string",
  log = 'boolean|"x"|"y"|"xy"', unit = "string", seed = "integer", lr = SCHEDULE, clip = "number",
  val = "vaelua.Set", ema = "number", better = BETTER, units = "integer[]|vaelua.Tensor",
  shape = '"linear"|"sigmoid"|"cosine"', per_class = "boolean", exact = "boolean",
  statistic = "fun(list: number[]): number", forward = "function", backward = "function",
  build = "function", name = "string", level = "number", alpha = "number", eps = "number",
  tol = "number", samplers = "(vaelua.sampler|table|function)[]",
}

local LIST = "number[]"
local PROTOCOLS = "vaelua.protocol|(vaelua.protocol|table|function)[]"

-- "group.function.parameter" and "group.function:option", where the name means something else
-- than elsewhere.
local SPECIAL = {
  ["va.split.parts"] = "integer|integer[]", ["Tensor.split.parts"] = "integer|integer[]",
  ["va.split.a"] = "integer", ["Tensor.split.a"] = "integer", ["va.sort.a"] = "integer",
  ["Tensor.sort.a"] = "integer", ["va.topk.a"] = "integer", ["Tensor.topk.a"] = "integer",
  ["dist.flow.steps"] = "vaelua.Chain[]", ["va.state.t"] = "table<string, any>",
  ["nn.param.t"] = TENSOR, ["nn.buffer.t"] = TENSOR, ["Set.class.k"] = "integer|string",
  ["va.grad.loss"] = "vaelua.Tensor|fun(): vaelua.Tensor", ["va.grad.wrt"] = TENSOR,
  ["Set.subset.n"] = "integer|vaelua.Tensor", ["va.log.t"] = OPERAND,
  ["Model.encode.x"] = "any", ["Model.decode.z"] = "any", ["Model.reconstruct.x"] = "any",
  ["Distribution.logp.x"] = "any", ["dist.delta.z"] = "any", ["loss.kl_parts.z"] = "any",
  ["loss.mmd.p"] = "vaelua.Distribution|vaelua.Tensor",
  ["loss.mmd:kernel"] = '"imq"|"rbf"|"polynomial"|function',
  ["va.fit:beta"] = SCHEDULE, ["va.fit:lr"] = SCHEDULE, ["va.fit:epochs"] = "number",
  ["va.evaluate.model"] = "vaelua.Model|vaelua.Model[]",
  ["va.evaluate.protocols"] = PROTOCOLS, ["va.report.protocols"] = PROTOCOLS,
  ["va.report.model"] = "vaelua.Model|vaelua.Model[]",
  ["va.sampler.spec"] = "vaelua.sampler|table|function",
  ["augment.sample.spec"] = "vaelua.sampler|table|function",
  ["augment.shift.x"] = "vaelua.Tensor|integer", ["dist.normal.unit.sizes"] = "integer|integer[]",
  ["va.data.what"] = "vaelua.dataset|table", ["va.data:train"] = "vaelua.Set",
  ["va.data:test"] = "vaelua.Set", ["va.precision.name"] = '"float32"|"tf32"|"bf16"',
  ["va.protocol.p"] = "function", ["va.score.v"] = "number|vaelua.Tensor|vaelua.Average",
  ["va.question.answers"] = "string|table", ["va.step.pairs"] = "any[]",
  ["va.note.values"] = "any", ["va.tensor.v"] = "any", ["va.item.x"] = OPERAND,
  ["va.write.what"] = "vaelua.Tensor|table<string, vaelua.Tensor>",
  ["va.interp.a"] = TENSOR, ["va.interp.b"] = TENSOR, ["va.slerp.a"] = TENSOR,
  ["va.slerp.b"] = TENSOR, ["va.attribute.a"] = "integer|string",
  ["va.attribute.b"] = "integer|string", ["va.hist.x"] = NUMBERS, ["va.scatter.z"] = NUMBERS,
  ["va.scatter.y"] = NUMBERS, ["va.plot.series"] = "table|vaelua.Tensor",
  ["va.heat.matrix"] = TENSOR, ["va.show.x"] = TENSOR, ["va.open.word"] = '"latest"|string',
  ["va.setup:progress"] = '"auto"|"bar"|"plain"|"none"', ["va.setup:device"] = "string",
  ["va.setup:threads"] = "integer", ["va.setup:data"] = "string", ["va.setup:out"] = "string",
  ["va.setup:inception"] = "string", ["va.setup:quick"] = "boolean",
  ["va.setup:quiet"] = "boolean", ["va.setup:verbose"] = "boolean",
  ["Tensor.at.i"] = "integer", ["Tensor.set.v"] = "vaelua.Tensor|number|table",
  ["nn.chain.list"] = "any[]", ["nn.residual.list"] = "any[]", ["nn.find.name"] = "string",
  ["nn.is_chain.v"] = "any", ["nn.is_model.v"] = "any", ["nn.frozen.what"] =
  "vaelua.Model|vaelua.Chain", ["dist.joint.list"] = "any[]",
  ["schedule.control:target"] = SCHEDULE,
  ["schedule.control:start"] = "number", ["models.vae:shape"] = "integer[]",
  ["models.ae:shape"] = "integer[]", ["models.classifier:shape"] = "integer[]",
  ["models.vae:filters"] = "integer[]", ["models.ae:filters"] = "integer[]",
  ["models.vae:decoder"] = '"3x3"|"4x4"', ["models.ae:decoder"] = '"3x3"|"4x4"',
  ["models.classifier:classes"] = "integer|string[]", ["va.average.v"] = OPERAND,
  ["Average.add.v"] = OPERAND, ["Average.restore.tensors"] = "vaelua.Tensor[]",
  ["stats.mean.list"] = LIST, ["stats.sd.list"] = LIST, ["stats.ranks.list"] = LIST,
  ["stats.holm.list"] = LIST, ["stats.bootstrap.list"] = LIST, ["stats.family.list"] = "table[]",
  ["stats.bca.draws"] = LIST, ["stats.bca.jackknife"] = LIST, ["stats.agreement.ratings"] =
  "table<any, any>[]", ["stats.least_pairs.tests"] = "integer",
}

-- Within these groups names are numbers or lists of them.
local IN_STATS = { a = LIST, b = LIST, x = "number", y = "number", z = "number", t = "number",
                   p = "number", f = "number" }
for _, name in ipairs { "beta_below", "beta_quantile" } do
  SPECIAL["stats." .. name .. ".a"], SPECIAL["stats." .. name .. ".b"] = "number", "number"
end

-- Parameters of these names may be left out of a function in Lua.
local OPTIONAL = {
  pattern = true, gain = true, deviation = true, limit = true, level = true, extra = true,
  notes = true, metadata = true, y = true, better = true, unit = true,
  ["Distribution.sample.n"] = true, ["dist.mixture.logits"] = true, ["va.log.model"] = true,
  ["va.log.loss"] = true, ["va.log.terms"] = true, ["va.log.split"] = true,
  ["augment.sample.set"] = true, ["augment.sample.spec"] = true, ["va.sampler.set"] = true,
  ["loss.kl_parts.n"] = true, ["Optimiser.step.loss"] = true, ["va.ema.decay"] = true,
  ["Distribution.draw.p"] = true, ["va.evaluate.protocols"] = true, ["va.report.model"] = true,
  ["va.report.data"] = true, ["va.report.protocols"] = true, ["va.split.a"] = true,
  ["Tensor.split.a"] = true, ["va.sort.a"] = true, ["Tensor.sort.a"] = true,
  ["va.topk.a"] = true, ["Tensor.topk.a"] = true, ["va.precision.name"] = true,
  ["va.help.word"] = true, ["Set.batches.B"] = true, ["stats.t_test.b"] = true,
  ["stats.wilcoxon.b"] = true, ["stats.permutation.b"] = true, ["stats.sign_test.b"] = true,
  ["stats.cohen_d.b"] = true, ["stats.binomial_test.p"] = true, ["stats.least_pairs.alpha"] = true,
  ["stats.least_pairs.tests"] = true, ["stats.beta_below.y"] = true,
}

--- Type and whether it may be left out, of a parameter or an option of a Lua function of a group.
function M.settle(group, fn, p, option)
  local full = ("%s.%s%s%s"):format(group, fn, option and ":" or ".", p.name)
  local stats = group == "stats" and not option and IN_STATS[p.name]
  local by_name = option and (p.kind == "any" or p.kind == "table" or p.default == nil
                              or p.default:find('^"')) and OPTION_NAMES[p.name]
  p.kind = SPECIAL[full] or stats or by_name or p.kind
  p.optional = p.optional or OPTIONAL[full] or not option and OPTIONAL[p.name]
end

--- Texts of what has no comment of its own: methods in C, those that every distribution has.
M.said = {
  ["Distribution.sample"] = "One draw a row, with gradient where there is one; n draws of a prior.",
  ["Distribution.logp"] = "The log density of x, [N], summed over all axes but the first.",
  ["Distribution.kl"] = "The divergence from p, [N]: in closed form, else of one draw.",
  ["Distribution.entropy"] = "The entropy, [N]: in closed form, else of one draw.",
  ["Distribution.mean"] = "The mean of each variable; of a categorical its probabilities.",
  ["Distribution.mode"] = "The most probable values.",
  ["Distribution.var"] = "The variance of each variable.",
  ["Tensor.at"] = "x:at(i ...): one number, by its place on each axis; waits for the device.",
  ["Tensor.item"] = "x:item(): the number of a tensor that has one element; waits for the device.",
  ["Tensor.lerp"] = "p:lerp(v, weight): p + weight (v - p), in place, off the tape.",
  ["Tensor.set"] = "p:set(v): other values for a parameter or buffer, in place, off the tape.",
  ["Tensor.text"] = "x:text(): what print shows.",
  ["va.item"] = "va.item(x): the number of a tensor that has one element; waits for the device.",
  ["Tensor.totable"] = "x:totable(): a nested list; waits for the device.",
}

local OPTIONS = { options = true, given = true }

--- Is a parameter of this name the trailing table of options?
function M.is_options(name) return OPTIONS[name] == true end

--- The type of a parameter of a Lua function, by its default, else by its name.
function M.of_name(name, default)
  if default == "true" or default == "false" then return "boolean" end
  if default and default:find('^"') then return "string" end
  if default and tonumber(default) then
    return math.type(tonumber(default)) == "integer" and "integer" or "number"
  end
  if default and default:find("^{") then return "table" end
  return NAMES[name] or "any"
end

--- Further ways to call a function: "group.name" -> texts.
M.overloads = {
  ["va.log"] = { "fun(x: vaelua.Tensor|number): vaelua.Tensor" },        -- the op
  ["va.grad"] = {
    "fun(loss: any, wrt: vaelua.Tensor[], options?: vaelua.va.grad.options): vaelua.Tensor[]",
    "fun(loss: any, wrt: vaelua.Model|vaelua.Chain, options?: vaelua.va.grad.options): "
    .. "table<string, vaelua.Tensor>",
  },
}

local DISTRIBUTION, ITERATOR = "vaelua.Distribution", "fun(): "
local INTERVAL, PICTURES = "number?, number?", TENSOR .. ", " .. TENSOR .. "?"
local SCORES = "table<any, table<string, vaelua.Score>>"

--- "group.name" -> result; "T" is the type of what is given. What is not listed may be anything.
M.returns = {
  ["va.tensor"] = TENSOR, ["va.item"] = "number", ["va.device"] = "string",
  ["va.precision"] = "string", ["va.memory"] = "table<string, any>", ["va.log"] = "nil",
  ["va.split"] = TENSOR .. " ...", ["va.sort"] = TENSOR .. ", " .. TENSOR,
  ["va.topk"] = TENSOR .. ", " .. TENSOR, ["va.read"] = "any", ["va.write"] = "nil",
  ["va.grad"] = TENSOR, ["va.var"] = TENSOR, ["va.op"] = "fun(...): " .. TENSOR,
  ["va.ema"] = "vaelua.Model", ["va.check"] = "string", ["va.args"] = "table<string, any>",
  ["va.data"] = "vaelua.Data", ["va.set"] = "vaelua.Set", ["va.steps"] = ITERATOR .. "integer",
  ["va.seeds"] = ITERATOR .. "integer", ["va.fit"] = "vaelua.History",
  ["va.history"] = "vaelua.History",
  ["va.state"] = "table", ["va.early"] = "fun(score: number): boolean",
  ["va.eager"] = "boolean", ["va.evaluate"] = SCORES, ["va.report"] = SCORES,
  ["va.score"] = "vaelua.Score", ["va.average"] = "vaelua.Average",
  ["va.sampler"] = "vaelua.Sampler",
  ["va.images"] = "function", ["va.traverse"] = TENSOR, ["va.interp"] = TENSOR,
  ["va.slerp"] = TENSOR, ["va.top_kl"] = TENSOR, ["va.neighbours"] = TENSOR,
  ["va.pca"] = TENSOR,
  ["nn.chain"] = "vaelua.Chain", ["nn.model"] = "vaelua.Model", ["nn.param"] = TENSOR,
  ["nn.buffer"] = TENSOR, ["nn.layer"] = "fun(...): vaelua.Layer", ["nn.residual"] = "vaelua.Layer",
  ["nn.frozen"] = "T", ["nn.is_chain"] = "boolean", ["nn.is_model"] = "boolean",
  ["dist.normal"] = DISTRIBUTION, ["dist.laplace"] = DISTRIBUTION,
  ["dist.bernoulli"] = DISTRIBUTION, ["dist.continuous_bernoulli"] = DISTRIBUTION,
  ["dist.categorical"] = DISTRIBUTION, ["dist.delta"] = DISTRIBUTION,
  ["dist.mixture"] = DISTRIBUTION, ["dist.joint"] = DISTRIBUTION,
  ["dist.flow"] = DISTRIBUTION,
  ["schedule.ramp"] = "fun(t: number): number", ["schedule.cyclic"] = "fun(t: number): number",
  ["schedule.control"] = "fun(t: number, kl?: any): number",
  ["loss.squared"] = TENSOR, ["loss.absolute"] = TENSOR, ["loss.mmd"] = TENSOR,
  ["loss.kl_parts"] = TENSOR .. ", " .. TENSOR .. ", " .. TENSOR,
  ["Tensor.split"] = TENSOR .. " ...", ["Tensor.sort"] = TENSOR .. ", " .. TENSOR,
  ["Tensor.topk"] = TENSOR .. ", " .. TENSOR, ["Tensor.item"] = "number",
  ["Tensor.at"] = "number", ["Tensor.totable"] = "number|any[]", ["Tensor.text"] = "string",
  ["Tensor.set"] = TENSOR, ["Tensor.lerp"] = TENSOR,
  ["Model.prior"] = DISTRIBUTION, ["Model.encode"] = TENSOR, ["Model.decode"] = TENSOR,
  ["Model.reconstruct"] = TENSOR, ["Model.sample"] = TENSOR,
  ["Model.params"] = "table<string, " .. TENSOR .. ">", ["Model.copy"] = "string[]",
  ["Model.clone"] = "vaelua.Model", ["Chain.params"] = "table<string, " .. TENSOR .. ">",
  ["Distribution.sample"] = TENSOR, ["Distribution.logp"] = TENSOR,
  ["Distribution.draw"] = TENSOR .. ", " .. TENSOR .. ", table", ["Distribution.kl"] = TENSOR,
  ["Distribution.kl_each"] = TENSOR, ["Distribution.entropy"] = TENSOR,
  ["Distribution.mean"] = TENSOR, ["Distribution.mode"] = TENSOR, ["Distribution.var"] = TENSOR,
  ["Distribution.tile"] = DISTRIBUTION,
  ["Set.epochs"] = ITERATOR .. "number, " .. TENSOR .. ", " .. TENSOR,
  ["Set.batches"] = ITERATOR .. TENSOR .. ", " .. TENSOR,
  ["Set.first"] = TENSOR .. ", " .. TENSOR, ["Set.take"] = TENSOR .. ", " .. TENSOR,
  ["va.reload"] = "any", ["va.setup"] = "nil", ["va.help"] = "nil", ["va.note"] = "nil",
  ["va.heat"] = "nil", ["va.hist"] = "nil", ["va.plot"] = "nil", ["va.scatter"] = "nil",
  ["va.show"] = "nil", ["va.question"] = "nil", ["va.step"] = "nil", ["va.seed"] = "nil",
  ["va.protocol"] = "nil", ["va.no_grad"] = "any ...", ["va.train"] = "any ...",
  ["va.open"] = "vaelua.Run", ["va.variance"] = TENSOR, ["va.attribute"] = TENSOR,
  ["nn.name_of"] = "string", ["nn.models"] = "vaelua.Model[]", ["nn.find"] = "vaelua.Model?",
  ["nn.parameters"] = "any[]", ["nn.buffers"] = "any[]",
  ["dist.normal.unit"] = DISTRIBUTION, ["augment.binarise"] = PICTURES,
  ["augment.flip"] = PICTURES, ["augment.shift"] = PICTURES .. "|function",
  ["augment.reconstruct"] = "function", ["augment.sample"] = "function",
  ["stats.agreement"] = "table", ["stats.bca"] = INTERVAL, ["stats.beta_below"] = "number",
  ["stats.beta_quantile"] = "number", ["stats.binomial_test"] = "table",
  ["stats.bootstrap"] = "table", ["stats.clopper_pearson"] = INTERVAL,
  ["stats.cohen_d"] = "number?, string?", ["stats.compare"] = "table",
  ["stats.f_below"] = "number", ["stats.family"] = "table[]",
  ["stats.half_interval"] = "number?", ["stats.holm"] = "number[]", ["stats.kendall"] = "table",
  ["stats.least_pairs"] = "integer", ["stats.lgamma"] = "number", ["stats.mean"] = "number",
  ["stats.normal_below"] = "number", ["stats.normal_quantile"] = "number",
  ["stats.permutation"] = "table", ["stats.ranks"] = "number[]", ["stats.sd"] = "number?",
  ["stats.sign_test"] = "table", ["stats.smallest_p"] = "table", ["stats.spearman"] = "table",
  ["stats.t_below"] = "number", ["stats.t_quantile"] = "number", ["stats.t_test"] = "table",
  ["stats.t_two_sided"] = "number", ["stats.wilcoxon"] = "table", ["stats.wilson"] = INTERVAL,
  ["Distribution.pick"] = DISTRIBUTION, ["Optimiser.step"] = "nil", ["Optimiser.add"] = "nil",
  ["Optimiser.apply"] = "nil", ["Average.add"] = "nil", ["Average.interval"] = INTERVAL,
  ["Model.save"] = "string?",
  ["Model.load"] = "vaelua.Model", ["Optimiser.label"] = "string", ["Average.fold"] = "nil",
  ["Average.restore"] = "nil", ["Average.state"] = "any[], table", ["Optimiser.restore"] = "nil",
  ["nn.init.constant"] = "T", ["nn.init.kaiming"] = "T", ["nn.init.normal"] = "T",
  ["nn.init.orthogonal"] = "T", ["nn.init.uniform"] = "T", ["nn.init.xavier"] = "T",
  ["nn.init.zeros"] = "T", ["nn.trace"] = "nil", ["nn.new_seed"] = "nil",
  ["Set.subset"] = "vaelua.Set", ["Set.class"] = "vaelua.Set", ["Set.map"] = "vaelua.Set",
  ["Set.split"] = "vaelua.Set, vaelua.Set", ["Set.collect"] = "any",
  ["Average.value"] = "number", ["Average.sd"] = "number?", ["Average.count"] = "integer",
}

return M
