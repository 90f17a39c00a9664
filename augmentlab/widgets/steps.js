// The pipeline as a list: switch a step on or off and select it; what can be done with the selected one stands above the
// list, and below it a grouped menu adds one. A step is named by its path: [2] is the third, [2, 0] the first inside it.
const SVG = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;
const ICONS = {
  undo: SVG("M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6"), redo: SVG("M10 3l3 3-3 3M13 6H6.5a3.5 3.5 0 0 0 0 7H10"),
  up: SVG("M4 10l4-4 4 4"), down: SVG("M4 6l4 4 4-4"), remove: SVG("M4 4l8 8M12 4l-8 8"),
  duplicate: SVG("M6 6h7v7H6zM3 10V3h7"), unwrap: SVG("M3 3h10v10H3zM6 8h4"),
};

function render({ model, el }) {
  const make = (tag, properties = {}, label = "") => {
    const node = Object.assign(document.createElement(tag), properties);
    if (label) node.setAttribute("aria-label", label);
    return node;
  };
  const root = make("div", { className: "al-steps" }), bar = make("div", { className: "al-stepbar" }), list = make("ol");
  const menu = make("select", { className: "al-select" }, "add a transform");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "pipeline");
  root.append(bar, list, menu);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);
  const same = (a, b) => a.length === b.length && a.every((place, k) => place === b[k]);
  const chosen = () => model.get("steps").find((step) => same(step.path, model.get("selected")));

  function button(action, label, message, disabled) {
    const node = make("button", { type: "button", className: "al-icon", title: label, innerHTML: ICONS[action], disabled }, label);
    node.dataset.action = action;
    node.addEventListener("click", () => model.send(message));
    return node;
  }
  function tools() {
    const step = chosen(), [undo, redo] = model.get("can"), name = step?.name ?? "the selected step", path = step?.path ?? [];
    const wrap = make("select", { className: "al-select al-wrap", disabled: !step, title: "put the selected step into a group" }, `put ${name} into`);
    wrap.append(make("option", { value: "", textContent: "Group …" }), ...model.get("groups").map((group) => make("option", { value: group, textContent: group })));
    wrap.dataset.action = "wrap";
    wrap.addEventListener("change", () => { if (wrap.value) model.send({ wrap: path, name: wrap.value }); wrap.value = ""; });
    return [
      button("undo", "undo", { undo: true }, !undo), button("redo", "redo", { redo: true }, !redo), make("span", { className: "al-gap" }),
      button("up", `move ${name} up`, { up: path }, !step), button("down", `move ${name} down`, { down: path }, !step),
      button("duplicate", `duplicate ${name}`, { duplicate: path }, !step), wrap,
      button("unwrap", `take the steps out of ${name}`, { unwrap: path }, !step?.group),
      button("remove", `remove ${name}`, { remove: path }, !step),
    ];
  }
  function row(step) {
    const item = make("li", { className: same(step.path, model.get("selected")) ? "al-selected" : "" });
    item.dataset.path = step.path.join("-");
    item.style.marginLeft = `${18 * (step.path.length - 1)}px`;
    const on = make("input", { type: "checkbox", checked: step.on }, `${step.name} on`);
    on.dataset.action = "toggle";
    on.addEventListener("change", () => model.send({ toggle: step.path }));
    const name = make("button", { type: "button", className: "al-step", title: step.code });
    name.dataset.action = "select";
    name.append(make(step.group ? "em" : "span", { textContent: step.name }), make("span", { className: "al-quiet", textContent: step.note }));
    name.setAttribute("aria-pressed", String(item.className === "al-selected"));
    name.addEventListener("click", () => model.send({ select: step.path }));
    item.classList.toggle("al-off", !step.on);
    item.append(on, name);
    if (step.error) {
      const error = make("div", { className: "al-error", textContent: step.error });
      error.setAttribute("role", "alert");
      item.append(error);
    }
    return item;
  }
  function refresh() {
    // All is built anew; whoever stood somewhere by keyboard still stands there afterwards.
    const active = root.contains(document.activeElement) ? document.activeElement : null, action = active?.dataset.action;
    const inList = list.contains(active), path = active?.closest("li")?.dataset.path;
    bar.replaceChildren(...tools());
    list.replaceChildren(...model.get("steps").map(row));
    if (!model.get("steps").length) list.append(make("li", { className: "al-quiet al-empty", textContent: "No steps yet: the draws are the originals." }));
    if (!action) return;
    const target = inList ? list.querySelector(`li[data-path="${path}"] [data-action="${action}"]`) : bar.querySelector(`[data-action="${action}"]`);
    (target?.disabled ? bar.querySelector("button:not(:disabled)") : target)?.focus();
  }
  function catalog() {
    menu.replaceChildren(make("option", { value: "", textContent: "+ Add a transform …" }), ...model.get("catalog").map(([label, names]) => {
      const group = make("optgroup", { label });
      group.append(...names.map((name) => make("option", { value: name, textContent: name })));
      return group;
    }));
  }
  menu.addEventListener("change", () => { if (menu.value) model.send({ add: menu.value }); menu.value = ""; });
  list.addEventListener("keydown", (event) => {
    const step = chosen();
    const key = (event.altKey ? "Alt+" : "") + (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.shiftKey ? "Shift+" : "") + event.key;
    const message = {
      "Ctrl+z": { undo: true }, "Ctrl+Shift+Z": { redo: true }, "Ctrl+y": { redo: true },
      "Alt+ArrowUp": step && { up: step.path }, "Alt+ArrowDown": step && { down: step.path }, Delete: step && { remove: step.path },
    }[key];
    if (!message) return;
    event.preventDefault();
    event.stopPropagation();
    model.send(message);
  });
  const watched = { "change:steps": refresh, "change:selected": refresh, "change:can": refresh, "change:catalog": catalog };
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  catalog();
  refresh();
  return () => { for (const [event, action] of Object.entries(watched)) model.off(event, action); };
}

export default { render };
