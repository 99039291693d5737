-- rate.lua: do people see what the scores say?  Writes a blind page of two-choice questions about
-- pictures of a run of compare.lua, and reads the answers that people saved.
--   vaelua experiments/rate.lua                              the newest run of compare.lua
--   vaelua experiments/rate.lua run=FOLDER each=10 seed=2    another run, more questions, seed 2
--   vaelua experiments/rate.lua answers=a.json,b.json key=FOLDER-OF-THE-PAGE
local va = require "vaelua"
local rating = require "vaelua.rating"
local run = require "vaelua.run"

local cfg = va.args { run = "compare", seed = 1, each = 6, samplers = { "prior", "gmm:10" },
                      real = true, reconstructions = true, answers = { "" }, key = "" }

-- One group of questions: the two models' pictures of the same originals.
local function reconstructions(data, models)
  local x = data.test:subset(cfg.each, { seed = cfg.seed }):first(cfg.each)
  local group = { name = "reconstructions", ask = "Which picture is closer to the original?",
                  beside = x, sources = {} }
  for name, m in pairs(models) do
    table.insert(group.sources, { key = name, model = name, source = "reconstruction",
                                  label = name, pictures = m:reconstruct(x) })
  end
  table.sort(group.sources, function(a, b) return a.key < b.key end)
  return group
end

-- The other: samples of every model and sampler, and real pictures, each against each.
local function samples(data, models)
  local sources = {}
  local n = rating.pictures(2 * #cfg.samplers + (cfg.real and 1 or 0), cfg.each)
  for _, name in ipairs { "vae", "ae" } do
    for _, spec in ipairs(cfg.samplers) do
      local draw = va.sampler(spec, models[name], data.train)
      sources[#sources + 1] = { key = name .. "/" .. spec, model = name, source = spec,
        label = name .. " " .. spec, pictures = va.no_grad(function()
          return models[name]:decode(draw(n)) end) }
    end
  end
  if cfg.real then
    local x = data.test:subset(n, { seed = cfg.seed + 1 }):first(n)
    sources[#sources + 1] = { key = "real", source = "real", label = "real", pictures = x }
  end
  return { name = "samples", ask = "Which looks more like a photograph of a piece of clothing?",
           sources = sources }
end

local function write()
  rating.check_each(cfg.each)
  local from = rating.run(cfg.run, { "z", "decoder" })
  local data = va.data "fashion_mnist"
  local about = { shape = data.shape, z = from.settings.z, decoder = from.settings.decoder }
  local models = { vae = va.models.vae(about), ae = va.models.ae(about) }
  local seed = rating.load(from, { models.vae, models.ae }, cfg.seed)
  local groups = { samples(data, models) }
  if cfg.reconstructions then groups[2] = reconstructions(data, models) end
  local page, key, n = rating.write(run.current().folder, groups,
                                    { each = cfg.each, run = from.folder, seed = seed })
  print(("of    %s, models of seed %d"):format(from.folder, seed))
  print(("page  %s   %d questions; give it to people"):format(page, n))
  print(("key   %s   keep it from them"):format(key))
  print("then  vaelua experiments/rate.lua answers=FILE,FILE key=" .. run.current().folder)
end

local function read()
  local groups, raters, reason = rating.read(cfg.key, cfg.answers)
  local tables = rating.tables(groups)
  rating.save(tables, run.current().table)
  print(("%d %s"):format(#raters, #raters == 1 and "rater" or "raters"))
  for _, name in ipairs { "preferences", "sources", "raters", "scores" } do
    if #tables[name].lines > 0 then print("\n" .. rating.text(tables[name])) end
  end
  if reason then print("\nno correlations: " .. reason) end
  print("\ntables " .. run.current().folder .. "/tables")
end

if cfg.answers[1] and cfg.answers[1] ~= "" then read() else write() end
