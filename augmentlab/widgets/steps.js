// The pipeline as a list: switch a step on or off, select it, drag it to another place; what can be done with the selected
// one stands above the list. A step is named by its path: [2] is the third, [2, 0] the first inside it.
const SVG = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true"><path d="${path}" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>`;
const ICONS = {
  grip: `<svg viewBox="0 0 8 16" aria-hidden="true"><path d="M2 4h.01M6 4h.01M2 8h.01M6 8h.01M2 12h.01M6 12h.01" stroke="currentColor" stroke-width="2" stroke-linecap="round"/></svg>`,
  undo: SVG("M6 3L3 6l3 3M3 6h6.5a3.5 3.5 0 0 1 0 7H6"), redo: SVG("M10 3l3 3-3 3M13 6H6.5a3.5 3.5 0 0 0 0 7H10"),
  up: SVG("M4 10l4-4 4 4"), down: SVG("M4 6l4 4 4-4"), remove: SVG("M4 4l8 8M12 4l-8 8"),
  duplicate: SVG("M6 6h7v7H6zM3 10V3h7"), unwrap: SVG("M3 3h10v10H3zM6 8h4"),
};

const INDENT = 18, FAR = 4; // px: of a level, and from where on a press is a drag

function render({ model, el }) {
  const make = (tag, properties = {}, label = "") => {
    const node = Object.assign(document.createElement(tag), properties);
    if (label) node.setAttribute("aria-label", label);
    return node;
  };
  const root = make("div", { className: "al-steps" }), bar = make("div", { className: "al-stepbar" }), list = make("ol");
  const line = make("li", { className: "al-line" });
  line.setAttribute("aria-hidden", "true");
  bar.setAttribute("role", "toolbar");
  bar.setAttribute("aria-label", "pipeline");
  root.append(bar, list);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);
  let rows = new Map(); // by all that they show
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
    item.style.marginLeft = `${INDENT * (step.path.length - 1)}px`;
    const on = make("input", { type: "checkbox", checked: step.on }, `${step.name} on`);
    on.dataset.action = "toggle";
    on.addEventListener("change", () => { on.checked = step.on; model.send({ toggle: step.path }); }); // if it may be, it comes back so
    const name = make("button", { type: "button", className: "al-step", title: step.code });
    name.dataset.action = "select";
    name.append(make(step.group ? "em" : "span", { textContent: step.name }), make("span", { className: "al-quiet", textContent: step.note }));
    name.setAttribute("aria-pressed", String(item.className === "al-selected"));
    name.addEventListener("click", () => model.send({ select: step.path }));
    item.classList.toggle("al-off", !step.on);
    item.append(make("span", { className: "al-grip", innerHTML: ICONS.grip, title: "drag to another place; Alt with an arrow key moves it as well" }), on, name);
    if (step.weight !== undefined) {
      const weight = make("input", { type: "text", inputMode: "decimal", className: "al-number", value: step.weight, title: "chance among the steps of this OneOf" }, `weight of ${step.name}`);
      weight.dataset.action = "weigh";
      let sent = step.weight;
      const send = () => { if (weight.value !== sent) model.send({ weigh: step.path, weight: (sent = weight.value) }); };
      weight.addEventListener("change", send);
      weight.addEventListener("keydown", (event) => event.key === "Enter" && send()); // JupyterLab keeps it from being a change
      item.append(weight, make("span", { className: "al-quiet al-share", textContent: step.on ? step.share : "off" }));
    }
    if (step.error) {
      const error = make("div", { className: "al-error", textContent: step.error });
      error.setAttribute("role", "alert");
      item.append(error);
    }
    return item;
  }
  function refresh() {
    if (drag) place(null); // where it would go may be another place by now
    // What changed is built anew; whoever stood somewhere by keyboard still stands there afterwards.
    const active = root.contains(document.activeElement) ? document.activeElement : null, action = active?.dataset.action;
    const inList = list.contains(active), path = active?.closest("li")?.dataset.path;
    bar.replaceChildren(...tools());
    const selected = model.get("selected").join("-"), before = rows;
    rows = new Map(model.get("steps").map((step) => {
      const key = JSON.stringify([step, step.path.join("-") === selected]);
      return [key, before.get(key) ?? row(step)];
    }));
    const items = [...rows.values()];
    if (items.length !== list.children.length || items.some((item, k) => item !== list.children[k])) list.replaceChildren(...items);
    if (!model.get("steps").length) list.append(make("li", { className: "al-quiet al-empty", textContent: "No steps yet: the draws are the originals." }));
    if (!action) return;
    const target = inList ? list.querySelector(`li[data-path="${path}"] [data-action="${action}"]`) : bar.querySelector(`[data-action="${action}"]`);
    if (target && !target.disabled) return target.focus();
    // It is gone, or can do nothing more: the next place from which one can go on, so that no key is lost.
    const near = inList && (list.querySelector(".al-selected .al-step") ?? list.querySelector(".al-step"));
    (near || bar.querySelector("button:not(:disabled)"))?.focus();
  }

  // Dragging, with pointer events, which a finger has as well; a finger drags by the grip, since elsewhere it scrolls.
  let drag = null, dragged = false; // { path, id, x, y, item, to }, the last two once it is on its way
  const pathOf = (item) => item.dataset.path.split("-").map(Number);
  const within = (path, outer) => outer.every((step, k) => step === path[k]);

  // Where a step goes that is let go at this height: before the row whose upper half it is over, behind the one whose lower
  // half; a group's lower half is its inside. Drawn to the left of where it came from, it leaves the group that ends there.
  function target(x, y) {
    const items = [...list.querySelectorAll("li[data-path]")];
    if (!items.length) return null;
    const first = items.findIndex((item) => item.getBoundingClientRect().bottom > y);
    const item = items[first < 0 ? items.length - 1 : first], box = item.getBoundingClientRect(), path = pathOf(item);
    const step = model.get("steps").find((one) => same(one.path, path));
    if (y < box.top + box.height / 2) return { to: path, item, edge: "top" };
    if (first < 0 && y > box.bottom + box.height / 2) return { to: [pathOf(items.findLast((one) => pathOf(one).length === 1))[0] + 1], item, edge: "bottom" };
    if (step.group) return { to: [...path, 0], item, edge: "bottom" };
    const next = items[items.indexOf(item) + 1], lowest = next ? pathOf(next).length : 1;
    let to = [...path.slice(0, -1), path.at(-1) + 1];
    for (let left = drag.x - INDENT / 2; to.length > lowest && x < left; left -= INDENT) to = [...to.slice(0, -2), to.at(-2) + 1];
    return { to, item, edge: "bottom" };
  }
  function place(found) {
    for (const item of list.querySelectorAll(".al-into")) item.classList.remove("al-into");
    const { path } = drag ?? {}, to = found?.to, beside = to && [...path.slice(0, -1), path.at(-1) + 1];
    if (drag) drag.to = to && !within(to, path) && !same(to, beside) ? to : null;
    if (!drag?.to) return line.remove();
    const box = found.item.getBoundingClientRect();
    line.style.top = `${box[found.edge] - list.getBoundingClientRect().top - 1}px`;
    line.style.left = `${INDENT * (to.length - 1)}px`;
    if (!line.isConnected) list.append(line);
    list.querySelector(`li[data-path="${to.slice(0, -1).join("-")}"]`)?.classList.add("al-into");
  }
  function stop(dropped) {
    if (!drag) return;
    const { path, to, item, id } = drag;
    place(null);
    drag = null;
    dragged = Boolean(item);
    item?.classList.remove("al-dragged");
    list.classList.remove("al-dragging");
    if (list.hasPointerCapture(id)) list.releasePointerCapture(id);
    if (dropped && to) model.send({ move: path, to });
  }
  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("li[data-path]");
    dragged = false;
    if (!item || event.button || event.target.closest("input") || (event.pointerType === "touch" && !event.target.closest(".al-grip"))) return;
    drag = { path: pathOf(item), id: event.pointerId, x: event.clientX, y: event.clientY };
  });
  list.addEventListener("pointermove", (event) => {
    if (event.pointerId !== drag?.id) return;
    if (!drag.item) {
      if (Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < FAR) return;
      list.setPointerCapture(drag.id);
      list.classList.add("al-dragging");
      drag.item = list.querySelector(`li[data-path="${drag.path.join("-")}"]`);
      drag.item.classList.add("al-dragged");
    }
    place(target(event.clientX, event.clientY));
  });
  list.addEventListener("pointerup", () => stop(true));
  list.addEventListener("pointercancel", () => stop(false));
  // The click that ends a drag selects nothing; one by keyboard has no detail.
  list.addEventListener("click", (event) => { if (dragged && event.detail) event.stopPropagation(); }, true);
  const escape = (event) => {
    if (event.key !== "Escape" || !drag?.item) return;
    event.preventDefault();
    event.stopPropagation();
    stop(false);
  };
  document.addEventListener("keydown", escape, true); // the focus may be anywhere while a step is dragged

  list.addEventListener("keydown", (event) => {
    if (event.target.matches(".al-number")) return; // there, Delete and Ctrl+Z are for the text
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
  const watched = { "change:steps": refresh, "change:selected": refresh, "change:can": refresh };
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  refresh();
  return () => {
    for (const [event, action] of Object.entries(watched)) model.off(event, action);
    document.removeEventListener("keydown", escape, true);
  };
}

export default { render };
