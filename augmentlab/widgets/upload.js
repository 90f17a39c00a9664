// Files go to the kernel one after the other, each in pieces, and each piece only after the kernel has taken the one
// before: servers limit the size of a message, and how much may wait. The kernel decodes, and judges what is an image.
const ICON = '<svg viewBox="0 0 16 16" aria-hidden="true"><path d="M8 10.5V2.5M4.8 5.5L8 2.3l3.2 3.2M2.5 10.5v3h11v-3" fill="none" stroke="currentColor" stroke-width="1.5"/></svg>';
const SAID = 3; // sentences at once

function render({ model, el }) {
  const make = (tag, properties = {}, ...children) => {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  };
  const root = make("div", { className: "al-upload" });
  const input = make("input", { type: "file", multiple: true, accept: "image/png,image/jpeg,image/tiff,image/webp,image/bmp", hidden: true });
  const tip = "choose image files, or drop them anywhere on the explorer";
  const button = make("button", { type: "button", className: "al-button", title: tip, innerHTML: ICON });
  const words = make("span", { className: "al-quiet" });
  const bar = make("progress", { max: 1 }), doing = make("span", { className: "al-name" }), cancel = make("button", { type: "button", className: "al-button" }, "Cancel");
  const busy = make("span", { className: "al-coming", hidden: true }, bar, doing, cancel);
  const wrong = make("div", { className: "al-error" }), done = make("span", { className: "al-quiet" });
  button.append("Upload");
  cancel.setAttribute("aria-label", "cancel the upload");
  bar.setAttribute("aria-label", "upload");
  wrong.setAttribute("role", "alert");
  done.setAttribute("role", "status");
  root.append(input, button, words, busy, done, wrong);
  el.append(root);
  // Else JupyterLab takes Enter for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });

  const waiting = [], sentences = [];
  let running = false, now = null, all = 0, answered = () => {};

  function show() {
    busy.hidden = !running;
    root.classList.toggle("al-inviting", model.get("inviting"));
    words.textContent = model.get("inviting") && !running ? "your own images, or drop them here" : "";
    const more = sentences.length - SAID;
    wrong.textContent = sentences.slice(0, SAID).concat(more > 0 ? [`and ${more} more`] : []).join("\n");
  }
  // The kernel's answer to what is sent; null after Cancel.
  function ask(message, buffers = []) {
    return new Promise((resolve) => { answered = resolve; model.send(message, undefined, buffers); });
  }
  async function send(file, key) {
    const piece = model.get("piece"), limit = model.get("limit");
    if (file.size > limit) throw new Error(`${file.name} must have bytes, and ${limit / 1e6} MB at most; it has ${Math.round(file.size / 1e6)} MB`);
    let answer = await ask({ begin: key, name: file.name, size: file.size });
    while (answer && "next" in answer) {
      bar.value = answer.at / file.size;
      const bytes = await file.slice(answer.at, answer.at + piece).arrayBuffer();
      if (now !== key) return false;
      if (answer.at + piece >= file.size) bar.removeAttribute("value"); // only decoding is left
      answer = await ask({ piece: key, at: answer.at }, [bytes]);
    }
    if (answer && "wrong" in answer) throw new Error(answer.sentence);
    return answer !== null;
  }
  async function go(files) {
    waiting.push(...files);
    all += files.length;
    if (running || !waiting.length) return;
    running = true;
    sentences.length = 0;
    done.textContent = "";
    let taken = 0;
    for (let file, number = 1; (file = waiting.shift()); number++) {
      now = Math.random().toString(36).slice(2);
      bar.value = 0;
      doing.textContent = file.name + (all > 1 ? ` (${number} of ${all})` : "");
      doing.title = file.name;
      show();
      try {
        if (await send(file, now)) taken++;
      } catch (error) { // what the kernel said, or a folder, or a file that is gone
        sentences.push(error.name === "Error" ? error.message : `${file.name} cannot be read: ${error.message}`);
      }
    }
    running = false;
    done.textContent = taken ? `${taken} image${taken > 1 ? "s" : ""} added` : "";
    all = 0;
    show();
  }
  function answer(message) {
    if ([message.next, message.done, message.wrong].includes(now)) answered(message);
  }
  button.addEventListener("click", () => input.click());
  input.addEventListener("change", () => { const files = [...input.files]; input.value = ""; go(files); });
  function stop() {
    model.send({ cancel: now });
    waiting.length = 0;
    now = null;
    answered(null);
  }
  cancel.addEventListener("click", () => { stop(); button.focus(); });

  // Files may be dropped on the whole explorer, which this view is put into after it was made.
  const zone = () => root.closest(".al-explorer") ?? root;
  const over = (event) => event.dataTransfer?.types.includes("Files") && event.composedPath().includes(zone());
  const mark = (event) => {
    const inside = over(event);
    zone().classList.toggle("al-dropping", inside);
    if (inside) event.preventDefault();
  };
  const drop = (event) => {
    zone().classList.remove("al-dropping");
    if (!over(event)) return;
    event.preventDefault();
    go([...event.dataTransfer.files]);
  };
  const leave = (event) => { if (!event.relatedTarget) zone().classList.remove("al-dropping"); };
  const dragged = { dragenter: mark, dragover: mark, dragleave: leave, drop };
  for (const [event, action] of Object.entries(dragged)) document.addEventListener(event, action);
  model.on("msg:custom", answer);
  model.on("change:inviting", show);
  show();
  return () => {
    if (running) stop();
    for (const [event, action] of Object.entries(dragged)) document.removeEventListener(event, action);
    model.off("msg:custom", answer);
    model.off("change:inviting", show);
  };
}

export default { render };
