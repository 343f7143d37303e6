// Somebody else's policy came into force while a draft was written: what they changed, beside what the draft does.
"use strict";

(() => {
  const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

  // A member of a rule in short.
  function short(name, value) {
    if (Array.isArray(value)) return value.map((item) => (typeof item === "string" ? item : JSON.stringify(item))).join(", ") || "any";
    if (name === "enabled") return value ? "on" : "off";
    return value === null || value === "" ? "none" : typeof value === "string" ? value : JSON.stringify(value);
  }

  const list = (items) => {
    const { el } = GWAccess;
    return items.length ? el("ul", {}, ...items) : el("p.gw-dim.gw-small", {}, "Nothing.");
  };

  // `state` has version, rules and since; `act` has rebase(but) and discard().
  GWAccess.conflict = (place, draft, state, act) => {
    const { el, many, icon } = GWAccess;
    const theirs = draft.theirs(state.rules);
    const now = new Map(state.rules.map((rule) => [rule.id, rule]));
    const mine = draft.changes.filter((row) => !(row.removed && theirs.get(row.id) === "removed"));
    const both = new Set(mine.filter((row) => theirs.has(row.id)).map((row) => row.id));
    const left = mine.filter((row) => !both.has(row.id));
    const named = (rule, at) => [el("b", {}, `Rule ${at ?? rule.position}`), rule.name ? ` ${rule.name}` : ""];
    // What both wrote of one rule, side by side.
    const sides = (row) => {
      const rule = now.get(row.id);
      if (!rule || !both.has(row.id)) return null;
      const names = Object.keys(row.fields);
      return names.length ? el("dl.gw-conflict-both", {}, ...names.flatMap((name) => [el("dt", {}, name),
        el("dd", {}, "theirs ", el("span.gw-mono", {}, short(name, rule[name])), ", yours ", el("span.gw-mono.gw-ink", {}, short(name, row.fields[name])))])) : null;
    };
    const clash = (id) => (both.has(id) ? el("span.gw-flag.gw-bad", {}, "both") : null);
    const { base, network } = document.getElementById("gw-editor").dataset;
    const page = (number) => `${base}history/${number}/?${new URLSearchParams({ network })}`;
    const versions = state.since.map((item) => el("li", {}, el("a", { href: page(item.number) }, `Policy ${item.number}`), ` ${item.by}, `,
      el("time", { datetime: item.at, title: item.at }, when.format(new Date(item.at))), item.summary ? `: ${item.summary}` : "", item.comment ? el("span.gw-dim", {}, ` ${item.comment}`) : null));
    const theirLines = [...theirs].map(([id, kind]) => el("li", {}, ...named(now.get(id) ?? draft.base.get(id)), ` ${kind} `, clash(id)));
    const words = (row) => ({ new: "added", removed: "removed", moved: `moved to ${draft.place(row)}` })[draft.state(row)] ?? `${Object.keys(row.fields).join(", ")} changed`;
    const myLines = draft.changes.map((row) => el("li", {}, ...named(draft.rule(row), draft.base.get(row.id)?.position ?? draft.place(row)), ` ${words(row)} `, clash(row.id), sides(row)));
    const title = `Policy ${state.version} came into force while you wrote on policy ${draft.version}`;
    // What they removed cannot be kept as it was.
    const gone = new Set([...both].filter((id) => theirs.get(id) === "removed"));
    const rebase = (but, words, css = "") => el(`button.gw-button${css}`, { type: "button", onclick: () => act.rebase(but) }, words);
    const ways = both.size
      ? [gone.size < both.size ? rebase(gone, "Keep mine where both changed") : null,
        left.length ? rebase(both, `Keep theirs, rebase ${many(left.length, "other")}`, ".gw-button-primary") : null]
      : [rebase(both, "Rebase", ".gw-button-primary")];
    place.replaceChildren(el("section.gw-conflict", { "aria-labelledby": "gw-conflict-title", tabindex: "-1" },
      el("div.gw-conflict-head", {}, icon("call_merge"), el("h2", { id: "gw-conflict-title" }, title)),
      el("div.gw-conflict-sides", {},
        el("div", {}, el("h3", {}, "Theirs"), list(versions), list(theirLines)),
        el("div", {}, el("h3", {}, "Yours"), list(myLines))),
      el("div.gw-conflict-foot", {},
        el("span.gw-small.gw-dim", {}, both.size ? "The same rules were changed. Nothing of yours is in force." : "No rule was changed by both. Nothing of yours is in force."),
        el("button.gw-button", { type: "button", onclick: act.discard }, "Discard mine"),
        ...ways)));
    place.hidden = false;
  };
})();
