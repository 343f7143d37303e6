// The topology page: asks for the graph, draws it, and follows clicks, searches, exports and what happens meanwhile.

import { onThemeChange, readColours } from "./colours.js";
import { pngOf, save, svgOf } from "./files.js";
import { arrange } from "./layout.js";
import { closeGroup, modelOf, openGroup } from "./model.js";
import { showGroups, showNode, showProblem } from "./panel.js";
import { Picture } from "./picture.js";
import { bounds, buildScene, placeOf } from "./scene.js";
import { search } from "./search.js";

const page = document.querySelector("[data-gw-topology]");
const stage = page.querySelector("[data-gw-stage]");
const panel = page.querySelector("[data-gw-panel]");
const note = page.querySelector("[data-gw-note]");
const by = page.dataset.gwBy;
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const motion = () => (calm.matches ? 0 : 300);
const LIVE = new Set(["nodes", "presence", "policy", "users", "network", "enrolments"]);
const RATHER_NOT_OFTENER = 4000;

let model = null;
let selected = null;
let scene = null;
let hovered = null;
let colours = readColours(page);
let turn = 0;

async function call(name, query = {}) {
  const url = new URL(page.dataset[`gw${name[0].toUpperCase()}${name.slice(1)}`], location.href);
  for (const [key, value] of Object.entries({ by, ...query })) url.searchParams.set(key, value);
  const asked = fetch(url, { headers: { Accept: "application/json" }, credentials: "same-origin" });
  const response = await asked.catch(() => {
    throw new Error("The portal does not answer.");
  });
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(body.detail || `The server answered ${response.status}.`);
  return body;
}

// Asks the library for another frame.
const again = () => graph.zoom(graph.zoom());
const picture = new Picture(again);

// --- Drawing. The library keeps the canvas, the zoom and the pointer; what is drawn is ours.

const graph = new ForceGraph(stage)
  .cooldownTicks(0)
  .nodeLabel(null)
  .linkLabel(null)
  .minZoom(0.02)
  .maxZoom(8)
  .nodeCanvasObject(() => {})
  .nodePointerAreaPaint((target, colour, ctx) => {
    ctx.fillStyle = colour;
    ctx.beginPath();
    ctx.arc(target.x, target.y, target.node ? 8 : target.group.r, 0, 2 * Math.PI);
    ctx.fill();
  })
  .onRenderFramePost((ctx, scale) => scene && picture.frame(ctx, scene, colours, scale, hovered))
  .onNodeHover(hover)
  .onNodeClick(click)
  .onBackgroundClick(() => select(null))
  .onNodeDrag((target, moved) => drag(target, moved))
  .onNodeDragEnd(place);
for (const force of ["link", "charge", "center"]) graph.d3Force(force, null);
new ResizeObserver(resize).observe(stage);
resize();

function resize() {
  const { clientWidth: width, clientHeight: height } = stage;
  if (!width || !height) return;
  const [old, oldHeight] = [graph.width(), graph.height()];
  graph.width(width).height(height);
  if (model && (old !== width || oldHeight !== height)) fit(0);
}

const ratio = () => Math.min(Math.max(stage.clientWidth / Math.max(stage.clientHeight, 1), 0.55), 1.8);

function redraw() {
  scene = buildScene(model, selected);
  again();
}

// What the pointer can find: groups below, nodes above.
function place() {
  const targets = model.groups.map((group) => target(`g:${group.key}`, group, null));
  for (const group of model.groups) for (const node of group.nodes || []) targets.push(target(`n:${node.id}`, group, node));
  graph.graphData({ nodes: targets, links: [] });
  redraw();
}

function target(id, group, node) {
  const [x, y] = node ? [group.x + node.dx, group.y + node.dy] : [group.x, group.y];
  return { id, group, node, x, y, fx: x, fy: y };
}

// Whatever of a group is drawn, the group moves.
function drag(moving, moved) {
  moving.group.x += moved.x;
  moving.group.y += moved.y;
  for (const other of graph.graphData().nodes) {
    if (other.group !== moving.group || other === moving) continue;
    other.fx = other.x += moved.x;
    other.fy = other.y += moved.y;
  }
  redraw();
}

function fit(duration) {
  const edge = bounds(model);
  const scale = Math.min((stage.clientWidth - 24) / (edge.right - edge.left), (stage.clientHeight - 24) / (edge.bottom - edge.top), 1.6);
  graph.centerAt((edge.left + edge.right) / 2, (edge.top + edge.bottom) / 2, duration);
  graph.zoom(scale, duration);
}

// --- The pointer

function hover(found) {
  hovered = null;
  if (found && found.node) hovered = { text: found.node.name, x: found.x, y: found.y };
  else if (found && found.group.about) hovered = { text: `${found.group.name}: ${found.group.about}`, x: found.x, y: found.y };
  if (model) again();
}

function click(found) {
  if (found.node) select(found.node.id);
  else toggle(found.group);
}

