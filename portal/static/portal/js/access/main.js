// The editor of the rules: a draft, its list, its preview, its review, and what others put in force meanwhile.
"use strict";

(() => {
  const { ask, announce, conflict, draftBar, explainBox, note, review, sentence, Draft, Preview, Rows, Trouble } = GWAccess;
  const place = document.getElementById("gw-editor");
  if (!place) return;
  const mayEdit = place.dataset.mayEdit === "yes";
  const name = `gw-access-draft:${place.dataset.network}:${place.dataset.user}`;
  const bar = document.getElementById("gw-draftbar");
  const clash = document.getElementById("gw-conflict");
  const panel = document.getElementById("gw-preview");
  const none = document.getElementById("gw-rules-none");
  const by = document.getElementById("gw-explain-by");
  let draft = null;
  let outdated = false;
  let discarded = null;
  let dialog = null;

  const preview = new Preview(panel, {
    heard: (said) => {
      if (said.version !== draft.version) return void look();
      say("");
      rows.faults = new Map();
      rows.remarks = new Map();
      const standing = draft.standing();
      standing.forEach((row, index) => (row.when = said.when[index]));
      for (const item of said.remarks) {
        const row = standing[item.position - 1];
        if (row) rows.remarks.set(row.key, [...(rows.remarks.get(row.key) ?? []), item]);
      }
      Object.assign(rows.pages, said.pages);
      rows.show(draft);
    },
    refused: (error, keys) => {
      if (error.status === 404) return void look(); // A rule of the draft is gone.
      fault(error, keys);
    },
  });

  const on = {
    edit: (row) => {
      rows.open = row.key;
      rows.show(draft);
      rows.items.get(row.key).form.focus();
    },
    close: (row) => {
      if (rows.open !== row.key) return;
      rows.open = "";
      rows.show(draft);
      rows.focus(row.key, "edit");
    },
    reset: (row) => {
      rows.open = "";
      if (row.id === null) draft.remove(row);
      else draft.restore(row);
      changed();
      rows.focus(row.key, "edit");
    },
    change: (row, member, value) => {
      draft.set(row, member, value);
      const left = (rows.faults.get(row.key) ?? []).filter((item) => item.field.split(".")[0] !== member);
      rows.faults.set(row.key, left);
      changed();
    },
    toggle: (row) => {
      draft.set(row, "enabled", !draft.rule(row).enabled);
      changed();
      rows.focus(row.key, "menu");
    },
    remove: (row) => {
      if (rows.open === row.key) rows.open = "";
      const words = `Rule ${draft.place(row)} removed from the draft`;
      draft.remove(row);
      changed();
      rows.focus(row.key, "menu");
      announce(words);
    },
    restore: (row) => {
      row.removed = false;
      changed();
      rows.focus(row.key, "menu");
    },
    show: (place) => rows.reveal(draft.standing()[place - 1]),
    move: (row, step) => {
      // Over those that are removed: they have no place.
      let to = draft.rows.indexOf(row) + step;
      while (draft.rows[to]?.removed) to += step;
      if (to < 0 || to >= draft.rows.length) return announce(step < 0 ? "It is the first rule" : "It is the last rule");
      on.drop(row, to);
    },
    drop: (row, to) => {
      draft.move(row, to);
      changed();
      rows.focus(row.key);
      announce(`Now rule ${draft.place(row)} of ${draft.standing().length}`);
    },
  };

  const rows = new Rows(document.getElementById("gw-rulelist"), { mayEdit, formBase: place.dataset.forms, on });

  function fault(error, keys) {
    rows.blame(error, keys);
    rows.show(draft);
  }

  function changed() {
    draft.weigh();
    discarded = null;
    show();
    try {
      draft.store(name);
    } catch {
      say("This browser does not keep it: it is lost when the page is left.");
    }
    preview.soon(draft);
  }

  function show() {
    rows.list.inert = outdated; // Nobody writes on what is not the policy any more.
    const more = document.getElementById("gw-rule-add");
    if (more) more.hidden = outdated;
    rows.show(draft);
    if (none) none.hidden = draft.rows.length > 0;
    const count = draft.changes.length;
    by.textContent = count ? `the draft on policy ${draft.version}` : `policy ${draft.version}, in force`;
    const hides = outdated || (!count && !discarded);
    if (pressed() && bar.hidden !== hides) return; // Nothing moves away below a button that is pressed.
    bar.hidden = hides;
    if (!bar.hidden) draftBar(bar, draft, { discard, undo, open });
  }

  const pressed = GWAccess.pointer(() => draft && show());

  function say(words) {
    const told = bar.querySelector("[data-role=trouble]");
    if (told) told.textContent = words ? ` ${words}` : "";
  }

  function begin(state) {
    Object.assign(rows.pages, state.pages);
    draft = new Draft(state.version, state.rules);
    outdated = false;
    clash.hidden = true;
    clash.replaceChildren();
  }

  async function discard() {
    const was = draft;
    rows.open = "";
    rows.faults = new Map();
    sessionStorage.removeItem(name);
    draft = new Draft(was.version, was.order.map((id) => was.base.get(id)));
    const late = outdated;
    discarded = late ? null : was;
    outdated = false;
    clash.hidden = true;
    show();
    announce("The draft is discarded");
    if (late) await look();
    else {
      bar.querySelector("button")?.focus();
      preview.soon(draft);
    }
  }

  function undo() {
    draft = discarded;
    changed();
  }

  // --- What is in force by now

  let looking = false;

  async function look() {
    if (looking) return;
    looking = true;
    try {
      const state = await ask("state", { query: draft ? { since: draft.version } : {} });
      meet(state);
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      say(error.message);
      if (!draft) clash.replaceChildren(note("error", sentence(error.message), " The rules below are to read; load the page again to edit them."));
      if (!draft) clash.hidden = false;
    } finally {
      looking = false;
    }
  }

  function meet(state) {
    Object.assign(rows.pages, state.pages);
    if (draft && draft.version === state.version) return;
    if (!draft || !draft.changes.length) {
      begin(state);
      discarded = null;
      show();
      preview.ask(draft);
      return;
    }
    outdated = true;
    preview.stop();
    dialog?.close();
    conflict(clash, draft, state, {
      discard,
      rebase: (but) => {
        rows.open = "";
        rows.items.clear();
        const made = draft.rebased(state.version, state.rules, but);
        begin(state);
        draft = made;
        changed();
        announce(`The draft is now on policy ${state.version}`);
        bar.querySelector("[data-role=review]")?.focus();
      },
    });
    show();
    clash.querySelector("section").focus();
  }

  // --- Review

  async function open() {
    if (!draft.changes.length || outdated || dialog?.open) return;
    document.activeElement?.closest?.(".gw-ruleform") && document.activeElement.blur(); // What stands in a box is taken.
    say("");
    const row = draft.unfinished;
    if (row) {
      on.edit(row);
      return say(`Rule ${draft.place(row)} needs a source and a destination.`);
    }
    const said = preview.said ?? (await preview.ask(draft));
    if (outdated) return;
    if (!said) return say(rows.faults.size ? "The rules marked cannot be in force as they are." : "What it would do could not be worked out.");
    if (said.version !== draft.version) return;
    dialog = review(draft, said, {
      done: () => {
        sessionStorage.removeItem(name);
        location.reload();
      },
      outdated: look,
      refused: fault,
    });
  }

  function add() {
    const row = draft.add();
    rows.open = row.key;
    changed();
    const item = rows.items.get(row.key);
    item.node.scrollIntoView({ block: "nearest" });
    item.form.focus();
  }

  if (mayEdit) {
    document.addEventListener("keydown", (event) => {
      if (!draft || document.querySelector("dialog[open]")) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "s") {
        event.preventDefault();
        open();
      } else if (event.key.toLowerCase() === "n" && !event.ctrlKey && !event.metaKey && !event.altKey && !outdated
          && !event.target.closest?.("input, select, textarea, [contenteditable]")) {
        event.preventDefault();
        add();
      }
    });
    for (const link of document.querySelectorAll("#gw-rule-add, #gw-rules-none a")) {
      link.addEventListener("click", (event) => {
        if (!draft) return;
        event.preventDefault();
        add();
      });
    }
  }

  document.addEventListener("gw:live", (event) => {
    if (draft && event.detail.type === "policy") look();
  });

  async function start() {
    const kept = mayEdit ? Draft.stored(name) : null;
    if (kept?.changes.length) draft = kept;
    await GWAccess.busy(document.getElementById("gw-rules"), look());
    if (!draft) return;
    delete document.getElementById("gw-rules").dataset.gwRefresh; // From here on this script keeps it.
    rows.list.classList.toggle("gw-rulelist-edit", mayEdit);
    panel.hidden = !mayEdit;
    show();
    if (kept && !outdated) preview.ask(draft);
    if (location.hash.startsWith("#rule-")) document.getElementById(location.hash.slice(1))?.scrollIntoView({ block: "center" });
    place.dataset.ready = "yes";
  }

  explainBox(() => draft);
  start();
})();
