--[[ mutual_information - how much a drawn code tells about which test image it is of, in nats:
  E log q(z|x) - E log q(z), with one drawn code an image; the aggregate posterior q(z) is the mean
  of q(z|x) over the images of a batch (He et al. 2019). With batches of N images the number cannot
  exceed log N (500: 6.21), so N is part of its protocol: mutual_information:1000. Images behind the
  last full batch are left out. ]]

local average = require "vaelua.average".average
local compared = require "vaelua.compared"
local score = require "vaelua.score"

local UNIT, LABEL = "nats per image", "mutual information of image and code"

-- log q(z) of every drawn code [N]; a block of draws meets all posteriors at once.
local function aggregate(q, z, n)
  local block, parts = math.max(1, 20000 // n), {}
  for first = 1, n, block do
    local last = math.min(first + block - 1, n)
    local k = last - first + 1
    local rows = z:rows(first, last):unsqueeze(2)
    local shape = rows.shape
    shape[2] = n
    local flat = { k * n, table.unpack(shape, 3) }
    -- Row (i, j) has draw i and posterior j.
    local logq = q:tile(k):logp(rows:expand(shape):reshape(flat)):reshape(k, n)
    parts[#parts + 1] = logq:logsumexp(2) - math.log(n)
  end
  return require "vaelua.core".ops.cat(parts, 1)
end

return function(model, data, batch, options)
  score.need(model, "the model", "posterior")
  compared.check("mutual_information", options, {})
  batch = compared.whole("mutual_information", "the batch", batch, 500, 2)
  local total, extra = average(), { label = LABEL, section = "latents",
                                    protocol = { batch = batch, draws = 1 } }
  for x, y in data.test:batches(batch) do
    local q = model:posterior(x, y)
    if not score.answers(q, "logp") or score.kind(q) == "delta" then
      return { mutual_information = score.undefined(
        "no density: the code of this model is deterministic", UNIT, "higher", extra) }
    end
    local z = q:sample()
    if type(z) == "table" then score.refuse("the code is a list of tensors") end
    if #x == batch or #data.test < batch then total:add(q:logp(z) - aggregate(q, z, #x)) end
  end
  return { mutual_information = score.score(total, UNIT, "higher", extra) }
end
