-- rating_spec.lua - the blind page of rate.lua, driven in a browser, and what its answers say.

local core = require "vaelua.core"
local rating = require "vaelua.rating"
local answers = require "vaelua.rating.answers"

local program = core.realpath(os.getenv("VAELUA") or "build/vaelua")
local folder = os.tmpname()
os.remove(folder)
local key, page, saved          -- key.json, the text of rate.html, answers of the browser

local function read(path)
  local f <close> = assert(io.open(path, "rb"))
  return f:read("a")
end

local function has(text, ...)
  for _, words in ipairs { ... } do
    assert(text:find(words, 1, true), "no '" .. words .. "' in: " .. text)
  end
end

local function browser() return core.run_command { "sh", "-c", "command -v chromium" } == 0 end

-- The training of compare.lua, two steps for each of two seeds, without its evaluation.
local TRAINING = [[
local va = require "vaelua"
local cfg = va.args { z = 4, decoder = "3x3" }
local data = va.data "fashion_mnist"
for _ in va.seeds(2) do
  local about = { shape = data.shape, z = cfg.z, decoder = cfg.decoder }
  local vae, ae = va.models.vae(about), va.models.ae(about)
  local adam = { [vae] = va.adam(vae), [ae] = va.adam(ae) }
  for t, x in data.train:subset(64):epochs(1, 32) do
    for _, m in ipairs { vae, ae } do
      local loss, terms = m:loss(x, 1)
      adam[m]:step(loss)
      va.log(t, m, loss, terms)
    end
  end
end
]]

-- ---- a page of made-up pictures -----------------------------------------------------------------

local function source(name, sampler, label)
  return { key = sampler == "real" and "real" or sampler and name .. "/" .. sampler or name,
           model = sampler ~= "real" and name or nil, source = sampler or "reconstruction",
           label = label or name .. " " .. (sampler or ""), pictures = core.ops.rand(8, 6, 6, 1) }
end

local function groups()
  return {
    { name = "samples", ask = "Which looks <real> & sharp?", sources = { source("vae", "prior"),
      source("ae", "prior"), source(nil, "real", "real") } },
    { name = "reconstructions", ask = "Which is closer?", beside = core.ops.rand(8, 6, 6, 1),
      sources = { source("ae", nil, "ae"), source("vae", nil, "vae") } } }
end

-- Scores of the run: distance orders the samples as the answers below do, size the other way.
local function scores()
  local list = {}
  local function put(model, name, from, value, better, unit)
    list[#list + 1] = { model = model, key = from and name .. "/" .. from or name, asked = name,
      source = from, seed = 1, value = value, better = better, unit = unit or "" }
  end
  put("vae", "distance", "prior", 10, "lower")
  put("ae", "distance", "prior", 20, "lower")
  put("vae", "distance", "real", 1, "lower")
  put("vae", "size", "prior", 1, "higher")
  put("ae", "size", "prior", 2, "higher")
  put("vae", "size", "real", 0, "higher")
  put("vae", "error", nil, 30, "lower", "squared error per image")
  put("ae", "error", nil, 28, "lower", "nats per image")
  put("vae", "sharp", nil, 1, "higher")
  put("ae", "sharp", nil, 2, "higher")
  put("vae", "same", nil, 3, "higher")
  put("ae", "same", nil, 3, "higher")
  core.mkdir(folder .. "/run/tables")
  core.write(folder .. "/run/tables/scores.json", core.json { format = 1, scores = list })
end

-- Real pictures before the vae's, those before the ae's.
local RANK = { real = 3, ["vae/prior"] = 2, ["ae/prior"] = 1, vae = 2, ae = 1 }

local function wanted(rank)
  local words = {}
  for _, q in ipairs(key.questions) do
    words[q.id] = rank[q.left] > rank[q.right] and "left" or "right"
  end
  return words
end

-- ---- files of answers ---------------------------------------------------------------------------

-- A file as the page saves it; change(t) may spoil it.
local function answer_file(name, words, change)
  local t = { format = answers.FORMAT, page = key.page, rater = name, sitting = "s-" .. name,
              answers = {} }
  for i, q in ipairs(key.questions) do
    t.answers[i] = { id = q.id, answer = words[q.id], seconds = 1.5 }
  end
  if change then change(t) end
  local path = ("%s/%s.json"):format(folder, name)
  core.write(path, core.json(t))
  return path
end

local function refused(path, words)
  local ok, e = pcall(rating.read, folder, type(path) == "table" and path or { path })
  assert(not ok, "no error")
  has(core.message and core.message(e) or type(e) == "table" and e.message or tostring(e), words)
end

-- ---- the browser --------------------------------------------------------------------------------

