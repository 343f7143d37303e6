// The search field: a combobox whose list is what the server finds. Arrow keys choose, Enter selects, Escape closes.

import { glyph, make } from "./panel.js";

const PAUSE = 120;

export function search(input, list, ask, select) {
  let found = [];
  let active = -1;
  let timer = 0;
  let turn = 0;

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    active = -1;
  };

  const mark = (index) => {
    active = found.length ? (index + found.length) % found.length : -1;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === active)));
    if (active >= 0) {
      input.setAttribute("aria-activedescendant", list.children[active].id);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
  };

  const take = (index) => {
    const node = found[index];
    if (!node) return;
    input.value = node[1];
    close();
    select(node[0]);
  };

  const show = (answer) => {
    found = answer.nodes;
    const options = found.map(([id, name, status, group], index) =>
      make(
        "li",
        { role: "option", id: `gw-topo-found-${id}`, "aria-selected": "false", onmousedown: (event) => { event.preventDefault(); take(index); } },
        glyph(status),
        make("span", { class: "gw-topo-name", text: name }),
        make("span", { class: "gw-end gw-mono gw-dim", text: group }),
      ),
    );
    const note = found.length ? (answer.more ? `and ${answer.more} more` : "") : "No node matches.";
    list.replaceChildren(...options);
    list.dataset.note = note;
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    if (found.length) mark(0);
  };

  input.addEventListener("input", () => {
    clearTimeout(timer);
    const words = input.value.trim();
    if (!words) return close();
    timer = setTimeout(async () => {
      const mine = ++turn;
      try {
        const answer = await ask(words);
        if (mine === turn && document.activeElement === input) show(answer);
      } catch {
        if (mine === turn) show({ nodes: [], more: 0 }), (list.dataset.note = "The search did not answer. Type on to try again.");
      }
    }, PAUSE);
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) input.dispatchEvent(new Event("input"));
      else mark(active + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      if (!list.hidden) take(active);
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      close();
    }
  });
  input.addEventListener("blur", close);
}
