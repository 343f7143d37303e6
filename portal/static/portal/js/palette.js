// The palette (Ctrl K) finds nodes, people, rules, pages and acts; "?" lists the keys of the page.
"use strict";

(() => {
  const PAUSE = 120; // ms without a letter before the portal is asked
  const script = document.currentScript;
  const apple = /Mac|iPhone|iPad/.test(navigator.platform);
  const command = apple ? "⌘" : "Ctrl";

  function make(tag, name, text, attributes = {}) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (text) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  const icon = (name) => make("span", "gw-icon", name, { "aria-hidden": "true" });

  // Keys pressed in a dialog are not keys of the page behind it; a click beside it closes it.
  function dialogOf(name, label) {
    const dialog = make("dialog", name, "", { "aria-label": label });
    dialog.addEventListener("keydown", (event) => event.stopPropagation());
    dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
    document.body.append(dialog);
    return dialog;
  }

  // --- The palette

  let parts = null;
  let options = [];
  let chosen = -1;
  let asked = 0;
  let timer = 0;
  let waiting = false; // The lines shown answer an earlier question.
  let hurried = null; // Enter came before the answer: open the first line once it is there.

  function build() {
    const dialog = dialogOf("gw-palette", "Find or jump to");
    const input = make("input", "", "", {
      type: "text", role: "combobox", placeholder: "Find or jump to", "aria-label": "Find or jump to",
      "aria-controls": "gw-palette-list", "aria-expanded": "false", "aria-autocomplete": "list",
      autocomplete: "off", autocapitalize: "off", spellcheck: "false", maxlength: "200",
    });
    const head = make("div", "gw-palette-head");
    head.append(icon("search"), input, make("kbd", "", "Esc", { "aria-hidden": "true" }));
    const list = make("div", "gw-palette-list", "", { id: "gw-palette-list", role: "listbox", "aria-label": "Found" });
    const said = make("p", "gw-palette-said", "", { role: "status" });
    const foot = make("div", "gw-palette-foot", "", { "aria-hidden": "true" });
    for (const [keys, word] of [["↑ ↓", "move"], ["Enter", "open"], ["?", "all keys"]]) {
      const item = make("span");
      item.append(make("kbd", "", keys), ` ${word}`);
      foot.append(item);
    }
    const hint = foot.lastElementChild;
    dialog.append(head, list, said, foot);
    input.addEventListener("input", () => {
      clearTimeout(timer);
      asked += 1; // What is on its way answers another question.
      waiting = true;
      hurried = null;
      hint.hidden = parts.input.value !== "";
      timer = setTimeout(ask, PAUSE);
    });
    dialog.addEventListener("keydown", onKey);
    dialog.addEventListener("close", () => {
      clearTimeout(timer);
      asked += 1;
      hurried = null;
    });
    list.addEventListener("pointermove", (event) => {
      const at = options.indexOf(event.target.closest("[role=option]"));
      if (at >= 0 && at !== chosen) choose(at);
    });
    list.addEventListener("click", (event) => {
      const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
      if (event.target.closest("a") && plain) dialog.close();
    });
    return { dialog, input, list, said };
  }

  function open() {
    if (document.querySelector("dialog[open]")) return;
    parts ??= build();
    document.documentElement.classList.remove("gw-side-open");
    parts.dialog.showModal();
    parts.input.focus();
    parts.input.select();
    hurried = null;
    ask();
  }

  async function ask() {
    clearTimeout(timer);
    const turn = (asked += 1);
    waiting = true;
    parts.dialog.setAttribute("aria-busy", "true");
    const url = new URL(script.dataset.gwPalette, window.location.href);
    url.searchParams.set("q", parts.input.value);
    try {
      const response = await fetch(url, { headers: { Accept: "application/json" }, cache: "no-store" });
      if (turn !== asked) return;
      if (response.redirected) return show([], "Your login has ended. Reload the page to log in again.");
      if (!response.ok) throw new Error(String(response.status));
      const answer = await response.json();
      if (turn === asked) show(answer.kinds, answer.kinds.length ? "" : "Nothing is called so.");
    } catch {
      if (turn === asked) show([], "The portal does not answer. Type on to try again.");
    }
  }

  function show(kinds, words) {
    options = [];
    const groups = kinds.map(({ kind, title, items }) => {
      const group = make("div", "", "", { role: "group", "aria-labelledby": `gw-palette-${kind}` });
      group.append(make("div", "gw-palette-kind", title, { id: `gw-palette-${kind}` }));
      for (const item of items) {
        const line = make("a", "gw-palette-item", "", {
          href: item.url, role: "option", tabindex: "-1", id: `gw-palette-${options.length}`, "aria-selected": "false",
        });
        line.append(icon(item.icon), make("span", "", item.title), make("span", "", item.detail));
        options.push(line);
        group.append(line);
      }
      return group;
    });
    parts.list.replaceChildren(...groups);
    parts.said.textContent = words;
    parts.input.setAttribute("aria-expanded", String(options.length > 0));
    chosen = -1;
    choose(options.length ? 0 : -1);
    parts.list.scrollTop = 0;
    waiting = false;
    parts.dialog.removeAttribute("aria-busy");
    if (hurried) go(hurried.beside);
    hurried = null;
  }

  function choose(at) {
    options[chosen]?.setAttribute("aria-selected", "false");
    chosen = at;
    const line = options[at];
    if (!line) return parts.input.removeAttribute("aria-activedescendant");
    line.setAttribute("aria-selected", "true");
    line.scrollIntoView({ block: "nearest" });
    parts.input.setAttribute("aria-activedescendant", line.id);
  }

  function onKey(event) {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && options.length) {
      event.preventDefault();
      choose((chosen + step + options.length) % options.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      const beside = event.ctrlKey || event.metaKey;
      if (waiting) hurried = { beside };
      else go(beside);
    } else if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      parts.dialog.close();
    } else if (event.key === "?" && !parts.input.value) {
      event.preventDefault();
      parts.dialog.close();
      openKeys();
    }
  }

  function go(beside) {
    const line = options[chosen];
    if (!line) return;
    if (beside) {
      window.open(line.href, "_blank", "noopener");
    } else {
      parts.dialog.close();
      window.location.assign(line.href);
    }
  }

  // --- The keys

  function keys() {
    const here = (selector) => document.querySelector(selector) !== null;
    return [
      [`${command} K`, "Find or jump to", true],
      ["/", "Search on this page", here("[data-gw-search]")],
      ["J  K", "Next row, previous row", here("[data-gw-list]")],
      ["X", "Select the row", here("input.action-select")],
      ["Shift X", "Select up to the row", here("input.action-select")],
      ["Enter", "Open the row", here("[data-gw-list]")],
      ["N", "New rule", here("#gw-rule-add")],
      [`${command} S`, "Review the changes", here("#gw-rule-add, #gw-file-review")],
      ["← ↑ ↓ →", "Move in the matrix", here(".gw-heat")],
      ["Esc", "Close what is open", true],
      ["?", "This list", true],
    ].filter(([, , there]) => there);
  }

  function openKeys() {
    if (document.querySelector("dialog[open]")) return;
    const dialog = dialogOf("gw-keys", "Keys");
    const head = make("div", "gw-keys-head");
    const close = make("button", "gw-icon-button", "", { type: "button", "aria-label": "Close" });
    close.append(icon("close"));
    close.addEventListener("click", () => dialog.close());
    head.append(make("h2", "", "Keys"), close);
    const list = make("dl");
    for (const [pressed, does] of keys()) {
      const cell = make("dd");
      pressed.split("  ").forEach((key, at) => cell.append(at ? " " : "", make("kbd", "", key)));
      list.append(make("dt", "", does), cell);
    }
    dialog.append(head, list);
    dialog.addEventListener("close", () => dialog.remove());
    dialog.showModal();
  }

  // --- Start

  function inField(target) {
    return target instanceof Element && target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]");
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey) return;
    const held = event.ctrlKey || event.metaKey;
    if (held && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      open();
    } else if (!held && event.key === "?" && !inField(event.target)) {
      event.preventDefault();
      openKeys();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-gw-palette-open]")) open();
  });
  for (const key of document.querySelectorAll("[data-gw-palette-open] kbd")) key.textContent = `${command} K`;
})();
