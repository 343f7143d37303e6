// A rule as a form in its place in the list. What is written is in the draft at once, and in force not before its review.
"use strict";

(() => {
  const WORDS = { sources: "Source", destinations: "Destination", protocols: "Protocols", ports: "Ports", name: "Name", comment: "Comment", action: "Action" };
  let made = 0;

  const split = (text) => text.split(/[\s,]+/).filter(Boolean);

  // `change(member, value)`; `close()`; `reset()`; answers {body, mark(faults), focus()}.
  GWAccess.ruleForm = ({ rule, place, fresh, limits, page, change, close, reset }) => {
    const { el, tokens, sentence } = GWAccess;
    const id = `gw-ruleform-${(made += 1)}`;
    const errors = {};
    const fields = {};

    function field(name, control, ...more) {
      errors[name] = el("ul.gw-errors", { id: `${id}-${name}-errors`, role: "alert" });
      fields[name] = el(`div.gw-rf.gw-rf-${name}`, {}, el("label", { for: `${id}-${name}` }, WORDS[name]), control, ...more, errors[name]);
      (control.querySelector?.("input.gw-token-input") ?? control).id = `${id}-${name}`;
      return fields[name];
    }

    const text = (name, value, attributes, read = (said) => said.trim()) =>
      el("input.gw-input", { type: "text", value, ...attributes, onchange: (event) => change(name, read(event.target.value)) });

    const boxes = {};
    for (const [name, scope] of [["sources", "source"], ["destinations", "destination"]]) {
      boxes[name] = tokens({ label: WORDS[name], scope, values: rule[name], change: (all) => change(name, all) });
    }
    const action = el("select.gw-input", { onchange: (event) => change("action", event.target.value) },
      ...["accept", "deny"].map((word) => el("option", { value: word }, word === "accept" ? "Accept" : "Deny")));
    action.value = rule.action;
    const mono = { spellcheck: "false", autocapitalize: "none" };
    const enabled = el("input", { type: "checkbox", checked: rule.enabled, onchange: (event) => change("enabled", event.target.checked) });
    enabled.id = `${id}-enabled`;
    const bounds = GWAccess.limitsForm({ id, rule, words: limits, change });
    Object.assign(errors, bounds.errors);

    const body = el("form.gw-ruleform", { "aria-label": place, novalidate: true, onsubmit: (event) => {
      event.preventDefault();
      document.activeElement.blur(); // What stands in a box is taken first.
      close();
    } },
      field("action", action),
      field("sources", boxes.sources.box),
      field("destinations", boxes.destinations.box),
      field("protocols", text("protocols", rule.protocols.join(", "), { ...mono, placeholder: "any, or tcp" }, split)),
      field("ports", text("ports", rule.ports.join(", "), { ...mono, placeholder: "any, or 22, 8000-8999" }, split)),
      field("name", text("name", rule.name, { maxlength: "100" })),
      field("comment", text("comment", rule.comment, { maxlength: "500" })),
      bounds.body,
      el("div.gw-rf-foot", {},
        el("label.gw-rf-enabled", {}, enabled, "On"),
        page ? el("a.gw-small", { href: page }, "Its page") : null,
        el("span.gw-rf-buttons", {},
          el("button.gw-button", { type: "button", onclick: reset }, fresh ? "Remove" : "Undo changes"),
          el("button.gw-button.gw-button-primary", { type: "submit" }, "Done")),
      ),
    );
    errors.enabled = el("ul.gw-errors", { role: "alert" });
    errors[""] = el("ul.gw-errors.gw-rf-all", { role: "alert" });
    body.append(errors.enabled, errors[""]);
    body.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) {
        event.preventDefault();
        document.activeElement.blur();
        close();
      }
    });

    // Each fault beside the member it is about: {field: "sources.1", message, meant}.
    function mark(faults) {
      for (const list of Object.values(errors)) list.replaceChildren();
      for (const [name, list] of [...Object.entries(boxes), ["conditions", bounds]]) {
        list.mark(new Set(faults.filter((item) => item.field.startsWith(`${name}.`)).map((item) => Number(item.field.split(".")[1]))));
      }
      for (const fault of faults) {
        const [name, at] = fault.field.split(".");
        const instead = fault.meant && boxes[name] ? el("button.gw-linkbutton", { type: "button", onclick: () => {
          const all = boxes[name].all;
          all[Number(at)] = fault.meant;
          boxes[name].put(all);
        } }, `Use ${fault.meant}`) : null;
        (errors[name] ?? errors[""]).append(el("li", {}, sentence(fault.message), " ", instead));
      }
      if (faults.some((item) => bounds.errors[item.field.split(".")[0]])) bounds.body.open = true;
      for (const [name, place_] of Object.entries(fields)) place_.classList.toggle("gw-rf-wrong", errors[name].childElementCount > 0);
    }

    return { body, mark, focus: () => boxes.sources.input.focus() };
  };
})();
