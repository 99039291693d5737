--[[ failures:8 - where a model fails: every score of the evaluation's protocols about models class
  by class, the Fréchet distance of the reconstructions of a class from its test images, and the
  test images that come back worst.

  Protocols are those asked for beside this one that mean something for one class (recon, elbo,
  iwae); { "failures", 8, protocols = { "recon", "iwae:50" } } names others. ]]

local compared = require "vaelua.compared"
local core = require "vaelua.core"
local report = require "vaelua.evaluate"
local score = require "vaelua.score"

local ops = core.ops
local BY_CLASS = { recon = true, elbo = true, iwae = true, accuracy = true }

local function name_of(spec) return (type(spec) == "table" and spec[1] or spec):match("^[^:]+") end

local function protocols(given)
  if given then return given end
  local list = {}
  for _, spec in ipairs(report.asked()) do
    if BY_CLASS[name_of(spec)] then list[#list + 1] = spec end
  end
  return #list > 0 and list or { "recon", "elbo" }
end

local function in_order(results)
  local names = {}
  for name, r in pairs(results) do
    if score.is_score(r) and not r.hidden then names[#names + 1] = name end
  end
  table.sort(names, function(a, b)
    local i, j = results[a].order or 99, results[b].order or 99
    if i ~= j then return i < j end
    return a < b
  end)
  return names
end

local function reconstructed(model, set)
  local batches = {}
  for x, y in set:batches(500) do batches[#batches + 1] = model:reconstruct(x, y) end
  local made = require "vaelua.data".set(ops.cat(batches, 1))
  made.source = "reconstruction"
  return made
end

-- The scores of one class: name -> score, in the order of `names`, which grows.
local function of_class(model, data, list, names, head)
  local row = {}
  local function take(results, rename)
    for _, name in ipairs(in_order(results)) do
      local key = rename or name
      if row[key] == nil then
        row[key] = results[name]
        if not names[key] then
          names[#names + 1], names[key] = key, true
          local r = results[name]
          head[#head + 1] = (rename or r.label or name) .. (r.unit ~= "" and ", " .. r.unit or "")
        end
      end
    end
  end
  for _, spec in ipairs(list) do take(report.on(spec, model, data)) end
  take(report.on("frechet", reconstructed(model, data.test), data),
       "Fréchet distance of reconstructions")
  return row
end

local function class_table(model, data, list)
  local names, head, rows = {}, { "class", "images" }, {}
  for k, class in ipairs(data.classes) do
    local test = data.test:class(k)
    rows[k] = { class, #test, #test > 0 and of_class(model,
      setmetatable({ test = test }, { __index = data }), list, names, head) or {} }
  end
  local lines = {}
  for k, row in ipairs(rows) do
    lines[k] = { row[1], row[2] }
    for i, name in ipairs(names) do
      lines[k][i + 2] = row[3][name] or "no test images of this class"
    end
  end
  return score.table(head, lines, { label = "Scores by class", section = "classes",
    caption = "± is half the 95 % interval over the images of the class." })
end

-- The n test images with the largest squared error.
local function worst(model, data, n)
  local far = data.test:collect(function(x, y)
    return ops.squared(model:reconstruct(x, y), x)
  end)
  n = math.min(n, #far)
  local errors, places = far:topk(n)
  local x, y = data.test:take(places)
  local words = {}
  for i, e in ipairs(errors:totable()) do
    local class = y and data.classes and data.classes[y:at(i)] or "image"
    words[i] = ("%s %.1f"):format(class, e)
  end
  return score.picture(ops.cat({ x, model:reconstruct(x, y) }, 1), { columns = n,
    row_labels = { "original", "made" }, section = "classes", label = "worst reconstructions",
    caption = "Squared errors: " .. table.concat(words, ", ") .. "." })
end

return function(model, data, n, options)
  score.need(model, "the model", "posterior", "likelihood")
  compared.check("failures", options, { "protocols" })
  n = compared.whole("failures", "the number of images", n, 8, 1)
  local results = { worst = worst(model, data, n) }
  local _, y = data.test:first(1)
  if data.classes and y and y.dtype == "int32" then
    results.by_class = class_table(model, data, protocols(options.protocols))
  end
  return results
end
