--[[ report/figures.lua - pictures, plots and learning curves of a run: figures/NAME.png, NAME.svg
  and the NAME.csv behind each. M.draw gives a list of { file, kind, section, label, caption,
  seed }, in the order in which a reader wants them, for the page. ]]

local keys = require "vaelua.keys"
local log = require "vaelua.log"
local mean = require "vaelua.stats.basic".mean
local plot = require "vaelua.plot"
local rows_of = require "vaelua.report.rows"
local score = require "vaelua.score"
local show = require "vaelua.show"

local M = {}

local REAL = "real"

local function file_name(...)
  return (table.concat({ ... }, "-"):gsub("[^%w%-]+", "_"))
end

-- The name of a result, with the options of its protocol: two uses of one have two files.
local function stem(r) return r.name .. (r.protocol:match(" .*$") or "") end

-- ---- pictures -----------------------------------------------------------------------------------

-- Pictures that have originals beside them: one figure with the originals, every model's, and how
-- far these are off.
local function beside(records, suffix, put)
  local found, order = {}, {}
  for _, r in ipairs(records) do
    local original = r.score.beside
    if original then
      local f = found[r.key]
      if not f then
        f = { name = stem(r), x = { original }, labels = { "original" }, result = r.score }
        found[r.key] = f
        order[#order + 1] = f
      end
      local n = #f.x
      f.x[n + 1], f.labels[n + 1] = r.score.picture, r.model
      f.x[n + 2], f.labels[n + 2] = (r.score.picture - original):abs(), "|difference|"
    end
  end
  for _, f in ipairs(order) do
    local name = file_name(f.name) .. suffix
    f.x[#f.x + 1] = { columns = f.result.columns, labels = f.labels }
    show.save(name, table.unpack(f.x))
    put(name .. ".png", "picture", {
      section = f.result.section,
      caption = ("Rows: %s."):format(table.concat(f.labels, ", ")) .. (f.result.caption or ""),
    }, f.result.label or f.name)
  end
end

-- Rows of `columns` pictures, each with its name.
local function named_rows(p)
  local items, columns = {}, p.columns
  for i = 1, #p.row_labels do
    items[i] = p.picture:rows((i - 1) * columns + 1, math.min(i * columns, #p.picture))
  end
  items[#items + 1] = { columns = columns, labels = p.row_labels }
  return items
end

local function alone(r, suffix, put)
  local p = r.score
  local is_real = r.source and r.source.key == REAL
  local name = (is_real and file_name(stem(r), "real")
                or file_name(stem(r), r.model, r.source and r.source.key)) .. suffix
  if p.row_labels then
    show.save(name, table.unpack(named_rows(p)))
  else
    show.save(name, p.picture, { columns = p.columns, labels = p.labels })
  end
  local whose = is_real and "real pictures" or r.model .. (r.source and ", " ..
                (r.source.label or r.source.key) or "")
  put(name .. ".png", "picture", p, ("%s: %s"):format(p.label or r.name, whose))
end

local function drawn(r, suffix, put)
  local name = file_name(stem(r), r.model, r.source and r.source.key) .. suffix
  plot.save(name, table.unpack(r.score.series))
  put(name .. ".svg", "plot", r.score, ("%s: %s%s"):format(r.score.label or r.name, r.model,
      r.source and ", " .. (r.source.label or r.source.key) or ""))
end

-- ---- learning curves ----------------------------------------------------------------------------

-- model -> term -> epoch -> values over seeds, of the rows of metrics.csv that end an epoch.
local function epochs(rows)
  local all, models = {}, {}
  for _, row in ipairs(rows) do
    if row.t % 1 == 0 and row.t > 0 then
      local name = row.split == "train" and row.term or row.split .. " " .. row.term
      if not all[row.model] then
        all[row.model] = {}
        models[#models + 1] = row.model
      end
      local terms = all[row.model]
      terms[name] = terms[name] or {}
      local epoch = math.tointeger(row.t)
      terms[name][epoch] = terms[name][epoch] or {}
      table.insert(terms[name][epoch], row.value)
    end
  end
  return all, models
end

-- Mean, smallest and largest over seeds by epoch; a gap ends the line.
local function line_of(by_epoch, label)
  local s = { x = {}, y = {}, label = label, low = {}, high = {} }
  for epoch, values in ipairs(by_epoch) do
    s.x[epoch], s.y[epoch] = epoch, mean(values)
    s.low[epoch], s.high[epoch] = math.min(table.unpack(values)), math.max(table.unpack(values))
  end
  return s
end

--- Draws training-MODEL.svg for every model of a folder that has metrics; put(file, ...) as below.
function M.curves(folder, put)
  local all, models = epochs(log.rows(folder))
  for _, model in ipairs(models) do
    local lines, most = {}, 0
    for _, name in ipairs(keys.sorted(all[model])) do
      local line = line_of(all[model][name], name)
      for _, values in ipairs(all[model][name]) do most = math.max(most, #values) end
      if #line.y > 1 then lines[#lines + 1] = line end
    end
    if #lines > 0 then
      lines[#lines + 1] = { x = "epoch", y = "mean of the epoch, " .. model }
      local name = file_name("training", model)
      plot.save(name, table.unpack(lines))
      put(name .. ".svg", "plot", { section = "training", caption = most > 1 and
          ("Mean over %d seeds; the band reaches from the smallest to the largest."):format(most) },
          "Learning curves: " .. model)
    end
  end
end

-- ---- all of them --------------------------------------------------------------------------------

--- Draws what the records and the training of a run's folder have to show.
function M.draw(records, folder)
  local list, seeds, seed_at = {}, rows_of.seeds(records), nil
  local function put(file, kind, result, label)
    list[#list + 1] = { file = file, kind = kind, section = result.section, label = label,
                        caption = result.caption, seed = seed_at }
  end
  M.curves(folder, put)
  for _, seed in ipairs(seeds) do
    local mine, suffix, real_done = {}, #seeds > 1 and "-s" .. seed or "", {}
    seed_at = #seeds > 1 and seed or nil
    for _, r in ipairs(records) do
      if r.seed == seed and not score.is_score(r.score) then mine[#mine + 1] = r end
    end
    beside(mine, suffix, put)
    for _, r in ipairs(mine) do
      local real = r.source and r.source.key == REAL
      if real and real_done[r.key] then
        goto next_record                 -- the same for every model
      elseif score.is_picture(r.score) and not r.score.beside then
        alone(r, suffix, put)
      elseif score.is_plot(r.score) then
        drawn(r, suffix, put)
      end
      if real then real_done[r.key] = true end
      ::next_record::
    end
  end
  return list
end

return M
