// Keeps machines on their way up to date where no event tells: what is slow is told by the clock alone. An approval is
// sent without leaving the page, because the page may show a key that is shown once.
"use strict";

(() => {
  const EVERY = 2000;
  const parts = () => [...document.querySelectorAll("[data-gw-follow][id]")];
  const served = new WeakMap();
  // Marks of forms differ each time, and say nothing.
  const textOf = (part) => part.outerHTML.replaceAll(/<input type="hidden"[^>]*>/g, "");
  const isBusy = (part) => part.contains(document.activeElement) && document.activeElement !== document.body;

  function show(page, everywhere) {
    for (const old of parts()) {
      const found = page.getElementById(old.id);
      if (!found || (isBusy(old) && !everywhere)) continue;
      const text = textOf(found);
      if (served.get(old) === text) continue;
      const made = document.importNode(found, true);
      served.set(made, text);
      // A part alone looks other than one below a command.
      if (!made.classList.contains("gw-step-mark")) made.className = old.className;
      old.replaceWith(made);
      made.dispatchEvent(new CustomEvent("gw:replaced", { bubbles: true }));
    }
  }

  // What the portal has to say of an act stands above all.
  function say(page) {
    const said = page.querySelector(".gw-messages");
    if (!said) return;
    document.querySelector(".gw-messages")?.remove();
    document.getElementById("content").prepend(document.importNode(said, true));
  }

  // The page's address is one without a secret by the time that this runs.
  async function look({ acted = false } = {}) {
    if (document.hidden) return;
    const address = location.pathname + location.search;
    const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (!response.ok || response.redirected) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    show(page, acted);
    if (acted) say(page);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-gw-decide]")) return;
    event.preventDefault();
    const sent = new FormData(form, event.submitter);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try {
      // Not followed: where it leads would be told what is to be said here.
      await fetch(form.action, { method: "POST", body: sent, cache: "no-store", redirect: "manual" });
      await look({ acted: true });
    } finally {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });

  const beat = () => look().catch(() => undefined); // A portal that is away is asked again at the next one.
  setInterval(beat, EVERY);
  document.addEventListener("visibilitychange", beat);
})();
