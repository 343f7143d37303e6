// What pages do beyond plain HTML. Every page works without it: forms post, links lead, details open.
"use strict";

(() => {
  const root = document.documentElement;
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // --- Colours

  function showTheme() {
    const chosen = window.gwTheme.chosen();
    for (const group of all("[data-gw-theme-switch]")) group.hidden = false;
    for (const button of all("[data-gw-theme]")) {
      if (button === root) continue;
      button.setAttribute("aria-pressed", String(button.dataset.gwTheme === chosen));
    }
  }

  // --- Sidebar: closed for good on wide windows, a drawer on narrow ones

  const narrow = window.matchMedia("(max-width: 1023px)");

  const sideToggle = document.querySelector("button[data-gw-side-toggle]");

  // While the drawer is open the keyboard stays in it.
  function showSide() {
    if (!sideToggle) return;
    const drawn = narrow.matches && root.classList.contains("gw-side-open");
    document.querySelector(".gw-main").inert = drawn;
    sideToggle.setAttribute("aria-expanded", String(narrow.matches ? drawn : !root.classList.contains("gw-side-closed")));
  }

  function closeDrawer() {
    if (!root.classList.contains("gw-side-open")) return;
    root.classList.remove("gw-side-open");
    showSide();
    sideToggle.focus();
  }

  function toggleSide() {
    if (narrow.matches) {
      if (root.classList.contains("gw-side-open")) return closeDrawer();
      root.classList.add("gw-side-open");
      showSide();
      document.querySelector("#gw-side .gw-nav-link[aria-current], #gw-side a").focus();
      return;
    }
    const closed = root.classList.toggle("gw-side-closed");
    try {
      localStorage.setItem("gw-side", closed ? "closed" : "open");
    } catch {
      return; // Storage is blocked: it stays so for this page.
    }
  }

  // --- Menus: one open at a time, closed by Escape or a click elsewhere

  function closeMenus(except) {
    for (const menu of all("details[data-gw-menu][open]")) if (menu !== except) menu.open = false;
  }

  // Who is in a menu comes back to what opened it.
  function leaveMenus() {
    const menu = document.activeElement?.closest("details[data-gw-menu][open]");
    const opened = menu !== null && menu !== undefined;
    if (opened) menu.querySelector("summary").focus();
    closeMenus();
    return opened;
  }

  // --- Times in the viewer's zone and words

  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
  const minute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

  function showTimes(within = document) {
    const today = new Date().toDateString();
    for (const element of all("time[datetime]", within)) {
      const at = new Date(element.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      element.title = exact.format(at);
      if ("gwClock" in element.dataset) {
        element.textContent = at.toDateString() === today ? clock.format(at) : day.format(at);
      }
      if (element.dataset.gwAxis) element.textContent = (element.dataset.gwAxis === "day" ? day : minute).format(at);
    }
  }

  // --- Copy

  async function copy(button) {
    const text = button.parentElement.querySelector("[data-gw-copy-text]").textContent.trim();
    const word = button.querySelector("[data-gw-copy-word]");
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      copyBySelection(button.parentElement.querySelector("[data-gw-copy-text]"));
    }
    word.textContent = "Copied";
    setTimeout(() => (word.textContent = "Copy"), 2000);
  }

  // Over plain http browsers keep the clipboard from scripts, but a selection may still be copied.
  function copyBySelection(element) {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    document.execCommand("copy");
  }

  // --- Keys

  function onKey(event) {
    if (event.key === "Escape") {
      if (!leaveMenus()) closeDrawer();
      return;
    }
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || inField(event.target)) return;
    const search = document.querySelector("[data-gw-search]");
    if (!search) return;
    event.preventDefault();
    search.focus();
    search.select();
  }

  function inField(target) {
    return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  }

  // --- Start

  document.addEventListener("click", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (!target) return;
    closeMenus(target.closest("details[data-gw-menu]"));
    const theme = target.closest("button[data-gw-theme]");
    if (theme) {
      window.gwTheme.choose(theme.dataset.gwTheme);
      showTheme();
    }
    if (target.closest("[data-gw-side-toggle]")) toggleSide();
    const copier = target.closest("[data-gw-copy]");
    if (copier) copy(copier);
  });

  document.addEventListener("change", (event) => {
    const box = event.target;
    if (!(box instanceof HTMLInputElement)) return;
    if (box.dataset.gwEnables) document.getElementById(box.dataset.gwEnables).disabled = !box.checked;
  });

  document.addEventListener("keydown", onKey);
  // No menu stays open over what the keyboard has gone on to, and what scrolls sideways shows it whole.
  document.addEventListener("focusin", (event) => {
    closeMenus(event.target.closest("details[data-gw-menu]"));
    if (!event.target.closest(".gw-own-nav, .gw-filters, .gw-tabs-list")) return;
    event.target.scrollIntoView({ block: "nearest", inline: "nearest" });
  });
  document.addEventListener("gw:replaced", (event) => {
    showTimes(event.target);
    prepare(event.target);
  });

  // What a page, or a part of it that is new, needs before it is used.
  function prepare(within) {
    for (const button of all("[data-gw-copy]", within)) button.hidden = false;
    for (const element of all("[data-gw-scripted]", within)) element.hidden = false;
    for (const box of all("[data-gw-enables]", within)) document.getElementById(box.dataset.gwEnables).disabled = !box.checked;
  }

  // Others open and close it too.
  new MutationObserver(showSide).observe(root, { attributeFilter: ["class"] });
  narrow.addEventListener("change", showSide);
  showSide();
  showTheme();
  showTimes();
  prepare(document);
  document.querySelector("[data-gw-focus]")?.focus();
  // The secret's page must not be made again by a reload: its address becomes the key's own.
  const replaced = document.querySelector("[data-gw-replace-url]");
  if (replaced) window.history.replaceState(null, "", replaced.dataset.gwReplaceUrl);
})();
