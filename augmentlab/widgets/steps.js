// The pipeline as a list: switch a step on or off, select it, move it, remove it; a grouped menu adds one.
const SVG = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="1.6"/></svg>`;
const ICONS = { up: SVG("M4 10l4-4 4 4"), down: SVG("M4 6l4 4 4-4"), remove: SVG("M4 4l8 8M12 4l-8 8") };

function render({ model, el }) {
  const make = (tag, properties = {}, label = "") => {
    const node = Object.assign(document.createElement(tag), properties);
    if (label) node.setAttribute("aria-label", label);
    return node;
  };
  const root = make("div", { className: "al-steps" }), list = make("ol"), menu = make("select", { className: "al-select" }, "add a transform");
  root.append(list, menu);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);

  function button(action, label, index, disabled) {
    const node = make("button", { type: "button", className: "al-icon", title: label, innerHTML: ICONS[action], disabled }, label);
    node.dataset.action = action;
    node.addEventListener("click", () => model.send({ [action]: index }));
    return node;
  }
  function refresh() {
    // The list is rebuilt; whoever stood on the third "move up" by keyboard still stands there afterwards.
    const active = list.contains(document.activeElement) ? document.activeElement : null;
    const focus = active && [active.closest("li").dataset.index, active.dataset.action];
    const steps = model.get("steps"), selected = model.get("selected");
    list.replaceChildren(...steps.map((step, index) => {
      const item = make("li", { className: index === selected ? "al-selected" : "" });
      item.dataset.index = index;
      const on = make("input", { type: "checkbox", checked: step.on }, `${step.name} on`);
      on.dataset.action = "toggle";
      on.addEventListener("change", () => model.send({ toggle: index }));
      const name = make("button", { type: "button", className: "al-step", title: step.code });
      name.dataset.action = "select";
      name.append(Object.assign(make("span"), { textContent: step.name }), Object.assign(make("span", { className: "al-quiet" }), { textContent: step.note }));
      name.setAttribute("aria-pressed", String(index === selected));
      name.addEventListener("click", () => model.send({ select: index }));
      item.classList.toggle("al-off", !step.on);
      item.append(on, name, button("up", `move ${step.name} up`, index, index === 0),
        button("down", `move ${step.name} down`, index, index === steps.length - 1), button("remove", `remove ${step.name}`, index, false));
      return item;
    }));
    if (!steps.length) list.append(Object.assign(make("li", { className: "al-quiet al-empty" }), { textContent: "No steps yet: the draws are the originals." }));
    if (focus) list.querySelector(`li[data-index="${focus[0]}"] [data-action="${focus[1]}"]`)?.focus();
  }
  function catalog() {
    menu.replaceChildren(make("option", { value: "", textContent: "+ Add a transform …" }), ...model.get("catalog").map(([label, names]) => {
      const group = make("optgroup", { label });
      group.append(...names.map((name) => make("option", { value: name, textContent: name })));
      return group;
    }));
  }
  menu.addEventListener("change", () => { if (menu.value) model.send({ add: menu.value }); menu.value = ""; });
  const watched = { "change:steps": refresh, "change:selected": refresh, "change:catalog": catalog };
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  catalog();
  refresh();
  return () => { for (const [event, action] of Object.entries(watched)) model.off(event, action); };
}

export default { render };
