// The page's colours as a canvas takes them: tokens are read anew when the theme changes.

const NAMES = {
  card: "--card", sunk: "--sunk", line: "--line", line2: "--line2", ink: "--ink", text: "--text", dim: "--dim",
  wire: "--wire", light: "--topo-back", group: "--topo-group", online: "--ok", late: "--warn", offline: "--off", waiting: "--wait",
};

export function readColours(within) {
  const probe = document.createElement("span");
  within.append(probe);
  const found = {};
  for (const [name, token] of Object.entries(NAMES)) {
    probe.style.color = `var(${token})`;
    found[name] = getComputedStyle(probe).color;
  }
  found.groupFaded = mixed(found.group, found.card, 0.55);
  const style = getComputedStyle(within);
  found.sans = style.getPropertyValue("--sans");
  found.mono = style.getPropertyValue("--mono");
  probe.remove();
  return found;
}

// An opaque colour: thousands of wires cross each other.
function mixed(one, other, share) {
  const parts = (colour) => colour.match(/[\d.]+/g).slice(0, 3).map(Number);
  const theirs = parts(other);
  return `rgb(${parts(one).map((value, i) => Math.round(value * share + theirs[i] * (1 - share))).join(", ")})`;
}

export function onThemeChange(tell) {
  new MutationObserver(tell).observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tell);
}
