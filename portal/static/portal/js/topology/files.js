// The picture as a file: an SVG that stands by itself, and a PNG of the same.

import { amount, paint } from "./canvas.js";
import { bounds, labels } from "./scene.js";

const number = (value) => String(Math.round(value * 100) / 100);
const ROOM = 12;
const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
// Characters that XML 1.0 has no place for are left out: a file that does not open helps nobody.
const escaped = (text) => text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "").replace(/[&<>"']/g, (sign) => ESCAPES[sign]);

function element(name, attributes, inner = "") {
  const said = Object.entries(attributes)
    .filter(([, value]) => value !== null && value !== undefined)
    .map(([key, value]) => ` ${key}="${escaped(typeof value === "number" ? number(value) : value)}"`)
    .join("");
  return inner ? `<${name}${said}>${inner}</${name}>` : `<${name}${said}/>`;
}

// What the picture holds, with all names that stand at its edge, and some room.
function frame(model, scene, colours) {
  const ctx = document.createElement("canvas").getContext("2d");
  ctx.font = `600 12px ${colours.mono}`;
  const names = labels(scene, 1, (text) => ctx.measureText(text).width);
  const edge = bounds(model);
  for (const { box: [left, top, right, bottom] } of names) {
    edge.left = Math.min(edge.left, left);
    edge.top = Math.min(edge.top, top);
    edge.right = Math.max(edge.right, right);
    edge.bottom = Math.max(edge.bottom, bottom);
  }
  const [left, top] = [edge.left - ROOM, edge.top - ROOM];
  return { names, left, top, width: edge.right + ROOM - left, height: edge.bottom + ROOM - top };
}

export function svgOf(model, scene, colours, title) {
  const { names, left, top, width, height } = frame(model, scene, colours);
  const parts = [
    element("title", {}, escaped(title)),
    element("rect", { x: left, y: top, width, height, fill: colours.card }),
    ...scene.wires.map((wire) => path(wire, scene.faded ? colours.groupFaded : colours.group, wire.width < scene.hairlines ? 0.9 : wire.width, wire.dashed, null)),
    ...scene.hulls.flatMap((hull) => hullParts(hull, colours)),
    ...scene.dots.filter((dot) => !dot.related).map((dot) => dotPart(dot, scene, colours)),
    ...scene.picks.flatMap((pick) => pickParts(pick, scene, colours)),
    ...scene.dots.filter((dot) => dot.related).map((dot) => dotPart(dot, scene, colours)),
    ...names.map((label) => labelPart(label, colours)),
  ];
  const view = [left, top, width, height].map(number).join(" ");
  const root = { xmlns: "http://www.w3.org/2000/svg", viewBox: view, width, height, "font-family": "'IBM Plex Mono', ui-monospace, monospace" };
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element("svg", root, `\n${parts.join("\n")}\n`)}\n`;
}

function path(line, colour, width, dashed, opacity) {
  const points = [line.x1, line.y1, line.cx, line.cy, line.x2, line.y2].map(number);
  return element("path", {
    d: `M${points[0]} ${points[1]}Q${points[2]} ${points[3]} ${points[4]} ${points[5]}`,
    fill: "none",
    stroke: colour,
    "stroke-width": width,
    "stroke-dasharray": dashed ? "5 4" : null,
    "stroke-linecap": "round",
    opacity,
  });
}

function pickParts(pick, scene, colours) {
  const colour = pick.out ? colours.wire : colours.light;
  const thin = scene.opacity < 1;
  const heads = pick.heads.map(({ points, hollow }) =>
    element("polygon", {
      points: points.map(([x, y]) => `${number(x)},${number(y)}`).join(" "),
      fill: hollow ? colours.card : colour,
      stroke: hollow ? colour : null,
      "stroke-width": hollow ? 1.2 : null,
    }),
  );
  return [path(pick, colour, thin ? 0.9 : pick.width, pick.dashed, thin ? scene.opacity : null), ...heads];
}

function hullParts(hull, colours) {
  const parts = [
    element("circle", {
      cx: hull.x,
      cy: hull.y,
      r: hull.r,
      fill: colours.sunk,
      stroke: hull.home ? colours.wire : hull.related ? colours.line2 : colours.line,
      "stroke-width": hull.home ? Math.max(hull.ring, 1.6) : hull.ring,
      "stroke-dasharray": hull.dashed && !hull.home ? "3 3" : null,
    }),
  ];
  if (hull.group.nodes) return parts;
  const round = 2 * Math.PI * (hull.r - 6);
  let before = 0;
  for (const [status, count] of Object.entries(hull.group.statuses)) {
    const length = (round * count) / hull.group.size;
    parts.push(
      element("circle", {
        cx: hull.x, cy: hull.y, r: hull.r - 6, fill: "none", stroke: colours[status], "stroke-width": 5,
        "stroke-dasharray": `${number(length)} ${number(round - length)}`, "stroke-dashoffset": -before,
        transform: `rotate(-90 ${number(hull.x)} ${number(hull.y)})`, opacity: hull.related ? null : 0.35,
      }),
    );
    before += length;
  }
  const middle = { x: hull.x, y: hull.y + 4.5, "text-anchor": "middle", "font-size": Math.min(13, hull.r * 0.6), fill: colours.ink };
  parts.push(element("text", middle, escaped(amount(hull.group.size))));
  return parts;
}

function dotPart(dot, scene, colours) {
  const colour = colours[dot.status];
  const at = { cx: dot.x, cy: dot.y };
  const r = scene.dot - 0.7;
  const parts = [element("title", {}, escaped(`${dot.node.name}, ${dot.status}`))];
  if (dot.status === "online") parts.push(element("circle", { ...at, r: scene.dot, fill: colour }));
  else {
    const dash = dot.status === "waiting" ? "1.4 1.5" : null;
    parts.push(element("circle", { ...at, r, fill: colours.sunk, stroke: colour, "stroke-width": 1.5, "stroke-dasharray": dash }));
    if (dot.status === "waiting") parts.push(element("circle", { ...at, r: 1.6, fill: colour }));
    if (dot.status === "late") {
      parts.push(element("path", { d: `M${number(dot.x)} ${number(dot.y - r)}a${r} ${r} 0 0 1 0 ${number(2 * r)}z`, fill: colour }));
    }
  }
  if (dot.selected) parts.push(element("circle", { ...at, r: scene.dot + 4, fill: "none", stroke: colours.wire, "stroke-width": 2 }));
  return element("g", { opacity: dot.related ? null : 0.35 }, parts.join(""));
}

function labelPart(label, colours) {
  const words = label.count ? `${label.text} ${label.count}` : label.text;
  const at = { x: label.x, y: label.y, "text-anchor": "middle", "font-size": label.size };
  if (label.style === "selected") {
    const half = (label.box[2] - label.box[0]) / 2 + 2;
    return (
      element("rect", { x: label.x - half, y: label.y - 14, width: 2 * half, height: 19, rx: 3, fill: colours.ink }) +
      element("text", { ...at, fill: colours.card, "font-weight": 500, "font-family": "'IBM Plex Sans', sans-serif" }, escaped(words))
    );
  }
  const fill = { strong: colours.ink, faint: colours.dim, group: colours.text }[label.style];
  const halo = { stroke: colours.card, "stroke-width": 4, "stroke-linejoin": "round", "paint-order": "stroke" };
  return element("text", { ...at, ...halo, fill, "font-weight": label.style === "strong" ? 600 : 500 }, escaped(words));
}

// At most 8,192 pixels a side: what browsers draw.
export function pngOf(model, scene, colours) {
  const { left, top, width, height } = frame(model, scene, colours);
  const scale = Math.min(2, 8192 / Math.max(width, height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const ctx = canvas.getContext("2d");
  ctx.fillStyle = colours.card;
  ctx.fillRect(0, 0, canvas.width, canvas.height);
  ctx.scale(scale, scale);
  ctx.translate(-left, -top);
  paint(ctx, scene, colours, 1, null);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
