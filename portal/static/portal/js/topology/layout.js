// Where groups stand and where nodes stand in them. Nothing is left to chance: the same graph looks the same each time.

const GOLDEN = Math.PI * (3 - Math.sqrt(5));
const SPACING = 10.5;
const GAP = 38; // Between two groups: room for a name.
const ROUNDS = 280;
const PULL = 0.08;

// The places of `count` nodes around the middle of their group.
export function places(count) {
  if (count === 1) return [[0, 0]];
  if (count <= 8) {
    const ring = Math.max(11, 10.5 / Math.sin(Math.PI / count));
    return Array.from({ length: count }, (_, i) => {
      const angle = (2 * Math.PI * i) / count - Math.PI / 2;
      return [ring * Math.cos(angle), ring * Math.sin(angle)];
    });
  }
  return Array.from({ length: count }, (_, i) => {
    const distance = SPACING * Math.sqrt(i + 0.5);
    return [distance * Math.cos(i * GOLDEN), distance * Math.sin(i * GOLDEN)];
  });
}

export function openRadius(count) {
  if (count <= 1) return 18;
  if (count <= 8) return Math.max(11, 10.5 / Math.sin(Math.PI / count)) + 15;
  return SPACING * Math.sqrt(count) + 13;
}

export function closedRadius(size) {
  return Math.min(17 + 2.4 * Math.sqrt(size), 92);
}

// Gives each group x and y. Groups that stood somewhere before begin there. `ratio`: width of the picture to its height.
export function arrange(groups, edges, ratio) {
  let area = 0;
  const anew = groups.some((group) => group.x === undefined);
  groups.forEach((group, i) => {
    area += (group.r + GAP / 2) ** 2 * 2.2;
    if (group.x !== undefined) return;
    const distance = i === 0 ? 0 : Math.sqrt(area);
    group.x = distance * Math.cos(i * GOLDEN) * Math.sqrt(ratio);
    group.y = (distance * Math.sin(i * GOLDEN)) / Math.sqrt(ratio);
  });
  const springs = edges
    .filter((edge) => edge.one !== edge.other)
    .map((edge) => [groups[edge.one], groups[edge.other], Math.log2(1 + edge.pairs + edge.later)]);
  // However many springs a group has, together they pull as one: else hubs would be flung about.
  const total = new Map();
  for (const [one, other, weight] of springs) for (const group of [one, other]) total.set(group, (total.get(group) || 0) + weight);
  const rounds = anew ? ROUNDS : 90;
  for (let round = 0; round < rounds; round++) {
    const heat = 1 - round / rounds;
    for (const group of groups) {
      group.vx = -group.x * 0.012 * heat * (1 / ratio);
      group.vy = -group.y * 0.012 * heat * ratio;
    }
    for (const [one, other, weight] of springs) pull(one, other, (PULL * heat * weight) / total.get(one), (PULL * heat * weight) / total.get(other));
    for (const group of groups) {
      group.x += group.vx;
      group.y += group.vy;
    }
    push(groups, round >= rounds - 40 ? 0.9 : 0.5);
  }
  for (let round = 0; round < 60 && push(groups, 1); round++);
}

function pull(one, other, mine, its) {
  const dx = other.x - one.x;
  const dy = other.y - one.y;
  const distance = Math.hypot(dx, dy) || 1;
  const excess = (distance - one.r - other.r - GAP * 2.4) / distance;
  one.vx += dx * excess * mine;
  one.vy += dy * excess * mine;
  other.vx -= dx * excess * its;
  other.vy -= dy * excess * its;
}

// Groups that overlap move apart, the smaller one more. Whether any did.
function push(groups, strength) {
  let moved = false;
  for (let i = 0; i < groups.length; i++) {
    for (let j = i + 1; j < groups.length; j++) {
      const one = groups[i];
      const other = groups[j];
      let dx = other.x - one.x;
      const dy = other.y - one.y;
      const least = one.r + other.r + GAP;
      if (Math.abs(dx) >= least || Math.abs(dy) >= least) continue;
      let distance = Math.hypot(dx, dy);
      if (distance >= least) continue;
      if (distance < 0.01) {
        dx = 0.01 * (i + 1);
        distance = Math.abs(dx);
      }
      const step = ((least - distance) / distance) * strength;
      const share = other.r ** 2 / (one.r ** 2 + other.r ** 2);
      one.x -= dx * step * share;
      one.y -= dy * step * share;
      other.x += dx * step * (1 - share);
      other.y += dy * step * (1 - share);
      moved = true;
    }
  }
  return moved;
}
