// The list of rules as the draft has them: sentences with what changed, and the form where one is written.
"use strict";

(() => {
  const FLAGS = { new: ["new", ""], removed: ["removed", "gw-bad"], edited: ["edited", "gw-flag-edit"], moved: ["moved", "gw-flag-edit"] };

  const FEW = 10; // Of more chips the first are shown; the rest unfolds.

  function fold(chips) {
    const { el } = GWAccess;
    if (chips.length <= FEW) return chips;
    const rest = chips.slice(FEW - 2);
    return [...chips.slice(0, FEW - 2), el("details.gw-fold", {}, el("summary", {}, `and ${rest.length} more`), el("span.gw-chips", {}, ...rest))];
  }

  // `on` has what may be done: edit, close, reset, change, remove, restore, toggle, show(place), move(row, step),
  // drop(row, to).
  GWAccess.Rows = class {
    constructor(list, { mayEdit, formBase, on }) {
      Object.assign(this, { list, mayEdit, formBase, on });
      this.items = new Map(); // key -> {node, signature, form}
      this.open = ""; // The row whose form is open.
      this.faults = new Map(); // key -> faults
      this.remarks = new Map();
      this.pages = {};
      if (mayEdit) GWAccess.moveRows(this);
    }

    show(draft) {
      this.draft = draft;
      const active = document.activeElement;
      const [key, role] = [active?.closest?.("[data-key]")?.dataset.key, active?.dataset?.role];
      const places = new Map(draft.standing().map((row, index) => [row.key, index + 1]));
      const nodes = draft.rows.map((row) => this.item(row, places.get(row.key) ?? 0));
      for (const gone of [...this.list.children].filter((node) => !nodes.includes(node))) gone.remove();
      nodes.forEach((node, index) => {
        if (this.list.children[index] !== node) this.list.insertBefore(node, this.list.children[index] ?? null);
      });
      const keys = new Set(draft.rows.map((row) => row.key));
      for (const known of [...this.items.keys()]) if (!keys.has(known)) this.items.delete(known);
      if (key && role && document.activeElement !== active) this.focus(key, role);
      else if (active?.isConnected && active !== document.activeElement) active.focus();
    }

    focus(key, role = "grip") {
      const node = this.items.get(key)?.node;
      const found = [role, "menu"].map((name) => node?.querySelector(`[data-role="${name}"]`)).find((item) => item?.checkVisibility());
      found?.focus();
    }

    reveal(row) {
      this.items.get(row?.key)?.node.scrollIntoView({ block: "center" });
      if (row) this.focus(row.key, "edit");
    }

    // Each fault beside its rule and member; what is about no rule stands in the panel.
    blame(error, keys) {
      this.faults = new Map();
      for (const item of error.errors) {
        const [, index, ...rest] = item.field.split(".");
        const key = keys[Number(index)];
        if (!key) continue;
        const field = rest.join(".").replace(/^fields\./, "");
        this.faults.set(key, [...(this.faults.get(key) ?? []), { ...item, field }]);
      }
    }

    item(row, place) {
      const isOpen = this.open === row.key;
      const { rule, draft } = { rule: this.draft.rule(row), draft: this.draft };
      const faults = this.faults.get(row.key) ?? [];
      const remarks = this.remarks.get(row.key) ?? [];
      const state = draft.state(row);
      const known = this.items.get(row.key);
      if (isOpen && known?.form) {
        known.form.mark(faults);
        known.number.textContent = place || "–";
        this.say(known.said, row, [], remarks);
        return known.node;
      }
      const signature = isOpen ? "form" : JSON.stringify([rule, this.draft.limits(row), place, state, faults, remarks, this.mayEdit, Object.keys(this.pages).length]);
      if (known?.signature === signature) return known.node;
      const made = isOpen ? this.formItem(row, rule, place) : this.readItem(row, rule, place, state);
      this.say(made.said, row, isOpen ? [] : faults, remarks);
      if (isOpen) made.form.mark(faults);
      this.items.set(row.key, { ...made, signature });
      return made.node;
    }

    formItem(row, rule, place) {
      const { el } = GWAccess;
      const form = GWAccess.ruleForm({
        rule,
        fresh: row.id === null,
        place: row.id === null ? "New rule" : `Rule ${place}`,
        limits: this.draft.limits(row),
        page: row.id === null ? "" : `${this.formBase}${row.id}/change/`,
        change: (member, value) => this.on.change(row, member, value),
        close: () => this.on.close(row),
        reset: () => this.on.reset(row),
      });
      const number = el("span.gw-rule-number", {}, String(place || "–"));
      const said = el("div");
      const node = el("li.gw-rule.gw-rule-open", { id: this.ident(row), "data-key": row.key }, number, el("div.gw-rule-body", {}, form.body, said));
      return { node, form, number, said };
    }

    ident(row) {
      return row.id === null ? `rule-${row.key}` : `rule-${row.id}`;
    }

    readItem(row, rule, place, state) {
      const { el, icon, wire, services } = GWAccess;
      const off = !rule.enabled || row.removed;
      const was = state === "edited" ? this.draft.base.get(row.id) : null;
      const on = services(rule);
      const changedOn = was && services(was) !== on;
      const limits = this.draft.limits(row);
      const kind = limits && rule.action === "accept" ? "times" : rule.action;
      const changedLimits = was && ["schedule", "conditions"].some((name) => row.fields[name] !== undefined);
      const words = el("span.gw-sentence", {},
        this.side(rule.sources, was?.sources, off),
        wire(kind, off),
        el("span.gw-sr", {}, rule.action === "accept" ? "may reach" : "may not reach"),
        this.side(rule.destinations, was?.destinations, off),
        el("span", {},
          on ? ["on ", el(`span.gw-mono.gw-ink${changedOn ? ".gw-changed" : ""}`, {}, on)] : el(`span.gw-dim${changedOn ? ".gw-changed" : ""}`, {}, "on any port"),
          limits ? [", ", el(changedLimits ? "span.gw-changed" : "span", {}, limits)] : changedLimits ? [", ", el("span.gw-changed", {}, "always")] : null),
      );
      const said = el("div");
      const body = el("div.gw-rule-body", {}, words, rule.name || rule.comment
        ? el("div.gw-rule-purpose", {}, rule.name, rule.name && rule.comment ? " " : "", rule.comment ? el("span.gw-dim", {}, rule.comment) : null) : null, said);
      const flags = el("span.gw-rule-flags", {});
      if (state) flags.append(el(`span.gw-flag${FLAGS[state][1] ? `.${FLAGS[state][1]}` : ".gw-flag-edit"}`, {}, FLAGS[state][0]));
      if (!rule.enabled) flags.append(el("span.gw-flag.gw-dim", {}, "off"));
      else if (rule.action === "deny") flags.append(el("span.gw-flag.gw-bad", {}, "deny"));
      const node = el("li.gw-rule", { id: this.ident(row), "data-key": row.key });
      if (rule.action === "deny" && rule.enabled) node.classList.add("gw-rule-deny");
      if (state) node.classList.add(`gw-rule-${state}`);
      const name = place ? `rule ${place}` : "the removed rule";
      if (this.mayEdit) {
        node.append(el("button.gw-grip", {
          type: "button", draggable: "true", "data-role": "grip", "aria-label": `Move ${name}`, disabled: row.removed,
          "aria-keyshortcuts": "Alt+ArrowUp Alt+ArrowDown", title: "Drag, or Alt and the arrow keys",
        }, icon("drag_indicator")));
      }
      node.append(el("span.gw-rule-number", {}, String(place || "–")), body, flags);
      if (this.mayEdit) node.append(this.acts(row, rule, name));
      else node.append(el("a.gw-icon-button", { href: `${this.formBase}${row.id}/change/`, "aria-label": `Rule ${place}` }, icon("chevron_right")));
      return { node, said };
    }

    acts(row, rule, name) {
      const { el, icon } = GWAccess;
      const on = this.on;
      if (row.removed) {
        return el("span.gw-rule-acts", {}, el("button.gw-button.gw-button-small", { type: "button", "data-role": "menu", "aria-label": `Restore ${name}`, onclick: () => on.restore(row) }, "Restore"));
      }
      const act = (symbol, words, run) => el("button.gw-menu-item", { type: "button", onclick: (event) => {
        event.target.closest("details").open = false;
        run();
      } }, icon(symbol), words);
      return el("span.gw-rule-acts", {},
        el("button.gw-icon-button", { type: "button", "data-role": "edit", "aria-label": `Edit ${name}`, onclick: () => on.edit(row) }, icon("edit")),
        el("details.gw-filter.gw-rule-more", { "data-gw-menu": true },
          el("summary.gw-icon-button", { "data-role": "menu", "aria-label": `More for ${name}` }, icon("more_horiz")),
          el("div.gw-menu", {},
            act("edit", "Edit", () => on.edit(row)),
            act("arrow_upward", "Move up", () => on.move(row, -1)),
            act("arrow_downward", "Move down", () => on.move(row, 1)),
            act(rule.enabled ? "toggle_off" : "toggle_on", rule.enabled ? "Turn off" : "Turn on", () => on.toggle(row)),
            this.draft.state(row) && row.id !== null ? act("undo", "Undo changes", () => on.reset(row)) : null,
            act("delete", "Remove", () => on.remove(row)))));
    }

    side(now, was, off) {
      const { chip } = GWAccess;
      const before = was ?? now;
      const all = now.map((text) => chip(text, { url: this.pages[text], off, mark: before.includes(text) ? "" : "added" }));
      return fold([...all, ...before.filter((text) => !now.includes(text)).map((text) => chip(text, { off: true, mark: "gone" }))]);
    }

    // Faults and remarks beside the rule that they are about.
    say(place, row, faults, remarks) {
      const { el, icon, sentence } = GWAccess;
      place.replaceChildren(
        ...faults.map((item) => el("p.gw-remark.gw-remark-bad", { role: "alert" }, icon("error"), el("span", {}, sentence(item.message)))),
        ...remarks.map((item) => el("p.gw-remark", {}, icon("warning"), el("span", {}, sentence(item.message), ...this.cures(row, item)))),
      );
    }

    // What may be done about a remark: two things at most.
    cures(row, { finding, selector, page, by }) {
      const { el } = GWAccess;
      const act = (words, run) => el("button.gw-linkbutton", { type: "button", onclick: run }, words);
      const cures = [];
      if (finding === "shadowed" && by.length) cures.push(act(`Show rule ${by[0]}`, () => this.on.show(by[0])));
      else if (finding === "matches_nothing" && page) cures.push(el("a.gw-linkbutton", { href: page }, selector.startsWith("group:") ? "Add members" : `Open ${selector}`));
      else if (this.mayEdit && this.open !== row.key && ["expired", "ends_soon", "never_open", "unknown_zone"].includes(finding)) cures.push(act("Change when it holds", () => this.on.edit(row)));
      else if (this.mayEdit && this.open !== row.key && ["vanished", "all_open"].includes(finding)) cures.push(act("Edit", () => this.on.edit(row)));
      if (this.mayEdit && finding !== "ends_soon") cures.push(act("Remove", () => this.on.remove(row)));
      return cures.flatMap((cure) => [" ", cure]);
    }
  };
})();
