// Keeps the machines of a key up to date where no event tells: what is slow is told by the clock alone. An approval is
// sent without leaving the page, because the page may show a key that is shown once.
"use strict";

(() => {
  const EVERY = 5000;
  const part = () => document.querySelector("[data-gw-follow]");

  // The address without a secret: the page's own by the time that this runs.
  function show(text) {
    const old = part();
    const found = new DOMParser().parseFromString(text, "text/html").getElementById("enrol-follow");
    if (!old || !found) return;
    const made = document.importNode(found, true);
    // A part alone looks other than one below a command.
    made.className = old.className;
    old.replaceWith(made);
    made.dispatchEvent(new CustomEvent("gw:replaced", { bubbles: true }));
  }

  async function look() {
    if (document.hidden || part()?.contains(document.activeElement)) return;
    const response = await fetch(location.pathname, { headers: { Accept: "text/html" }, cache: "no-store" });
    if (response.ok && !response.redirected) show(await response.text());
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-gw-decide]")) return;
    event.preventDefault();
    const sent = new FormData(form, event.submitter);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    try {
      const response = await fetch(form.action, { method: "POST", body: sent, cache: "no-store" });
      if (!response.ok) throw new Error(String(response.status));
      show(await response.text());
    } catch {
      for (const button of form.querySelectorAll("button")) button.disabled = false;
    }
  });

  const beat = () => look().catch(() => undefined); // A portal that is away is asked again at the next one.
  setInterval(beat, EVERY);
  document.addEventListener("visibilitychange", beat);
})();
