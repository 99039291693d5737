-- seeds.lua - the seed at hand: va.seed, va.seeds.
--
-- With a seed begins an era: names of models, labels of optimisers, logs, loops and the clock of
-- their turns are counted anew.

local core = require "vaelua.core"
local checkpoint = require "vaelua.checkpoint"
local fail = require "vaelua.fail"
local log = require "vaelua.log"
local model = require "vaelua.model"
local optim = require "vaelua.optim"
local progress = require "vaelua.progress"
local run = require "vaelua.run"

local M = {}

local era                 -- of the seed at hand: how often it was begun, its loops and its clock
local passes = {}

local function begin_era(s)
  passes[s] = (passes[s] or 0) + 1
  era = { seed = s, pass = passes[s], loops = 0, clock = 0 }
end

local function begin_seed(s)
  core.seed(s)
  begin_era(s)
  log.new_seed()
  checkpoint.new_seed()
  model.new_seed()
  optim.new_seed()
end

-- The seed may also have been set by the program or by va.args, before anything was made.
function M.era()
  if not era or era.seed ~= core.seed() then begin_era(core.seed()) end
  return era
end

-- f(...) with seeds, names, labels and logs of its own; afterwards all is as before.
function M.apart(f, ...)
  local seed, mine, counted = core.seed(), era, passes
  local names = model.swap_names { taken = {}, living = setmetatable({}, { __mode = "v" }) }
  local labels = optim.swap_labels { labels = {}, living = setmetatable({}, { __mode = "v" }) }
  local books = log.swap_books { era = {}, named = {}, open = {}, kept = {} }
  local states = checkpoint.swap_states { states = {}, things = setmetatable({}, { __mode = "v" }),
                                          made = 0 }
  local label, text = run.label, progress.seed_text
  era, passes = nil, {}
  local _ <close> = setmetatable({}, { __close = function()
    core.seed(seed)
    era, passes = mine, counted
    model.swap_names(names)
    optim.swap_labels(labels)
    log.swap_books(books)
    checkpoint.swap_states(states)
    run.label, progress.seed_text = label, text
  end })
  return f(...)
end

function log.step() return M.era().clock end

--- va.seed(s): sets the seed; models, loops and logs are counted anew.
function M.seed(s)
  begin_seed(fail.need_integer("seed", "the seed", s, 0))
end

--- va.seeds(n): n seeds, from the one at hand on; logs, scores and files carry them.
function M.seeds(n)
  n = fail.need_integer("seeds", "n", n, 1)
  local first, i = core.seed(), 0
  local function leave() run.label, progress.seed_text = "", nil end
  local function next_seed()
    i = i + 1
    if i > n then return leave() end
    local s = first + i - 1
    begin_seed(s)
    if n > 1 then
      run.label, progress.seed_text = "-s" .. s, ("seed %d/%d"):format(i, n)
    end
    return s
  end
  return next_seed, nil, nil, setmetatable({}, { __close = leave })
end

return M
