-- optim.lua - optimisers and gradients: va.adam, va.adamw, va.sgd, va.grad, va.var, va.step,
-- va.no_grad, va.train, va.op, va.ema.
--
-- An optimiser trains what it was given and nothing else. o:step(loss) takes the gradients for its
-- own parameters and updates them by kernels that look for themselves whether everything is finite;
-- nothing here waits for the device but o:flag() and o:state().

local core = require "vaelua.core"
local fail = require "vaelua.fail"
local chain = require "vaelua.chain"
local keys = require "vaelua.keys"
local model = require "vaelua.model"
local parameters = require "vaelua.parameters"
local ops = core.ops

local M = {}

-- ---- modes --------------------------------------------------------------------------------------

-- Random numbers go on as if f stood there without a mode of its own.
local function in_mode(mode, f, ...)
  local depth = core.mode_push(mode, true)
  local _ <close> = setmetatable({}, { __close = function() core.mode_pop(depth) end })
  return f(...)
end

local function need_function(who, f)
  if not fail.callable(f) then fail("%s: a function is needed, got %s", who, type(f)) end
  return f
end

--- va.no_grad(f, ...): f's results, with nothing recorded and layers as in evaluation.
function M.no_grad(f, ...) return in_mode("eval", need_function("no_grad", f), ...) end

--- va.train(f, ...): f's results, recorded and with layers as in training. What it has recorded is
--- forgotten when it returns, so gradients are taken inside of f.
function M.train(f, ...) return in_mode("train", need_function("train", f), ...) end

-- ---- what is trained ----------------------------------------------------------------------------

local function is_part(v)
  return model.is_model(v) or chain.is_chain(v) or core.is_tensor(v)
         or type(v) == "table" and getmetatable(v) ~= nil and getmetatable(v).parts ~= nil
end

-- The parameters of a model, chain, layer or tensor: { path, tensor } each.
local function parameters_of(v, who)
  if core.is_tensor(v) then
    if parameters.kind_of(v) ~= "param" then
      fail("%s: this tensor is not a parameter (nn.param makes one)", who)
    end
    local _, path = parameters.home_of(v)
    return { { path or "", v } }
  end
  return parameters.of_kind(v, "param")
end

-- { part, lr = 1e-4 }: a plain table with names.
local function is_entry(v)
  if type(v) ~= "table" or getmetatable(v) ~= nil then return false end
  for k in pairs(v) do
    if type(k) == "string" then return true end
  end
  return false
end

local function bad_part(who, v)
  fail("%s: a model, chain, parameter or a list of these is needed, got %s", who, type(v))
end

