// What a draft would do, beside the rules: who gains and who loses, what tests say, and what happens to one's own
// machines. Asked for when nobody has written for a moment.
"use strict";

(() => {
  const PAUSE = 350;
  const GROUPS = 6; // How many groups of pairs are shown; the figures count all.

  // The figures and groups of a preview, as the panel and the review show them.
  function figures(said) {
    const { el, many } = GWAccess;
    const figure = (count, sign, css, words) => el("div", {}, el(`dd${count && css ? `.${css}` : ""}`, {}, `${count ? sign : ""}${count.toLocaleString("en")}`), el("dt", {}, words));
    return [
      el("dl.gw-figures", {},
        figure(said.gained, "+", "gw-ok", said.gained === 1 ? "pair gained" : "pairs gained"),
        figure(said.lost, "−", "gw-bad", said.lost === 1 ? "pair lost" : "pairs lost"),
        figure(said.touched, "", "", said.touched === 1 ? "agent told" : "agents told")),
      ...(said.tests.length ? tests(said) : []), // The worst consequence comes first.
      ...own(said),
      ...groups(said.lost_by, "deny", "−", "gw-bad", said.pages),
      ...groups(said.gained_by, "accept", "+", "gw-ok", said.pages),
      said.gained || said.lost ? null : el("p.gw-small.gw-dim", {}, "Nobody gains or loses a peer. What peers may do with each other may change."),
      ...(said.tests.length ? [] : tests(said)),
      ...said.warnings.map((words) => el("p.gw-remark", {}, GWAccess.icon("warning"), el("span", {}, GWAccess.sentence(words)))),
    ];

    function own({ own: { portal, machines } }) {
      const cut = GWAccess.note("error", el("b", {}, "This cuts you off. "), "From where you are, this portal could not be reached any more. Put it on trial: it reverts by itself.");
      return [portal ? cut : null, ...machines.map((item) => GWAccess.note("warning", el("b", {}, item.url ? el("a", { href: item.url }, item.name) : item.name),
        item.here ? ", the machine you are at," : ", your own machine,",
        ` loses ${item.lost} of ${many(item.peers, "peer")}: ${item.first_lost.join(", ")}${item.lost > item.first_lost.length ? " and others" : ""}.`))];
    }
  }

  function groups(all, kind, sign, css, pages) {
    const { el, chip, wire } = GWAccess;
    const node = (name) => (pages[`node:${name}`] ? el("a", { href: pages[`node:${name}`] }, name) : name);
    const shown = all.slice(0, GROUPS).map((group) => {
      const more = group.pairs - group.first.length;
      return el("div.gw-pairs", {},
        el("div.gw-pairs-head", {}, chip(group.source, { url: pages[group.source] }), wire(kind), chip(group.destination, { url: pages[group.destination] }),
          el(`span.gw-end.gw-mono.${css}`, {}, `${sign}${group.pairs.toLocaleString("en")}`)),
        el("ul", {}, ...group.first.map(([one, two]) => el("li.gw-mono", {}, node(one), el("span.gw-dim", { "aria-hidden": "true" }, " — "), el("span.gw-sr", {}, " and "), node(two))),
          more > 0 ? el("li.gw-dim", {}, `and ${more.toLocaleString("en")} more`) : null));
    });
    const rest = all.length - shown.length;
    return rest > 0 ? [...shown, el("p.gw-small.gw-dim", {}, `and ${GWAccess.many(rest, "more group", "more groups")} of pairs`)] : shown;
  }

  function tests(said) {
    const { el, icon, many } = GWAccess;
    if (said.tests.length) {
      return [el("div.gw-failing", {}, el("p", {}, GWAccess.icon("cancel"), el("b", {}, `${many(said.tests.length, "test")} would fail`)),
        el("ul", {}, ...said.tests.flatMap((test) => test.failures.map((item) => el("li", {},
          el("span.gw-mono.gw-ink", {}, test.source), item.wanted === "accept" ? " must reach " : " must not reach ", item.detail)))))];
    }
    if (!said.stored_tests) return [];
    return [el("p.gw-tests-ok", {}, icon("check_circle"), `${many(said.stored_tests, "test")} still pass${said.stored_tests === 1 ? "es" : ""}`)];
  }

  // `heard(said, keys)` gets each preview, `refused(trouble, keys)` what the portal says against the draft.
  GWAccess.Preview = class {
    constructor(panel, { heard, refused }) {
      Object.assign(this, { panel, heard, refused });
      this.body = panel.querySelector("[data-role=body]");
      this.note = panel.querySelector("[data-role=note]");
      this.timer = 0;
      this.running = null;
    }

    soon(draft) {
      this.stop();
      this.said = null;
      this.note.textContent = "Working it out…";
      this.old(true);
      this.timer = setTimeout(() => this.ask(draft), PAUSE);
    }

    // What is shown answers an earlier draft.
    old(is) {
      this.body.classList.toggle("gw-preview-old", is);
      if (is) this.panel.setAttribute("aria-busy", "true");
      else this.panel.removeAttribute("aria-busy");
    }

    stop() {
      clearTimeout(this.timer);
      this.running?.abort();
    }

    async ask(draft) {
      this.stop();
      const mine = (this.running = new AbortController());
      this.old(true);
      const open = draft.unfinished;
      if (open) return this.wait(draft, open);
      const { edits, keys } = draft.edits();
      try {
        const said = await GWAccess.ask("preview", { body: { edits }, signal: mine.signal });
        if (mine !== this.running) return null;
        this.said = said;
        this.show(draft, said, edits.length);
        this.heard(said);
        return said;
      } catch (error) {
        if (error.name === "AbortError" || mine !== this.running) return null;
        if (!(error instanceof GWAccess.Trouble)) throw error;
        this.fail(draft, error);
        this.refused(error, keys);
        return null;
      }
    }

    wait(draft, row) {
      this.old(false);
      const missing = draft.rule(row).sources.length ? "destination" : "source";
      this.note.textContent = "";
      this.body.replaceChildren(GWAccess.el("p.gw-small.gw-dim", {}, `Rule ${draft.place(row)} has no ${missing} yet.`));
      this.refused(new GWAccess.Trouble("", 400), []);
      return null;
    }

    show(draft, said, changed) {
      this.old(false);
      const { el } = GWAccess;
      this.note.textContent = `${changed ? "draft on " : ""}policy ${draft.version}`;
      const general = said.remarks.filter((item) => !item.position);
      const rest = general.map((item) => el("p.gw-remark", {}, GWAccess.icon("warning"), el("span", {}, GWAccess.sentence(item.message))));
      if (changed) this.body.replaceChildren(...figures(said).filter(Boolean), ...rest);
      else this.body.replaceChildren(el("p.gw-small.gw-dim", {}, "Change a rule to see who gains and who loses before it is in force."), ...rest);
    }

    fail(draft, error) {
      this.old(false);
      const { el, note, sentence } = GWAccess;
      this.note.textContent = "";
      const again = el("button.gw-linkbutton", { type: "button", onclick: () => this.ask(draft) }, "Try again");
      const words = error.errors.length ? "The draft cannot be in force as it is: see the rules marked." : sentence(error.message);
      this.body.replaceChildren(note("error", words, " ", error.errors.length ? null : again));
    }
  };

  Object.assign(GWAccess, { figures });
})();
