// One row of native inputs per declared parameter. Everything shown comes from the kernel: `spec` (the declarations),
// `state` (what each row holds) and `errors` (one sentence beside a row). An input writes its row of `edits`, numbered;
// `seen` says which numbers the kernel has dealt with. Until then a row shows what the user did, so that a slider under
// the mouse never jumps back, and an edit of one row never carries an old state of another.
const SVG = (path) => `<svg viewBox="0 0 16 16" aria-hidden="true">${path}</svg>`;
const DICE = SVG('<rect x="2" y="2" width="12" height="12" rx="2.5" fill="none" stroke="currentColor" stroke-width="1.4"/>' +
  '<g fill="currentColor"><circle cx="5.4" cy="5.4" r="1.2"/><circle cx="10.6" cy="5.4" r="1.2"/><circle cx="8" cy="8" r="1.2"/>' +
  '<circle cx="5.4" cy="10.6" r="1.2"/><circle cx="10.6" cy="10.6" r="1.2"/></g>');
const REROLL = SVG('<path d="M13 8a5 5 0 1 1-1.6-3.7M13 2v3.2H9.8" fill="none" stroke="currentColor" stroke-width="1.5"/>');
let count = 0;

function element(tag, properties = {}, ...children) {
  const { label, ...rest } = properties;
  const node = Object.assign(document.createElement(tag), rest);
  if (label) node.setAttribute("aria-label", label);
  node.append(...children);
  return node;
}

const shown = (number) => String(+Number(number).toPrecision(6));

// Slider positions: the value itself, or its logarithm. Steps are a "nice" hundredth of the range. The ends only move
// outwards, so that a slider that was widened by a typed value can be moved back to where it was.
function scaleOf(spec, values, before) {
  const low = Math.min(spec.low, before?.low ?? spec.low, ...values), high = Math.max(spec.high, before?.high ?? spec.high, ...values);
  if (spec.log && low > 0) {
    const min = Math.log10(low), max = Math.log10(high), step = (max - min) / 100 || 0.01;
    // As many digits as tell two neighbouring positions apart.
    const digits = Math.max(2, 1 + Math.ceil(-Math.log10(10 ** step - 1)));
    return { low, high, min, max, step, at: Math.log10, value: (x) => +(10 ** x).toPrecision(digits) };
  }
  let step = 1;
  if (spec.kind === "float") {
    const raw = (high - low) / 100 || 0.01, power = 10 ** Math.floor(Math.log10(raw));
    step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw * 0.999);
  }
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return { low, high, min: low, max: high, step, at: (v) => v, value: (x) => +x.toFixed(digits) };
}

function slider(spec, label, onInput) {
  const input = element("input", { type: "range", className: "al-slider", label });
  input.addEventListener("input", onInput);
  const set = (scale, value) => {
    Object.assign(input, { min: scale.min, max: scale.max, step: scale.step });
    input.value = scale.at(value);
    input.setAttribute("aria-valuetext", `${shown(value)}${spec.unit ? " " + spec.unit : ""}`);
  };
  return { input, set };
}

function numberBox(label, onChange) {
  const input = element("input", { type: "text", inputMode: "decimal", className: "al-number", label, spellcheck: false });
  input.addEventListener("keydown", (event) => event.key === "Enter" && input.blur());
  input.addEventListener("change", () => {
    const text = input.value.trim();
    onChange(text !== "" && !Number.isNaN(Number(text)) ? Number(text) : text);
  });
  return input;
}

// Each body returns {nodes, show(state)}; `push(state)` sends what the user did.
function fixedNumber(spec, push) {
  let scale;
  const one = slider(spec, spec.label, () => push({ mode: "fixed", value: scale.value(+one.input.value) }));
  const box = numberBox(`${spec.label} value`, (value) => push({ mode: "fixed", value }));
  return {
    nodes: [one.input, box],
    show({ value }) {
      if (typeof value !== "number") return;
      scale = scaleOf(spec, [value], scale);
      one.set(scale, value);
      box.value = shown(value);
    },
  };
}

