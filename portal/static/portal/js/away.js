// On the page that says that a store is away: looks again, and opens the page that was asked for once it can be made.
"use strict";

(() => {
  const pause = Number(document.currentScript.dataset.gwSeconds) * 1000;
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const said = document.querySelector("[data-gw-away]");
  for (const words of document.querySelectorAll("[data-gw-scripted]")) words.hidden = false;

  async function look() {
    let status = 0;
    try {
      const options = { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(30000) };
      status = (await fetch(location.href, options)).status;
    } catch {
      status = 0; // The portal itself is away.
    }
    if (status && status < 500) {
      location.reload();
      return;
    }
    said.textContent = `No answer yet at ${clock.format(new Date())}.`;
    setTimeout(look, pause);
  }

  setTimeout(look, pause);
})();
