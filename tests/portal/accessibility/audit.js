// What a keyboard and a finger find in a page as it stands. Defines audit(); all answers are lists of sentences.
"use strict";

globalThis.audit = (() => {
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex], [contenteditable=true]";
  // The main part takes the focus too, from the skip link; that makes nothing in it a control.
  const NATIVE_OR_LABEL = FOCUSABLE.replace("[tabindex]", "[tabindex='0'], label, option, [role=option]");

  function shown(element) {
    const box = element.getBoundingClientRect();
    return element.checkVisibility({ visibilityProperty: true }) && box.width > 0 && box.height > 0;
  }

  // A modal dialog makes the rest of the page inert, without saying so in the tree.
  function reachable() {
    const within = document.querySelector("dialog:modal") ?? document;
    return [...within.querySelectorAll(FOCUSABLE)].filter(
      (element) => element.tabIndex >= 0 && !element.disabled && element.type !== "hidden" && !element.closest("[inert]") && shown(element),
    );
  }

  function nameOf(element) {
    const words = (element.getAttribute("aria-label") ?? element.innerText ?? "").trim().replace(/\s+/g, " ").slice(0, 40);
    const mark = element.id ? `#${element.id}` : [...element.classList].map((name) => `.${name}`).join("");
    const within = element.parentElement?.className ? ` in .${String(element.parentElement.className).split(" ")[0]}` : "";
    return `${element.localName}${mark || (element.name ? `[name=${element.name}]` : "")}${within} "${words}"`;
  }

  // --- What answers to a pointer must answer to the keyboard

  function pointerOnly() {
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
      if (getComputedStyle(element).cursor !== "pointer" || element.closest(NATIVE_OR_LABEL) || !shown(element)) continue;
      if (getComputedStyle(element.parentElement).cursor === "pointer") continue;
      found.push(`${nameOf(element)} answers to a click alone`);
    }
    return found;
  }

  // --- Focus is seen

  function ringed(element) {
    for (let at = element, up = 0; at && up < 3; at = at.parentElement, up += 1) {
      const style = getComputedStyle(at);
      if (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2) return true;
    }
    return false;
  }

  function hidden(element) {
    const box = element.getClientRects()[0]; // A link among words may go over two lines.
    const [x, y] = [box.left + box.width / 2, box.top + Math.min(box.height / 2, 12)];
    if (x < 0 || y < 0 || x > innerWidth || y > innerHeight) return "is outside the window when it has the focus";
    const there = document.elementFromPoint(x, y);
    const same = there && (element.contains(there) || there.contains(element) || there.closest("label")?.contains(element));
    return same ? "" : `is covered by ${there ? nameOf(there) : "nothing"} when it has the focus`;
  }

  // The page must have had a key press: only then do browsers show where a script puts the focus.
  function unseen() {
    const found = [];
    for (const element of reachable()) {
      if (!shown(element)) continue; // In a menu that has closed since.
      element.focus();
      if (document.activeElement !== element) {
        found.push(`${nameOf(element)} does not take the focus`);
        continue;
      }
      if (!ringed(element)) found.push(`${nameOf(element)} does not show the focus`);
      const why = hidden(element);
      if (why) found.push(`${nameOf(element)} ${why}`);
    }
    return found;
  }

  // --- A finger hits it

  function hits(element, x, y) {
    const there = document.elementFromPoint(x, y);
    return Boolean(there) && (element.contains(there) || there.closest("label")?.control === element || there === element);
  }

  // A link among words or facts is as high as its line (WCAG 2.2, 2.5.8); that lines are 24 px apart axe-core asks.
  const WITHIN = [
    "p, dd, td:not(.gw-c-subject)", ".gw-sentence, .gw-reach-peers, .gw-pairs, .gw-chips, .gw-note, .gw-event-text",
    ".gw-subjectline, .gw-test-target, .gw-dialog-rows",
  ].join(", ");

  function inLine(element) {
    if (element.localName !== "a" || element.matches(".gw-button, .gw-icon-button")) return false;
    const words = [...element.parentNode.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && /\p{L}/u.test(node.data));
    const chip = element.matches(".gw-chip") && !element.closest(".gw-c-subject");
    return words || chip || element.closest(WITHIN) !== null;
  }

  function small(least) {
    const found = [];
    for (const element of reachable()) {
      if (!shown(element) || inLine(element)) continue;
      element.focus();
      element.scrollIntoView({ block: "center", inline: "center" });
      const box = element.getBoundingClientRect();
      const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
      let high = 1;
      for (let up = 1; up <= least && hits(element, x, y - up); up += 1) high += 1;
      for (let down = 1; down <= least && hits(element, x, y + down); down += 1) high += 1;
      if (high < least) found.push(`${nameOf(element)} is ${high} px high to a finger`);
    }
    return found;
  }

  const wide = () => (document.documentElement.scrollWidth > innerWidth ? [`the page is ${document.documentElement.scrollWidth} px wide`] : []);

  return { pointerOnly, unseen, small, wide, reachable: () => reachable().map(nameOf) };
})();
