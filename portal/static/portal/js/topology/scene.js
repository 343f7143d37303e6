// What is to be drawn, as plain shapes: the canvas and the SVG file are both made of this, so that they are the same.

const DOT = 5;
const MANY = 300;
const FEW = 12;
const CROWDED = 1500;

// `selected`: the answer about a node, with where it stands, or null.
export function buildScene(model, selected) {
  const related = selected ? new Map(selected.groups.map(([index, ...counts]) => [index, counts])) : null;
  const home = selected ? model.groups.findIndex((group) => group.key === selected.node.group) : -1;
  const wires = selected ? picks(model, selected, home) : [];
  const groupWires = model.edges.filter((edge) => edge.one !== edge.other).map((edge) => groupWire(model, edge));
  return {
    wires: groupWires,
    // Of very many wires only the thick ones keep their width: a canvas draws hairlines several times as fast.
    hairlines: groupWires.length > CROWDED ? 3 : 0,
    hulls: model.groups.map((group, index) => ({
      group,
      x: group.x,
      y: group.y,
      r: group.r,
      ring: group.inner ? Math.min(1 + 0.22 * Math.log2(1 + group.inner.pairs), 3.4) : 1,
      dashed: !group.inner,
      home: index === home,
      related: !related || index === home || related.has(index),
    })),
    dots: dots(model, selected),
    picks: wires,
    // Hundreds of wires side by side are a surface: thin ones, without heads, leave what is below to be seen.
    opacity: wires.length > MANY ? 0.3 : 1,
    faded: Boolean(selected),
    dot: DOT,
  };
}

function groupWire(model, edge) {
  const one = model.groups[edge.one];
  const other = model.groups[edge.other];
  const bend = ((edge.one * 7 + edge.other * 13) % 5) - 2;
  return {
    ...curve(one.x, one.y, other.x, other.y, bend * 0.035),
    width: Math.min(0.8 + 0.32 * Math.log2(1 + edge.pairs + edge.later), 5),
    dashed: edge.passing === edge.pairs, // Also where nothing is open but at other times.
  };
}

function dots(model, selected) {
  const touched = selected ? selected.touched : null;
  const found = [];
  const alone = selected && aloneAt(model, selected);
  if (alone) found.push({ ...alone, node: selected.node, status: selected.node.status, related: true, selected: true });
  for (const group of model.groups) {
    if (!group.nodes) continue;
    for (const node of group.nodes) {
      found.push({
        node,
        x: group.x + node.dx,
        y: group.y + node.dy,
        status: node.status,
        related: !touched || touched.has(node.id) || node.id === selected.node.id,
        selected: Boolean(selected) && node.id === selected.node.id,
      });
    }
  }
  return found;
}

// Wires of the selected node: to each node that is drawn, and one to each group that is closed, or of which so many nodes
// are meant among very many that one wire says it better.
function picks(model, selected, home) {
  const from = placeOf(model, selected.node.id) || aloneAt(model, selected);
  if (!from) return [];
  const crowded = selected.wires.length > MANY;
  const bundled = new Set();
  const found = [];
  const way = (now, atTimes, later) => (now ? (atTimes === now ? 2 : 1) : later && 3);
  for (const [index, ...counts] of selected.groups) {
    const group = model.groups[index];
    const [out, back] = [counts.slice(0, 3), counts.slice(3)];
    const most = Math.max(out[0] + out[2], back[0] + back[2]);
    if (!group || index === home || (group.nodes && !(crowded && most > FEW))) continue;
    bundled.add(group);
    const total = out[0] + out[2] + back[0] + back[2];
    found.push({ ...pick(from, group, way(...out), way(...back), group.r), width: Math.min(1.4 + 0.3 * Math.log2(1 + total), 5) });
  }
  for (const [id, out, back] of selected.wires) {
    const node = model.byId.get(id);
    if (node && !bundled.has(node.group)) found.push(pick(from, placeOf(model, id), out, back, DOT + 2));
  }
  if (found.length > MANY) for (const wire of found) wire.heads = [];
  return found.sort((one, other) => Number(one.out) - Number(other.out));
}

