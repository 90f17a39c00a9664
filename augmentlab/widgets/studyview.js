// A study: how far it is, a row an arm with its interval on a common axis, and below the table what is behind the chosen arm.
// Rows are kept from one state to the next, so that dots and intervals glide and whoever walks by keyboard stays where they are.
let count = 0;

function render({ model, el }) {
  const page = `page-${Date.now()}-${++count}`;
  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const button = (className, text, title = "") => Object.assign(make("button", className, text), { type: "button", title });
  const { name, words: about, verdicts } = model.get("about");
  const root = make("section", "al-view al-study"), hide = make("style");
  root.setAttribute("aria-label", `study ${name}`);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });

  // --- head: what it is, how far it is
  const head = make("div", "al-study-head");
  head.append(make("strong", "", name), make("span", "al-quiet", about));
  const bar = make("div", "al-study-bar"), act = button("al-button al-act", ""), progress = make("progress"), status = make("span", "al-study-status");
  const alert = make("div", "al-alert");
  progress.setAttribute("aria-label", "trials");
  status.setAttribute("role", "status");
  alert.setAttribute("role", "alert");
  act.addEventListener("click", () => {
    const stop = model.get("status").action === "stop";
    model.send(stop ? { stop: true } : { run: true });
    act.disabled = true;
    if (stop) status.textContent = "Stopping";
  });
  bar.append(act, progress, status);

  // --- filters
  const filters = make("div", "al-study-filters"), search = make("input", "al-text"), chips = make("div", "al-tags"), found = make("span", "al-quiet");
  const clear = button("al-button", "Clear", "show all arms");
  Object.assign(search, { type: "search", placeholder: "Search arms", spellcheck: false });
  search.setAttribute("aria-label", "search arms");
  chips.setAttribute("role", "group");
  chips.setAttribute("aria-label", "steps: press once for arms with a step, twice for arms without it");
  search.addEventListener("input", () => model.send({ search: search.value }));
  search.addEventListener("keydown", (event) => event.stopPropagation());
  clear.addEventListener("click", () => { search.value = ""; model.send({ clear: true }); });
  for (const step of model.get("steps")) {
    const chip = button("al-tag", "");
    chip.dataset.step = step;
    chip.addEventListener("click", () => {
      // Only this step is told: of the others the kernel may know more by now.
      const must = model.get("tags")[step];
      model.send({ tag: step, must: must === undefined ? true : must ? false : null });
    });
    chips.append(chip);
  }
  filters.append(search, chips, clear, found);

  // --- table
  const scroll = make("div", "al-study-scroll"), table = make("table", "al-forest"), thead = make("thead"), body = make("tbody");
  const columns = [["arm", "Arm", "name"], ["mean", "Mean"], ["plot", ""], ["difference", "Difference", "difference"], ["interval", "95 % interval"], ["p", "p", "p"], ["verdict", "Verdict"], ["draws", "Draws"]];
  const line = make("tr"), heads = {};
  table.setAttribute("aria-label", "arms compared with the control");
  for (const [key, text, sort] of columns) {
    const cell = Object.assign(make("th", `al-c-${key}`), { scope: "col" });
    if (sort) {
      const sorter = button("al-sort", text, `sort by ${sort}`);
      sorter.addEventListener("click", () => model.send({ sort }));
      cell.append(sorter);
      heads[sort] = cell;
    } else if (key !== "plot") cell.textContent = text;
    line.append(cell);
  }
  const axis = make("div", "al-axis"), caption = make("div", "al-axis-label");
  line.querySelector(".al-c-plot").append(caption, axis);
  thead.append(line);
  table.append(thead, body);
  scroll.append(table);

  // --- what it says, what failed, the chosen arm
  const words = make("div", "al-study-words"), failures = make("details", "al-failures"), failed = make("summary"), failedList = make("div");
  const detail = make("section", "al-arm-detail");
  failures.setAttribute("aria-label", "failed trials");
  failures.append(failed, failedList);
  root.append(hide, head, bar, alert, filters, scroll, words, failures, detail);
  el.append(root);

  // --- rows
  const percent = (value) => { const { low, high } = model.get("axis"); return `${(100 * (value - low)) / (high - low)}%`; };
  function marker(verdict) {
    const style = verdicts[verdict], svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", "-6 -6 12 12");
    svg.setAttribute("aria-hidden", "true");
    if (!style) return svg;
    const shapes = { o: "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0", s: "M-3.8 -3.8h7.6v7.6h-7.6z", D: "M0 -5L5 0L0 5L-5 0z", d: "M0 -5L3 0L0 5L-3 0z" };
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", shapes[style.marker] ?? shapes.o);
    svg.style.setProperty("--al-mark-line", style.color);
    svg.style.setProperty("--al-mark-fill", style.markerfacecolor === "white" ? "var(--al-field)" : style.markerfacecolor);
    svg.append(path);
    return svg;
  }
  const nodes = new Map();
  let current = "";
  function nodeOf(label) {
    if (nodes.has(label)) return nodes.get(label);
    const item = make("tr"), name = Object.assign(make("th", "al-c-arm"), { scope: "row" }), open = button("al-arm-name", label);
    const cells = Object.fromEntries(columns.slice(1).map(([key]) => [key, make("td", `al-c-${key}`)]));
    const plot = make("div", "al-plot"), rope = make("span", "al-rope"), zero = make("span", "al-zero"), span = make("span", "al-interval"), dot = make("span", "al-mark-at");
    plot.append(rope, zero, span, dot);
    plot.setAttribute("aria-hidden", "true");
    cells.plot.append(plot);
    name.append(open);
    item.append(name, ...Object.values(cells));
    item.dataset.arm = label;
    item.addEventListener("click", (event) => { if (!event.target.closest(".al-arm-name")) choose(label); });
    open.addEventListener("click", () => choose(label));
    open.addEventListener("focus", () => walk(label));
    const node = { item, open, cells, rope, zero, span, dot, shown: "" };
    nodes.set(label, node);
    return node;
  }
  function choose(label) {
    walk(label);
    model.send({ choose: model.get("chosen") === label ? "" : label });
  }
  function walk(label) {
    current = label;
    for (const [one, { open }] of nodes) open.tabIndex = one === label ? 0 : -1;
  }
  function place(node, { difference, low, high }) {
    const ready = "low" in model.get("axis"), there = ready && difference !== null, { rope } = model.get("axis");
    for (const part of ["rope", "zero"]) node[part].hidden = !ready;
    node.dot.hidden = !there;
    node.span.hidden = !there || low === null;
    if (!ready) return;
    Object.assign(node.rope.style, { left: percent(-rope), width: `calc(${percent(rope)} - ${percent(-rope)})` });
    node.zero.style.left = percent(0);
    if (there) node.dot.style.left = percent(difference);
    if (there && low !== null) Object.assign(node.span.style, { left: percent(low), width: `calc(${percent(high)} - ${percent(low)})` });
  }
  function fill(node, row) {
    const { open, cells, item } = node, text = JSON.stringify(row);
    place(node, row);
    if (node.shown === text) return;
    node.shown = text;
    open.title = row.code;
    item.className = `al-${row.role}${row.draws || row.role === "baseline" ? "" : " al-waiting"}`;
    for (const key of ["mean", "difference", "interval", "p"]) cells[key].textContent = row.words[key] ?? "";
    const tried = make("span", "", row.words.draws ?? "");
    cells.draws.replaceChildren(tried, ...(row.failed ? [" ", make("span", "al-failed", `${row.failed} failed`)] : []));
    const style = verdicts[row.verdict];
    if (style) node.span.style.setProperty("--al-mark-line", style.color);
    node.dot.replaceChildren(...(style ? [marker(row.verdict)] : []));
    const word = row.verdict || (row.role === "baseline" ? "reference" : "no result yet");
    cells.verdict.replaceChildren(...(style ? [marker(row.verdict)] : []), make("span", "", word));
    cells.verdict.title = row.words.needed ?? "";
  }
  function refresh() {
    const rows = model.get("rows"), order = model.get("order"), focused = root.contains(document.activeElement) && document.activeElement;
    const shown = order.map((index) => rows[index]).filter(Boolean);
    const before = new Map([...body.children].map((item) => [item, item.offsetTop]));
    const wanted = shown.map((row) => { const node = nodeOf(row.label); fill(node, row); return node.item; });
    if (wanted.length !== body.children.length || wanted.some((item, index) => item !== body.children[index])) {
      body.replaceChildren(...wanted);
      // Each row glides from where it was.
      if (!matchMedia("(prefers-reduced-motion: reduce)").matches) for (const item of wanted) {
        const by = (before.get(item) ?? item.offsetTop) - item.offsetTop;
        if (by) item.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], { duration: 350, easing: "ease-out" });
      }
      if (focused && focused.isConnected && document.activeElement !== focused) focused.focus({ preventScroll: true });
    }
    if (!shown.some((row) => row.label === current)) walk(shown[0]?.label ?? "");
    else walk(current);
    const arms = rows.filter((row) => row.role === "arm").length, left = shown.filter((row) => row.role === "arm").length;
    found.textContent = left === arms ? "" : `${left} of ${arms} arms`;
    const { ticks = [], label = "" } = model.get("axis");
    caption.textContent = caption.title = label ? `difference to the control, ${label}` : "";
    axis.replaceChildren(...ticks.map(({ at, text }) => {
      const tick = make("span", "al-tick", text);
      tick.style.left = percent(at);
      return tick;
    }));
    thin();
  }
  // Where the column is narrow, every second (third, ...) number stands, counted from 0, instead of all on top of each other.
  function thin() {
    const marks = [...axis.children], wide = Math.max(0, ...marks.map((mark) => mark.offsetWidth)) + 4;
    if (!axis.clientWidth) return; // not laid out yet
    const every = Math.ceil((wide * (marks.length - 1)) / axis.clientWidth), zero = Math.max(0, marks.findIndex((mark) => mark.textContent === "0"));
    marks.forEach((mark, index) => { mark.style.visibility = every > 1 && (index - zero) % every ? "hidden" : ""; });
  }
  function filtered() {
    const tags = model.get("tags");
    if (document.activeElement !== search) search.value = model.get("search");
    for (const chip of chips.children) {
      const { step } = chip.dataset, must = Object.hasOwn(tags, step) ? tags[step] : undefined;
      chip.textContent = must === undefined ? step : `${must ? "+" : "−"} ${step}`;
      chip.classList.toggle("al-with", must === true);
      chip.classList.toggle("al-without", must === false);
      chip.setAttribute("aria-label", `${step}: ${must === undefined ? "with or without" : must ? "only with" : "only without"}`);
    }
    clear.hidden = !model.get("search") && !Object.keys(tags).length;
    const sort = model.get("sort"), ways = { difference: "descending", name: "ascending", p: "ascending" };
    for (const [key, cell] of Object.entries(heads)) cell.setAttribute("aria-sort", key === sort ? ways[key] : "none");
  }

  // --- status, words, failures
  const ACTS = { start: "Start", resume: "Resume", retry: "Retry failed", stop: "Stop" };
  function state() {
    const { words: said, action, done, total, stopping, busy } = model.get("status");
    status.textContent = said;
    Object.assign(progress, { max: total || 1, value: done });
    act.textContent = ACTS[action] ?? "";
    act.hidden = !action;
    act.disabled = Boolean(stopping);
    act.classList.toggle("al-busy", busy);
    alert.textContent = model.get("error");
    hide.textContent = model.get("twin") ? `.${model.get("twin")} { display: none !important; }` : "";
  }
  function said() {
    words.replaceChildren(...model.get("words").split("\n").filter(Boolean).map((text) => make("div", "", text)));
    // It grows and never shrinks while a study runs, so that what is below it rests.
    const height = words.getBoundingClientRect().height;
    if (height) words.style.minHeight = `${Math.max(height, parseFloat(words.style.minHeight) || 0)}px`;
  }
  function broken() {
    const { shown = [], more = 0 } = model.get("failures");
    failures.hidden = !shown.length;
    failed.textContent = `${shown.length + more} trial${shown.length + more === 1 ? "" : "s"} failed; the others go on`;
    const opened = new Set([...failedList.querySelectorAll("details[open]")].map((one) => one.dataset.trial));
    failedList.replaceChildren(...shown.map(({ arm, draw, message, traceback }) => {
      const one = make("details"), top = make("summary"), trial = `${arm} ${draw}`;
      one.dataset.trial = trial;
      one.open = opened.has(trial);
      top.append(make("strong", "", `${arm}, draw ${draw}`), make("span", "", ` ${message}`));
      one.append(top, make("pre", "", traceback || "no traceback is stored"));
      return one;
    }), ...(more ? [make("div", "al-quiet", `and ${more} more`)] : []));
  }

  // --- the chosen arm
  const title = make("h4"), tools = make("div", "al-study-bar"), copy = button("al-button", "Copy code"), ask = button("al-button", "Confirm on the locked test…"), shut = button("al-button", "Close");
  const copied = make("span", "al-quiet"), code = make("pre", "al-arm-code"), confirmed = make("div", "al-confirmed"), question = make("div", "al-ask");
  const asked = make("div"), yes = button("al-button", "Open the locked test"), no = button("al-button", "Cancel");
  const looks = make("div", "al-looks"), gridFigure = make("figure"), grid = make("img"), gridSaid = make("figcaption"), hardFigure = make("figure"), hard = make("div", "al-hard"), hardSaid = make("figcaption");
  const numbers = make("div", "al-numbers");
  copied.setAttribute("role", "status");
  question.setAttribute("role", "group");
  question.setAttribute("aria-label", "open the locked test");
  question.append(asked, yes, no);
  tools.append(copy, ask, shut, copied);
  gridFigure.append(gridSaid, grid);
  hardFigure.append(hardSaid, hard);
  looks.append(gridFigure, hardFigure);
  detail.append(title, tools, question, confirmed, code, looks, numbers);
  copy.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(code.textContent); }
    catch { getSelection().selectAllChildren(code); document.execCommand("copy"); }
    copied.textContent = "Copied";
    setTimeout(() => { copied.textContent = ""; }, 1500);
  });
  function asking(now) {
    question.hidden = !now;
    if (now) yes.focus();
  }
  ask.addEventListener("click", () => asking(true));
  no.addEventListener("click", () => { asking(false); ask.focus(); });
  yes.addEventListener("click", () => { model.send({ confirm: model.get("detail").label }); asking(false); copy.focus(); });
  shut.addEventListener("click", () => { nodes.get(model.get("chosen"))?.open.focus(); model.send({ choose: "" }); });
  let seen = "";
  function chosen() {
    const { label = "", code: text = "", draws = [], confirm = "", confirmed: result = "", openings = 0 } = model.get("detail");
    for (const [one, { item, open }] of nodes) {
      item.classList.toggle("al-chosen", one === label);
      open.setAttribute("aria-pressed", String(one === label));
    }
    detail.hidden = !label;
    detail.setAttribute("aria-label", `arm ${label}`);
    title.textContent = label;
    code.textContent = text;
    ask.hidden = confirm !== "ask";
    if (confirm !== "ask" || label !== seen) question.hidden = true;
    const times = openings === 0 ? "It was never opened before." : `It was opened ${openings} time${openings === 1 ? "" : "s"} before, so that what it says is no longer independent.`;
    asked.textContent = `${label} and the control are trained once more and predict images that no choice has seen. ${times} Each opening is counted.`;
    confirmed.textContent = result;
    confirmed.hidden = !result;
    const grown = draws.length ? [lines(draws)] : [make("div", "al-quiet", "No draw is complete yet.")];
    numbers.replaceChildren(...grown);
    if (label && label !== seen) requestAnimationFrame(() => detail.scrollIntoView({ block: "nearest", behavior: "smooth" }));
    seen = label;
    pictured();
  }
  function lines(draws) {
    const made = make("table", "al-draws"), control = model.get("detail").role === "baseline";
    const rows = [["draw", "draw"], ["control", "control"], ...(control ? [] : [["arm", model.get("detail").label], ["difference", "difference"]])];
    for (const [key, text] of rows) {
      const row = make("tr");
      row.append(Object.assign(make("th", "", text), { scope: "row", title: text }), ...draws.map((draw) => make(key === "draw" ? "th" : "td", "", draw[key])));
      made.append(row);
    }
    made.setAttribute("aria-label", "numbers of each draw");
    return made;
  }
  function pictured() {
    const { label, grid: source = "", alt = "", error = "", hardest = [] } = model.get("pictures"), now = label === model.get("detail").label;
    looks.classList.toggle("al-drawing", !now);
    gridSaid.textContent = now ? error || "Training images, each followed by seven draws" : "Drawing";
    grid.hidden = !now || !source;
    if (now && source && grid.src !== source) Object.assign(grid, { src: source, alt });
    hardFigure.hidden = now && !hardest.length;
    hardSaid.textContent = "Validation images that it gets wrong most often, and in how many draws";
    hard.replaceChildren(...(now ? hardest : []).map(({ picture, truth, share }) => {
      const figure = make("figure"), image = make("img"), caption = make("figcaption");
      Object.assign(image, { src: picture, alt: `${truth}, ${share}` });
      caption.append(make("strong", "", truth), make("span", "al-quiet", share));
      figure.append(image, caption);
      return figure;
    }));
  }

  // --- keys, what is seen
  body.addEventListener("keydown", (event) => {
    const arms = [...body.querySelectorAll(".al-arm-name")], at = arms.indexOf(event.target);
    const next = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: arms.length - 1 }[event.key];
    if (at < 0 || next === undefined) return;
    arms[Math.max(0, Math.min(arms.length - 1, next))].focus();
    event.preventDefault();
    event.stopPropagation();
  });
  detail.addEventListener("keydown", (event) => { if (event.key === "Escape") { event.stopPropagation(); question.hidden ? shut.click() : no.click(); } });
  let inSight = false, told = null;
  function tell() {
    const now = inSight && document.visibilityState === "visible";
    if (now !== told) model.send({ seen: page, now });
    told = now;
  }
  const sight = new IntersectionObserver((entries) => { inSight = entries[entries.length - 1].isIntersecting; tell(); });
  const gone = () => model.send({ seen: page, now: false });
  sight.observe(root);
  document.addEventListener("visibilitychange", tell);
  window.addEventListener("pagehide", gone);

  const watched = {
    "change:rows": refresh, "change:order": refresh, "change:axis": refresh, "change:tags": filtered, "change:search": filtered, "change:sort": filtered,
    "change:status": state, "change:error": state, "change:twin": state, "change:words": said, "change:failures": broken,
    "change:detail": chosen, "change:pictures": pictured,
  };
  const room = new ResizeObserver(thin);
  room.observe(axis);
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  for (const action of [refresh, filtered, state, said, broken, chosen]) action();
  asking(false);
  return () => {
    for (const [event, action] of Object.entries(watched)) model.off(event, action);
    sight.disconnect();
    room.disconnect();
    document.removeEventListener("visibilitychange", tell);
    window.removeEventListener("pagehide", gone);
    gone();
  };
}

export default { render };
