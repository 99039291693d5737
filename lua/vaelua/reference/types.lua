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
  dtype = '"float32"|"int32"|"uint8"|"float64"',
}

--- The type of a kind of argument of a record (core/autograd/op.h).
function M.of_kind(kind) return KINDS[kind] or "any" end

local TENSOR = "vaelua.Tensor"
local NAMES = {
  x = TENSOR, z = TENSOR, logits = TENSOR, mask = TENSOR, delta = TENSOR, codes = TENSOR,
  mean = "vaelua.Tensor|number", logvar = "vaelua.Tensor|number",
  logscale = "vaelua.Tensor|number", loss = TENSOR, a = "any", b = "any", y = "any",
  n = "integer", k = "integer", B = "integer", E = "number", t = "number", epochs = "number",
  period = "number", from = "number", to = "number", kl = "number|vaelua.Tensor",
  p = "any", q = "vaelua.Distribution", d = "vaelua.Distribution", base = "vaelua.Distribution",
  components = "vaelua.Distribution",
  model = "vaelua.Model", m = "vaelua.Model", set = "vaelua.Set", data = "vaelua.Data",
  other = "vaelua.Model", name = "string", path = "string", format = "string", spec = "any",
  f = "function", g = "function", options = "table", given = "table", defaults = "table",
  terms = "table<string, vaelua.Tensor>", split = "string", decay = "number", seed = "integer",
  s = "integer", level = "number", on = "boolean", pattern = "string", metadata = "table",
  input = "any", list = "any[]", items = "any[]", parts = "table<string, any>",
  fraction = "number", steps = "integer", gain = "number", deviation = "number",
  limit = "number", value = "number", grads = "vaelua.Tensor[]",
}

-- "group.function.parameter", where the name means something else than elsewhere.
local SPECIAL = {
  ["va.split.parts"] = "integer|integer[]", ["Tensor.split.parts"] = "integer|integer[]",
  ["dist.flow.steps"] = "any[]", ["va.state.t"] = "table<string, any>", ["nn.param.t"] = TENSOR,
  ["nn.buffer.t"] = TENSOR, ["Set.class.k"] = "integer|string", ["va.grad.loss"] = "any",
  ["Set.subset.n"] = "integer|vaelua.Tensor", ["va.log.t"] = "number|vaelua.Tensor",
  ["Model.encode.x"] = "any", ["Model.decode.z"] = "any", ["Model.reconstruct.x"] = "any",
  ["Distribution.logp.x"] = "any", ["dist.delta.z"] = "any", ["loss.kl_parts.z"] = "any",
  ["va.seed.s"] = "integer",
}

-- Parameters of these names may be left out of a function in Lua.
local OPTIONAL = {
  pattern = true, gain = true, deviation = true, limit = true, level = true, extra = true,
  notes = true, metadata = true,
  ["Distribution.sample.n"] = true, ["dist.mixture.logits"] = true, ["va.log.model"] = true,
  ["va.log.loss"] = true, ["va.log.terms"] = true, ["va.log.split"] = true,
  ["augment.sample.set"] = true, ["augment.sample.spec"] = true, ["va.sampler.set"] = true,
  ["loss.kl_parts.n"] = true, ["Optimiser.step.loss"] = true, ["va.ema.decay"] = true,
  ["Distribution.draw.p"] = true,
}

--- Type and whether it may be left out, of a parameter of a function of a group.
function M.settle(group, fn, p)
  local full = ("%s.%s.%s"):format(group, fn, p.name)
  p.kind = SPECIAL[full] or p.kind
  p.optional = p.optional or OPTIONAL[full] or OPTIONAL[p.name]
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
  ["Tensor.at"] = "x:at(i, j, ...): one number of a tensor; waits for the device.",
  ["Tensor.item"] = "x:item(): the number of a tensor that has one element; waits for the device.",
  ["Tensor.lerp"] = "p:lerp(v, weight): p + weight (v - p), in place, off the tape.",
  ["Tensor.set"] = "p:set(v): other values for a parameter or buffer, in place, off the tape.",
  ["Tensor.text"] = "x:text(): what print shows.",
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

local DISTRIBUTION, ITERATOR = "vaelua.Distribution", "fun(): "
local SCORES = "table<any, table<string, any>>"

--- "group.name" -> result. What is not listed may be anything.
M.returns = {
  ["va.tensor"] = TENSOR, ["va.item"] = "number", ["va.device"] = "string",
  ["va.precision"] = "string", ["va.memory"] = "table", ["va.log"] = "any",
  ["va.split"] = TENSOR .. " ...", ["va.sort"] = TENSOR .. ", " .. TENSOR,
  ["va.topk"] = TENSOR .. ", " .. TENSOR, ["va.read"] = "any", ["va.write"] = "nil",
  ["va.grad"] = "any", ["va.var"] = TENSOR, ["va.op"] = "fun(...): " .. TENSOR,
  ["va.ema"] = "vaelua.Model", ["va.check"] = "string", ["va.args"] = "table<string, any>",
  ["va.data"] = "vaelua.Data", ["va.set"] = "vaelua.Set", ["va.steps"] = ITERATOR .. "integer",
  ["va.seeds"] = ITERATOR .. "integer", ["va.fit"] = "table", ["va.history"] = "table",
  ["va.state"] = "table", ["va.early"] = "fun(score: number): boolean",
  ["va.eager"] = "boolean", ["va.evaluate"] = SCORES, ["va.report"] = SCORES,
  ["va.score"] = "table", ["va.average"] = "vaelua.Average",
  ["va.sampler"] = "fun(n: integer, y?: " .. TENSOR .. "): " .. TENSOR,
  ["va.images"] = "function", ["va.traverse"] = TENSOR, ["va.interp"] = TENSOR,
  ["va.slerp"] = TENSOR, ["va.top_kl"] = TENSOR, ["va.neighbours"] = TENSOR,
  ["va.pca"] = TENSOR,
  ["nn.chain"] = "vaelua.Chain", ["nn.model"] = "vaelua.Model", ["nn.param"] = TENSOR,
  ["nn.buffer"] = TENSOR, ["nn.layer"] = "function", ["nn.residual"] = "vaelua.Layer",
  ["nn.frozen"] = "any", ["nn.is_chain"] = "boolean", ["nn.is_model"] = "boolean",
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
  ["Tensor.at"] = "number", ["Tensor.totable"] = "any", ["Tensor.text"] = "string",
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
  ["Set.subset"] = "vaelua.Set", ["Set.class"] = "vaelua.Set", ["Set.map"] = "vaelua.Set",
  ["Set.split"] = "vaelua.Set, vaelua.Set", ["Set.collect"] = "any",
  ["Average.value"] = "number", ["Average.sd"] = "number", ["Average.count"] = "integer",
}

return M
