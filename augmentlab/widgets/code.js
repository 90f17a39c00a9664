// Tabs of text to copy: the pipeline as code, as JSON, and the chosen tile's draw.
let count = 0;

function render({ model, el }) {
  const id = `al-code-${++count}`;
  const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);
  const root = make("div", { className: "al-code" }), bar = make("div", { className: "al-tabs" }), tabs = make("div");
  const area = make("textarea", { id, readOnly: true, spellcheck: false, wrap: "off" });
  const copy = make("button", { type: "button", className: "al-button", textContent: "Copy" });
  const said = make("span", { className: "al-quiet" });
  said.setAttribute("role", "status");
  tabs.setAttribute("role", "tablist");
  area.setAttribute("role", "tabpanel");
  bar.append(tabs, said, copy);
  root.append(bar, area);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);

  function refresh() {
    const texts = model.get("texts"), shown = texts.some(([name]) => name === model.get("shown")) ? model.get("shown") : (texts[0] || [""])[0];
    const focused = tabs.contains(document.activeElement);
    tabs.replaceChildren(...texts.map(([name]) => {
      const tab = make("button", { type: "button", textContent: name, tabIndex: name === shown ? 0 : -1 });
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(name === shown));
      tab.setAttribute("aria-controls", id);
      tab.addEventListener("click", () => { model.set("shown", name); model.save_changes(); });
      return tab;
    }));
    if (focused) tabs.querySelector('[aria-selected="true"]')?.focus();
    const text = (texts.find(([name]) => name === shown) || ["", ""])[1];
    if (area.value !== text) area.value = text;
    area.rows = Math.min(14, Math.max(3, text.split("\n").length));
    area.setAttribute("aria-label", shown);
  }
  tabs.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], all = [...tabs.children];
    if (!step) return;
    event.preventDefault();
    all[(all.indexOf(document.activeElement) + step + all.length) % all.length].click();
  });
  copy.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(area.value); }
    catch { area.select(); document.execCommand("copy"); }
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = ""; }, 1500);
  });
  model.on("change:texts", refresh);
  model.on("change:shown", refresh);
  refresh();
  return () => { model.off("change:texts", refresh); model.off("change:shown", refresh); };
}

export default { render };
