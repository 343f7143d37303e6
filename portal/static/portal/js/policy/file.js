// The policy's document: checked as it is typed, jumped to where it is wrong, and never lost by a closed tab.

import { Editor } from "./editor.js";

const PAUSE = 450; // How long nothing is typed before it is checked.

const form = document.getElementById("gw-file");
const area = document.getElementById("gw-document");
const original = document.getElementById("gw-original").value;
const mark = document.getElementById("gw-file-mark");
const discard = document.getElementById("gw-file-discard");
const place = document.getElementById("gw-editor-place");
const editor = new Editor(document.getElementById("gw-editor"), area);

let checked = area.value;
let timer = 0;
let running = null;
let leaving = false;

const edited = () => area.value !== original;

function showEdited() {
  mark.textContent = edited() ? "edited, nothing is in force yet" : mark.dataset.gwClean;
  mark.classList.toggle("gw-file-edited", edited());
  if (discard) discard.hidden = !edited();
}

function showPlace() {
  const { line, column } = editor.place();
  place.textContent = `${line}:${column}`;
}

// --- What it would do

function showState() {
  const state = document.getElementById("gw-filestate");
  const faults = [...state.querySelectorAll("[data-gw-line]")];
  editor.mark(faults.map((item) => ({ line: Number(item.dataset.gwLine), column: Number(item.dataset.gwColumn) })));
  for (const button of state.querySelectorAll("[data-gw-replace]")) button.hidden = area.readOnly;
}

async function check() {
  if (area.value === checked) return;
  running?.abort();
  const mine = (running = new AbortController());
  const text = area.value;
  const state = document.getElementById("gw-filestate");
  state.classList.add("gw-filestate-old");
  state.setAttribute("aria-busy", "true");
  const body = new FormData();
  body.set("document", text);
  body.set("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  try {
    const answer = await fetch(form.dataset.gwState, { method: "POST", body, signal: mine.signal, credentials: "same-origin" });
    if (!answer.ok) throw new Error(String(answer.status));
    const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("gw-filestate");
    if (!found) throw new Error("no answer");
    checked = text;
    state.replaceWith(document.adoptNode(found));
    showState();
  } catch (error) {
    if (error.name === "AbortError") return;
    state.classList.remove("gw-filestate-old");
    state.removeAttribute("aria-busy");
    const words = document.createElement("p");
    words.className = "gw-warn";
    words.textContent = "It could not be checked: the portal does not answer. ";
    const again = document.createElement("button");
    again.type = "button";
    again.className = "gw-linkbutton";
    again.textContent = "Try again";
    again.addEventListener("click", check);
    words.append(again);
    state.replaceChildren(words);
  } finally {
    if (running === mine) running = null;
  }
}

area.addEventListener("input", () => {
  showEdited();
  clearTimeout(timer);
  timer = setTimeout(check, PAUSE);
});
for (const kind of ["keyup", "click", "focus", "select"]) area.addEventListener(kind, showPlace);

form.addEventListener("click", (event) => {
  const jump = event.target.closest("[data-gw-line]");
  if (jump) editor.go(Number(jump.dataset.gwLine), Number(jump.dataset.gwColumn));
  const swap = event.target.closest("[data-gw-replace]");
  if (swap) editor.replace(Number(swap.dataset.gwAt), swap.dataset.gwReplace, swap.dataset.gwBy);
});

// --- Import

const pick = document.getElementById("gw-file-pick");
const choose = document.getElementById("gw-file-import");
if (choose) {
  pick.closest(".gw-filepick").hidden = true;
  choose.hidden = false;
  choose.addEventListener("click", () => pick.click());
  pick.addEventListener("change", () => take(pick.files[0]));
  area.addEventListener("dragover", (event) => {
    if ([...event.dataTransfer.types].includes("Files")) event.preventDefault();
  });
  area.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
}

async function take(file) {
  if (!file) return;
  if (file.size > Number(area.maxLength)) {
    mark.textContent = `${file.name} is larger than 2 MiB`;
    return;
  }
  const text = new TextDecoder().decode(await file.arrayBuffer()).replaceAll("\r\n", "\n");
  area.focus();
  area.select();
  editor.type(text);
  area.setSelectionRange(0, 0);
  area.scrollTop = 0;
  pick.value = "";
}

// --- Keys, and what would be lost

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "s") {
    event.preventDefault();
    document.getElementById("gw-file-review")?.click();
  }
});
form.addEventListener("submit", () => (leaving = true));
discard?.addEventListener("click", () => (leaving = true));
window.addEventListener("beforeunload", (event) => {
  if (edited() && !leaving) event.preventDefault();
});
window.addEventListener("pageshow", () => (leaving = false));

for (const words of document.querySelectorAll(".gw-editor-tabs")) words.hidden = false;
showEdited();
showState();
showPlace();
