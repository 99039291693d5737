--[[ rating/results.lua - what people preferred, whether they agree, and whether scores do.

  For every two sources: how often each was chosen, with Wilson's interval and the sign test over
  the decided answers, Holm-corrected over the pairs of a group.  A source's preference is the mean
  over its opponents of the share of answers that it got, "can't tell" as half an answer each.
  Rank correlations of preference with every score that has a direction are positive where the
  score agrees with people. ]]

local score = require "vaelua.score"
local stats = require "vaelua.stats"

local M = {}

-- ---- counting -----------------------------------------------------------------------------------

local function pair_of(group, a, b)
  return group.by_pair[a .. "\n" .. b] or group.by_pair[b .. "\n" .. a]
end

local function empty_group(g)
  local group = { name = g.name, ask = g.ask, sources = {}, by_key = {}, pairs = {}, by_pair = {} }
  for i, s in ipairs(g.sources) do
    local source = { key = s.key, label = s.label or s.key, model = s.model, source = s.source }
    group.sources[i], group.by_key[s.key] = source, source
  end
  for i, a in ipairs(group.sources) do
    for j = i + 1, #group.sources do
      local p = { a = a, b = group.sources[j], wins_a = 0, wins_b = 0, none = 0 }
      group.pairs[#group.pairs + 1], group.by_pair[a.key .. "\n" .. p.b.key] = p, p
    end
  end
  return group
end

local function count(group, q, answer)
  local p = pair_of(group, q.left, q.right)
  if answer == "none" then
    p.none = p.none + 1
  elseif q[answer] == p.a.key then
    p.wins_a = p.wins_a + 1
  else
    p.wins_b = p.wins_b + 1
  end
end

-- Shares, intervals and tests of the pairs.
local function judge(group, level)
  local tested, p = {}, {}
  for _, one in ipairs(group.pairs) do
    local decided = one.wins_a + one.wins_b
    one.n, one.decided = decided + one.none, decided
    if decided > 0 then
      one.share = one.wins_a / decided
      one.low, one.high = stats.wilson(one.wins_a, decided, level)
      one.p = stats.binomial_test(one.wins_a, decided).p
      tested[#tested + 1], p[#p + 1] = one, one.p
    end
  end
  local adjusted = stats.holm(p)
  for i, one in ipairs(tested) do one.holm = adjusted[i] end
end

local function verdict(one, level)
  if one.n == 0 then return "no answers" end
  if one.decided == 0 then return "nobody could tell" end
  if one.holm < 1 - level and (one.low > 0.5 or one.high < 0.5) then
    return (one.share > 0.5 and one.a or one.b).label .. " is preferred"
  end
  return "no preference can be claimed"
end

local function preferences(group)
  for _, s in ipairs(group.sources) do
    local sum, met = 0.0, 0
    s.answers = 0
    for _, one in ipairs(group.pairs) do
      if one.n > 0 and (one.a == s or one.b == s) then
        local wins = one.a == s and one.wins_a or one.wins_b
        sum, met, s.answers = sum + (wins + one.none / 2) / one.n, met + 1, s.answers + one.n
      end
    end
    if met > 0 then s.preference = sum / met end
  end
end

-- ---- agreement of raters ------------------------------------------------------------------------

local function agreement(group, key, raters)
  if #raters < 2 then return { reason = "one rater: nobody to agree with" } end
  local answers = {}
  for i, rater in ipairs(raters) do
    answers[i] = {}
    for id, answer in pairs(rater.answers) do
      local q = key.by_id[id]
      if q.group == group.name then answers[i][id] = q[answer] or answer end
    end
  end
  return stats.agreement(answers)
end

-- ---- scores -------------------------------------------------------------------------------------

-- Scores by name, then by the key of the source that has them: of the models' seed alone.
local function scores_of(group, records, seed)
  local by_name, names = {}, {}
  for _, r in ipairs(records) do
    local s = r.score
    local name = r.source and r.key:match("^(.*)/") or r.key
    for _, source in ipairs(group.sources) do
      local here = r.source and r.source.key or "reconstruction"
      local mine = source.source == "real" or r.model == source.model
      if r.seed == seed and s.value and s.better and mine and here == source.source then
        if not by_name[name] then by_name[name], names[#names + 1] = {}, name end
        by_name[name][source.key] = by_name[name][source.key] or s
      end
    end
  end
  return names, by_name
end

-- What keeps a score from a row of its own: numbers that do not mean the same.
local function mixed(list)
  for i = 2, #list do
    local gap = score.difference(list[1], list[i], { sampler = true })
    if gap then return gap end
  end
end

local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end

--- How little k sources can say.
function M.limit(k)
  if k < 2 then return "one source has no order" end
  if k == 2 then return "2 sources: the same order or the other, without a test" end
  return ("%d sources: the smallest two-sided p of a rank correlation is %.2g"):format(k,
    math.min(1, 2 / factorial(k)))
end

local function flat(list)
  for i = 2, #list do
    if list[i] ~= list[1] then return false end
  end
  return true
end

-- Why x (preferences) and y (a score, more is better) have no common order, if so.
local function no_order(x, y, list)
  if #x < 2 then return M.limit(#x) end
  return mixed(list) or flat(x) and "people prefer none of the sources"
         or flat(y) and "the score is the same for all sources"
end

-- Ranks of x and y compared: two sources have an order, but no correlation worth the name.
local function rank(row, x, y)
  if #x == 2 then
    local same = (x[1] < x[2]) == (y[1] < y[2])
    row.note = ("2 sources, %s; no test"):format(
      same and "in the order that people prefer" or "against the order that people prefer")
    return
  end
  local rho, tau = stats.spearman(x, y), stats.kendall(x, y)
  row.rho, row.rho_p, row.tau, row.tau_p = rho.rho, rho.p, tau.tau, tau.p
  row.note = M.limit(#x)
end

local function correlate(name, group, by_key)
  local x, y, list = {}, {}, {}
  for _, s in ipairs(group.sources) do
    local of = by_key[s.key]
    if of and s.preference then
      list[#list + 1], x[#x + 1] = of, s.preference
      y[#y + 1] = of.better == "lower" and -of.value or of.value
    end
  end
  local row = { score = name, label = list[1] and (list[1].label or name), sources = #x,
                unit = list[1] and list[1].unit or "" }
  row.reason = no_order(x, y, list)
  if not row.reason then rank(row, x, y) end
  return row
end

local function correlations(group, records, seed)
  local rows = {}
  local names, by_name = scores_of(group, records, seed)
  for _, name in ipairs(names) do
    local row = correlate(name, group, by_name[name])
    if row.sources >= 2 then rows[#rows + 1] = row end
  end
  return rows
end

-- ---- all ----------------------------------------------------------------------------------------

--- The results of a key and its raters (answers.lua); records: scores of the run (files.lua), or
--- nil.  A list of groups { name, ask, pairs, sources, agreement, correlations }.
function M.make(key, raters, records, level)
  level = level or 0.95
  local groups, by_name = {}, {}
  for i, g in ipairs(key.groups) do
    groups[i] = empty_group(g)
    by_name[g.name] = groups[i]
  end
  for _, rater in ipairs(raters) do
    for id, answer in pairs(rater.answers) do
      count(by_name[key.by_id[id].group], key.by_id[id], answer)
    end
  end
  for _, group in ipairs(groups) do
    judge(group, level)
    preferences(group)
    for _, one in ipairs(group.pairs) do one.verdict = verdict(one, level) end
    group.agreement = agreement(group, key, raters)
    group.correlations = correlations(group, records or {}, key.seed)
  end
  return groups
end

-- ---- as tables ----------------------------------------------------------------------------------

local function number(v, format) return v and format:format(v) or "" end

local function p_text(p) return p and (p < 1e-4 and "< 0.0001" or ("%.2g"):format(p)) or "" end

local function pair_lines(groups)
  local lines = {}
  for _, g in ipairs(groups) do
    for _, p in ipairs(g.pairs) do
      lines[#lines + 1] = { g.name, p.a.label, p.b.label, p.n, p.wins_a, p.wins_b, p.none,
        number(p.share, "%.3f"), number(p.low, "%.3f"), number(p.high, "%.3f"), p_text(p.p),
        p_text(p.holm), p.verdict }
    end
  end
  return lines
end

local function source_lines(groups)
  local lines = {}
  for _, g in ipairs(groups) do
    local order = table.move(g.sources, 1, #g.sources, 1, {})
    table.sort(order, function(a, b)
      local x, y = a.preference or -1, b.preference or -1
      if x ~= y then return x > y end
      return a.key < b.key
    end)
    for _, s in ipairs(order) do
      lines[#lines + 1] = { g.name, s.label, s.answers, number(s.preference, "%.3f") }
    end
  end
  return lines
end

local function agreement_lines(groups)
  local lines = {}
  for i, g in ipairs(groups) do
    local a = g.agreement
    lines[i] = { g.name, a.questions or 0, number(a.share, "%.3f"), number(a.alpha, "%.3f"),
                 a.reason or "" }
  end
  return lines
end

local function score_lines(groups)
  local lines = {}
  for _, g in ipairs(groups) do
    for _, c in ipairs(g.correlations) do
      lines[#lines + 1] = { g.name, c.score, c.unit, c.sources, number(c.rho, "%.3f"),
        p_text(c.rho_p), number(c.tau, "%.3f"), p_text(c.tau_p),
        c.reason and "not defined: " .. c.reason or c.note }
    end
  end
  return lines
end

--- The results as tables of score.lua by name: preferences, sources, raters, scores.
function M.tables(groups)
  local function made(head, lines, order, label, caption)
    return score.table(head, lines, { order = order, label = label, caption = caption })
  end
  return {
    preferences = made({ "shown", "A", "B", "answers", "A chosen", "B chosen", "cannot tell",
      "share of A", "low", "high", "sign p", "Holm p", "verdict" }, pair_lines(groups), 1,
      "what people preferred", "The share of A is among the decided answers, with Wilson's 95 % "
      .. "interval; answers of one person are not independent of each other."),
    sources = made({ "shown", "source", "answers", "preference" }, source_lines(groups), 2,
      "sources in the order of preference",
      "Mean over opponents of the share of answers; \"cannot tell\" is half an answer for each."),
    raters = made({ "shown", "questions of two or more", "equal answers", "alpha", "note" },
      agreement_lines(groups), 3, "agreement of raters",
      "alpha: Krippendorff's for names; 1 is perfect, 0 what chance gives."),
    scores = made({ "shown", "score", "unit", "sources", "Spearman", "p", "Kendall", "p of tau",
      "note" }, score_lines(groups), 4, "do scores agree with people?",
      "Rank correlations of preference and score over sources; 1: the score orders the sources as "
      .. "people do, whether lower or higher is better."),
  }
end

return M