-- What the page does with a script before and one behind its own: the DOM at the end.
local function drive(before, behind)
  local text = page:gsub("</head>", function()
    return "<script>" .. before .. "</script></head>"
  end)
  text = text:gsub("</body>", function()
    return "<script>" .. behind .. "</script></body>"
  end)
  core.write(folder .. "/driven.html", text)
  local ended, dom = core.run_command { "chromium", "--headless", "--no-sandbox", "--disable-gpu",
    "--user-data-dir=" .. folder .. "/profile", "--virtual-time-budget=9000", "--dump-dom",
    "file://" .. core.realpath(folder) .. "/driven.html" }
  assert.are.equal(0, ended)
  return dom
end

-- Keys and clicks in turn; a second key at once, a step back, a name with a space in it.
local DRIVER = [[
const notes = [], at = id => document.getElementById(id);
const sleep = ms => new Promise(done => setTimeout(done, ms));
const key = (k, to) => (to || document.body).dispatchEvent(
  new KeyboardEvent("keydown", { key: k, bubbles: true, cancelable: true }));
const note = word => notes.push(word + ": " + at("count").textContent);
let saved;
window.Blob = class extends Blob {
  constructor(parts, o) { super(parts, o); saved = parts.join(""); }
};
URL.createObjectURL = () => "about:blank";
HTMLAnchorElement.prototype.click = function () { notes.push("file " + this.download); };
function put(id, text) {
  const pre = document.createElement("pre");
  pre.id = id; pre.textContent = text; document.body.appendChild(pre);
}
(async () => {
  const questions = JSON.parse(at("data").textContent).questions;
  key("ArrowLeft"); note("before the start");
  at("rater").value = "Ada L."; at("rater").dispatchEvent(new Event("input"));
  key(" ", at("rater")); note("space in the name");
  key("Enter", at("rater"));
  key("ArrowLeft"); note("too fast");
  await sleep(200); key(" "); note("space");
  await sleep(200); key("Backspace"); note("back");
  for (let i = 0; i < questions.length; i++) {
    await sleep(200);
    const word = wanted[questions[i].id];
    if (i % 2) at(word).click();
    else key({ left: "ArrowLeft", right: "ArrowRight", none: " " }[word]);
    key("ArrowLeft");
    if (i === 1) { key(" ", at("save")); note("space on a button"); }
  }
  note("end");
  notes.push("shown: " + ["intro", "ask", "end"].filter(id => !at(id).hidden).join());
  key("Enter");
  put("file", saved);
  notes.push("kept: " + JSON.parse(localStorage.getItem("vaelua-rating-" +
    JSON.parse(at("data").textContent).page)).answers.length);
  put("notes", notes.join("\n"));
})();
]]

setup(function()
  core.mkdir(folder)
  scores()
  rating.write(folder, groups(), { each = 2, run = folder .. "/run", seed = 1 })
  key = answers.read_key(folder)
  page = read(folder .. "/rate.html")
end)

teardown(function() core.run_command { "rm", "-rf", folder } end)

