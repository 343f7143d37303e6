// When a rule holds, and what its source must report: a part of the form of a rule. Each field that is left puts the
// whole schedule, or all conditions, into the draft, as the API takes them.
"use strict";

(() => {
  const DAYS = [["mon", "Mon"], ["tue", "Tue"], ["wed", "Wed"], ["thu", "Thu"], ["fri", "Fri"], ["sat", "Sat"], ["sun", "Sun"]];
  const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const KINDS = [["os", "System is"], ["agent_version", "Agent is at least"], ["attribute", "Posture"]];
  const VERBS = [["equals", "is"], ["exists", "is reported"]];

  const pad = (number) => String(number).padStart(2, "0");
  // Instants are shown and taken in the viewer's own time.
  const local = (text) => {
    if (!text) return "";
    const at = new Date(text);
    return `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}T${pad(at.getHours())}:${pad(at.getMinutes())}`;
  };
  const instant = (text, before) => (text === local(before) ? before : new Date(text).toISOString().replace(".000Z", "Z"));

  // `true`, `12` and `"12"` as JSON writes them; other words as they stand.
  function scalar(text) {
    try {
      const found = JSON.parse(text);
      return found === null || typeof found === "object" ? text : found;
    } catch {
      return text;
    }
  }
  // At commas and at the word "or", except within quotes.
  function split(text) {
    const found = [""];
    for (const [part] of text.matchAll(/"(?:\\.|[^"\\])*"|,|\s+or\s+|[^]/gu)) {
      if (part === "," || part.trim() === "or") found.push("");
      else found[found.length - 1] += part;
    }
    return found.map((item) => item.trim()).filter(Boolean);
  }
  const read = (text) => split(text).map(scalar);
  // A value in words that are read as it again: as they stand where that does, else as JSON.
  function written(value) {
    const found = typeof value === "string" ? read(value) : [];
    return found.length === 1 && found[0] === value && !/["\r\n]/.test(value) ? value : JSON.stringify(value);
  }
  const listed = (values) => values.map(written).join(" or ");

  function zones() {
    const { el } = GWAccess;
    const names = Intl.supportedValuesOf?.("timeZone") ?? [HERE];
    return el("datalist", { id: "gw-zones" }, ...["UTC", ...names].map((name) => el("option", { value: name })));
  }

  const choice = (all, value, onchange, label) => {
    const { el } = GWAccess;
    const made = el("select.gw-input", { onchange, "aria-label": label }, ...all.map(([name, words]) => el("option", { value: name }, words)));
    made.value = value;
    return made;
  };

  Object.assign(GWAccess, { read, listed });

  // Answers {body, errors, mark(set)}; `words` are what the rule says of it now.
  GWAccess.limitsForm = ({ id, rule, words, change }) => {
    const { el } = GWAccess;
    if (!document.getElementById("gw-zones")) document.body.append(zones());
    const errors = {};
    for (const name of ["schedule", "conditions"]) errors[name] = el("ul.gw-errors", { id: `${id}-${name}-errors`, role: "alert" });

    // --- When

    const said = rule.schedule ?? {};
    const field = (name, label, attributes, value) => {
      const input = el("input.gw-input", { id: `${id}-${name}`, value, "aria-describedby": `${id}-schedule-errors`, onchange: put, ...attributes });
      return { input, row: el(`div.gw-rf-limit.gw-rf-${name}`, {}, el("label", { for: input.id }, label), input) };
    };
    const days = DAYS.map(([name, text]) => [name, el("input", { type: "checkbox", checked: (said.weekdays ?? []).includes(name), onchange: put }), text]);
    const clock = { type: "text", maxlength: "5", inputmode: "numeric", spellcheck: "false", placeholder: "08:00" };
    const start = field("start", "From o'clock", clock, said.start ?? "");
    const end = field("end", "To o'clock", { ...clock, placeholder: "18:00" }, said.end ?? "");
    const zone = field("timezone", "Time zone", { type: "text", list: "gw-zones", maxlength: "64", spellcheck: "false", autocapitalize: "none" }, said.timezone ?? HERE);
    const begins = field("not_before", "Begins", { type: "datetime-local" }, local(said.not_before));
    const ends = field("expires_at", "Ends", { type: "datetime-local" }, local(said.expires_at));

    function put() {
      const found = {};
      const on = days.filter(([, box]) => box.checked).map(([name]) => name);
      if (on.length) found.weekdays = on;
      if (start.input.value.trim()) found.start = start.input.value.trim();
      if (end.input.value.trim()) found.end = end.input.value.trim();
      if (Object.keys(found).length) found.timezone = zone.input.value.trim() || "UTC";
      for (const [name, { input }] of [["not_before", begins], ["expires_at", ends]]) if (input.value) found[name] = instant(input.value, said[name]);
      change("schedule", Object.keys(found).length ? found : null);
    }

    // --- If

    const list = el("div.gw-rf-conditions");
    const complete = (input, scope, done) => {
      const box = el("span.gw-rf-complete", {}, input);
      GWAccess.complete(input, scope, (text) => {
        const before = split(input.value).slice(0, -1);
        input.value = scope === "os" ? [...before, text].join(" or ") : text;
        done();
      }, (text) => (scope === "os" ? text.split(/,|\s+or\s+/).at(-1).trim() : text));
      return box;
    };
    const rows = rule.conditions.map((condition) => conditionRow(condition));

    // Every row is told, also one that is not finished: a condition that is seen here and does not count would open
    // more than the form says. The portal says what is amiss with it.
    function tell() {
      for (const row of rows) row.isTold = true;
      change("conditions", rows.map((row) => row.condition));
    }

    // `condition` stays as it is stored until somebody changes this very row: words do not say all of every value.
    function conditionRow(condition, isTold = true) {
      const node = el("div.gw-rf-condition", { role: "group", "aria-label": "Condition" });
      const text = (label, value, placeholder, scope) => {
        const input = el("input.gw-input", { type: "text", value, placeholder, maxlength: "200", spellcheck: "false", autocapitalize: "none",
          "aria-label": label, "aria-describedby": `${id}-conditions-errors`, onchange: edited });
        return { input, box: scope ? complete(input, scope, edited) : input };
      };
      const row = { node, condition, isTold };
      let said = null; // What the fields say.

      function edited() {
        row.condition = said();
        if (row.isTold || Object.values(row.condition).every((value) => value.length !== 0)) tell();
      }

      // One that was begun is told once it says something, or is left.
      node.addEventListener("focusout", (event) => {
        if (!row.isTold && node.isConnected && !node.contains(event.relatedTarget)) tell();
      });

      function draw(kind, now) {
        const pick = choice(KINDS, kind, () => {
          row.isTold = true; // Not while its fields come and go.
          draw(pick.value, {});
          row.condition = said();
          node.querySelector("input").focus();
          row.isTold = false;
        }, "What the source reports");
        const drop = el("button.gw-icon-button", { type: "button", "aria-label": "Remove this condition", onclick: () => {
          rows.splice(rows.indexOf(row), 1);
          show();
          tell();
          add.focus();
        } }, GWAccess.icon("close"));
        if (kind === "attribute") {
          const verb = now.exists ? "exists" : "equals";
          const name = text("Attribute", now.attribute ?? "", "disk_encrypted", "posture");
          const value = text("Value", listed(now.in ?? (now.equals === undefined ? [] : [now.equals])), "true");
          const is = choice(VERBS, verb, () => {
            value.input.hidden = is.value === "exists";
            edited();
          }, "How");
          value.input.hidden = verb === "exists";
          said = () => {
            const attribute = name.input.value.trim();
            if (is.value === "exists") return { attribute, exists: true };
            const values = read(value.input.value);
            return values.length === 1 ? { attribute, equals: values[0] } : { attribute, in: values };
          };
          node.replaceChildren(pick, name.box, is, value.input, drop);
          return;
        }
        const one = kind === "os" ? text("Systems", (now.os ?? []).join(" or "), "linux or macos", "os") : text("Version", now.agent_version ?? "", "1.4");
        said = () => (kind === "os" ? { os: split(one.input.value) } : { agent_version: one.input.value.trim() });
        node.replaceChildren(pick, one.box, drop);
      }

      draw("os" in condition ? "os" : "agent_version" in condition ? "agent_version" : "attribute", condition);
      return row;
    }

    const add = el("button.gw-button.gw-button-small", { type: "button", onclick: () => {
      const row = conditionRow({ os: [] }, false);
      rows.push(row);
      show();
      row.node.querySelector("select").focus();
    } }, GWAccess.icon("add"), "Condition");

    function show() {
      list.replaceChildren(...rows.map((row) => row.node));
    }
    show();

    const body = el("details.gw-rf-limits", { open: Boolean(words) },
      el("summary", {}, el("b", {}, "When and if"), el("span.gw-dim", {}, words || "always, whatever the source reports")),
      el("fieldset.gw-rf-when", {}, el("legend", {}, "Holds on"),
        el("div.gw-rf-days", {}, ...days.map(([, box, text]) => el("label.gw-rf-day", {}, box, el("span", {}, text)))),
        start.row, end.row, zone.row, begins.row, ends.row,
        el("p.gw-small.gw-dim.gw-rf-note", {}, `No day: every day. No hours: all day. Begins and Ends are in your time, ${HERE}.`), errors.schedule),
      el("fieldset.gw-rf-if", {}, el("legend", {}, "If the source reports all of"), list, add, errors.conditions));
    // Which of the conditions something is amiss with.
    const mark = (wrong) => rows.forEach((row, index) => row.node.classList.toggle("gw-rf-wrong", wrong.has(index)));
    return { body, errors, mark };
  };
})();
