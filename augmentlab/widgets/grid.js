// One canvas: each frame is one encoded montage, copied tile by tile so that the gaps take the page's own colour.
function render({ model, el }) {
  const make = (tag, className) => Object.assign(document.createElement(tag), { className });
  const root = make("div", "al-view"), hide = make("style", ""), alert = make("div", "al-alert");
  const stage = make("div", "al-stage"), canvas = make("canvas", "al-grid");
  const labels = make("div", ""), mark = make("div", "al-mark"), caption = make("div", "al-caption");
  alert.setAttribute("role", "alert");
  canvas.setAttribute("role", "img");
  canvas.tabIndex = 0;
  stage.append(canvas, labels, mark);
  labels.setAttribute("aria-hidden", "true");
  root.append(hide, alert, stage, caption);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);
  const percent = (part, whole) => `${(100 * part) / whole}%`;
  let painted = -1;

  async function draw() {
    const id = model.get("frame_id"), bytes = model.get("frame");
    if (!bytes || !bytes.byteLength) return;
    const places = model.get("places"), [width, height] = model.get("size");
    const bitmap = await createImageBitmap(new Blob([bytes], { type: model.get("mime") }));
    if (id < painted) return bitmap.close();
    painted = id;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, width, height);
    for (const [x, y, w, h] of places) context.drawImage(bitmap, x, y, w, h, x, y, w, h);
    bitmap.close();
    canvas.setAttribute("aria-label", model.get("alt"));
    labels.replaceChildren(...model.get("labels").map(([index, text]) => {
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
    if (!step) return;
    event.preventDefault();
    choose(model.get("selected") < 0 ? 0 : Math.max(0, model.get("selected") + step));
  });
  const watched = { "change:frame_id": draw, "change:selected": select };
  for (const name of ["twin", "error", "caption"]) watched[`change:${name}`] = words;
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  words();
  draw();
  return () => { for (const [event, action] of Object.entries(watched)) model.off(event, action); };
}

export default { render };