describe("the page of rate.lua", function()
  it("asks every pair, each source as often left as right, and shows no source", function()
    assert.are.equal(8, #key.questions)
    local left = {}
    for _, q in ipairs(key.questions) do left[q.left] = (left[q.left] or 0) + 1 end
    assert.are.same({ real = 2, ["vae/prior"] = 2, ["ae/prior"] = 2, vae = 1, ae = 1 }, left)
    local text = page:gsub("base64,[%w+/=]+", "")
    for _, word in ipairs { "prior", "ae/", '"ae"', '"vae"', '"real"', "left_picture", "samples",
                            "http://", "https://", "<link", "tEXt" } do
      assert(not text:find(word, 1, true), word)
    end
    has(text, "Which looks \\u003creal>", "default-src 'none'")
  end)

  it("takes keys and clicks and saves the answers", function()
    if not browser() then pending("chromium is not installed") return end
    local dom = drive("", "const wanted = " .. core.json(wanted(RANK)) .. ";\n" .. DRIVER)
    assert.are.equal("before the start: 0 of 8\nspace in the name: 0 of 8\ntoo fast: 0 of 8\n"
      .. "space: 1 of 8\nback: 0 of 8\nspace on a button: 2 of 8\nend: 8 of 8\nshown: end\n"
      .. "file answers-Ada-L.json\nkept: 8", dom:match('<pre id="notes">(.-)</pre>'))
    saved = folder .. "/saved.json"
    core.write(saved, dom:match('<pre id="file">(.-)</pre>'))
    local rater = answers.read({ saved }, key)[1]
    assert.are.same(wanted(RANK), rater.answers)
    assert.are.equal("Ada L.", rater.label)
    assert(rater.seconds[1] >= 0.15 and rater.seconds[1] < 1, rater.seconds[1])
  end)

  it("goes on where it was left, and says when nothing can be kept", function()
    if not browser() then pending("chromium is not installed") return end
    local state = core.json { format = answers.FORMAT, page = key.page, rater = "Bo", sitting = "x",
      answers = { { id = key.questions[1].id, answer = "left" } } }
    local dom = drive(("localStorage.setItem('vaelua-rating-%s', %q)"):format(key.page, state), "")
    has(dom, "go on</button>", ">1 of 8<", "Answers are kept in this browser")
    dom = drive("Object.defineProperty(window, 'localStorage', "
      .. "{ get() { throw new Error('none'); } });", "")
    has(dom, "start</button>", ">0 of 8<", "save before you close the page")
  end)
end)

describe("answers to the page", function()
  it("give preferences, intervals, agreement and rank correlations", function()
    local other = answer_file("bo", wanted { real = 3, ["vae/prior"] = 2, ["ae/prior"] = 1,
                                             vae = 1, ae = 2 })
    local result, raters, reason = rating.read(folder,
      { saved or answer_file("ada", wanted(RANK)), other })
    assert.are.equal(2, #raters)
    assert.is_nil(reason)
    local samples, recon = result[1], result[2]
    local one = samples.pairs[1]
    assert.are.same({ 4, 4, 0, 0 }, { one.n, one.wins_a, one.wins_b, one.none })
    assert.is_near(4 / (4 + 1.959963985 ^ 2), one.low, 1e-9)
    assert.is_near(1, one.high, 1e-12)
    assert.is_near(0.125, one.p, 1e-12)
    assert.is_near(0.375, one.holm, 1e-12)
    assert.are.equal("no preference can be claimed", one.verdict)
    assert.are.same({ 0.5, 0.0, 1.0 }, { samples.sources[1].preference,
      samples.sources[2].preference, samples.sources[3].preference })
    assert.are.equal(0.5, recon.pairs[1].share)
    assert.are.equal(1, samples.agreement.share)
    assert.is_near(1, samples.agreement.alpha, 1e-12)
    assert.are.equal(0, recon.agreement.share)
    assert.is_near(-0.5, recon.agreement.alpha, 1e-12)
    local rho = {}
    for _, c in ipairs(samples.correlations) do rho[c.score] = { c.rho, c.tau } end
    assert.are.same({ distance = { 1, 1 }, size = { -1, -1 } }, rho)
    has(recon.correlations[1].reason, "unit")
    assert.are.equal("people prefer none of the sources", recon.correlations[2].reason)
  end)

  it("name no correlation of two sources, only their order", function()
    local recon = rating.read(folder, { answer_file("ed", wanted(RANK)) })[2]
    local sharp, same = recon.correlations[2], recon.correlations[3]
    assert.is_nil(sharp.rho)
    assert.are.equal("2 sources, against the order that people prefer; no test", sharp.note)
    assert.are.equal("the score is the same for all sources", same.reason)
  end)

  it("count half for each when nobody can tell", function()
    local words = {}
    for _, q in ipairs(key.questions) do words[q.id] = "none" end
    local result = rating.read(folder, { answer_file("nobody", words) })
    assert.are.equal("nobody could tell", result[1].pairs[1].verdict)
    assert.are.equal(0.5, result[1].sources[1].preference)
    assert.are.equal("one rater: nobody to agree with", result[1].agreement.reason)
  end)

  it("that are damaged or of another page are errors", function()
    local words = wanted(RANK)
    local function spoilt(change) return answer_file("spoilt", words, change) end
    refused(folder .. "/nothing.json", "nothing.json: cannot be read; a file of answers")
    core.write(folder .. "/half.json", '{"format": "vaelua ans')
    refused(folder .. "/half.json", "half.json: is damaged: not JSON, but a file of answers")
    refused(folder .. "/key.json", "key.json: is not a file of answers that the page saved")
    refused(spoilt(function(t) t.format = "vaelua answers 2" end),
            "has format 'vaelua answers 2', this program reads 'vaelua answers 1'")
    refused(spoilt(function(t) t.page = "0123" end),
            "has answers to another page (0123); the key is that of page " .. key.page)
    refused(spoilt(function(t) t.answers = {} end), "has no answers")
    refused(spoilt(function(t) t.sitting = nil end), "is damaged: it names no sitting")
    refused(spoilt(function(t) t.answers[2] = { id = "q002" } end),
            "answer 2 has no id or no answer")
    refused(spoilt(function(t) t.answers[2].id = "q900" end),
            "answer 2 is to the question 'q900', which the page does not have")
    refused(spoilt(function(t) t.answers[2].id = "q001" end),
            "the question 'q001' is answered twice")
    refused(spoilt(function(t) t.answers[3].answer = "up" end),
            "answer 3 is 'up'; an answer is left, right or none")
    refused(spoilt(function(t) t.answers[3].seconds = -1 end), "answer 3 took '-1")
  end)

  it("given twice, or twice by one rater, are errors", function()
    local words = wanted(RANK)
    local first = answer_file("Cy", words)
    refused({ first, first }, "is of the same sitting as " .. first .. "; give one of them")
    local again = answer_file("cy2", words, function(t) t.rater = "CY" end)
    refused({ first, again }, "is by 'CY', as is " .. first .. "; one rater may answer a page once")
  end)
end)

describe("the key", function()
  it("must be there and whole", function()
    local function no_key(where, words)
      local ok, e = pcall(rating.read, where, { answer_file("any", wanted(RANK)) })
      assert(not ok)
      has(tostring(e), words)
    end
    no_key("", "rating: answers need key=FOLDER, the folder of the page and its key.json")
    no_key(folder .. "/run", "cannot be read; the key.json that rate.lua wrote beside the page")
    local function spoilt(change)
      local t = core.unjson(read(folder .. "/key.json"), "key")
      change(t)
      core.write(folder .. "/spoilt-key.json", core.json(t))
      return folder .. "/spoilt-key.json"
    end
    no_key(spoilt(function(t) t.format = "?" end), "is not the key.json that rate.lua wrote")
    no_key(spoilt(function(t) t.groups = nil end), "is damaged: it has no page, groups or")
    no_key(spoilt(function(t) t.groups[1].name = nil end), "group 1 is damaged")
    no_key(spoilt(function(t) t.questions[2].group = "x" end), "question 2 is damaged")
    no_key(spoilt(function(t) t.questions[2].left = "x" end),
           "question 2 has a side of no known source")
  end)
end)

describe("groups of pictures", function()
  it("need two sources, enough pictures and a whole number of questions", function()
    local function refuses(list, each, words)
      local ok, e = pcall(rating.write, folder .. "/run", list, { each = each })
      assert(not ok)
      has(tostring(e), words)
      assert(not core.exists(folder .. "/run/rate.html"))
    end
    refuses(groups(), 0, "rating: each must be a whole number of at least 1, got 0")
    refuses(groups(), 5, "rating: vae/prior has 8 pictures, 10 are needed for 5 questions a pair")
    local list = groups()
    list[1].sources = { list[1].sources[1] }
    refuses(list, 2, "rating: 'samples' has 1 source of pictures; two are needed")
  end)
end)

describe("rate.lua", function()
  local function rate(...)
    return core.run_command { program, "--out", folder .. "/runs", "experiments/rate.lua", ... }
  end

  it("prints what answers say, and writes it as tables", function()
    local status, said = rate("answers=" .. answer_file("di", wanted(RANK)), "key=" .. folder)
    assert.are.equal(0, status, said)
    has(said, "1 rater\n", "what people preferred", "do scores agree with people?", "distance",
        "3 sources: the smallest two-sided p of a rank correlation is 0.33")
    has(read(folder .. "/runs/latest/tables/rating-scores.csv"), "samples,distance,,3,1.000")
  end)

  it("shows the newest run of compare.lua, the models of the seed asked for", function()
    local runs = folder .. "/trained"
    local function there(...) return core.run_command { program, "--out", runs, ... } end
    core.write(folder .. "/compare.lua", TRAINING)
    local status, said = there(folder .. "/compare.lua")
    assert.are.equal(0, status, said)
    local trained = core.realpath(runs .. "/latest")
    status, said = there("experiments/rate.lua", "seed=2", "each=1", "samplers=prior")
    assert.are.equal(0, status, said)
    has(said, "of    " .. trained .. ", models of seed 2", "4 questions; give it to people")
    local made = answers.read_key(runs .. "/latest")
    assert.are.equal(trained, made.run)
    assert.are.equal(2, made.seed)
    has(read(runs .. "/latest/rate.html"), made.page)
    assert(not core.exists(runs .. "/latest/picture.png"))
    status, said = there("experiments/rate.lua", "seed=2", "each=1", "samplers=prior")
    assert.are.equal(0, status, said)
    assert.are.equal(made.page, answers.read_key(runs .. "/latest").page)
    local _, none, errors = there("experiments/rate.lua", "seed=9")
    has(none .. (errors or ""), "has no weights of 'vae' for seed 9 (checkpoints/vae-s9-last")
  end)

  it("refuses what it cannot show", function()
    local function refuses(words, ...)
      local status, said, errors = rate(...)
      assert.are_not.equal(0, status)
      has(said .. (errors or ""), words)
    end
    refuses("rate.lua has no setting 'foo'", "foo=1")
    refuses("rating: no run 'nix': neither it nor", "run=nix")
    refuses("rating: no run of compare.lua in ")
    core.write(folder .. "/run/run.json", "{}")
    refuses("its config.lua has no 'z'; a run of compare.lua is needed", "run=" .. folder .. "/run")
    refuses("rating: each must be a whole number of at least 1, got 0", "each=0")
  end)
end)
