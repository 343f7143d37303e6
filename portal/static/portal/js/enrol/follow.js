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

  // What became of a decision that was not carried out stands with its machine, for as long as that waits for one.
  const failures = new Map(); // The number of the request to join -> words

  function showFailures() {
    const forms = [...document.querySelectorAll("form[data-gw-decide]")];
    for (const form of forms) {
      const words = failures.get(form.elements.enrolment.value);
      const shown = form.parentElement.querySelector("[data-gw-failed]");
      if (shown?.textContent === words) continue;
      shown?.remove();
      if (!words) continue;
      const made = document.createElement("p");
      made.className = "gw-small gw-bad";
      made.dataset.gwFailed = "";
      made.setAttribute("role", "alert");
      made.textContent = words;
      form.after(made);
    }
    const waiting = new Set(forms.map((form) => form.elements.enrolment.value));
    for (const number of failures.keys()) if (!waiting.has(number)) failures.delete(number);
  }

  let deciding = 0; // What was asked for before a decision is not shown upon it.

  // The page's address is one without a secret by the time that this runs.
  async function look({ acted = false } = {}) {
    if (document.hidden || (deciding && !acted)) return;
    const address = location.pathname + location.search;
    const response = await fetch(address, { headers: { Accept: "text/html" }, cache: "no-store" });
    const text = await response.text();
    if (!response.ok || response.redirected || (deciding && !acted)) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    show(page, acted);
    if (acted) say(page);
  }

  // Answers what to say where it failed. A decision is answered with the way to this page, and with nothing else.
  async function send(form, body) {
    const unknown = "It may not have been done: see what the machine shows before you decide again.";
    try {
      // Not followed: where it leads would be told what is to be said here.
      const answer = await fetch(form.action, { method: "POST", body, cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect") return "";
      if (answer.status === 404) return "It was not done: the machine does not wait with this key any more.";
      if (answer.status === 403) return "It was not done: the portal does not let you. Load the page again, and log in if it asks.";
      return `The portal answered with an error (${answer.status}). ${unknown}`;
    } catch {
      return `No answer came from the portal. ${unknown}`;
    }
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.matches("[data-gw-decide]")) return;
    event.preventDefault();
    const sent = new FormData(form, event.submitter);
    for (const button of form.querySelectorAll("button")) button.disabled = true;
    const number = form.elements.enrolment.value;
    failures.delete(number);
    deciding += 1;
    try {
      const failed = await send(form, sent);
      if (failed) failures.set(number, failed);
      await look({ acted: true }).catch(() => undefined); // The next one asks again.
    } finally {
      deciding -= 1;
      for (const button of form.querySelectorAll("button")) button.disabled = false;
      showFailures();
    }
  });

  const beat = () => look().catch(() => undefined); // A portal that is away is asked again at the next one.
  setInterval(beat, EVERY);
  document.addEventListener("visibilitychange", beat);
  document.addEventListener("gw:replaced", showFailures);
})();
