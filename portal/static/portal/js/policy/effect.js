// Fetches what takes a moment to work out, once the page stands: pairs gained and lost between two versions.
"use strict";

(async () => {
  const place = document.querySelector("[data-gw-load]");
  if (!place) return;
  const link = place.querySelector("a");
  if (link) link.textContent = "Counting…";
  try {
    const answer = await fetch(place.dataset.gwLoad, { headers: { Accept: "text/html" }, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("#gw-effect");
    if (!found) throw new Error("no answer");
    place.replaceWith(document.adoptNode(found));
  } catch {
    if (link) link.textContent = "It could not be counted. Try again";
  }
})();