function numberRange(spec, push, mode) {
  let scale, now;
  const drag = (side) => () => {
    const value = scale.value(+(side === "low" ? low : high).input.value);
    push(side === "low" ? { mode, low: Math.min(value, now.high), high: now.high } : { mode, low: now.low, high: Math.max(value, now.low) });
  };
  const low = slider(spec, `${spec.label} low`, drag("low")), high = slider(spec, `${spec.label} high`, drag("high"));
  const fill = element("div", { className: "al-fill" });
  const boxes = [
    numberBox(`${spec.label} low value`, (value) => push({ ...now, low: value })),
    numberBox(`${spec.label} high value`, (value) => push({ ...now, high: value })),
  ];
  return {
    nodes: [element("div", { className: "al-range" }, fill, low.input, high.input), element("span", { className: "al-pair" }, ...boxes)],
    show(state) {
      if (typeof state.low !== "number" || typeof state.high !== "number") return;
      now = state;
      scale = scaleOf(spec, [state.low, state.high], scale);
      low.set(scale, state.low);
      high.set(scale, state.high);
      boxes[0].value = shown(state.low);
      boxes[1].value = shown(state.high);
      const share = (v) => (scale.at(v) - scale.min) / (scale.max - scale.min || 1);
      fill.style.setProperty("--al-from", share(state.low));
      fill.style.setProperty("--al-to", share(state.high));
      // With both thumbs at the right end the low one must be on top, or neither could be dragged away.
      low.input.classList.toggle("al-top", share(state.low) > 0.5);
    },
  };
}

function dropdown(spec, push) {
  const select = element("select", { className: "al-select", label: spec.label }, ...spec.choices.map((choice, index) => element("option", { value: index }, String(choice))));
  select.addEventListener("change", () => push({ mode: "fixed", value: spec.choices[select.value] }));
  return { nodes: [select], show: ({ value }) => { select.value = spec.choices.indexOf(value); } };
}

function chips(spec, push) {
  let now = [];
  const boxes = spec.choices.map((choice) => {
    const box = element("input", { type: "checkbox", label: `${spec.label} ${choice}` });
    box.addEventListener("change", () => push({ mode: "choice", values: box.checked ? [...now, choice] : now.filter((v) => v !== choice) }));
    return box;
  });
  return {
    nodes: [element("span", { className: "al-chips" }, ...boxes.map((box, i) => element("label", {}, box, element("span", {}, String(spec.choices[i])))))],
    show: ({ values }) => { now = values; boxes.forEach((box, i) => { box.checked = values.includes(spec.choices[i]); }); },
  };
}

function checkbox(spec, push) {
  const box = element("input", { type: "checkbox", className: "al-check", label: spec.label });
  box.addEventListener("change", () => push({ mode: "fixed", value: box.checked }));
  return { nodes: [box], show: ({ value }) => { box.checked = value; } };
}

function text(spec, push, mode) {
  const input = element("input", { type: "text", className: "al-text", label: spec.label, spellcheck: false });
  input.addEventListener("change", () => push({ mode, text: input.value }));
  return { nodes: [input], show: (state) => { input.value = state.text; } };
}

function seed(spec, push, mode, send) {
  const reroll = element("button", { type: "button", className: "al-button", label: `re-roll ${spec.label}`, innerHTML: REROLL });
  reroll.append("Re-roll");
  reroll.addEventListener("click", () => send({ reroll: spec.name }));
  if (mode !== "fixed") return { nodes: [element("span", { className: "al-quiet" }, "drawn anew each time")], show() {} };
  const box = numberBox(spec.label, (value) => push({ mode: "fixed", value }));
  return { nodes: [element("span", { className: "al-pair" }, box, reroll)], show: ({ value }) => { if (typeof value === "number") box.value = value; } };
}

function bodyOf(spec, state, push, send) {
  if ("text" in state) return text(spec, push, state.mode);
  if (spec.seed) return seed(spec, push, state.mode, send);
  if (state.mode === "choice") return chips(spec, push);
  if (spec.kind === "choice") return dropdown(spec, push);
  if (spec.kind === "bool") return checkbox(spec, push);
  return state.mode === "fixed" ? fixedNumber(spec, push) : numberRange(spec, push, state.mode);
}