async function toggle(group) {
  if (model.open) return;
  if (group.nodes) closeGroup(model, group);
  else {
    try {
      const answer = await during(stage, call("members", { group: group.key }));
      const now = model.groups.find((other) => other.key === answer.key);
      if (!now) return;
      openGroup(model, now, answer.nodes);
      if (answer.nodes.length < answer.size) say(`${group.name}: the first ${answer.nodes.length.toLocaleString("en")} of ${answer.size.toLocaleString("en")} nodes, by name.`);
    } catch (error) {
      say(error.message);
      return;
    }
  }
  arrange(model.groups, model.edges, ratio());
  place();
}

async function chooseGroup(group) {
  if (!model.open && !model.groups.find((other) => other.key === group.key)?.nodes) await toggle(group);
  const now = model.groups.find((other) => other.key === group.key);
  if (!now) return;
  graph.centerAt(now.x, now.y, motion());
  graph.zoom(Math.min(Math.min(stage.clientWidth, stage.clientHeight) / (now.r * 2 + 120), 2), motion());
}

// --- The selected node

async function select(id) {
  const mine = ++turn;
  if (id === null) {
    selected = null;
    remember(null);
    if (model) {
      showGroups(panel, model, chooseGroup);
      redraw();
    }
    return;
  }
  try {
    const answer = await during(panel, call("reach", { node: id }));
    if (mine !== turn) return;
    selected = { ...answer, touched: new Set(answer.wires.map(([other]) => other)) };
    remember(id);
    showNode(panel, answer, { close: () => select(null), select });
    redraw();
    bringIntoView(answer.node);
  } catch (error) {
    if (mine === turn) showProblem(panel, error.message, () => select(id));
  }
}

function bringIntoView(node) {
  const at = placeOf(model, node.id) || model.groups.find((group) => group.key === node.group);
  if (!at) return;
  const seen = graph.graph2ScreenCoords(at.x, at.y);
  const inside = seen.x > 20 && seen.y > 20 && seen.x < stage.clientWidth - 20 && seen.y < stage.clientHeight - 20;
  if (!inside) graph.centerAt(at.x, at.y, motion());
}

function remember(id) {
  const url = new URL(location.href);
  if (id === null) url.searchParams.delete("node");
  else url.searchParams.set("node", id);
  history.replaceState(null, "", url);
}

function say(words) {
  note.textContent = words;
  note.hidden = !words;
}

// --- Loading, and loading anew

// A part whose answer is on its way says so.
async function during(part, work) {
  part.setAttribute("aria-busy", "true");
  try {
    return await work;
  } finally {
    part.removeAttribute("aria-busy");
  }
}

async function load() {
  const answer = await during(stage, call("graph"));
  const first = !model;
  model = modelOf(answer, model, ratio());
  page.querySelector("[data-gw-pairs]").textContent = `${answer.pairs.toLocaleString("en")} pairs`;
  page.classList.add("gw-topo-ready");
  say(model.nodes ? "" : "No node takes part yet.");
  place();
  if (first) fit(0);
  if (selected) await select(selected.node.id);
  else showGroups(panel, model, chooseGroup);
}

let waiting = 0;
let loadedAt = 0;

function follow() {
  if (waiting) return;
  waiting = setTimeout(async () => {
    try {
      await load();
      say(model.nodes ? "" : "No node takes part yet.");
    } catch (error) {
      say(error.message);
    } finally {
      waiting = 0;
      loadedAt = performance.now();
    }
  }, Math.max(400, RATHER_NOT_OFTENER - (performance.now() - loadedAt)));
}

document.addEventListener("gw:live", (event) => LIVE.has(event.detail.type) && follow());
let poll = 0;
document.addEventListener("gw:live-state", (event) => {
  clearInterval(poll);
  if (event.detail === "stale") poll = setInterval(follow, 15000);
});
onThemeChange(() => {
  colours = readColours(page);
  if (model) redraw();
});

// --- Tools

const tools = {
  in: () => graph.zoom(graph.zoom() * 1.4, motion()),
  out: () => graph.zoom(graph.zoom() / 1.4, motion()),
  fit: () => fit(motion()),
  svg: () => save(new Blob([svgOf(model, buildScene(model, selected), colours, document.title)], { type: "image/svg+xml" }), "topology.svg"),
  png: async () => save(await pngOf(model, buildScene(model, selected), colours), "topology.png"),
};
for (const button of page.querySelectorAll("[data-gw-tool]")) {
  button.addEventListener("click", () => {
    if (!model) return;
    tools[button.dataset.gwTool]();
    button.closest("details")?.removeAttribute("open");
  });
}
const field = page.querySelector("[data-gw-search]");
search(field, page.querySelector("[data-gw-found]"), (words) => during(field.form, call("find", { q: words })), select);
field.form.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => event.key === "Escape" && selected && select(null));

const asked = new URL(location.href).searchParams.get("node");
try {
  // Names are measured while they are drawn: the letters must be there.
  await Promise.all([load(), document.fonts.load("500 12px 'Plex Mono'")]);
  redraw();
  if (asked) await select(Number(asked));
  page.dataset.gwDrawn = "yes";
} catch (error) {
  showProblem(panel, error.message, () => location.reload());
  say(error.message);
} finally {
  loadedAt = performance.now();
}
