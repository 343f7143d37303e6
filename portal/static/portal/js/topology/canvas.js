// A scene on a canvas.

import { labels } from "./scene.js";

const DASH = [5, 4];

const STEP = 40;

export function paint(ctx, scene, colours, scale, hovered) {
  for (const _ of painting(ctx, scene, colours, scale));
  paintHovered(ctx, hovered, colours, scale);
}

// The same without what is hovered, in steps of a few shapes each: who calls says when to go on.
export function* painting(ctx, scene, colours, scale) {
  let drawn = 0;
  ctx.save();
  ctx.lineCap = "round";
  for (const wire of scene.wires) {
    // Below one pixel a canvas draws hairlines, several times as fast.
    const width = wire.width < scene.hairlines ? 0.9 / scale : wire.width / Math.max(scale, 1);
    stroke(ctx, wire, scene.faded ? colours.groupFaded : colours.group, width, wire.dashed, 1);
    if (!(++drawn % STEP)) yield;
  }
  for (const hull of scene.hulls) paintHull(ctx, hull, scene, colours, scale);
  for (const dot of scene.dots) {
    if (dot.related) continue;
    paintDot(ctx, dot, scene, colours, scale);
    if (!(++drawn % STEP)) yield;
  }
  for (const pick of scene.picks) {
    paintPick(ctx, pick, scene, colours, scale);
    if (!(++drawn % STEP)) yield;
  }
  for (const dot of scene.dots) {
    if (!dot.related) continue;
    paintDot(ctx, dot, scene, colours, scale);
    if (!(++drawn % STEP)) yield;
  }
  paintLabels(ctx, scene, colours, scale);
  ctx.restore();
}

function paintPick(ctx, pick, scene, colours, scale) {
  const colour = pick.out ? colours.wire : colours.light;
  const width = scene.opacity < 1 ? 0.9 / scale : pick.width / Math.max(scale, 1);
  stroke(ctx, pick, colour, width, pick.dashed, scene.opacity);
  for (const { points, hollow } of pick.heads) {
    ctx.beginPath();
    points.forEach(([x, y], i) => (i ? ctx.lineTo(x, y) : ctx.moveTo(x, y)));
    ctx.closePath();
    ctx.fillStyle = hollow ? colours.card : colour;
    ctx.fill();
    if (!hollow) continue;
    ctx.lineWidth = 1.2 / Math.max(scale, 1);
    ctx.stroke();
  }
}

function stroke(ctx, line, colour, width, dashed, alpha) {
  ctx.globalAlpha = alpha;
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.setLineDash(dashed ? DASH : []);
  ctx.beginPath();
  ctx.moveTo(line.x1, line.y1);
  ctx.quadraticCurveTo(line.cx, line.cy, line.x2, line.y2);
  ctx.stroke();
  ctx.setLineDash([]);
  ctx.globalAlpha = 1;
}

function paintHull(ctx, hull, scene, colours, scale) {
  ctx.beginPath();
  ctx.arc(hull.x, hull.y, hull.r, 0, 2 * Math.PI);
  ctx.fillStyle = colours.sunk;
  ctx.fill();
  ctx.strokeStyle = hull.home ? colours.wire : hull.related ? colours.line2 : colours.line;
  ctx.lineWidth = hull.home ? Math.max(hull.ring, 1.6) : hull.ring;
  ctx.setLineDash(hull.dashed && !hull.home ? [3, 3] : []);
  ctx.stroke();
  ctx.setLineDash([]);
  if (!hull.group.nodes) paintShares(ctx, hull, colours, scale);
}