function row(spec, model, push) {
  const id = `al-${++count}`;
  const body = element("div", { className: "al-body" });
  const error = element("div", { className: "al-error", id: `${id}-error` });
  error.setAttribute("role", "alert");
  const unit = element("span", { className: "al-unit" }, spec.unit);
  const name = element("span", { className: "al-name", title: spec.tip }, element("span", {}, spec.label), " ", unit);
  const node = element("div", { className: "al-row", title: spec.tip }, name, body);
  node.dataset.name = spec.name;
  const send = (message) => model.send(message);
  let toggle;
  if (spec.switch) {
    toggle = element("button", { type: "button", className: "al-switch", innerHTML: DICE, label: `${spec.label} random` });
    toggle.setAttribute("role", "switch");
    toggle.addEventListener("click", () => send({ switch: spec.name }));
    node.append(toggle);
  }
  node.append(error);
  let kind = null, current = null;
  return {
    node,
    show(state, sentence) {
      const wanted = `${state.mode}${"text" in state}`;
      if (wanted !== kind) {
        current = bodyOf(spec, state, (next) => push(spec.name, next), send);
        body.replaceChildren(...current.nodes);
        kind = wanted;
      }
      current.show(state);
      error.textContent = sentence || "";
      node.classList.toggle("al-wrong", !!sentence);
      for (const input of body.querySelectorAll("input")) {
        if (sentence) { input.setAttribute("aria-invalid", "true"); input.setAttribute("aria-describedby", error.id); }
        else { input.removeAttribute("aria-invalid"); input.removeAttribute("aria-describedby"); }
      }
      if (toggle) {
        toggle.setAttribute("aria-checked", String(state.mode !== "fixed"));
        toggle.title = state.mode === "fixed" ? "fixed: click to draw it for each image" : "drawn for each image: click to hold it fixed";
      }
    },
  };
}

function render({ model, el }) {
  const root = element("div", { className: "al-controls" });
  root.setAttribute("role", "group");
  const hide = element("style", { textContent: model.get("twin") ? `.${model.get("twin")} { display: none !important; }` : "" });
  el.append(hide, root);
  // Else JupyterLab takes Enter and the arrow keys for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  let rows = new Map(), frame = null, unsent = false;

  // A first move is sent at once; those that follow before the page is painted again are sent together.
  function send() {
    unsent = false;
    model.save_changes();
    frame = requestAnimationFrame(() => { frame = null; if (unsent) send(); });
  }
  function push(name, state) {
    const edits = model.get("edits"), n = Math.max(0, ...Object.values(edits).map((edit) => edit.n)) + 1;
    model.set("edits", { ...edits, [name]: { n, state } });
    rows.get(name).show(state, model.get("errors")[name]);
    unsent = true;
    if (frame === null) send();
  }
  function refresh() {
    const state = model.get("state"), errors = model.get("errors"), edits = model.get("edits"), seen = model.get("seen");
    for (const [name, one] of rows) {
      if (name in state && (seen[name] ?? 0) >= (edits[name]?.n ?? 0)) one.show(state[name], errors[name]);
    }
  }
  function build() {
    const specs = model.get("spec"), title = model.get("title");
    rows = new Map(specs.map((spec) => [spec.name, row(spec, model, push)]));
    root.setAttribute("aria-label", title ? `${title} parameters` : "no transform selected");
    root.replaceChildren();
    if (!title) return;
    const reset = (text, kind, tip) => {
      const button = element("button", { type: "button", className: "al-button", title: tip }, text);
      button.addEventListener("click", () => model.send({ reset: kind }));
      return button;
    };
    root.append(
      element("div", { className: "al-title" }, element("strong", {}, title), element("span", { className: "al-quiet" }, model.get("summary"))),
      ...[...rows.values()].map((one) => one.node),
      element("div", { className: "al-buttons" }, reset("Typical", "typical", "draw from the typical ranges"), reset("Identity", "identity", "the defaults: the image as it is")),
    );
    refresh();
  }
  model.on("change:spec", build);
  model.on("change:state change:errors change:seen", refresh);
  build();
  return () => { model.off("change:spec", build); model.off("change:state change:errors change:seen", refresh); };
}

export default { render };
