// The bar above the rules: whose draft it is upon, how much it changes, and that nothing of it is in force.
"use strict";

(() => {
  // A draft without changes is one that was discarded. `act` has discard, undo and open.
  GWAccess.draftBar = (bar, draft, act) => {
    const { el, many } = GWAccess;
    const count = draft.changes.length;
    if (!count) {
      bar.replaceChildren(
        el("span.gw-draft-words", {}, el("b", {}, "The draft is discarded. "), `Policy ${draft.version} is what it was.`),
        el("button.gw-button", { type: "button", onclick: act.undo }, "Undo"),
      );
      return;
    }
    const [base, words] = [`Draft on policy ${draft.version} `, `${many(count, "rule")} changed, nothing is in force yet`];
    if (bar.querySelector("[data-role=review]")) {
      bar.querySelector("[data-role=base]").textContent = base;
      bar.querySelector("[data-role=count]").textContent = words;
      return;
    }
    bar.replaceChildren(
      el("span.gw-icon", { "aria-hidden": "true" }, "edit_note"),
      el("span.gw-draft-words", {},
        el("b", { "data-role": "base" }, base),
        el("span", { "data-role": "count" }, words),
        el("span.gw-bad", { "data-role": "trouble", role: "alert" })),
      el("button.gw-button", { type: "button", onclick: act.discard }, "Discard"),
      el("button.gw-button.gw-button-primary", { type: "button", "data-role": "review", "aria-keyshortcuts": "Control+S", onclick: act.open },
        "Review and activate", el("kbd", {}, "Ctrl S")),
    );
  };
})();
