"use strict";
// The page is whole without this script: it shows one frame, and the words beside it. Here the slider comes to life.
{
  const one = (query, from = document) => from.querySelector(query), all = (query) => [...document.querySelectorAll(query)];
  const slider = one("input[type=range]"), play = one(".play"), stacks = all(".stack").map((stack) => [...stack.children]);
  document.documentElement.classList.add("live");
  for (const part of all(".needs-script")) part.hidden = false;

  function show() {
    const index = Number(slider.value), label = one(".at span", stacks[0][index]).textContent;
    for (const stack of stacks) stack.forEach((part, place) => part.classList.toggle("shown", place === index));
    slider.setAttribute("aria-valuetext", label);
    one("output").textContent = label;
  }

  if (slider) {
    let timer = 0;
    const last = Number(slider.max), pause = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    slider.addEventListener("input", () => { pause(); show(); });
    play.addEventListener("click", () => {
      if (timer) { pause(); return; }
      play.textContent = "Pause";
      timer = setInterval(() => {
        slider.value = slider.value === slider.max ? 0 : Number(slider.value) + 1;
        show();
      }, Math.min(600, Math.max(100, 5000 / (last + 1))));
    });
    show(); // browsers remember where a slider stood
  }

  for (const copy of all(".copy")) {
    const section = copy.closest("section"), said = one("[role=status]", section);
    copy.addEventListener("click", async () => {
      const code = one("pre.shown code", section) || one("code", section);
      try { await navigator.clipboard.writeText(code.textContent); } catch {
        getSelection().selectAllChildren(code);
        document.execCommand("copy");
      }
      said.textContent = "Copied";
      setTimeout(() => { said.textContent = ""; }, 1500);
    });
  }
}
