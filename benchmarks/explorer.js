// What the page itself measures. Times are ms since 1970, so that they stand beside those of the kernel.
(() => {
  const at = (time = performance.now()) => performance.timeOrigin + time;
  const strips = 16;
  const scratch = Object.assign(document.createElement("canvas"), { height: strips });
  const context = scratch.getContext("2d", { willReadFrequently: true });
  let messages = [];

  // Every message from the kernel, noted before JupyterLab sees it.
  const Native = window.WebSocket;
  window.WebSocket = class extends Native {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => messages.push([at(), data.byteLength ?? data.size ?? data.length]));
    }
  };

  // A number for the pixels that a view shows now, from lines all over it; null while there is nothing to read.
  function seen(root) {
    const canvas = root.querySelector("canvas.al-grid"), image = root.querySelector(".jp-OutputArea-output img, .output_area img, img");
    const source = canvas ?? image;
    const [width, height] = canvas ? [canvas.width, canvas.height] : image?.complete ? [image.naturalWidth, image.naturalHeight] : [0, 0];
    if (!width) return null;
    if (scratch.width !== width) scratch.width = width;
    context.clearRect(0, 0, width, strips);
    for (let i = 0; i < strips; i++) context.drawImage(source, 0, Math.floor(((i + 0.4) * height) / strips), width, 1, 0, i, width, 1);
    let sum = 7;
    for (const pixel of new Uint32Array(context.getImageData(0, 0, width, strips).data.buffer)) sum = (Math.imul(sum, 31) + pixel) | 0;
    return sum;
  }
  const frame = (root) => root.querySelector("canvas.al-grid")?.dataset.frame;
  const nextFrame = () => new Promise(requestAnimationFrame);
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function rest(root, quiet) {
    let last = null, since = performance.now();
    while (last === null || performance.now() - since < quiet) {
      await pause(40);
      const now = `${seen(root)} ${frame(root)}`;
      if (now !== last) [last, since] = [now, performance.now()];
    }
  }

  // From the next key to the first animation frame in which the view has other pixels.
  function keyed(root, limit) {
    const before = seen(root), number = frame(root), found = { key: null, painted: null, shown: null };
    const heard = (event) => { found.key ??= at(event.timeStamp); };
    document.addEventListener("keydown", heard, { capture: true });
    const canvas = root.querySelector("canvas.al-grid");
    const watcher = new MutationObserver(() => { if (frame(root) !== number) found.painted ??= at(); });
    if (canvas) watcher.observe(canvas, { attributes: true, attributeFilter: ["data-frame"] });
    messages = [];
    const end = performance.now() + limit;
    return (async () => {
      while (performance.now() < end) {
        await nextFrame();
        const now = found.key === null ? before : seen(root);
        if (now !== null && now !== before) {
          found.shown = at();
          break;
        }
      }
      document.removeEventListener("keydown", heard, { capture: true });
      watcher.disconnect();
      return { ...found, messages: messages.slice() };
    })();
  }

  function copy(root) {
    const canvas = root.querySelector("canvas.al-grid"), made = document.createElement("canvas");
    Object.assign(made, { width: canvas.width, height: canvas.height });
    made.getContext("2d").drawImage(canvas, 0, 0);
    return made;
  }

  // A drag: when which frame was first seen, and after the release what was on it.
  function drag(root) {
    const found = { pressed: null, first: null, last: null, events: 0, released: null, frames: [] }, pictures = [];
    let number = frame(root), going = true;
    const heard = { input: (event) => { found.events++; found.last = at(event.timeStamp); found.first ??= found.last; },
      pointerdown: (event) => { found.pressed ??= at(event.timeStamp); },
      pointerup: (event) => { found.released ??= at(event.timeStamp); pictures.push([found.released, copy(root)]); } };
    for (const [event, action] of Object.entries(heard)) window.addEventListener(event, action, { capture: true });
    const done = (async () => {
      while (going) {
        await nextFrame();
        const now = frame(root);
        if (now === number) continue;
        number = now;
        found.frames.push(at());
        if (found.released !== null) pictures.push([at(), copy(root)]);
      }
      for (const [event, action] of Object.entries(heard)) window.removeEventListener(event, action, { capture: true });
      return { ...found, pictures: pictures.map(([time, canvas]) => [time, canvas.toDataURL("image/png")]) };
    })();
    return () => { going = false; return done; };
  }

  // One change after the other: resolves when a newer frame than `number` is on the page.
  async function newer(root, number, limit) {
    const end = performance.now() + limit;
    while (+frame(root) <= number && performance.now() < end) await nextFrame();
    return +frame(root);
  }

  // Many changes of a slider, 20 steps down and 20 up again: the ms from each to its frame.
  async function change(root, slider, from, to, limit) {
    const taken = [];
    for (let index = from; index < to; index++) {
      const number = +frame(root), began = performance.now();
      slider.value = +slider.value + (Math.floor(index / 20) % 2 ? 1 : -1) * slider.step;
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      if (await newer(root, number, limit) <= number) throw new Error(`change ${index + 1} brought no frame within ${limit / 1000} s`);
      taken.push(performance.now() - began);
    }
    return taken;
  }

  async function ask(code, expression) {
    const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
    const { content } = await kernel.requestExecute({ code, store_history: false, user_expressions: { answer: expression } }).done;
    return content;
  }

  let running = null;
  window.alBench = {
    rest, newer, change, ask, at,
    frame: (root) => +frame(root),
    arm: (root, limit) => { running = keyed(root, limit); },
    found: () => running,
    startDrag: (root) => { running = drag(root); },
    stopDrag: () => running(),
    firstClick: () => new Promise((done) => document.addEventListener("click", (event) => done(at(event.timeStamp)), { capture: true, once: true })),
  };
})();
