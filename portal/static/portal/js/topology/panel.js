// The panel beside the graph: the selected node and whom it reaches, or the groups. Names come in as text alone.

import { titleOf } from "./scene.js";

const GLYPHS = {
  online: [["circle", { cx: 6, cy: 6, r: 5, fill: "currentColor" }]],
  late: [
    ["circle", { cx: 6, cy: 6, r: 4.2, fill: "none", stroke: "currentColor", "stroke-width": 1.6 }],
    ["path", { d: "M6 1.8a4.2 4.2 0 0 1 0 8.4z", fill: "currentColor" }],
  ],
  offline: [["circle", { cx: 6, cy: 6, r: 4, fill: "none", stroke: "currentColor", "stroke-width": 1.6 }]],
  waiting: [
    ["circle", { cx: 6, cy: 6, r: 4.6, fill: "none", stroke: "currentColor", "stroke-width": 1.6, "stroke-dasharray": "1.4 1.49" }],
    ["circle", { cx: 6, cy: 6, r: 1.7, fill: "currentColor" }],
  ],
};
const SHOWN = 15;
const LATER = 8;
const many = (count, one, more = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : more}`;

export function make(tag, said = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(said)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter(Boolean));
  return element;
}

export function glyph(status) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 12 12");
  svg.setAttribute("class", `gw-glyph gw-is-${status}`);
  svg.setAttribute("aria-hidden", "true");
  for (const [name, attributes] of GLYPHS[status] || GLYPHS.offline) {
    const part = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
    svg.append(part);
  }
  return svg;
}

// The groups of the graph, the largest first: each opens where the graph shows it closed, and is moved to.
export function showGroups(panel, model, choose) {
  const busy = model.groups.slice(0, 40);
  panel.replaceChildren(
    make("h2", { class: "gw-topo-title", text: "Groups" }),
    make("p", { class: "gw-dim", text: "Choose a node, in the graph or by name, to see whom it reaches." }),
    make(
      "ul",
      { class: "gw-topo-list" },
      ...busy.map((group) =>
        make(
          "li",
          {},
          make("button", { type: "button", class: "gw-topo-row", onclick: () => choose(group) },
            make("span", { class: "gw-topo-name gw-mono", text: titleOf(group), title: group.about ? `${group.name}: ${group.about}` : group.name }),
            make("span", { class: "gw-end gw-mono gw-dim", text: group.size.toLocaleString("en") })),
        ),
      ),
    ),
    model.groups.length > busy.length ? make("p", { class: "gw-dim", text: `and ${many(model.groups.length - busy.length, "more group")}` }) : "",
  );
}

export function showNode(panel, answer, actions) {
  const { node } = answer;
  const facts = [
    ["Owner", node.owner ? link(node.owner_url, node.owner) : null],
    ["Tags", node.tags.length ? make("span", { class: "gw-mono", text: node.tags.join(" ") }) : null],
    ["Address", node.addresses.length ? make("span", { class: "gw-mono", text: node.addresses[0] }) : null],
    ["System", node.system ? document.createTextNode(node.system) : null],
    ["Home", node.home ? document.createTextNode(node.home) : null],
  ].filter(([, value]) => value);
  panel.replaceChildren(
    make(
      "div",
      { class: "gw-topo-head" },
      make("h2", { class: "gw-topo-title", text: node.name, tabindex: "-1" }),
      make("button", { type: "button", class: "gw-icon-button gw-end", "aria-label": "Close", onclick: actions.close }, make("span", { class: "gw-icon", "aria-hidden": "true", text: "close" })),
    ),
    make("p", { class: `gw-status gw-is-${node.status}` }, glyph(node.status), make("span", {}, `${node.word} `, since(node.since))),
    make("dl", { class: "gw-facts gw-topo-facts" }, ...facts.flatMap(([name, value]) => [make("dt", { text: name }), make("dd", {}, value)])),
    make("h3", { class: "gw-topo-sub", text: answer.reaches ? `Reaches ${many(answer.reaches, "node")}` : "Reaches nobody" }),
    ...(answer.reaches ? listed(answer.list, answer.reaches, SHOWN, actions) : [make("p", { class: "gw-dim", text: "No rule in force lets it start anything." })]),
    ...(answer.later ? [make("h3", { class: "gw-topo-sub", text: `${answer.reaches ? "And" : "Reaches"} ${many(answer.later, "node")} at other times` }), ...listed(answer.later_list, answer.later, LATER, actions)] : []),
    make("p", { class: "gw-dim gw-topo-back" }, `${answer.reached_by ? `Reached by ${many(answer.reached_by, "node")}.` : "Reached by nobody."} `, policy(answer.policy)),
    node.url ? make("a", { class: "gw-button gw-topo-open", href: node.url, text: "Open node" }) : "",
  );
}

// Nodes that are reached: the first of them, and a button that shows the others.
function listed(rows, total, shown, actions) {
  const list = make("ul", { class: "gw-topo-list" });
  const fill = (limit) => list.replaceChildren(...rows.slice(0, limit).map((row) => reached(row, actions.select)));
  fill(shown);
  if (total <= shown) return [list];
  const rest = make("button", {
    type: "button",
    class: "gw-linkbutton gw-more",
    text: `and ${many(total - shown, "more", "more")}`,
    onclick: () => {
      fill(rows.length);
      if (rows.length < total) rest.replaceWith(make("p", { class: "gw-dim", text: `The first ${rows.length} of ${total.toLocaleString("en")} by name.` }));
      else rest.remove();
    },
  });
  return [list, rest];
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const year = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long" });

// An instant in the viewer's own time: the hour of today, the day of this year.
function instant(text) {
  const [at, now] = [new Date(text), new Date()];
  const form = at.toDateString() === now.toDateString() ? clock : at.getFullYear() === now.getFullYear() ? day : year;
  return make("time", { datetime: text, title: exact.format(at), text: form.format(at) });
}

const since = (text) => (text ? make("span", { class: "gw-dim" }, "since ", instant(text)) : null);

const policy = (said) => (said ? make("span", {}, "By ", link(said.url, `policy ${said.number}`), ", in force since ", instant(said.since), ".") : null);

function reached([id, name, status, services, atTimes], select) {
  const words = services || "differs";
  return make(
    "li",
    {},
    make(
      "button",
      { type: "button", class: "gw-topo-row", onclick: () => select(id) },
      glyph(status),
      make("span", { class: "gw-topo-name", text: name }),
      make("span", { class: `gw-end gw-mono gw-dim${atTimes ? " gw-topo-times" : ""}`, text: words, title: atTimes ? "at times" : null }),
    ),
  );
}

const link = (url, text) => (url ? make("a", { href: url, text }) : make("span", { text }));

export function showProblem(panel, words, again) {
  panel.replaceChildren(
    make("h2", { class: "gw-topo-title", text: "That did not work" }),
    make("p", { class: "gw-dim", text: words }),
    make("button", { type: "button", class: "gw-button", text: "Try again", onclick: again }),
  );
}
