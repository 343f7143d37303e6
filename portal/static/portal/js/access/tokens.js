// A box of selectors: chips that can be taken away, and a text box with completion that makes more of them.
"use strict";

(() => {
  // `change(selectors)` is called with all of them whenever one comes or goes.
  GWAccess.tokens = ({ label, scope, values, change }) => {
    const { el, icon, chip, complete, announce } = GWAccess;
    const all = [...values];
    const input = el("input.gw-token-input", {
      type: "text", spellcheck: "false", autocapitalize: "none", maxlength: "260", "aria-label": `Add to ${label.toLowerCase()}`,
    });
    const chips = el("span.gw-token-chips");
    const box = el("div.gw-tokens", { onclick: (event) => event.target === box && input.focus() }, chips, el("span.gw-token-new", {}, input));

    function show() {
      input.placeholder = all.length ? "" : scope === "source" ? "Who, such as group:eng" : "What, such as tag:web";
      chips.replaceChildren(
        ...all.map((text, index) =>
          el("span.gw-token", { "data-index": index }, chip(text), el("button.gw-token-drop", {
            type: "button", "aria-label": `Remove ${text}`, onclick: () => {
              drop(index);
              input.focus();
            },
          }, icon("close"))),
        ),
      );
    }

    function drop(index) {
      const [text] = all.splice(index, 1);
      show();
      change([...all]);
      announce(`${text} removed`);
    }

    function take(text) {
      const found = text.split(/[\s,]+/).filter((item) => item && !all.includes(item));
      input.value = "";
      close();
      if (!found.length) return;
      all.push(...found);
      show();
      change([...all]);
    }

    const close = complete(input, scope, take);
    input.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if ((event.key === "Enter" || event.key === ",") && input.value.trim()) {
        event.preventDefault();
        take(input.value);
      } else if (event.key === "Enter") event.preventDefault();
      else if (event.key === "Backspace" && !input.value && all.length) drop(all.length - 1);
    });
    input.addEventListener("blur", () => take(input.value));
    show();
    return {
      box,
      input,
      // Marks what is wrong: a map of the place of a selector to words.
      mark: (wrong) => {
        for (const item of chips.children) item.classList.toggle("gw-token-wrong", wrong.has(Number(item.dataset.index)));
      },
      put: (texts) => {
        all.splice(0, all.length, ...texts);
        show();
        change([...all]);
      },
      get all() {
        return [...all];
      },
    };
  };
})();
