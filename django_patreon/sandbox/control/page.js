// The page works without this script. With it, a form keeps the scroll position, and tables refresh themselves.
"use strict";
const LIVE = ["members", "clock", "hooks", "deliveries", "requests", "faults"];

function show(text, sections) {
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const id of ["notice", ...sections]) {
    const old = document.getElementById(id);
    const now = fresh.getElementById(id);
    if (!old || !now || old.innerHTML === now.innerHTML) continue;
    if (id === "notice" && !now.textContent) continue;
    // A section is not replaced while somebody types in it or has opened details in it.
    if (id !== "notice" && (old.contains(document.activeElement) || old.querySelector("details[open]"))) {
      const tables = [old.querySelector(".scroll"), now.querySelector(".scroll")];
      if (tables[0] && tables[1] && !tables[0].contains(document.activeElement)
          && !tables[0].querySelector("details[open]")) tables[0].replaceWith(tables[1]);
      continue;
    }
    old.innerHTML = now.innerHTML;
  }
}

document.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const body = new URLSearchParams(new FormData(form, event.submitter));
  const buttons = form.querySelectorAll("button");
  buttons.forEach((each) => each.setAttribute("aria-disabled", "true"));
  try {
    const answer = await fetch("/", { method: "POST", body });
    const focused = document.activeElement;
    if (focused instanceof HTMLElement && form.contains(focused)) focused.blur();
    show(await answer.text(), [...LIVE, "settings"]);
  } finally {
    buttons.forEach((each) => each.removeAttribute("aria-disabled"));
  }
});

setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/");
    if (answer.ok) show(await answer.text(), LIVE);
  } catch { /* The sandbox has stopped; the page stays as it was. */ }
}, 2000);
