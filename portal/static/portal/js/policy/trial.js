// Counts down what is left of a policy's trial. The server says how many seconds there were when it made the page: the
// clock of this machine may be wrong.
"use strict";

(() => {
  const ends = new WeakMap();

  function tick() {
    for (const element of document.querySelectorAll("[data-gw-left]")) {
      if (!ends.has(element)) ends.set(element, performance.now() + Number(element.dataset.gwLeft) * 1000);
      const left = Math.max(0, Math.round((ends.get(element) - performance.now()) / 1000));
      const words = left > 0 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "a moment";
      if (element.textContent !== words) element.textContent = words;
    }
  }

  tick();
  setInterval(tick, 1000);
})();
