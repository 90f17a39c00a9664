// One canvas: each frame is one encoded montage, copied tile by tile so that the gaps take the page's own colour. The frame
// is kept, so that comparing with the originals, enlarging and panning ask the kernel for nothing; only the chosen tile is
// fetched at full resolution, once nothing moves any more.
const MOST = 8, REST_MS = 200, MOVED_PX = 4, BEGIN = 3, END = 10; // letters of a name: at least so many of its beginning, or none

function render({ model, el }) {
  const make = (tag, className = "", properties = {}) => Object.assign(document.createElement(tag), { className, ...properties });
  const root = make("div", "al-view"), hide = make("style"), alert = make("div", "al-alert");
  const stage = make("div", "al-stage"), canvas = make("canvas", "al-grid", { tabIndex: 0 });
  const labels = make("div"), mark = make("div", "al-mark"), caption = make("div", "al-caption");
  const slow = make("div", "al-slow"), bar = make("progress"), cancel = make("button", "al-button", { type: "button", textContent: "Cancel" });
  const foot = make("div", "al-foot"), tools = make("div", "al-tools");
  alert.setAttribute("role", "alert");
  canvas.setAttribute("role", "img");
  labels.setAttribute("aria-hidden", "true");
  bar.setAttribute("aria-label", "drawing");
  tools.setAttribute("role", "toolbar");
  tools.setAttribute("aria-label", "grid");
  cancel.addEventListener("click", () => model.send({ cancel: true }));
  slow.append(bar, cancel);
  stage.append(canvas, labels, mark, slow);
  foot.append(tools, caption);
  root.append(hide, alert, stage, foot);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);

  const percent = (part, whole) => `${(100 * part) / whole}%`, clamp = (value, low, high) => Math.min(high, Math.max(low, value));
  const pen = document.createElement("canvas").getContext("2d"); // measures names
  let seen = { number: 0, places: [], size: [1, 1], origins: [], labels: [], density: 1 }, bitmap = null, painted = -1;
  let mode = "draws", held = false, curtain = 0.5; // how tiles are compared, and where the curtain hangs in each
  let zoom = 1, left = 0, top = 0, close = null, under = -1, timer = 0; // the part of each tile that is seen

  // --- what is seen ------------------------------------------------------------------------------------------------------

  const box = () => [left, top, left + 1 / zoom, top + 1 / zoom];
  const near = () => (model.get("selected") >= 0 ? model.get("selected") : under);
  function put(context, index, original, [x, y, w, h], from, to) {
    // The columns from..to (of 1) of a tile's place, showing the tile or its original.
    const [x0, y0, x1, y1] = box(), part = (x1 - x0) * (to - from), start = x0 + (x1 - x0) * from;
    const fetched = close?.index === index && close.number === seen.number && close.box.every((edge, k) => edge === box()[k]);
    if (fetched) {
      const { width, height } = close.pictures[original ? 1 : 0];
      context.imageSmoothingEnabled = width > w;
      return context.drawImage(close.pictures[original ? 1 : 0], width * from, 0, width * (to - from), height, x + w * from, y, w * (to - from), h);
    }
    const [sx, sy, sw, sh] = seen.places[original ? seen.origins[index] ?? index : index];
    context.imageSmoothingEnabled = zoom === 1;
    context.drawImage(bitmap, sx + start * sw, sy + y0 * sh, part * sw, (y1 - y0) * sh, x + w * from, y, w * (to - from), h);
  }
  function paint() {
    const context = canvas.getContext("2d"), originals = held || mode === "originals";
    if (!bitmap) return;
    context.clearRect(0, 0, canvas.width, canvas.height);
    seen.places.forEach((place, index) => {
      if (originals || mode !== "curtain") return put(context, index, originals, place, 0, 1);
      const [x, y, w, h] = place, at = Math.round(curtain * w) / w;
      if (at > 0) put(context, index, true, place, 0, at);
      if (at < 1) put(context, index, false, place, at, 1);
      context.fillStyle = "#fff";
      context.fillRect(x + Math.round(at * w) - 1, y, 1, h);
      context.fillStyle = "#000";
      context.fillRect(x + Math.round(at * w), y, 1, h);
    });
    canvas.classList.toggle("al-held", originals);
    canvas.classList.toggle("al-zoomed", zoom > 1);
  }
  function shorten() {
    // A name that is too wide for its tile loses letters in its middle: files of one class differ in the end. Where not even
    // those of its end fit beside a beginning, it loses the beginning.
    const scale = canvas.clientWidth / seen.size[0];
    if (!scale || !labels.firstChild) return; // not in sight
    const style = getComputedStyle(labels.firstChild), beside = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
    pen.font = style.font;
    seen.labels.forEach(([index], number) => {
      const name = labels.children[number].firstChild, letters = [...name.title], { length } = letters;
      const room = seen.places[index][2] * scale - beside, fits = (text) => pen.measureText(text).width <= room;
      const shorter = (kept) => {
        const begin = kept - END;
        return begin < BEGIN ? `…${letters.slice(length - kept).join("")}` : `${letters.slice(0, begin).join("")}…${letters.slice(-END).join("")}`;
      };
      let text = name.title;
      for (let kept = length - 1; kept > 0 && !fits(text); kept--) text = shorter(kept);
      name.textContent = text;
    });
  }
  async function draw() {
    const now = model.get("shown"), { number, data, mime, size: [width, height], density } = now;
    if (!number) return;
    const next = await createImageBitmap(new Blob([data], { type: mime }));
    if (number < painted) return next.close();
    painted = number;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.style.width = `${width / density}px`;
    bitmap?.close();
    bitmap = next;
    seen = { ...now, data: null };
    paint();
    model.send({ painted: number });
    canvas.setAttribute("aria-label", now.alt);
    labels.replaceChildren(...now.labels.map(([index, text]) => {
      const whole = text.replaceAll(" ", "\u00a0").replaceAll("\u00a0·\u00a0", " · ");  // on a small tile lines end at the dots
      const label = make("span", "al-label"), [x, y, w, h] = now.places[index], first = whole.split(" · ")[0];
      label.append(make("span", "al-cut", { title: first, textContent: first }), whole.slice(first.length));
      Object.assign(label.style, { left: percent(x, width), top: percent(y + h, height), maxWidth: percent(w, width) });
      return label;
    }));
    shorten();
    Object.assign(canvas.dataset, { frame: number, sharp: mime === "image/png" });
    select();
    fetch();
  }

  // --- enlarged ----------------------------------------------------------------------------------------------------------

  function look(factor, x = left + 0.5 / zoom, y = top + 0.5 / zoom) {
    zoom = clamp(factor, 1, MOST);
    left = clamp(x - 0.5 / zoom, 0, 1 - 1 / zoom);
    top = clamp(y - 0.5 / zoom, 0, 1 - 1 / zoom);
    paint();
    state();
    fetch();
  }
  function fetch() {
    clearTimeout(timer);
    if (zoom === 1 || seen.mime !== "image/png" || near() < 0) return; // what still moves is not worth it
    timer = setTimeout(() => model.send({ closer: seen.number, tile: near(), zoom, box: box() }), REST_MS);
  }
  async function answered(message, buffers) {
    if (!message.closer) return;
    const { closer: number, tile: index, box: part } = message.closer;
    const pictures = await Promise.all(buffers.map((png) => createImageBitmap(new Blob([png], { type: "image/png" }))));
    close?.pictures.forEach((picture) => picture.close());
    close = { number, index, box: part, pictures };
    paint();
    canvas.dataset.closer = `${index} ${zoom}`;
  }

  // --- tools -------------------------------------------------------------------------------------------------------------

  const tool = (text, label, action, title) => {
    const made = make("button", "al-tool", { type: "button", textContent: text, title });
    made.setAttribute("aria-label", label);
    made.addEventListener("click", action);
    tools.append(made);
    return made;
  };
  const compare = (which) => { mode = mode === which ? "draws" : which; paint(); state(); };
  const originals = tool("Originals", "show the originals", () => compare("originals"), "show the originals in place of the draws; or hold O");
  const cut = tool("Curtain", "compare behind a curtain", () => compare("curtain"), "the original left of the pointer, the draw right of it; C, and [ ] to move it");
  const smaller = tool("−", "smaller", () => look(zoom / 2), "smaller (−)");
  const factor = tool("1×", "whole tiles", () => look(1), "whole tiles (0)");
  const larger = tool("+", "larger", () => look(zoom * 2), "enlarge all tiles alike (+, or Ctrl and the wheel); drag to move; the chosen tile is shown at full resolution");
  function state() {
    originals.setAttribute("aria-pressed", String(mode === "originals"));
    cut.setAttribute("aria-pressed", String(mode === "curtain"));
    factor.textContent = `${+zoom.toFixed(1)}×`;
    smaller.disabled = zoom <= 1;
    larger.disabled = zoom >= MOST;
  }
  function words() {
    const twin = model.get("twin");
    hide.textContent = twin ? `.${twin} { display: none !important; }` : "";
    alert.textContent = model.get("error");
    caption.textContent = model.get("caption");
    root.classList.toggle("al-stale", model.get("stale"));
    slow.style.display = model.get("progress") ? "" : "none";
    bar.value = model.get("progress");
  }
  function hold(now) {
    if (held === now) return;
    held = now;
    paint();
  }
  function select() {
    const place = seen.places[model.get("selected")], [width, height] = seen.size;
    mark.style.display = place ? "block" : "none";
    if (!place) return;
    const [x, y, w, h] = place;
    Object.assign(mark.style, { left: percent(x, width), top: percent(y, height), width: percent(w, width), height: percent(h, height) });
  }
  function choose(index) {
    if (index < -1 || index >= seen.places.length) return;
    model.set("selected", index);
    model.save_changes();
    fetch();
  }

  // --- mouse, touch, keys ------------------------------------------------------------------------------------------------

  // Which tile the pointer is on, and where in it (of 1).
  function at(event) {
    const frame = canvas.getBoundingClientRect(), x = ((event.clientX - frame.left) * canvas.width) / frame.width;
    const y = ((event.clientY - frame.top) * canvas.height) / frame.height;
    const index = seen.places.findIndex(([x0, y0, w, h]) => x >= x0 && x < x0 + w && y >= y0 && y < y0 + h);
    if (index < 0) return { index };
    const [x0, y0, w, h] = seen.places[index];
    return { index, x: (x - x0) / w, y: (y - y0) / h };
  }
  let pressed = null;
  canvas.addEventListener("pointerdown", (event) => {
    const { index, x, y } = at(event);
    pressed = { index, x, y, from: [event.clientX, event.clientY], origin: [left, top], moved: false };
    if (zoom > 1) canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    const { index, x } = at(event);
    if (index >= 0 && index !== under) {
      under = index;
      fetch();
    }
    if (pressed && Math.hypot(event.clientX - pressed.from[0], event.clientY - pressed.from[1]) > MOVED_PX) pressed.moved = true;
    if (pressed?.moved && zoom > 1 && pressed.index >= 0) {
      const [, , w, h] = seen.places[pressed.index], scale = canvas.width / canvas.getBoundingClientRect().width;
      const [dx, dy] = [((event.clientX - pressed.from[0]) * scale) / w, ((event.clientY - pressed.from[1]) * scale) / h];
      return look(zoom, pressed.origin[0] + (0.5 - dx) / zoom, pressed.origin[1] + (0.5 - dy) / zoom);
    }
    if (mode === "curtain" && index >= 0) {
      curtain = x;
      paint();
    }
  });
  for (const event of ["pointerup", "pointercancel"]) canvas.addEventListener(event, () => setTimeout(() => { pressed = null; }));
  canvas.addEventListener("click", (event) => {
    if (pressed?.moved) return;
    const { index } = at(event);
    choose(index === model.get("selected") ? -1 : index);
  });
  // A wheel alone scrolls the page; with Ctrl, or two fingers spread, it enlarges about the pointer.
  canvas.addEventListener("wheel", (event) => {
    const { index, x, y } = at(event);
    if (!event.ctrlKey || index < 0) return;
    event.preventDefault();
    const next = clamp(zoom * Math.exp(-event.deltaY / 200), 1, MOST);
    look(next, left + x / zoom + (0.5 - x) / next, top + y / zoom + (0.5 - y) / next);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key];
    const [dx, dy] = arrow ?? [0, 0], pan = 0.1 / zoom, shown = seen.columns || 1;
    const action = {
      Escape: () => choose(-1), o: () => hold(true), c: () => compare("curtain"), "+": () => look(zoom * 2), "-": () => look(zoom / 2), 0: () => look(1),
      "[": () => { curtain = clamp(curtain - 0.05, 0, 1); paint(); }, "]": () => { curtain = clamp(curtain + 0.05, 0, 1); paint(); },
    }[event.key] ?? (arrow && (() => {
      if (event.shiftKey) return look(zoom, left + 0.5 / zoom + dx * pan, top + 0.5 / zoom + dy * pan);
      choose(model.get("selected") < 0 ? 0 : Math.max(0, model.get("selected") + dx + dy * shown));
    }));
    if (!action) return;
    event.preventDefault();
    action();
  });
  canvas.addEventListener("keyup", (event) => { if (event.key === "o") hold(false); });
  canvas.addEventListener("blur", () => hold(false));

  // A page that is moved to another screen, or enlarged, has other pixels.
  let screen = null;
  function dense() {
    const density = clamp(window.devicePixelRatio || 1, 1, 3);
    if (density !== model.get("density")) {
      model.set("density", density);
      model.save_changes();
    }
    screen?.removeEventListener("change", dense);
    screen = matchMedia(`(resolution: ${window.devicePixelRatio}dppx)`);
    screen.addEventListener("change", dense);
  }

  const room = new ResizeObserver(shorten);
  room.observe(canvas);
  const watched = { "change:shown": draw, "change:selected": select, "msg:custom": answered };
  for (const name of ["twin", "error", "caption", "stale", "progress"]) watched[`change:${name}`] = words;
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  state();
  words();
  draw();
  dense();
  return () => {
    for (const [event, action] of Object.entries(watched)) model.off(event, action);
    screen.removeEventListener("change", dense);
    room.disconnect();
    clearTimeout(timer);
    bitmap?.close();
    close?.pictures.forEach((picture) => picture.close());
  };
}

export default { render };
