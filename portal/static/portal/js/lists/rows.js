// Lists: ticks and ranges of ticks, all that match, and the keys that walk through rows.
"use strict";

(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const form = () => document.querySelector("form[data-gw-list]");
  const boxes = () => all("form[data-gw-list] input.action-select");
  const rows = () => all(".gw-listform tbody tr");

  // --- Ticks

  let last = null; // The row that was ticked last: a range begins there.

  function count() {
    const list = form();
    if (!list) return;
    const every = boxes();
    const ticked = every.filter((box) => box.checked).length;
    const beyond = list.querySelector("[data-gw-all]");
    if (beyond && ticked < every.length) beyond.checked = false;
    const words = list.querySelector("[data-gw-count]");
    if (words) words.textContent = beyond?.checked ? beyond.dataset.gwAll : `${ticked} of ${every.length} selected`;
    const master = list.querySelector("[data-gw-tick-all]");
    if (master) {
      master.checked = ticked > 0 && ticked === every.length;
      master.indeterminate = ticked > 0 && ticked < every.length;
    }
  }

  function tickAll(checked) {
    for (const box of boxes()) box.checked = checked;
    count();
  }

  function tickRange(to, checked) {
    const every = boxes();
    const from = every.indexOf(last);
    const end = every.indexOf(to);
    if (from < 0 || end < 0) return;
    for (const box of every.slice(Math.min(from, end), Math.max(from, end) + 1)) box.checked = checked;
  }

  // --- Keys: single letters act outside fields only

  let cursor = -1;

  function move(step) {
    const list = rows();
    if (!list.length) return;
    list[cursor]?.classList.remove("gw-cursor");
    cursor = Math.min(Math.max(cursor + step, 0), list.length - 1);
    list[cursor].classList.add("gw-cursor");
    list[cursor].scrollIntoView({ block: "nearest" });
  }

  function tick(row, ranged) {
    const box = row.querySelector("input.action-select");
    if (!box) return;
    box.checked = !box.checked;
    if (ranged) tickRange(box, box.checked);
    last = box;
    box.dispatchEvent(new Event("change", { bubbles: true }));
  }

  function inField(target) {
    return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    const row = rows()[cursor];
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === "j") {
      move(1);
    } else if (key === "k") {
      move(-1);
    } else if (key === "x" && row) {
      tick(row, event.shiftKey);
    } else if (key === "Enter" && row && event.target === document.body) {
      row.querySelector("a.gw-subject, td a[href]")?.click();
    }
  });

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (target?.closest("[data-gw-untick]")) tickAll(false);
    if (!(target instanceof HTMLInputElement) || !target.matches("input.action-select")) return;
    if (event.shiftKey) tickRange(target, target.checked);
    last = target;
    count();
  });

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement) || !box.form?.matches("[data-gw-list]")) return;
    if (box.matches("[data-gw-tick-all]")) tickAll(box.checked);
    else if (box.matches("[data-gw-all]") && box.checked) tickAll(true);
    else count();
  });

  document.addEventListener("gw:replaced", () => {
    cursor = -1;
    last = null;
    count();
  });
  count();
})();
