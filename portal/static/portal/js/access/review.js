// What stands between a draft and its coming into force: all that it does, a comment, and whether it is on trial.
"use strict";

(() => {
  const TRIALS = [["", "for good"], ["300", "for 5 minutes, then reverts unless confirmed"], ["1800", "for 30 minutes, then reverts unless confirmed"]];

  // `said` is the preview; `outdated()` is called where something else is in force by now; `refused(trouble, keys)`.
  GWAccess.review = (draft, said, { done, outdated, refused }) => {
    const { el, many, note, sentence } = GWAccess;
    const { edits, keys } = draft.edits();
    const trouble = el("div");
    const tick = el("input", { type: "checkbox", onchange: () => (apply.disabled = !tick.checked) });
    const comment = el("input.gw-input", { type: "text", maxlength: "500", placeholder: "Why, for the history", id: "gw-review-comment" });
    const trial = el("select.gw-input", { id: "gw-review-trial" }, ...TRIALS.map(([value, words]) => el("option", { value }, words)));
    if (said.own.portal || said.own.machines.length) trial.value = TRIALS[1][0]; // Whoever is cut off cannot take it back.
    const apply = el("button.gw-button.gw-button-primary", { type: "submit", disabled: said.objections.length > 0 }, said.objections.length ? "Apply all the same" : "Apply");
    const keep = el("button.gw-button", { type: "button", onclick: () => dialog.close() }, "Go on editing");
    const dialog = el("dialog.gw-dialog.gw-reviewdialog", { "aria-labelledby": "gw-review-title", onclose: () => dialog.remove() },
      el("form", { novalidate: true, onsubmit: (event) => {
        event.preventDefault();
        send();
      } },
        el("div.gw-dialog-head", {}, el("h2", { id: "gw-review-title" }, "Put the draft in force?"),
          el("p.gw-dim", {}, `${many(draft.changes.length, "rule")} of policy ${draft.version} ${draft.changes.length === 1 ? "changes" : "change"}, as one change.`)),
        el("div.gw-review-effect", { tabindex: "0", role: "group", "aria-label": "What it does" }, ...GWAccess.figures(said).filter(Boolean)),
        el("div.gw-dialog-body", {},
          said.others.map((words) => note("error", sentence(words))),
          said.objections.length ? el("label.gw-dialog-tick", {}, tick, said.objections.length > said.others.length ? `Apply it although ${many(said.tests.length, "test")} would fail` : "Apply it in spite of what speaks against it") : null,
          el("div.gw-review-fields", {},
            el("label", { for: "gw-review-comment" }, "Comment"), comment,
            el("label", { for: "gw-review-trial" }, "Stays"), trial),
          trouble,
          el("div.gw-dialog-foot", {}, keep, apply))));

    async function send() {
      apply.disabled = true;
      trouble.replaceChildren();
      const body = { edits, version: draft.version, forced: tick.checked, comment: comment.value.trim() };
      if (trial.value) body.confirm_within = Number(trial.value);
      try {
        const answer = await GWAccess.ask("apply", { body });
        done(answer);
      } catch (error) {
        if (!(error instanceof GWAccess.Trouble)) throw error;
        if (error.status === 412) {
          dialog.close();
          return outdated();
        }
        if (error.errors.length) refused(error, keys);
        trouble.replaceChildren(note("error", sentence(error.message), " The draft is kept."));
        apply.disabled = said.objections.length > 0 && !tick.checked;
      }
    }

    document.body.append(dialog);
    dialog.showModal();
    (said.objections.length ? keep : comment).focus();
    return dialog;
  };
})();
