// The box that explains one flow: by the draft, where there is one, without leaving it.
"use strict";

(() => {
  // `current()` answers the draft; null before there is one: then the page answers.
  GWAccess.explainBox = (current) => {
    const { ask, complete, el, note, sentence, Trouble } = GWAccess;
    let turn = 0;
    const box = document.querySelector(".gw-explainform");
    const answer = document.getElementById("gw-explain-answer");
    for (const side of ["from", "to"]) {
      const input = box.elements[side];
      input.setAttribute("aria-label", input.closest("label").firstElementChild.textContent); // Without the list in it.
      complete(input, "point", (text) => (input.value = text));
    }
    box.addEventListener("submit", async (event) => {
      const draft = current();
      if (!draft) return;
      event.preventDefault();
      const open = draft.unfinished;
      if (open) {
        answer.replaceChildren(note("warning", `Rule ${draft.place(open)} of the draft is not finished: it needs a source and a destination.`));
        return;
      }
      const body = { edits: draft.edits().edits };
      for (const side of ["from", "to", "on", "at"]) body[side] = box.elements[side].value.trim();
      const mine = (turn += 1);
      answer.setAttribute("aria-busy", "true");
      try {
        const markup = await ask("explain", { body, markup: true });
        if (mine !== turn) return;
        answer.replaceChildren(...new DOMParser().parseFromString(markup, "text/html").body.childNodes);
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        if (mine !== turn) return;
        const again = el("button.gw-linkbutton", { type: "button", onclick: () => box.requestSubmit() }, "Try again");
        answer.replaceChildren(note("error", sentence(error.message), " ", error.status ? null : again));
      } finally {
        if (mine === turn) answer.removeAttribute("aria-busy");
      }
    });
  };
})();
