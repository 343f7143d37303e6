// Completion of a name in a text box: a combobox with a list of what exists (ARIA APG, "Editable Combobox With List
// Autocomplete"). Arrows choose, Enter takes, Escape closes.
"use strict";

(() => {
  const PAUSE = 120; // How long nothing is typed before names are asked for.
  const FREE = ["os", "posture"]; // Anything may stand there.
  let made = 0;

  // `take(text)` gets what was chosen. The input must stand in an element of its own, in which the list is put.
  // `part` says of what stands there what is to be completed. Answers what closes the list.
  GWAccess.complete = (input, scope, take, part = (text) => text) => {
    const { el, ask } = GWAccess;
    const id = `gw-names-${(made += 1)}`;
    const list = el("ul.gw-names", { id, role: "listbox", "aria-label": "Names", hidden: true });
    const note = el("p.gw-names-note", { role: "status", hidden: true });
    let found = [];
    let chosen = -1;
    let timer = 0;
    let running = null;

    for (const [name, value] of Object.entries({
      role: "combobox", "aria-expanded": "false", "aria-controls": id, "aria-autocomplete": "list", autocomplete: "off",
    })) input.setAttribute(name, value);
    input.after(list, note);
    input.parentElement.classList.add("gw-combo");

    function close() {
      clearTimeout(timer);
      running?.abort();
      list.hidden = note.hidden = true;
      chosen = -1;
      input.setAttribute("aria-expanded", "false");
      input.removeAttribute("aria-activedescendant");
    }

    function say(words) {
      close();
      note.textContent = words;
      note.hidden = false;
    }

    function choose(index) {
      chosen = index;
      [...list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
      const item = list.children[index];
      if (!item) return input.removeAttribute("aria-activedescendant");
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    }

    function finish(text) {
      close();
      take(text);
    }

    function show(names) {
      found = names;
      if (!names.length && FREE.includes(scope)) return close();
      if (!names.length) return say(input.value.trim() ? "Nothing is called so." : "There is nothing to name yet.");
      note.hidden = true;
      list.replaceChildren(
        ...names.map((item, index) =>
          el("li", { id: `${id}-${index}`, role: "option", "aria-selected": "false", onmousedown: (event) => {
            event.preventDefault(); // The box keeps the focus.
            finish(item.text);
          } }, el("span.gw-mono.gw-ink", {}, item.text), el("span.gw-names-hint", {}, item.hint)),
        ),
      );
      list.hidden = false;
      input.setAttribute("aria-expanded", "true");
      choose(input.value.trim() ? 0 : -1);
    }

    async function look() {
      running?.abort();
      const mine = (running = new AbortController());
      input.parentElement.setAttribute("aria-busy", "true");
      try {
        const { names } = await ask("names", { query: { q: part(input.value.trim()), scope }, signal: mine.signal });
        if (mine === running && document.activeElement === input) show(names);
      } catch (error) {
        if (error.name !== "AbortError") say(error.message);
      } finally {
        if (mine === running) input.parentElement.removeAttribute("aria-busy");
      }
    }

    function soon(pause = PAUSE) {
      clearTimeout(timer);
      choose(-1); // What was found for less than this is not what Enter takes.
      timer = setTimeout(look, pause);
    }

    input.addEventListener("input", () => (input.value.trim() ? soon() : close()));
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return;
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (step) {
        event.preventDefault();
        if (list.hidden) return soon(0);
        choose((chosen + step + found.length) % found.length);
      } else if (event.key === "Enter" && !list.hidden && chosen >= 0) {
        event.preventDefault();
        event.stopImmediatePropagation();
        finish(found[chosen].text);
      } else if (event.key === "Escape" && (!list.hidden || !note.hidden)) {
        event.preventDefault();
        event.stopImmediatePropagation();
        close();
      }
    });
    return close;
  };
})();