// `out` and `back`: 0 nothing, 1 access, 2 access at times, 3 nothing now but at other times.
function pick(from, to, out, back, margin) {
  const dx = to.x - from.x;
  const line = curve(from.x, from.y, to.x, to.y, dx >= 0 ? -0.12 : 0.12);
  return {
    ...line,
    out: Boolean(out),
    width: out ? 1.5 : 1.1,
    dashed: (out || back) >= 2,
    heads: [out ? head(line, margin, false, out) : null, back ? head(line, DOT + 4, true, back) : null].filter(Boolean),
  };
}

// Where the selected node is drawn while its group is closed, or shows others of its nodes: in its lower half.
function aloneAt(model, selected) {
  const group = model.groups.find((other) => other.key === selected.node.group);
  return group && !model.byId.has(selected.node.id) ? { x: group.x, y: group.y + group.r * 0.5 } : null;
}

export function placeOf(model, id) {
  const node = model.byId.get(id);
  return node ? { x: node.group.x + node.dx, y: node.group.y + node.dy } : null;
}

function curve(x1, y1, x2, y2, bend) {
  return { x1, y1, x2, y2, cx: (x1 + x2) / 2 - (y2 - y1) * bend, cy: (y1 + y2) / 2 + (x2 - x1) * bend };
}

// A triangle at one end of a curve, along its tangent there; hollow where the way is closed now.
function head(line, margin, atStart, way) {
  const [x, y] = atStart ? [line.x1, line.y1] : [line.x2, line.y2];
  const angle = Math.atan2(y - line.cy, x - line.cx);
  const tip = [x - margin * Math.cos(angle), y - margin * Math.sin(angle)];
  const side = (turn) => [tip[0] - 6.5 * Math.cos(angle + turn), tip[1] - 6.5 * Math.sin(angle + turn)];
  return { points: [tip, side(0.42), side(-0.42)], hollow: way === 3 };
}

export function bounds(model) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const group of model.groups) {
    const half = Math.max(group.r, Math.min(titleOf(group).length, 28) * 4.6); // Its name, also from further away.
    left = Math.min(left, group.x - half);
    right = Math.max(right, group.x + half);
    top = Math.min(top, group.y - group.r - 26);
    bottom = Math.max(bottom, group.y + group.r + 8);
  }
  return Number.isFinite(left) ? { left, top, right, bottom } : { left: -100, top: -100, right: 100, bottom: 100 };
}

// The names to write: of groups, largest first where there is no room for all, and of the selected and the hovered node.
export function labels(scene, scale, width) {
  const size = 12 / Math.max(Math.min(scale, 1.6), 0.001);
  const taken = [];
  const found = [];
  const add = (text, count, x, y, style, must) => {
    const half = (width(text + (count ? ` ${count}` : "")) * size) / 12 / 2 + 4 / scale;
    const box = [x - half, y - size, x + half, y + size * 0.4];
    if (!must && taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1])) return;
    taken.push(box);
    found.push({ text, count, x, y, size, box, style });
  };
  for (const dot of scene.dots) if (dot.selected) add(dot.node.name, "", dot.x, dot.y + 15 / scale + size, "selected", true);
  const hulls = scene.faded ? [...scene.hulls].sort((one, other) => Number(other.related) - Number(one.related)) : scene.hulls;
  for (const hull of hulls) {
    const style = hull.related ? (scene.faded ? "strong" : "group") : "faint";
    const count = hull.group.nodes && hull.group.size > 1 ? String(hull.group.size) : ""; // A closed group has it inside.
    add(short(titleOf(hull.group)), count, hull.x, hull.y - hull.r - 7 / scale, style, false);
  }
  return found;
}

// A class is better known by whose nodes it holds than by its number.
export const titleOf = (group) => (group.kind === "class" && group.about ? group.about : group.name);

const short = (name) => (name.length > 28 ? `${name.slice(0, 27)}…` : name);
