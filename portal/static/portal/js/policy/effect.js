// Fetches what takes a moment to work out, once the page stands: pairs gained and lost between two versions.
"use strict";

(() => {
  const place = document.querySelector("[data-gw-load]");
  const link = place?.querySelector("a");
  if (!link) return;

  async function count() {
    link.textContent = "Counting…";
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(place.dataset.gwLoad, { headers: { Accept: "text/html" }, credentials: "same-origin" });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#gw-effect");
      if (!found) throw new Error("no answer");
      place.replaceWith(document.adoptNode(found));
    } catch {
      link.textContent = "It could not be counted. Try again";
    } finally {
      place.removeAttribute("aria-busy");
    }
  }

  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    count();
  });
  count();
})();
