--[[ rating/page.lua - the blind page: one HTML file that opens from disk and asks for nothing else.

  It holds pictures and questions, not where a picture comes from: that is in key.json, which the
  rater does not get.  Answers are kept in the browser's storage, where it has one for files, and
  saved as a file by a button. ]]

local core = require "vaelua.core"
local html = require "vaelua.report.html"

local M = {}

local STYLE = [[
:root{color-scheme:light dark;--ink:#1c2126;--soft:#5c6670;--page:#f6f7f8;--card:#fff;
--line:#d5dade;--mark:#0b62a8;--on:#fff}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ec;--soft:#9aa5af;--page:#14171a;
--card:#1d2226;--line:#363e45;--mark:#6db3f2;--on:#0b1218}}
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;background:var(--page);
color:var(--ink);font:17px/1.5 system-ui,sans-serif}
header{display:flex;align-items:center;gap:1rem;padding:.7rem 1rem;
border-bottom:1px solid var(--line);color:var(--soft)}
progress{flex:1;min-width:4rem;height:.5rem;appearance:none;border:0;border-radius:.25rem;
overflow:hidden;background:var(--line)}
progress::-webkit-progress-bar{background:var(--line)}
progress::-webkit-progress-value{background:var(--mark)}
progress::-moz-progress-bar{background:var(--mark)}
main{flex:1;width:100%;max-width:56rem;margin:0 auto;padding:1rem;text-align:center;
display:flex;flex-direction:column;justify-content:center}
h1{font-size:1.35rem;line-height:1.3;margin:.2rem 0 1rem}
button{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:.5rem;padding:.55rem 1.1rem;cursor:pointer}
button:hover{border-color:var(--mark)}
button:focus-visible,input:focus-visible{outline:3px solid var(--mark);outline-offset:2px}
button.main{background:var(--mark);border-color:var(--mark);color:var(--on);font-weight:600}
button:disabled{opacity:.45;cursor:default;border-color:var(--line)}
.pair{display:flex;gap:1.2rem;justify-content:center}
.pair button{flex:1;max-width:22rem;padding:.8rem;display:flex;flex-direction:column;gap:.5rem;
align-items:center}
img{display:block;width:100%;max-width:min(20rem,38vh);aspect-ratio:1;object-fit:contain;
image-rendering:pixelated;background:#000;border-radius:.25rem}
figure{margin:0 auto 1rem;width:min(10rem,20vh)}
figcaption,.soft{color:var(--soft);font-size:.92rem}
.under{display:flex;gap:.8rem;justify-content:center;margin-top:1.1rem;flex-wrap:wrap}
.intro{text-align:left;max-width:34rem;margin:0 auto}
label{display:block;margin:1rem 0}
input{font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:.5rem;padding:.45rem .7rem;width:100%;max-width:20rem;display:block;
margin-top:.25rem}
kbd{font:inherit;font-size:.86em;border:1px solid var(--line);border-radius:.3rem;
padding:.05rem .35rem;background:var(--card)}
@media (max-width:32rem){.pair{gap:.6rem}.pair button{padding:.4rem}figure{width:8rem}
.keys{display:none}h1{font-size:1.15rem}}
]]

local BODY = [[
<header><span id="count"></span><progress id="bar" value="0" max="1"
aria-label="answered questions"></progress><button id="save" type="button">save answers</button>
</header>
<main>
<section id="intro" class="intro">
<h1>Which picture?</h1>
<p>You will see <b id="total"></b> questions, two pictures each. Choose the one that answers the
question better. There is no right answer to find; the first impression is what counts, and
&ldquo;can&rsquo;t tell&rdquo; is a good answer too.</p>
<p class="keys">Keys: <kbd>&larr;</kbd> or <kbd>1</kbd> left, <kbd>&rarr;</kbd> or <kbd>2</kbd>
right, <kbd>space</kbd> or <kbd>0</kbd> can&rsquo;t tell, <kbd>backspace</kbd> one back.</p>
<p>At the end save the answers as a file and hand that file back. Nothing is sent anywhere.</p>
<label>Name or initials, if you like <input id="rater" maxlength="60" autocomplete="off"></label>
<p><button id="start" class="main" type="button">start</button>
<button id="afresh" type="button" hidden>another person: start afresh</button></p>
<p id="storage" class="soft"></p>
</section>
<section id="ask" hidden>
<h1 id="question" aria-live="polite"></h1>
<figure id="original"><img id="beside" alt="the original"><figcaption>original</figcaption></figure>
<div class="pair"><button id="left" type="button"><img id="left-picture" alt="left picture">
<span>left</span></button><button id="right" type="button"><img id="right-picture"
alt="right picture"><span>right</span></button></div>
<div class="under"><button id="back" type="button">back</button>
<button id="none" type="button">can&rsquo;t tell</button></div>
<p class="soft keys"><kbd>&larr;</kbd> <kbd>&rarr;</kbd> choose &middot; <kbd>space</kbd>
can&rsquo;t tell &middot; <kbd>backspace</kbd> one back</p>
</section>
<section id="end" hidden>
<h1>All questions are answered. Thank you!</h1>
<p>Save the answers and hand the file back.</p>
<div class="under"><button id="back-end" type="button">back</button>
<button id="save-end" class="main" type="button">save answers</button></div>
<p id="saved" class="soft" aria-live="polite"></p>
</section>
</main>
]]

local SCRIPT = [[
"use strict";
(function () {
  const data = JSON.parse(document.getElementById("data").textContent);
  const at = id => document.getElementById(id);
  const place = "vaelua-rating-" + data.page;
  const fresh = () => ({ format: data.format, page: data.page, rater: "", sitting: sitting(),
                         started: new Date().toISOString(), answers: [] });
  let storage = true, began = 0, on = "intro";

  function sitting() {
    const numbers = crypto.getRandomValues(new Uint32Array(3));
    return Array.from(numbers, n => n.toString(16).padStart(8, "0")).join("");
  }

  // Answers are those to the first questions, in their order.
  function usable(kept) {
    return kept && kept.page === data.page && kept.format === data.format &&
      Array.isArray(kept.answers) && kept.answers.length <= data.questions.length &&
      kept.answers.every((a, i) => a.id === data.questions[i].id);
  }

  function load() {
    try {
      const kept = JSON.parse(localStorage.getItem(place));
      if (usable(kept)) return kept;
    } catch (e) { /* nothing usable is kept: begin anew */ }
    return fresh();
  }

  let state = load();

  function keep() {
    try {
      localStorage.setItem(place, JSON.stringify(state));
      storage = true;
    } catch (e) { storage = false; }
  }

  function show() {
    const done = state.answers.length, total = data.questions.length;
    if (on !== "intro") on = done < total ? "ask" : "end";
    for (const id of ["intro", "ask", "end"]) at(id).hidden = id !== on;
    at("count").textContent = done + " of " + total;
    at("bar").max = total;
    at("bar").value = done;
    at("save").disabled = done === 0;
    at("save").hidden = on === "end";
    at("back").disabled = done === 0;
    if (on !== "ask") return;
    const q = data.questions[done];
    at("question").textContent = q.ask;
    at("left-picture").src = q.left;
    at("right-picture").src = q.right;
    at("original").hidden = !q.beside;
    if (q.beside) at("beside").src = q.beside; else at("beside").removeAttribute("src");
    began = performance.now();
  }

  function change() {
    delete state.saved;
    at("saved").textContent = "";
    keep();
    show();
  }

  function answer(word) {
    const taken = performance.now() - began;
    if (on !== "ask" || taken < 150) return;      // a double click is not two answers
    const seconds = Math.round(taken / 10) / 100;
    state.answers.push({ id: data.questions[state.answers.length].id, answer: word,
                         seconds: seconds, at: new Date().toISOString() });
    change();
  }

  function back() {
    if (on === "intro" || state.answers.length === 0) return;
    state.answers.pop();
    change();
  }

  function start() {
    on = "ask";
    show();
    if (document.activeElement) document.activeElement.blur();
  }

  // Another person at the same browser.
  function afresh() {
    if (!state.saved && !confirm("The answers so far were not saved as a file. Drop them?")) return;
    state = fresh();
    on = "intro";
    keep();
    greet();
    show();
  }

  function greet() {
    at("rater").value = state.rater;
    at("start").textContent = state.answers.length > 0 ? "go on" : "start";
    at("afresh").hidden = state.answers.length === 0;
  }

  function save() {
    state.saved = new Date().toISOString();
    keep();
    const file = new Blob([JSON.stringify(state, null, 1) + "\n"], { type: "application/json" });
    const link = document.createElement("a");
    const who = state.rater.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
    link.download = "answers-" + (who || state.sitting.slice(0, 6)) + ".json";
    link.href = URL.createObjectURL(file);
    document.body.appendChild(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    at("saved").textContent = "saved as " + link.download;
  }

  const KEYS = { ArrowLeft: "left", 1: "left", ArrowRight: "right", 2: "right", " ": "none",
                 0: "none" };

  // What a key does here; a button that has the focus keeps its own keys.
  function action(e) {
    if (e.target instanceof HTMLButtonElement && (e.key === " " || e.key === "Enter")) return null;
    if (e.target instanceof HTMLInputElement && e.key !== "Enter") return null;
    if (e.key === "Enter") return on === "intro" ? start : on === "end" ? save : null;
    if (e.key === "Backspace") return back;
    return on === "ask" && KEYS[e.key] ? () => answer(KEYS[e.key]) : null;
  }

  document.addEventListener("keydown", function (e) {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    const act = action(e);
    if (!act) return;
    e.preventDefault();
    if (!e.repeat) act();
  });
  window.addEventListener("beforeunload", function (e) {
    if (!storage && state.answers.length > 0 && !state.saved) e.preventDefault();
  });

  for (const side of ["left", "right", "none"]) {
    at(side).addEventListener("click", function () { this.blur(); answer(side); });
  }
  at("back").addEventListener("click", function () { this.blur(); back(); });
  at("back-end").addEventListener("click", back);
  at("save").addEventListener("click", function () { this.blur(); save(); });
  at("save-end").addEventListener("click", save);
  at("start").addEventListener("click", start);
  at("afresh").addEventListener("click", afresh);
  at("rater").addEventListener("input", function () { state.rater = this.value.trim(); keep(); });
  at("total").textContent = data.questions.length;
  greet();
  keep();
  at("storage").textContent = storage
    ? "Answers are kept in this browser: you may close the page and go on later."
    : "This browser keeps nothing for pages from disk: save before you close the page.";
  show();
})();
]]

-- Nothing is loaded from anywhere, whatever a picture or a text may say.
local POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
  .. "script-src 'unsafe-inline'"

--- The page of questions { id, ask, left, right, beside = PNG bytes }; page: its id.
function M.page(page, questions, format)
  local list = {}
  local function source(png) return png and "data:image/png;base64," .. html.base64(png) end
  for i, q in ipairs(questions) do
    list[i] = { id = q.id, ask = q.ask, left = source(q.left), right = source(q.right),
                beside = source(q.beside) }
  end
  local data = core.json({ format = format, page = page, questions = list }):gsub("<", "\\u003c")
  return table.concat { '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
    '<meta name="viewport" content="width=device-width,initial-scale=1">\n',
    '<meta http-equiv="Content-Security-Policy" content="', POLICY, '">\n',
    "<title>Which picture?</title>\n<style>\n", STYLE, "</style>\n</head>\n<body>\n", BODY,
    '<script type="application/json" id="data">', data, "</script>\n<script>\n", SCRIPT,
    "</script>\n</body>\n</html>\n" }
end

return M
