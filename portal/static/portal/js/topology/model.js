// The graph as the page holds it: groups with their nodes and places, and edges between them.

import { arrange, closedRadius, openRadius, places } from "./layout.js";

// Groups that were there before stay where they were, and open if they were opened by hand.
export function modelOf(answer, before, ratio) {
  const known = new Map((before ? before.groups : []).map((group) => [group.key, group]));
  const model = { by: answer.by, version: answer.version, nodes: answer.nodes, pairs: answer.pairs, open: answer.open, groups: [], edges: [], byId: new Map() };
  for (const said of answer.groups) {
    const group = { ...said, nodes: null };
    const old = known.get(group.key);
    if (old) [group.x, group.y] = [old.x, old.y];
    model.groups.push(group);
    if (said.nodes) openGroup(model, group, said.nodes);
    else if (old && old.nodes && old.size === group.size) openGroup(model, group, old.nodes.map((node) => [node.id, node.name, node.status]));
    else closeGroup(model, group);
  }
  model.edges = answer.edges.map(([one, other, pairs, passing, later]) => ({ one, other, pairs, passing, later }));
  for (const edge of model.edges) if (edge.one === edge.other && edge.pairs) model.groups[edge.one].inner = edge;
  const same = before && before.groups.length === model.groups.length && model.groups.every((group) => known.get(group.key)?.r === group.r);
  if (!same) arrange(model.groups, model.edges, ratio);
  return model;
}

export function openGroup(model, group, nodes) {
  const spots = places(nodes.length);
  group.nodes = nodes.map(([id, name, status], i) => ({ id, name, status, group, dx: spots[i][0], dy: spots[i][1] }));
  group.r = openRadius(nodes.length);
  for (const node of group.nodes) model.byId.set(node.id, node);
}

export function closeGroup(model, group) {
  for (const node of group.nodes || []) model.byId.delete(node.id);
  group.nodes = null;
  group.r = closedRadius(group.size);
}