// A closed group: its nodes by status as a ring, their number in the middle.
function paintShares(ctx, hull, colours, scale) {
  let angle = -Math.PI / 2;
  ctx.globalAlpha = hull.related ? 1 : 0.35;
  ctx.lineWidth = 5;
  ctx.lineCap = "butt";
  for (const [status, count] of Object.entries(hull.group.statuses)) {
    const turn = (2 * Math.PI * count) / hull.group.size;
    ctx.strokeStyle = colours[status];
    ctx.beginPath();
    ctx.arc(hull.x, hull.y, hull.r - 6, angle, angle + turn);
    ctx.stroke();
    angle += turn;
  }
  ctx.lineCap = "round";
  if (hull.r * scale > 13) {
    ctx.fillStyle = colours.ink;
    ctx.font = `500 ${Math.min(13 / Math.min(scale, 1), hull.r * 0.6)}px ${colours.mono}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    ctx.fillText(amount(hull.group.size), hull.x, hull.y);
  }
  ctx.globalAlpha = 1;
}

export const amount = (number) => (number < 10000 ? String(number) : `${Math.round(number / 100) / 10}k`);

function paintDot(ctx, dot, scene, colours, scale) {
  const colour = colours[dot.status];
  ctx.globalAlpha = dot.related ? 1 : 0.35;
  ctx.beginPath();
  if (dot.status === "online" || scale < 0.35) {
    ctx.arc(dot.x, dot.y, scene.dot, 0, 2 * Math.PI);
    ctx.fillStyle = colour;
    ctx.fill();
  } else {
    ctx.arc(dot.x, dot.y, scene.dot - 0.7, 0, 2 * Math.PI);
    ctx.fillStyle = colours.sunk;
    ctx.fill();
    ctx.strokeStyle = colour;
    ctx.lineWidth = 1.5;
    if (dot.status === "waiting") ctx.setLineDash([1.4, 1.5]);
    ctx.stroke();
    ctx.setLineDash([]);
    ctx.fillStyle = colour;
    ctx.beginPath();
    if (dot.status === "late") ctx.arc(dot.x, dot.y, scene.dot - 0.7, -Math.PI / 2, Math.PI / 2);
    else if (dot.status === "waiting") ctx.arc(dot.x, dot.y, 1.6, 0, 2 * Math.PI);
    ctx.fill();
  }
  if (dot.selected) {
    ctx.strokeStyle = colours.wire;
    ctx.lineWidth = 2;
    ctx.beginPath();
    ctx.arc(dot.x, dot.y, scene.dot + 4, 0, 2 * Math.PI);
    ctx.stroke();
  }
  ctx.globalAlpha = 1;
}

function paintLabels(ctx, scene, colours, scale) {
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "center";
  const width = (text) => {
    ctx.font = `500 12px ${colours.mono}`;
    return ctx.measureText(text).width;
  };
  for (const label of labels(scene, scale, width)) {
    if (label.style === "selected") {
      box(ctx, label.text, label.x, label.y, label.size, scale, colours);
      continue;
    }
    const strong = label.style === "strong";
    ctx.font = `${strong ? 600 : 500} ${label.size}px ${colours.mono}`;
    ctx.lineJoin = "round";
    ctx.lineWidth = 4 / scale;
    ctx.strokeStyle = colours.card;
    const words = label.count ? `${label.text} ${label.count}` : label.text;
    ctx.strokeText(words, label.x, label.y);
    ctx.fillStyle = strong ? colours.ink : label.style === "faint" ? colours.dim : colours.text;
    ctx.fillText(words, label.x, label.y);
  }
}

export function paintHovered(ctx, hovered, colours, scale) {
  if (!hovered) return;
  ctx.textBaseline = "alphabetic";
  ctx.textAlign = "center";
  box(ctx, hovered.text, hovered.x, hovered.y - 12 / scale, 12 / scale, scale, colours);
}

// Words in a dark box (a light one on dark ground).
function box(ctx, text, x, y, size, scale, colours) {
  ctx.font = `500 ${size}px ${colours.sans}`;
  const half = ctx.measureText(text).width / 2 + 6 / scale;
  ctx.fillStyle = colours.ink;
  ctx.beginPath();
  ctx.roundRect(x - half, y - size * 1.15, 2 * half, size * 1.6, 3 / scale);
  ctx.fill();
  ctx.fillStyle = colours.card;
  ctx.fillText(text, x, y);
}