-- The parameters below a part or a list of parts that no group has yet.
local function gather(v, list, seen, who)
  if is_part(v) then
    for _, e in ipairs(parameters_of(v, who)) do
      if not seen[e[2]] then
        seen[e[2]] = true
        list[#list + 1] = e
      end
    end
  elseif type(v) == "table" and getmetatable(v) == nil and not is_entry(v) then
    for _, part in ipairs(v) do gather(part, list, seen, who) end
  else
    bad_part(who, v)
  end
end

-- Groups { options, list }: one for each entry with options, then one for all the rest.
local function groups_of(what, who)
  local groups, seen, plain = {}, {}, {}
  if is_part(what) or is_entry(what) then what = { what } end
  if type(what) ~= "table" or getmetatable(what) ~= nil then bad_part(who, what) end
  for _, v in ipairs(what) do
    if is_entry(v) then
      local group = { options = {}, list = {} }
      for k, e in pairs(v) do
        if type(k) == "string" then group.options[k] = e end
      end
      for _, part in ipairs(v) do gather(part, group.list, seen, who) end
      groups[#groups + 1] = group
    else
      plain[#plain + 1] = v
    end
  end
  local rest = { options = {}, list = {} }
  gather(plain, rest.list, seen, who)
  groups[#groups + 1] = rest
  for i = #groups, 1, -1 do
    if #groups[i].list == 0 then table.remove(groups, i) end
  end
  if #groups == 0 then fail("%s: there is no parameter in it to train", who) end
  return groups
end

-- ---- options ------------------------------------------------------------------------------------

-- "lr=1e-3 beta1=0.9" as { lr = 1e-3, beta1 = 0.9 }, and the names as users write them.
local function defaults_of(kind)
  local defaults, names = {}, {}
  for name, value in kind.options:gmatch("(%w+)=(%S+)") do
    defaults[name] = tonumber(value)
    if name == "beta1" then names[#names + 1] = "betas"
    elseif name ~= "beta2" then names[#names + 1] = name end
  end
  table.sort(names)
  return defaults, names
end

local function check_number(kind, name, v)
  if type(v) ~= "number" or v ~= v or v < 0 then
    fail("%s: %s must be a number from 0, got %s", kind.name, name, tostring(v))
  end
  return v
end

-- Options of the user over the given ones; betas is a list of two.
local function read_options(kind, given, over)
  local defaults, names = defaults_of(kind)
  local o = {}
  for name in pairs(defaults) do o[name] = over[name] end
  if given ~= nil and type(given) ~= "table" then
    fail("%s: options stand in a table, { lr = %g }, got %s", kind.name,
      type(given) == "number" and given or 1e-3, type(given))
  end
  for name, v in pairs(given or {}) do
    if name == "betas" and defaults.beta1 then
      if type(v) ~= "table" or #v ~= 2 then
        fail("%s: betas must be a list of two numbers, { 0.9, 0.999 }", kind.name)
      end
      o.beta1, o.beta2 = check_number(kind, "betas", v[1]), check_number(kind, "betas", v[2])
      if o.beta1 >= 1 or o.beta2 >= 1 then
        fail("%s: betas must be below 1, got %g and %g", kind.name, o.beta1, o.beta2)
      end
    elseif type(name) == "string" and defaults[name] and not name:find("^beta") then
      o[name] = check_number(kind, name, v)
    else
      fail.option(kind.name, name, names)
    end
  end
  return o
end

-- ---- optimisers ---------------------------------------------------------------------------------

local Optimiser = { __name = "optimiser" }
local methods = {}
Optimiser.__names = { methods, { lr = 0, count = 0, params = {} } }

-- Labels are vae/adam, and vae/adam#2 for the second one of a seed.
local labels, living, seed_of_labels = {}, setmetatable({}, { __mode = "v" }), nil

local function free_label(label)
  if seed_of_labels ~= core.seed() then
    labels, living, seed_of_labels = {}, setmetatable({}, { __mode = "v" }), core.seed()
  end
  local n = (labels[label] or 0) + 1
  labels[label] = n
  return n == 1 and label or ("%s#%d"):format(label, n)
end

--- A seed begins: labels are counted anew.
function M.new_seed() seed_of_labels = nil end

--- Another set of labels from now on; gives the one so far.
function M.swap_labels(set)
  local before = { labels = labels, living = living, seed = seed_of_labels }
  labels, living, seed_of_labels = set.labels, set.living, set.seed
  return before
end

--- The living optimiser of this seed with that label, or nil.
function M.find(label) return living[label] end

-- Each parameter's name in files: its path, with the model's name in front where there are several
-- models, and a number where there is none.
local function name_parameters(self)
  local owners, names = {}, {}
  for _, p in ipairs(self.list) do
    local owner = parameters.home_of(p[2])
    if owner and not owners[owner] then
      owners[owner] = true
      names[#names + 1] = owner
    end
  end
  local used = {}
  for i, p in ipairs(self.list) do
    local owner, path = parameters.home_of(p[2])
    local name = owner and (#names > 1 and owner .. "/" .. path or path) or "own." .. i
    if used[name] then name = name .. "." .. i end
    used[name] = true
    p.name, p.owner = name, owner
  end
  self.owners = names
  return #names > 0 and table.concat(names, "+") .. "/" or ""
end

local function new(kind, what, given)
  local options = read_options(kind, given, defaults_of(kind))
  local groups = {}
  local self = { kind = kind.name, count = 0, options = options, list = {}, own_lr = {} }
  for i, g in ipairs(groups_of(what, kind.name)) do
    if g.options.clip ~= nil then
      fail("%s: clip is one for the whole optimiser, not for an entry", kind.name)
    end
    local o, tensors = read_options(kind, g.options, options), {}
    for k, e in ipairs(g.list) do
      tensors[k] = e[2]
      self.list[#self.list + 1] = { e[1], e[2] }
    end
    o.tensors, groups[i] = tensors, o
    self.own_lr[i] = g.options.lr ~= nil
  end
  self.tensors = {}
  for i, p in ipairs(self.list) do self.tensors[i] = p[2] end
  self.groups, self.core = groups, core.optim(kind.name, groups, options.clip)
  self.title = free_label(name_parameters(self) .. kind.name)
  local handle = setmetatable({ self }, Optimiser)
  living[self.title] = handle
  return handle
end

local function inside(o)
  if type(o) ~= "table" or getmetatable(o) ~= Optimiser then
    fail("an optimiser is needed, got %s; call its functions with ':', adam:step(loss)",
      fail.came(o))
  end
  return rawget(o, 1)
end

function Optimiser.__index(o, name)
  local self = inside(o)
  if name == "lr" then return self.options.lr end
  if name == "count" then return self.count end
  if name == "params" then return self.tensors end
  if methods[name] then return methods[name] end
  if self.options[name] then return self.options[name] end
  local names = keys.sorted(table.unpack(Optimiser.__names))
  fail("an optimiser has no '%s'%s", tostring(name), fail.near(name, names))
end

--- o.lr = 1e-4: for all parameters that have no lr of their own.
function Optimiser.__newindex(o, name, v)
  local self = inside(o)
  if name ~= "lr" then
    fail("an optimiser's lr can be assigned, not '%s'", tostring(name))
  end
  self.options.lr = check_number({ name = self.kind }, "lr", v)
  for i, own in ipairs(self.own_lr) do
    if not own then core.optim_set(self.core, i, "lr", v) end
  end
end

function Optimiser.__tostring(o)
  local self = inside(o)
  return ("%s of %d parameters, lr %g"):format(self.title, #self.list, self.options.lr)
end

-- A parameter that no loss has reached is left as it is, and named once.
local function name_unreached(self, grads)
  if self.told then return end
  local missing = {}
  for i, g in ipairs(grads) do
    if not g then missing[#missing + 1] = self.list[i].name end
  end
  if #missing == 0 then return end
  self.told = true
  local shown = table.concat(missing, ", ", 1, math.min(#missing, 6))
  if #missing > 6 then shown = shown .. (" and %d more"):format(#missing - 6) end
  require "vaelua.run".say(("%s: the loss does not reach %s: left as %s"):format(self.title, shown,
    #missing == 1 and "it is" or "they are"))
end

local function check_loss(who, loss)
  if core.is_tensor(loss) then return loss end
  fail("%s: a loss is needed, one number as a tensor, got %s", who, type(loss))
end

local function gradients(self, loss, keep)
  check_loss(self.kind, loss)
  local grads = core.grad(loss, self.tensors, keep)
  name_unreached(self, grads)
  return grads
end

local function apply(o)
  local self = inside(o)
  if not core.optim_apply(self.core) then
    fail("%s: step() without a loss applies what add(loss) has gathered, but nothing was "
      .. "added", self.kind)
  end
  self.count = self.count + 1
  local train = package.loaded["vaelua.train"]
  if type(train) == "table" and train.stepped then train.stepped(o) end
end

--- o:add(loss): gradients now, update later.
function methods.add(o, loss)
  local self = inside(o)
  core.optim_add(self.core, gradients(self, loss, false), loss)
  return o
end

--- o:step([loss]): add, then update.
function methods.step(o, loss)
  local self = inside(o)
  if loss == nil then return apply(o) end
  core.optim_add(self.core, gradients(self, loss, false), loss)
  apply(o)
end

--- o:apply(gradients): updates by gradients that va.grad gave, in the order of o.params.
function methods.apply(o, grads)
  local self = inside(o)
  local list = {}
  if type(grads) ~= "table" then
    fail("%s: apply needs the gradients, got %s", self.kind, type(grads))
  end
  for i, p in ipairs(self.list) do list[i] = grads[i] or grads[p[1]] or false end
  core.optim_add(self.core, list, nil)
  apply(o)
end

function methods.label(o) return inside(o).title end

--- The living models that parameters of this optimiser lie in.
function methods.models(o)
  local list = {}
  for _, name in ipairs(inside(o).owners) do list[#list + 1] = model.find(name) end
  return list
end

--- nil, or the number (o.count) of the step at which something was not finite first. Waits.
function methods.flag(o)
  local self = inside(o)
  local steps, flag = core.optim_steps(self.core)
  return flag and steps + 1 or nil
end

--- What it remembers: { path, tensor } each. Parameters that lie in no model are among it.
function methods.state(o)
  local self = inside(o)
  local m, v, states = core.optim_tensors(self.core)
  local list = {}
  for i, p in ipairs(self.list) do
    list[#list + 1] = { "m/" .. p.name, m[i] }
    if v[i] then list[#list + 1] = { "v/" .. p.name, v[i] } end
    if not p.owner then list[#list + 1] = { "p/" .. p.name, p[2] } end
  end
  for i, t in ipairs(states) do list[#list + 1] = { "state/" .. i, t } end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

--- From the tensors by path that state() gave.
function methods.restore(o, saved)
  local self = inside(o)
  for _, e in ipairs(o:state()) do
    local t = saved[e[1]]
    if not t then
      fail.data("%s: the saved state has no '%s'", self.title, e[1])
    elseif not parameters.same_shape(t, e[2]) then
      fail.data("%s: '%s' was saved with another shape", self.title, e[1])
    end
    core.set(e[2], t)
  end
  self.count = core.optim_steps(self.core)
end

-- Parameters `lost` (a set) go, `new` ({ path, tensor } each) form a group of their own that counts
-- its steps from 0; all others keep their moments.
local function refit(self, lost, fresh)
  local m, v, states = core.optim_tensors(self.core)
  local moments, groups, own, kept, list = {}, {}, {}, {}, {}
  for i, p in ipairs(self.list) do
    moments[p[2]] = { m[i], v[i] }
    if not lost[p[2]] then list[#list + 1] = p end
  end
  for i, g in ipairs(self.groups) do
    local tensors = {}
    for _, t in ipairs(g.tensors) do
      if not lost[t] then tensors[#tensors + 1] = t end
    end
    if #tensors > 0 then
      g.tensors, groups[#groups + 1] = tensors, g
      own[#groups], kept[#groups] = self.own_lr[i], states[i]
    end
  end
  if #fresh > 0 then
    local g = { tensors = {} }
    for name, value in pairs(self.options) do g[name] = value end
    for i, e in ipairs(fresh) do g.tensors[i], list[#list + 1] = e[2], { e[1], e[2] } end
    groups[#groups + 1], own[#groups + 1] = g, false
  end
  self.list, self.groups, self.own_lr, self.tensors = list, groups, own, {}
  for i, p in ipairs(list) do self.tensors[i] = p[2] end
  self.core, self.told = core.optim(self.kind, groups, self.options.clip), nil
  local m2, v2, states2 = core.optim_tensors(self.core)
  for i, p in ipairs(list) do
    local old = moments[p[2]]
    if old then core.set(m2[i], old[1]) end
    if old and old[2] then core.set(v2[i], old[2]) end
  end
  for i, s in pairs(kept) do core.set(states2[i], s) end
  name_parameters(self)
end

--- The parameters of a part have changed: every living optimiser that trains some of them follows.
--- A new one goes to the optimisers that trained its neighbours (enc.3.weight: others of enc).
function M.follow(lost, kept, fresh)
  for _, o in pairs(living) do
    local self, parts, mine = inside(o), {}, {}
    for _, e in ipairs(self.list) do
      local path = kept[e[2]] or lost[e[2]]
      if path then parts[path:match("^[^.]+")] = true end
    end
    for _, e in ipairs(fresh) do
      if parts[e[1]:match("^[^.]+")] then mine[#mine + 1] = e end
    end
    if next(parts) then refit(self, lost, mine) end
  end
end

for _, kind in ipairs(core.optim_kinds()) do
  M[kind.name] = function(what, options) return new(kind, what, options) end
end

-- ---- several losses of one history --------------------------------------------------------------

--- va.step(pairs ...), each { optimiser, loss }: all gradients first, then all updates.
function M.step(...)
  local list = table.pack(...)
  if list.n == 0 then fail("step: pairs { optimiser, loss } are needed") end
  for i = 1, list.n do
    local e = list[i]
    if type(e) ~= "table" or getmetatable(e) ~= nil or getmetatable(e[1]) ~= Optimiser then
      fail("step: argument %d must be { optimiser, loss }", i)
    end
  end
  local grads = {}
  for i, e in ipairs(list) do grads[i] = gradients(inside(e[1]), e[2], i < list.n) end
  for i, e in ipairs(list) do core.optim_add(inside(e[1]).core, grads[i], e[2]) end
  for i, e in ipairs(list) do
    local first = true
    for k = 1, i - 1 do first = first and list[k][1] ~= e[1] end
    if first then apply(e[1]) end
  end
end

-- ---- gradients ----------------------------------------------------------------------------------

--- va.var(x): a tracked leaf with the values of x.
function M.var(x)
  if type(x) == "number" then x = core.tensor(x) end
  if not core.is_tensor(x) then
    fail("var: a tensor is needed, got %s", type(x))
  end
  return core.leaf(parameters.copy_of(x))
end

-- The wanted tensors with their names, or nil for names.
local function wanted_of(wrt)
  if core.is_tensor(wrt) then return { wrt } end
  if is_part(wrt) then
    local tensors, list = {}, parameters.of_kind(wrt, "param")
    for i, e in ipairs(list) do tensors[i] = e[2] end
    return tensors, list
  end
  if type(wrt) ~= "table" or #wrt == 0 then
    fail("grad: what to differentiate by must be a tensor, a list of tensors, a chain "
      .. "or a model, got %s", type(wrt) == "table" and "an empty table" or type(wrt))
  end
  for i, t in ipairs(wrt) do
    if not core.is_tensor(t) then
      fail("grad: entry %d must be a tensor, got %s", i, type(t))
    end
  end
  return wrt
end

local function check_tracked(tensors)
  for i, t in ipairs(tensors) do
    if not core.tracked(t) then
      fail("grad: %s has no history: make it with va.var or nn.param, or compute it from "
        .. "such a one", #tensors == 1 and "the tensor" or "tensor " .. i)
    end
  end
end

local function grad_options(options)
  if type(options) ~= "table" then
    fail("grad: options stand in a table, { keep = true }, got %s", type(options))
  end
  for k in pairs(options) do
    if k ~= "keep" then
      fail("grad has no option '%s' (options: keep)", tostring(k))
    end
  end
  return options.keep == true
end

-- The gradient is a plain value: there are no second derivatives.
local function take(loss, wrt, keep)
  check_loss("grad", loss)
  local tensors, names = wanted_of(wrt)
  check_tracked(tensors)
  local grads = core.grad(loss, tensors, keep)
  for i, g in ipairs(grads) do
    if not g then grads[i] = ops.zeros(tensors[i].shape) end
  end
  if names then
    for i, e in ipairs(names) do names[i] = { e[1], grads[i] } end
    return parameters.ordered(names)
  end
  if core.is_tensor(wrt) then return grads[1] end
  return grads
end

--- va.grad(loss or function, wrt, { keep=false }): the gradient by a tensor, a list of tensors (a
--- list), a chain or model (an ordered table). A function is recorded even in evaluation.
function M.grad(loss, wrt, options)
  local keep = grad_options(options or {})
  if type(loss) ~= "function" then return take(loss, wrt, keep) end
  local function run() return take((loss()), wrt, keep) end
  if core.mode() == "eval" then return in_mode("outside", run) end
  return run()
end

--- va.op { name, forward, backward }: an op of one's own. forward(...) -> y is not recorded;
--- backward(dy, y, ...) -> one gradient for each input (nil where there is none).
function M.op(spec)
  if type(spec) ~= "table" then
    fail("op: a table { name, forward, backward } is needed, got %s", type(spec))
  end
  for k, v in pairs(spec) do
    if k ~= "name" and k ~= "forward" and k ~= "backward" then
      fail("op has no field '%s' (fields: backward, forward, name)", tostring(k))
    elseif k ~= "name" and type(v) ~= "function" then
      fail("op: %s must be a function, got %s", k, type(v))
    end
  end
  if not spec.forward then fail("op: forward is needed, a function") end
  local name = spec.name or "op"
  return core.custom(name, spec.forward, spec.backward or function()
    fail("%s has no gradient: it was made without backward", name)
  end)
end

M.ema = model.ema

return M
