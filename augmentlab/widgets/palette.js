// The palette: a button that opens a search field and the cards below it. The panel stands in the page's flow, since what
// floats is cut off by the output areas of JupyterLab. The focus stays in the search field: arrows walk through the cards.
const SIDE = 72, GAP = 4;
let opened = 0; // makes ids unique

// Spelling and signs aside: "Colour-jitter" is found as "color jitter".
const fold = (text) => text.toLowerCase().replaceAll("colour", "color").replaceAll("grey", "gray").replace(/[^\p{L}\p{N}]+/gu, " ").trim();

function render({ model, el }) {
  const make = (tag, properties = {}, attributes = {}) => {
    const node = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    return node;
  };
  const id = `al-palette-${++opened}`;
  const root = make("div", { className: "al-palette" });
  const button = make("button", { type: "button", className: "al-button al-add", textContent: "+ Add a transform" }, { "aria-expanded": "false" });
  const panel = make("div", { className: "al-panel", hidden: true });
  const search = make("input", { type: "search", className: "al-text", placeholder: "Search: rotate, blur, hue …", autocomplete: "off", spellcheck: false }, {
    role: "combobox", "aria-label": "search transforms", "aria-expanded": "true", "aria-autocomplete": "list", "aria-controls": `${id}-list`,
  });
  const list = make("div", { className: "al-cards", id: `${id}-list` }, { role: "listbox", "aria-label": "transforms" });
  const said = make("div", { className: "al-said al-quiet" }, { role: "status" });
  panel.append(search, list, said);
  root.append(button, panel);
  el.append(root);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });

  let families = [], shown = [], active = null, bitmap = null, places = {}, decoded = 0;

  function card(name, sentence, also, family) {
    const option = make("div", { className: "al-card", id: `${id}-${name}`, title: sentence }, { role: "option", "aria-selected": "false" });
    const picture = make("canvas", { width: 2 * SIDE + GAP, height: SIDE }, { "aria-hidden": "true" }), words = make("div");
    words.append(make("b", { textContent: name }), make("span", { className: "al-quiet", textContent: sentence }));
    option.append(picture, words);
    option.addEventListener("click", () => { activate(option, false); add(); });
    const spaced = fold(name.replace(/([a-z])([A-Z])/g, "$1 $2"));
    return { name, option, picture, spaced, text: `${fold(name)} ${spaced} ${fold(family)} ${fold(sentence)} ${fold(also)}` };
  }
  function build() {
    families = model.get("catalog").map(([family, cards]) => {
      const group = make("div", {}, { role: "group", "aria-label": family }), head = make("div", { className: "al-family", textContent: family }, { "aria-hidden": "true" });
      return { group, head, cards: cards.map(([name, sentence, also]) => card(name, sentence, also, family)) };
    });
    filter();
    paint();
  }
  // How well a card answers: 0 its name begins so, 1 a word of its name does, 2 its name holds it, 3 what is said of it does.
  function rank({ spaced, text }, query) {
    if (!query.split(" ").every((word) => text.includes(word))) return Infinity;
    const name = spaced.replaceAll(" ", ""), packed = query.replaceAll(" ", "");
    if (name.startsWith(packed)) return 0;
    if (` ${spaced}`.includes(` ${query}`)) return 1;
    return name.includes(packed) ? 2 : 3;
  }
  function filter() {
    const query = fold(search.value);
    const ranked = families.map(({ group, head, cards }) => {
      const found = cards.map((one) => [rank(one, query), one]).filter(([how]) => how < Infinity).sort((a, b) => a[0] - b[0]);
      return { group, head, found, best: found[0]?.[0] };
    }).filter(({ found }) => found.length).sort((a, b) => a.best - b.best);
    shown = ranked.flatMap(({ found }) => found.map(([, one]) => one));
    for (const { group, head, found } of ranked) group.replaceChildren(head, ...found.map(([, one]) => one.option));
    list.replaceChildren(...ranked.map(({ group }) => group));
    if (!shown.length) list.append(make("div", { className: "al-quiet al-none", textContent: `No transform matches “${search.value}”.` }));
    activate(shown[0]?.option);
  }
  function activate(option, scroll = true) {
    active?.setAttribute("aria-selected", "false");
    active = option ?? null;
    active?.setAttribute("aria-selected", "true");
    if (active) search.setAttribute("aria-activedescendant", active.id);
    else search.removeAttribute("aria-activedescendant");
    if (!active || !scroll) return;
    // Not scrollIntoView, which moves the whole notebook. The family's name stays on top of its cards.
    const top = active.offsetTop - 26, bottom = active.offsetTop + active.offsetHeight;
    if (shown[0]?.option === active) list.scrollTop = 0;
    else if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }
  function walk(by) {
    const place = shown.findIndex(({ option }) => option === active);
    activate(shown[Math.min(shown.length - 1, Math.max(0, place + by))]?.option);
  }
  // It stays open: several are added one after the other, and the grid beside it shows each at once.
  function add() {
    const chosen = shown.find(({ option }) => option === active);
    if (chosen) model.send({ add: chosen.name });
  }
  function open(now) {
    if (panel.hidden === !now) return;
    panel.hidden = !now;
    button.setAttribute("aria-expanded", String(now));
    model.send({ open: now });
    said.textContent = "";
    if (!now) return button.focus();
    search.value = "";
    filter();
    search.focus({ preventScroll: true });
  }
  async function decode() {
    const bytes = model.get("sprite"), where = model.get("places"), number = ++decoded;
    const next = bytes?.byteLength ? await createImageBitmap(new Blob([bytes], { type: "image/jpeg" })) : null;
    if (number !== decoded) return next?.close();
    bitmap?.close();
    [bitmap, places] = [next, where];
    paint();
  }
  function paint() {
    for (const { cards } of families) {
      for (const { name, picture } of cards) {
        const context = picture.getContext("2d"), drawn = Boolean(bitmap && places[name]);
        context.clearRect(0, 0, picture.width, picture.height);
        picture.classList.toggle("al-drawn", drawn);
        if (!drawn) continue;
        for (const [left, [x, y, w, h]] of [[0, places[""]], [SIDE + GAP, places[name]]]) {
          context.drawImage(bitmap, x, y, w, h, left + (SIDE - w) / 2, (SIDE - h) / 2, w, h);
        }
      }
    }
  }
  button.addEventListener("click", () => open(panel.hidden));
  search.addEventListener("input", filter);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the search field
  panel.addEventListener("keydown", (event) => {
    const action = {
      ArrowDown: () => walk(1), ArrowUp: () => walk(-1), PageDown: () => walk(5), PageUp: () => walk(-5),
      Enter: () => { add(); search.select(); }, Escape: () => open(false),
    }[event.key];
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  });
  const watched = { "change:catalog": build, "change:sprite": decode, "change:said": () => { said.textContent = model.get("said"); } };
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  build();
  decode();
  return () => {
    for (const [event, action] of Object.entries(watched)) model.off(event, action);
    if (!panel.hidden) model.send({ open: false });
  };
}

export default { render };
