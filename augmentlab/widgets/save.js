// Buttons for the files that the kernel can make; what it sends is downloaded.
function render({ model, el }) {
  const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);
  const root = make("div", { className: "al-save" }), coming = make("span", { className: "al-coming" }), said = make("span", { className: "al-quiet" });
  const bar = make("progress"), cancel = make("button", { type: "button", className: "al-button", textContent: "Cancel" });
  bar.setAttribute("aria-label", "making the file");
  said.setAttribute("role", "status");
  const buttons = model.get("names").map((name) => {
    const button = make("button", { type: "button", className: "al-button", textContent: `Save ${name}` });
    button.addEventListener("click", () => model.send({ save: name }));
    return button;
  });
  cancel.addEventListener("click", () => model.send({ cancel: true }));
  coming.append(bar, cancel);
  root.append(...buttons, coming, said);
  // Else JupyterLab takes Enter for its own commands. It asks the focused element itself.
  root.addEventListener("focusin", (event) => { event.target.dataset.lmSuppressShortcuts = "true"; });
  el.append(root);

  function refresh() {
    const progress = model.get("progress");
    coming.hidden = progress < 0;
    bar.value = Math.max(progress, 0);
    for (const button of buttons) button.disabled = progress >= 0;
    said.textContent = model.get("said");
  }
  function download(message, [data]) {
    const url = URL.createObjectURL(new Blob([data], { type: message.mime }));
    make("a", { href: url, download: message.file }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }
  const watched = { "change:progress": refresh, "change:said": refresh, "msg:custom": download };
  for (const [event, action] of Object.entries(watched)) model.on(event, action);
  refresh();
  return () => { for (const [event, action] of Object.entries(watched)) model.off(event, action); };
}

export default { render };
