// What is known of one tile: the drawn numbers as a table, and the levels before (gray) and after (in colour) as curves.
const NS = "http://www.w3.org/2000/svg", HIGH = 90, COLOURS = ["#d32f2f", "#2e9e3f", "#2f6fed"];

function render({ model, el }) {
  const make = (tag, properties = {}) => Object.assign(document.createElement(tag), properties);
  const root = make("section", { className: "al-detail" }), title = make("h4"), table = make("table"), curves = make("figure");
  const words = make("div");
  words.append(title, table);
  root.append(words, curves);
  el.append(root);

  // Small shares must be seen beside large ones: the height is the square root of the share.
  const line = (shares, top, close) => {
    const points = shares.map((share, k) => `${((k + 0.5) * 256) / shares.length} ${HIGH * (1 - Math.sqrt(share / top))}`);
    return close ? `M0 ${HIGH} L${points.join(" L")} L256 ${HIGH} Z` : `M${points.join(" L")}`;
  };
  function drawing(before, after) {
    const svg = document.createElementNS(NS, "svg"), top = Math.max(...before.flat(), ...after.flat()) || 1;
    svg.setAttribute("viewBox", `0 -2 256 ${HIGH + 4}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", "histogram of the levels before and after");
    const add = (shares, kind, colour) => {
      const path = document.createElementNS(NS, "path");
      path.setAttribute("d", line(shares, top, kind === "al-before"));
      path.setAttribute("class", kind);
      if (colour) path.style.stroke = colour;
      svg.append(path);
    };
    before.forEach((shares) => add(shares, "al-before"));
    after.forEach((shares, k) => add(shares, "al-after", after.length > 1 ? COLOURS[k] : ""));
    return svg;
  }
  function refresh() {
    const before = model.get("before"), after = model.get("after"), strength = model.get("strength");
    root.style.display = model.get("title") ? "" : "none";
    title.textContent = model.get("title");
    table.replaceChildren(...model.get("steps").map(([name, given]) => {
      const row = make("tr");
      row.append(make("th", { scope: "row", textContent: name }), make("td", { textContent: given }));
      return row;
    }));
    curves.replaceChildren();
    if (!before.length) return;
    const caption = make("figcaption", { className: "al-quiet" });
    caption.append(...[["al-key", "before"], ["al-key al-now", "after"]].map(([className, textContent]) => make("span", { className, textContent })), make("span", { textContent: strength }));
    curves.append(drawing(before, after), caption);
  }
  const watched = ["title", "steps", "strength", "before", "after"].map((name) => `change:${name}`);
  for (const event of watched) model.on(event, refresh);
  refresh();
  return () => { for (const event of watched) model.off(event, refresh); };
}

export default { render };
