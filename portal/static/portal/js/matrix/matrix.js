// The heat map beyond plain links: a cell opens its card without leaving the page, and arrow keys move between cells.

const card = document.querySelector("[data-gw-cell]");
const grid = () => document.querySelector("[data-gw-heat]");
let turn = 0;

async function choose(link) {
  const mine = ++turn;
  const url = new URL(link.href);
  for (const other of document.querySelectorAll(".gw-heat-cell[aria-current]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  link.setAttribute("aria-busy", "true");
  try {
    const response = await fetch(url, { credentials: "same-origin" });
    if (!response.ok) throw new Error(String(response.status));
    const found = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("[data-gw-cell]");
    if (mine !== turn) return;
    if (!found) throw new Error("no card");
    card.replaceChildren(...found.childNodes);
    url.hash = "";
    history.replaceState(null, "", url);
    const chosen = card.firstElementChild;
    chosen?.scrollIntoView({ block: "nearest" });
    chosen?.focus({ preventScroll: true });
  } catch {
    if (mine === turn) fail(link);
  } finally {
    link.removeAttribute("aria-busy");
  }
}

// What was shown stays, below what is wrong.
function fail(link) {
  const note = document.createElement("div");
  note.className = "gw-note gw-note-error";
  note.setAttribute("role", "alert");
  const again = document.createElement("button");
  again.type = "button";
  again.className = "gw-linkbutton";
  again.textContent = "Try again";
  again.addEventListener("click", () => choose(link));
  note.append(`The portal did not answer for ${link.querySelector(".gw-sr").textContent}. `, again);
  card.querySelector(".gw-note-error")?.remove();
  card.prepend(note);
  note.scrollIntoView({ block: "nearest" });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.gw-heat-cell, a.gw-heat-line");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  choose(link);
});

const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

document.addEventListener("keydown", (event) => {
  const link = event.target.closest?.(".gw-heat td a.gw-heat-cell");
  const step = STEPS[event.key];
  if (!link || !step || event.altKey || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  const rows = [...grid().tBodies[0].rows].map((row) => [...row.cells].slice(1).map((cell) => cell.firstElementChild));
  let [y, x] = [rows.findIndex((row) => row.includes(link)), 0];
  x = rows[y].indexOf(link);
  do [y, x] = [y + step[0], x + step[1]];
  while (rows[y]?.[x] && rows[y][x].tagName !== "A");
  const next = rows[y]?.[x];
  if (!next) return;
  link.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

const from = document.querySelector("[data-gw-from]");
from?.addEventListener("change", () => from.form.requestSubmit());
const go = document.querySelector("[data-gw-from-go]");
if (go) go.hidden = true;
