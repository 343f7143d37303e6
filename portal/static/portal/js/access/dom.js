// What the scripts of the rules' editor share: elements, chips, wires and words.
"use strict";

window.GWAccess = {};

(() => {
  const SVG = "http://www.w3.org/2000/svg";
  const KINDS = ["group:", "user:", "tag:", "node:", "host:", "autogroup:"];
  const PEOPLE = ["group:", "user:", "autogroup:"];
  const LINES = {
    accept: [["M0 6h28", {}], ["M28 2.4 36 6l-8 3.6z", { fill: "currentColor", stroke: "none" }]],
    times: [["M0 6h28", { "stroke-dasharray": "4 2.6" }], ["M28 2.4 36 6l-8 3.6z", { fill: "currentColor", stroke: "none" }]],
    deny: [
      ["M0 6h11M21 6h7", {}],
      ["m13 3 6 6m0-6-6 6", {}],
      ["M28 2.4 36 6l-8 3.6z", { fill: "currentColor", stroke: "none" }],
    ],
  };

  // An element: el("a.gw-chip", {href}, "words", node, …). Nothing that is false or null is added.
  function el(what, attributes = {}, ...inside) {
    const [tag, ...classes] = what.split(".");
    const made = document.createElement(tag || "div");
    if (classes.length) made.className = classes.join(" ");
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name === "value" || name === "checked" || name === "disabled") made[name] = value;
      else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...inside.flat().filter((item) => item !== null && item !== undefined && item !== false && item !== ""));
    return made;
  }

  const icon = (name) => el("span.gw-icon.gw-icon-s", { "aria-hidden": "true" }, name);

  function wire(kind, off = false) {
    const made = document.createElementNS(SVG, "svg");
    made.setAttribute("class", `gw-wire${off ? " gw-wire-off" : kind === "deny" ? " gw-wire-deny" : ""}`);
    made.setAttribute("viewBox", "0 0 36 12");
    made.setAttribute("aria-hidden", "true");
    for (const [d, more] of LINES[kind]) {
      const path = document.createElementNS(SVG, "path");
      const all = { d, fill: "none", stroke: "currentColor", "stroke-width": "1.8", ...more };
      for (const [name, value] of Object.entries(all)) path.setAttribute(name, value);
      made.append(path);
    }
    return made;
  }

  // A part whose answer is on its way says so.
  async function busy(part, work) {
    part.setAttribute("aria-busy", "true");
    try {
      return await work;
    } finally {
      part.removeAttribute("aria-busy");
    }
  }

  // A selector; `mark` says what a draft does with it: "added", "gone" or nothing.
  function chip(text, { url = "", off = false, mark = "" } = {}) {
    const kind = KINDS.find((item) => text.startsWith(item)) ?? "";
    const name = text === "*" ? "everything" : text.slice(kind.length);
    const made = el(url ? "a.gw-chip" : "span.gw-chip", url ? { href: url } : {});
    if (text.length > 24) made.title = text;
    if (PEOPLE.includes(kind)) made.classList.add("gw-chip-people");
    if (off) made.classList.add("gw-chip-off");
    if (mark) made.classList.add(`gw-chip-${mark}`);
    if (mark) made.append(el("span.gw-sr", {}, mark === "added" ? "added " : "removed "));
    if (mark === "added") made.append(el("span", { "aria-hidden": "true" }, "+ "));
    made.append(kind, el("b", {}, name));
    return made;
  }

  // `on tcp/22, 8000-8999`.
  function services(rule) {
    const [protocols, ports] = [rule.protocols.join(", "), rule.ports.join(", ")];
    if (!protocols && !ports) return "";
    return protocols && ports ? `${protocols}/${ports}` : protocols || ports;
  }

  const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;
  const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  const sentence = (text) => (/[.!?]$/.test(text) ? upper(text) : `${upper(text)}.`);

  function note(kind, ...inside) {
    const symbol = { error: "error", warning: "warning", success: "check_circle" }[kind];
    return el(`div.gw-note.gw-note-${kind}`, kind === "error" ? { role: "alert" } : {}, icon(symbol), el("div", {}, ...inside));
  }

  // Says something to who does not see it happen.
  function announce(words) {
    const place = document.getElementById("gw-access-said");
    place.textContent = "";
    setTimeout(() => (place.textContent = words), 50);
  }

  // Answers what tells whether a pointer is pressed; `released` is called after the click that this ends in.
  function pointer(released) {
    let pressed = false;
    document.addEventListener("pointerdown", () => (pressed = true), true);
    for (const name of ["pointerup", "pointercancel", "dragend"]) {
      document.addEventListener(name, () => {
        pressed = false;
        setTimeout(released);
      }, true);
    }
    return () => pressed;
  }

  Object.assign(GWAccess, { busy, pointer, el, icon, wire, chip, services, many, upper, sentence, note, announce });
})();
