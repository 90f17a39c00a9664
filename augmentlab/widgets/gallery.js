// A page of draws on one canvas, over each tile a button that is pressed where the label is lost; beside it the draw under
// the pointer large, with its original; below it what the marks say of each step. The frame holds the originals too.
function render({ model, el }) {
  const make = (tag, className = "", text = "") => Object.assign(document.createElement(tag), { className, textContent: text });
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  const root = make("div", "al-view al-gallery"), hide = make("style"), alert = make("div", "al-alert");
  const bar = make("div", "al-gallery-bar"), status = make("span", "al-quiet");
  const body = make("div", "al-gallery-body"), stage = make("div", "al-stage"), canvas = make("canvas", "al-grid");
  const tiles = make("div"), lens = make("div", "al-lens"), question = make("div", "al-question");
  const slow = make("div", "al-slow"), progress = make("progress"), table = make("table", "al-report"), note = make("div", "al-gallery-note");
  alert.setAttribute("role", "alert");
  status.setAttribute("role", "status");
  canvas.setAttribute("role", "img");
  bar.setAttribute("role", "toolbar");
  tiles.setAttribute("role", "group");
  bar.setAttribute("aria-label", "pages");
  tiles.setAttribute("aria-label", "draws; a pressed one lost its label");
  progress.setAttribute("aria-label", "drawing");
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  function button(text, title, message) {
    const node = Object.assign(make("button", "al-button", text), { type: "button", title });
    node.addEventListener("click", () => model.send(message()));
    return node;
  }
  const previous = button("‹ Previous", "the page before, with its marks (P)", () => ({ previous: page }));
  const done = button("Page done", "what is not marked on this page kept its label (D)", () => ({ done: page }));
  const next = button("Next page ›", "this page is done: show new draws (N)", () => ({ next: page }));
  const undo = button("Undo mark", "take the last mark back (U)", () => ({ undo: true }));
  const actions = { n: next, p: previous, d: done, u: undo };
  const magnified = ["original", "draw"].map((name) => {
    const figure = make("figure"), picture = Object.assign(make("canvas"), { width: 190, height: 190 }), caption = make("figcaption", "", name);
    picture.setAttribute("aria-hidden", "true");
    figure.append(picture, caption);
    lens.append(figure);
    return { picture, caption };
  });
  const words = make("div", "al-steps-drawn");
  lens.append(words);
  bar.append(previous, done, next, undo, status);
  slow.append(progress, button("Cancel", "stop drawing", () => ({ cancel: true })));
  stage.append(canvas, tiles, slow);
  body.append(stage, lens);
  const keys = make("div", "al-gallery-note", "Click a tile, or walk with the arrow keys and press Space. O held shows the originals; N next page, P previous, D page done, U undo.");
  root.append(hide, question, alert, bar, body, keys, table, note);
  el.append(root);

  // What is on the screen; the model may be one page ahead.
  let painted = -1, bitmap = null, held = false, shown = [], size = [1, 1], columns = 1, page = 0, current = 0, looked = -1;

  function paint() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    for (const { place, original } of shown) {
      const [x, y, w, h] = place, [sx, sy, sw, sh] = held ? original : place;
      // An original of another size stands centred where the draw stood, no larger than its cell.
      context.drawImage(bitmap, sx, sy, sw, sh, x + (w - sw) / 2, y + (h - sh) / 2, sw, sh);
    }
  }
  function look(index) {
    const tile = shown[index];
    looked = index;
    if (!tile || !bitmap) return;
    [tile.original, tile.place].forEach(([x, y, w, h], which) => {
      const { picture } = magnified[which], context = picture.getContext("2d");
      const zoom = Math.min(picture.width / w, picture.height / h), across = w * zoom, down = h * zoom;
      context.clearRect(0, 0, picture.width, picture.height);
      context.imageSmoothingEnabled = w >= 64; // small images show their pixels
      context.drawImage(bitmap, x, y, w, h, (picture.width - across) / 2, (picture.height - down) / 2, across, down);
    });
    magnified[0].caption.textContent = `original: ${tile.name}`;
    magnified[1].caption.textContent = `draw ${tile.number}`;
    words.replaceChildren(...(tile.steps.length ? tile.steps : ["no step at work"]).map((text) => make("div", "", text)));
  }
  function tileAt(index) {
    const node = make("button", "al-tile");
    node.type = "button";
    node.append(make("span", "al-tile-label"), make("span", "al-lost-badge"));
    node.addEventListener("click", () => { walk(index); model.send({ mark: shown[index].number }); });
    node.addEventListener("pointerenter", () => look(index));
    node.addEventListener("focus", () => { walk(index); look(index); });
    return node;
  }
  function walk(index) {
    if (index < 0 || index >= shown.length) return;
    tiles.children[current]?.setAttribute("tabindex", "-1");
    current = index;
    tiles.children[current].setAttribute("tabindex", "0");
  }
  function arrange() {
    // Buttons are kept from page to page, so that whoever walks by keyboard stays where they are.
    const [width, height] = size, inside = tiles.contains(document.activeElement);
    while (tiles.children.length < shown.length) tiles.append(tileAt(tiles.children.length));
    while (tiles.children.length > shown.length) tiles.lastChild.remove();
    shown.forEach(({ place: [x, y, w, h], label }, index) => {
      const node = tiles.children[index];
      Object.assign(node.style, { left: percent(x, width), top: percent(y, height), width: percent(w, width), height: percent(h, height) });
      node.firstChild.textContent = label;
      node.tabIndex = -1;
    });
    walk(Math.min(current, shown.length - 1));
    if (inside) tiles.children[current].focus();
    look(looked < 0 ? current : Math.min(looked, shown.length - 1));
    mark();
  }
  function mark() {
    const lost = new Set(model.get("lost"));
    shown.forEach(({ number, label }, index) => {
      const node = tiles.children[index], is = lost.has(number);
      node.setAttribute("aria-pressed", String(is));
      node.setAttribute("aria-label", `draw ${number}, ${label}${is ? ", label lost" : ""}`);
      node.lastChild.textContent = is ? "✕ lost" : "";
    });
  }
  async function draw() {
    const bytes = model.get("frame"), id = model.get("frame_id");
    if (!bytes?.byteLength) return;
    // Taken before the picture is decoded, while which the next one may arrive.
    const now = ["tiles", "size", "columns", "page", "alt"].map((name) => model.get(name));
    const decoded = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
    if (id < painted) return decoded.close();
    painted = id;
    bitmap?.close();
    bitmap = decoded;
    [shown, size, columns, page] = now;
    if (canvas.width !== size[0] || canvas.height !== size[1]) Object.assign(canvas, { width: size[0], height: size[1] });
    canvas.setAttribute("aria-label", now[4]);
    previous.disabled = page === 0;
    paint();
    arrange();
    canvas.dataset.frame = id;
  }
  const share = (value) => `${Math.round(100 * value)} %`;
  function interval({ share: value, low, high }) {
    const cell = make("td", "al-share");
    if (value === null) return cell;
    const line = make("span", "al-line"), span = make("span", "al-span"), dot = make("span", "al-dot");
    Object.assign(span.style, { left: percent(low, 1), width: percent(high - low, 1) });
    dot.style.left = percent(value, 1);
    line.append(span, dot);
    cell.append(line, make("span", "", `${share(value)} (${share(low)} to ${share(high)})`));
    return cell;
  }
  function report() {
    const rows = model.get("report"), compared = rows.some((row) => row.seen_without);
    const heads = ["step", "seen", "lost", "share lost, 95 % interval", ...(compared ? ["without it"] : []), "drawn in the lost"];
    const head = make("thead"), line = make("tr"), lines = make("tbody");
    line.append(...heads.map((text) => Object.assign(make("th", "", text), { scope: "col" })));
    head.append(line);
    for (const row of rows) {
      const item = make("tr"), name = Object.assign(make("th", "", row.step), { scope: "row", title: row.code });
      const lost = make("td", "al-count", String(row.lost)), why = make("td", "al-why");
      if (row.waiting) lost.append(make("span", "al-quiet", ` +${row.waiting}`));
      lost.title = row.waiting ? `${row.waiting} marked on a page that is not done yet` : "";
      if (row.rule) why.append(make("strong", "", row.rule));
      if (row.lost_values) why.append(make("div", "al-quiet", `${row.lost_values}${row.kept_values ? `; kept: ${row.kept_values}` : ""}`));
      item.append(name, make("td", "al-count", String(row.seen)), lost, interval(row));
      if (compared) item.append(make("td", "al-count", row.seen_without ? `${share(row.lost_without / row.seen_without)} of ${row.seen_without}` : ""));
      item.append(why);
      lines.append(item);
    }
    table.replaceChildren(head, lines);
  }
  function text() {
    const twin = model.get("twin");
    hide.textContent = twin ? `.${twin} { display: none !important; }` : "";
    question.textContent = model.get("question");
    alert.textContent = model.get("error");
    status.textContent = model.get("status");
    note.textContent = model.get("footnote");
    slow.style.display = model.get("progress") ? "" : "none";
    progress.value = model.get("progress");
  }
  function hold(now) {
    if (held === now || !bitmap) return;
    held = now;
    canvas.classList.toggle("al-held", held);
    paint();
  }
  root.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    const key = event.key.toLowerCase();
    if (key === "o") hold(true);
    else if (step && tiles.contains(event.target)) tiles.children[Math.max(0, Math.min(shown.length - 1, current + step))].focus();
    else if (actions[key] && !event.repeat) actions[key].click();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  root.addEventListener("keyup", (event) => { if (event.key.toLowerCase() === "o") hold(false); });
  root.addEventListener("focusout", () => hold(false));
  const watched = { "change:frame_id": draw, "change:lost": mark, "change:report": report };
  for (const name of ["twin", "question", "error", "status", "footnote", "progress"]) watched[`change:${name}`] = text;
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  text();
  report();
  draw();
  return () => { for (const [event, action] of Object.entries(watched)) model.off(event, action); };
}

export default { render };
