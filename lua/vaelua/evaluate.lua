--[[ evaluate.lua - va.evaluate: runs protocols on models and records what they say.

  A protocol is a function (model, data, argument) -> table of name -> score or picture, in a file
  protocols/NAME.lua or given a name in the script by va.protocol.  One about pictures, made by
  va.images, is a function (made, data, argument) and is run for each source: the reconstructions of
  the test set, the samples of every sampler, and real training pictures, which give the floor.
  `made` is a set like data.test (made.x, made:batches(n), made:collect(f), #made) with the field
  made.source.

  Every protocol has a stream of random numbers of its own, and each sampler too, so what is asked
  for besides changes no score; nothing in here is recorded for gradients. ]]

local core = require "vaelua.core"
local cost = require "vaelua.cost"
local digest = require "vaelua.digest"
local fail = require "vaelua.fail"
local keys = require "vaelua.keys"
local checked = require "vaelua.options".checked
local run = require "vaelua.run"
local samplers = require "vaelua.sampler"
local score = require "vaelua.score"

local M = {}

local BATCH = 500         -- pictures at a time

M.RECONSTRUCTION, M.REAL = "reconstruction", "real"

-- ---- naming protocols ---------------------------------------------------------------------------

local own = {}            -- those of the script
local Images = {}

local function is_images(p) return getmetatable(p) == Images end

-- va.images: marks a function (made, data, argument) as one about pictures.
function M.images(f)
  if type(f) ~= "function" then
    fail("images: a function (made, data, argument) is needed, got " .. type(f))
  end
  return setmetatable({ run = f }, Images)
end

function M.protocol(name, p)
  if type(name) ~= "string" or not name:find("^[%w_%-]+$") then
    fail("protocol: the name must be a word such as \"sharpness\"")
  end
  if type(p) ~= "function" and not is_images(p) then
    fail("protocol %s: a function or va.images(...) is needed, got %s", name, type(p))
  end
  own[name] = p
end

local function known()
  local names = core.modules("protocols")
  for name in pairs(own) do names[#names + 1] = name end
  table.sort(names)
  return names
end

local function find(name)
  if own[name] then return own[name] end
  for _, file in ipairs(core.modules("protocols")) do
    if file == name then return require("vaelua.protocols." .. name) end
  end
  fail.unknown("protocol", name, known())
end

-- " features=inception preset=fid/ttur": what tells two uses of one protocol apart.
local function option_words(options)
  local words = {}
  for key, value in pairs(options) do
    local named = type(value) == "table" and rawget(value, "name") or value
    words[#words + 1] = (" %s=%s"):format(key, type(named) == "table" and "own" or tostring(named))
  end
  table.sort(words)
  return table.concat(words)
end

-- "iwae:50" or { "iwae", 50, batch = 10 } as { name, run, images, argument, options, spec }.
local function resolve(spec)
  local name, argument, options = spec, nil, {}
  if type(spec) == "table" then
    name, argument = spec[1], spec[2]
    for key, value in pairs(spec) do
      if type(key) == "string" then options[key] = value end
    end
  end
  if type(name) ~= "string" then
    fail("evaluate: a protocol is \"NAME\", \"NAME:ARG\" or { \"NAME\", ARG }, got " .. type(name))
  end
  if argument == nil then name, argument = samplers.parse(name) end
  local p = find(name)
  return { name = name, argument = argument, options = options,
           run = is_images(p) and p.run or p, images = is_images(p),
           spec = (argument ~= nil and ("%s:%s"):format(name, argument) or name)
                  .. option_words(options) }
end

-- ---- what is recorded ---------------------------------------------------------------------------

M.records = {}            -- { seed, model, key, score, source } in the order of their making
local place_of = {}       -- "seed/model/key" -> where it stands there

local function record(entry)
  local id = ("%d/%s/%s"):format(entry.seed, entry.model, entry.key)
  local at = place_of[id] or #M.records + 1
  M.records[at], place_of[id] = entry, at
end

-- All that was recorded is forgotten (for tests, and for a prompt that starts afresh).
function M.forget() M.records, place_of = {}, {} end

-- An unknown score or model is an error that names the near ones.
local function strict(t, what)
  return setmetatable(t, { __index = function(_, key)
    local names = keys.names(t)
    fail("there is no %s '%s'%s; there are %s", what, tostring(key), fail.near(key, names),
      table.concat(names, ", "))
  end })
end

-- The key of a result: "iwae:50" where the protocol's own name has an argument, else its name; with
-- options, which make it another number: "mse preset=x".
local function key_of(protocol, name, source)
  local key = name == protocol.name and protocol.spec or name .. option_words(protocol.options)
  return source and key .. "/" .. source or key
end

-- What evaluate itself knows of how a number was made.
local function stamp(result, name, source, data)
  local p = result.protocol
  result.name, result.seed = name, core.seed()
  p.count = p.count or #data.test
  p.reference = p.reference or (data.name or "own data") .. " test"
  p.reference_sha256 = p.reference_sha256 or digest.set(data.test)
  p.version = core.version
  if source then p.sampler, p.sampled = source.key, source.label end
end

-- Takes what a protocol returned into the records and the table of a model's scores.
local function take(results, protocol, source, job)
  local model, into = job.model, job.into
  if type(results) ~= "table" or score.is_result(results) then
    results = { [protocol.name] = results }
  end
  local names = {}
  for name in pairs(results) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    local x, y = results[a], results[b]
    local i, j = type(x) == "table" and x.order or 99, type(y) == "table" and y.order or 99
    if i ~= j then return i < j end
    return tostring(a) < tostring(b)
  end)
  for _, name in ipairs(names) do
    local result = score.from(results[name], protocol.spec, name)
    local key = key_of(protocol, name, source and source.key)
    stamp(result, name, source, job.data)
    into[key] = result
    local short = source and name .. "/" .. source.key or name    -- without argument and options
    into[short] = into[short] or result
    record { seed = core.seed(), model = model.name, handle = model.handle, key = key,
             score = result, name = name, protocol = protocol.spec, source = source }
  end
end

-- Runs f; a refusal becomes a score that is not defined.
local function refused(f, ...)
  local ok, result = pcall(f, ...)
  if ok then return result end
  local reason = score.reason_of(result)
  if not reason then error(result, 0) end
  return score.undefined(reason)
end

-- ---- sources of pictures ------------------------------------------------------------------------

local function picture_set(batches, y, data, source)
  local x = core.ops.cat(batches, 1)
  local set = require "vaelua.data".set(x, y, { classes = data.classes })
  set.source = source
  return set
end

-- f(x, y) for every batch of the test set; its results joined.
local function from_test(data, source, f)
  local batches, labels = {}, {}
  for x, y in data.test:batches(BATCH) do
    batches[#batches + 1] = f(x, y)
    labels[#labels + 1] = y
  end
  return picture_set(batches, labels[1] and core.ops.cat(labels, 1), data, source)
end

local function reconstructions(model, data)
  score.need(model, "the model", "posterior", "likelihood")
  return from_test(data, M.RECONSTRUCTION, function(x, y) return model:reconstruct(x, y) end)
end

-- As many samples as there are test pictures, with their labels for a model that wants them.
local function samples(model, data, draw, key)
  score.need(model, "the model", "likelihood")
  return from_test(data, key, function(x, y) return model:decode(draw(#x, y), y) end)
end

-- As many training pictures as there are test pictures: what real pictures score.
local function real(data)
  local n = math.min(#data.train, #data.test)
  local set = data.train:subset(n)
  set.source = M.REAL
  return set
end

-- Samplers are given as a list of names, or by name as functions, or as both; sorted by name.
local function sampler_list(given)
  local list = {}
  for i, spec in ipairs(given) do list[i] = { key = tostring(spec), spec = spec } end
  for _, name in ipairs(keys.names(given)) do
    list[#list + 1] = { key = name, spec = given[name] }
  end
  return list
end

local function sources_of(model, data, given)
  local list = { { key = M.RECONSTRUCTION, label = "reconstructions",
                   make = function() return reconstructions(model, data) end } }
  for _, s in ipairs(sampler_list(given)) do
    local source = { key = s.key }
    function source.make()
      local draw, words = samplers.make(s.spec, model, data.train)
      source.label = "samples: " .. (type(s.spec) == "function" and s.key or words)
      return samples(model, data, draw, s.key)
    end
    list[#list + 1] = source
  end
  return list
end

-- ---- running ------------------------------------------------------------------------------------

local function run_images(job, source, made)
  for _, p in ipairs(job.protocols) do
    if p.images then
      local results = made
      if not score.is_score(made) then
        results = samplers.apart(p.name, job.model.name, refused, p.run, made, job.data,
                                 p.argument, p.options)
      end
      take(results, p, source, job)
    end
  end
end

local function run_model(job)
  for _, p in ipairs(job.protocols) do
    if not p.images then
      local results = samplers.apart(p.name, job.model.name, refused, p.run, job.model.handle,
                                     job.data, p.argument, p.options)
      take(results, p, nil, job)
    end
  end
  if not job.any_images then return end
  samplers.kept = {}
  for _, source in ipairs(sources_of(job.model.handle, job.data, job.samplers)) do
    run_images(job, source, samplers.apart("sample", source.key .. "/" .. job.model.name, refused,
                                           source.make))
    collectgarbage()                   -- pictures of one source at a time are held
  end
  samplers.kept = nil
  run_images(job, { key = M.REAL, label = "real training pictures" }, job.real)
end

-- ---- for protocols that are made of others ------------------------------------------------------

local asked = {}          -- of the evaluation that runs

-- The protocols of the evaluation at hand, as they were given.
function M.asked() return asked end

-- What one protocol says of a model, or of pictures if it is about these (a set with its source),
-- without recording it: name -> result.
function M.on(spec, subject, data)
  local p = resolve(spec)
  local name = p.images and subject.source or require "vaelua.nn".name_of(subject)
  local results = samplers.apart(p.name, name, refused, p.run, subject, data, p.argument, p.options)
  if type(results) ~= "table" or score.is_result(results) then results = { [p.name] = results } end
  for key, value in pairs(results) do results[key] = score.from(value, p.spec, key) end
  return results
end

-- Whether a protocol is one about pictures.
function M.about_images(spec) return resolve(spec).images end

-- ---- arguments ----------------------------------------------------------------------------------

local function model_list(models)
  local nn = require "vaelua.nn"
  if nn.is_model(models) then models = { models } end
  if type(models) ~= "table" or #models == 0 then
    fail("evaluate: a model or a list of models is needed")
  end
  local list = {}
  for i, m in ipairs(models) do
    if not nn.is_model(m) then
      fail("evaluate: number %d of the list is not a model (nn.model)", i)
    end
    list[i] = { handle = m, name = nn.name_of(m) }
  end
  return list
end

local OPTIONS = { samplers = true, count = true }

local function check_options(options)
  local count = checked("evaluate", options, OPTIONS).count
  if count ~= nil and (math.type(count) ~= "integer" or count < 2) then
    fail("evaluate: count must be a whole number of at least 2")
  end
end

-- The data with at most count test pictures.
local function limited(data, count)
  if type(data) ~= "table" or not data.test or not data.train then
    fail("evaluate: the whole data set (with .train and .test) is needed")
  end
  if not count or count >= #data.test then return data end
  return setmetatable({ test = data.test:subset(count) }, { __index = data })
end

local function evaluate(models, data, protocols, options)
  options = options or {}
  check_options(options)
  if type(protocols) == "string" then protocols = { protocols } end
  if protocols ~= nil and type(protocols) ~= "table" then
    fail("evaluate: the protocols are a list, { \"elbo\", \"active_units\" }, got "
      .. type(protocols))
  end
  local list, any_images = {}, false
  for i, spec in ipairs(protocols or {}) do
    list[i] = resolve(spec)
    any_images = any_images or list[i].images
  end
  local job = { protocols = list, any_images = any_images, data = limited(data, options.count),
                samplers = options.samplers or { "prior" } }
  if any_images then job.real = real(job.data) end
  local scores = {}
  asked = protocols
  samplers.kept = nil                  -- an evaluation before may have ended in an error
  for _, model in ipairs(model_list(models)) do
    job.model, job.into = model, {}
    run_model(job)
    scores[model.handle] = strict(job.into, "score")
    scores[model.name] = job.into
  end
  M.data = job.data
  return strict(scores, "model")
end

--- va.evaluate(model, data, protocols, { samplers={"prior"}, count=#test }) -> scores by model, of
--- which there may be a list, and by its name.
function M.evaluate(...)
  local scores = cost.evaluation(evaluate, ...)
  if run.current() then
    require "vaelua.report.files".save_scores(run.current(), M.records)
    require "vaelua.report.live".evaluated()
  end
  return scores
end

return M
