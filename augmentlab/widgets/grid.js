// One canvas: each frame is one encoded montage, copied tile by tile so that the gaps take the page's own colour.
function render({ model, el }) {
  const make = (tag, className) => Object.assign(document.createElement(tag), { className });
  const root = make("div", "al-view"), hide = make("style", ""), alert = make("div", "al-alert");
  const stage = make("div", "al-stage"), canvas = make("canvas", "al-grid");
  const labels = make("div", ""), mark = make("div", "al-mark"), caption = make("div", "al-caption");
  const slow = make("div", "al-slow"), bar = document.createElement("progress"), cancel = make("button", "al-button");
  alert.setAttribute("role", "alert");
  canvas.setAttribute("role", "img");
  canvas.tabIndex = 0;
  stage.append(canvas, labels, mark);
  labels.setAttribute("aria-hidden", "true");
  bar.setAttribute("aria-label", "drawing");
  Object.assign(cancel, { type: "button", textContent: "Cancel" });
  cancel.addEventListener("click", () => model.send({ cancel: true }));
  slow.append(bar, cancel);
  stage.append(slow);
  root.append(hide, alert, stage, caption);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  let painted = -1, bitmap = null, held = false, seen = { places: [], size: [1, 1], origins: [], labels: [] };

  // The frame is kept, so that tiles can show their originals (held) without asking the kernel.
  function paint() {
    const { places, origins, size: [width, height] } = seen;
    const context = canvas.getContext("2d");
    if (!bitmap) return;
    context.clearRect(0, 0, width, height);
    places.forEach(([x, y, w, h], index) => {
      const [sx, sy, sw, sh] = places[held ? origins[index] ?? index : index];
      context.drawImage(bitmap, sx, sy, sw, sh, x, y, w, h);
    });
  }
  async function draw() {
    const id = model.get("frame_id"), bytes = model.get("frame");
    if (!bytes || !bytes.byteLength) return;
    // Taken before the picture is decoded, while which the next one may arrive.
    const now = Object.fromEntries(Object.keys(seen).map((name) => [name, model.get(name)])), { places, size: [width, height] } = now;
    const alt = model.get("alt");
    const next = await createImageBitmap(new Blob([bytes], { type: model.get("mime") }));
    if (id < painted) return next.close();
    painted = id;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    bitmap?.close();
    bitmap = next;
    seen = now;
    paint();
    canvas.setAttribute("aria-label", alt);
    labels.replaceChildren(...now.labels.map(([index, text]) => {
      const label = Object.assign(make("span", "al-label"), { textContent: text }), [x, y, w, h] = places[index];
      Object.assign(label.style, { left: percent(x, width), top: percent(y + h, height), maxWidth: percent(w, width) });
      return label;
    }));
    canvas.dataset.frame = id;
    select();
  }
  function words() {
    const twin = model.get("twin");
    hide.textContent = twin ? `.${twin} { display: none !important; }` : "";
    alert.textContent = model.get("error");
    caption.textContent = model.get("caption");
    slow.style.display = model.get("progress") ? "" : "none";
    bar.value = model.get("progress");
  }
  function hold(now) {
    if (held === now) return;
    held = now;
    canvas.classList.toggle("al-held", held);
    paint();
  }
  function select() {
    const place = model.get("places")[model.get("selected")], [width, height] = model.get("size");
    mark.style.display = place ? "block" : "none";
    if (!place) return;
    const [x, y, w, h] = place;
    Object.assign(mark.style, { left: percent(x, width), top: percent(y, height), width: percent(w, width), height: percent(h, height) });
  }
  function choose(index) {
    if (index < -1 || index >= model.get("places").length) return;
    model.set("selected", index);
    model.save_changes();
  }
  canvas.addEventListener("click", (event) => {
    const box = canvas.getBoundingClientRect(), x = ((event.clientX - box.left) * canvas.width) / box.width;
    const y = ((event.clientY - box.top) * canvas.height) / box.height;
    const index = model.get("places").findIndex(([left, top, w, h]) => x >= left && x < left + w && y >= top && y < top + h);
    choose(index === model.get("selected") ? -1 : index);
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: model.get("columns"), ArrowUp: -model.get("columns") }[event.key];
    if (event.key === "Escape") choose(-1);
    if (event.key === "o") hold(true);
    if (!step) return;
    event.preventDefault();
    choose(model.get("selected") < 0 ? 0 : Math.max(0, model.get("selected") + step));
  });
  canvas.addEventListener("keyup", (event) => { if (event.key === "o") hold(false); });
  canvas.addEventListener("blur", () => hold(false));
  const watched = { "change:frame_id": draw, "change:selected": select };
  for (const name of ["twin", "error", "caption", "progress"]) watched[`change:${name}`] = words;
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  words();
  draw();
  return () => { for (const [event, action] of Object.entries(watched)) model.off(event, action); };
}

export default { render };
