"use strict";
// The page is whole without this script. It copies code, and opens what is folded before the page is printed.
for (const tools of document.querySelectorAll(".tools")) {
  const code = tools.parentElement.querySelector("code"), said = tools.querySelector("[role=status]");
  tools.hidden = false;
  tools.querySelector("button").addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(code.textContent); } catch {
      getSelection().selectAllChildren(code);
      document.execCommand("copy");
    }
    said.textContent = "Copied";
    setTimeout(() => { said.textContent = ""; }, 1500);
  });
}
addEventListener("beforeprint", () => { for (const fold of document.querySelectorAll("details")) fold.open = true; });
