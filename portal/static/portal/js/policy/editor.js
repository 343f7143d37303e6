// A text area that shows line numbers, colours and faults. The text stays the text area's own: its caret, its undo, its
// spelling to assistive technology. What is drawn lies behind it, line by line, and only the lines in view are drawn.

const WORDS = /"(?:[^"\\]|\\.)*"?|\/\/.*|\/\*[^]*?(?:\*\/|$)|-?\d+(?:\.\d+)?|\b(?:true|false|null)\b|[^\s"\/\-\w]+|[^]/g;
const MARGIN = 20; // Lines drawn beyond what is in view.
const INDENT = "    ";

export class Editor {
  constructor(frame, area) {
    this.area = area;
    this.frame = frame;
    this.faults = new Map();
    this.layer = element("div", "gw-ed-layer");
    this.gutter = element("div", "gw-ed-gutter");
    this.lines = element("div", "gw-ed-lines");
    this.numbers = element("div", "gw-ed-numbers");
    this.layer.append(this.lines);
    this.gutter.append(this.numbers);
    for (const part of [this.layer, this.gutter]) part.setAttribute("aria-hidden", "true");
    frame.prepend(this.layer);
    frame.append(this.gutter);
    frame.classList.add("gw-editor-live");
    this.leaving = false;
    area.addEventListener("input", () => this.read());
    area.addEventListener("scroll", () => this.draw(), { passive: true });
    area.addEventListener("keydown", (event) => this.key(event));
    area.addEventListener("blur", () => (this.leaving = false));
    new ResizeObserver(() => this.draw()).observe(area);
    document.fonts.ready.then(() => this.draw());
    this.read();
  }

  // Which lines begin inside a comment that began on an earlier one.
  read() {
    this.text = this.area.value.split("\n");
    this.inside = [];
    let open = false;
    for (const line of this.text) {
      this.inside.push(open);
      open = endsInside(line, open);
    }
    this.draw();
  }

  // faults: [{line, column}], counted from 1.
  mark(faults) {
    this.faults.clear();
    for (const fault of faults) {
      if (!this.faults.has(fault.line)) this.faults.set(fault.line, new Set());
      this.faults.get(fault.line).add(fault.column);
    }
    this.draw();
  }

  draw() {
    const style = getComputedStyle(this.area);
    const height = parseFloat(style.lineHeight);
    const top = parseFloat(style.paddingTop);
    const digits = Math.max(3, String(this.text.length).length);
    this.frame.style.setProperty("--gw-ed-gutter", `${digits + 2.5}ch`);
    const first = Math.max(0, Math.floor((this.area.scrollTop - top) / height) - MARGIN);
    const last = Math.min(this.text.length, Math.ceil((this.area.scrollTop + this.area.clientHeight) / height) + MARGIN);
    const rows = [];
    const numbers = [];
    for (let index = first; index < last; index++) {
      const columns = this.faults.get(index + 1);
      const row = element("div", columns ? "gw-ed-line gw-ed-wrong" : "gw-ed-line");
      row.style.top = `${top + index * height}px`;
      row.append(...tokens(this.text[index], this.inside[index], columns));
      rows.push(row);
      const number = element("div", columns ? "gw-ed-number gw-ed-wrong" : "gw-ed-number", String(index + 1));
      number.style.top = `${top + index * height}px`;
      numbers.push(number);
    }
    this.lines.replaceChildren(...rows);
    this.numbers.replaceChildren(...numbers);
    this.lines.style.transform = `translate(${-this.area.scrollLeft}px, ${-this.area.scrollTop}px)`;
    this.numbers.style.transform = `translateY(${-this.area.scrollTop}px)`;
  }

  place() {
    const before = this.area.value.slice(0, this.area.selectionStart);
    const line = before.split("\n").length;
    return { line, column: before.length - before.lastIndexOf("\n") };
  }

  // Puts the caret there, and the line in view.
  go(line, column = 1) {
    const at = this.offset(line) + Math.min(column - 1, (this.text[line - 1] ?? "").length);
    this.area.focus();
    this.area.setSelectionRange(at, at);
    const height = parseFloat(getComputedStyle(this.area).lineHeight);
    this.area.scrollTop = Math.max(0, (line - 1) * height - this.area.clientHeight / 3);
    this.draw();
  }

  // Writes "by" in place of "wrong" on a line, as typed: it can be undone.
  replace(line, wrong, by) {
    const from = JSON.stringify(wrong);
    const column = (this.text[line - 1] ?? "").indexOf(from);
    if (column < 0) return;
    const start = this.offset(line) + column;
    this.area.focus();
    this.area.setSelectionRange(start, start + from.length);
    this.type(JSON.stringify(by));
  }

  offset(line) {
    let at = 0;
    for (let index = 0; index < Math.min(line - 1, this.text.length); index++) at += this.text[index].length + 1;
    return at;
  }

  type(text) {
    // The old command alone keeps the browser's undo whole.
    if (document.execCommand("insertText", false, text)) return;
    this.area.setRangeText(text, this.area.selectionStart, this.area.selectionEnd, "end");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  key(event) {
    if (event.key === "Escape") {
      this.leaving = true; // The next Tab leaves, for whoever has no mouse.
      return;
    }
    const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
    if (event.key === "Tab" && plain && !this.leaving && !this.area.readOnly) {
      event.preventDefault();
      this.indent(event.shiftKey);
    } else if (event.key === "Enter" && plain && !event.shiftKey && !this.area.readOnly && !event.isComposing) {
      event.preventDefault();
      this.breakLine();
    }
    if (event.key !== "Shift") this.leaving = false;
  }

  indent(back) {
    const { value, selectionStart: start, selectionEnd: end } = this.area;
    if (start === end && !back) {
      const column = start - (value.lastIndexOf("\n", start - 1) + 1);
      this.type(INDENT.slice(column % INDENT.length));
      return;
    }
    const from = value.lastIndexOf("\n", start - 1) + 1;
    // A selection that ends at the beginning of a line does not touch that line.
    const until = end > start && value[end - 1] === "\n" ? end - 1 : end;
    const lines = value.slice(from, until).split("\n");
    const made = lines.map((line) => (back ? line.replace(/^(?: {1,4}|\t)/, "") : line && INDENT + line)).join("\n");
    if (made === lines.join("\n")) return;
    this.area.setSelectionRange(from, until);
    this.type(made);
    if (start === end) {
      const at = Math.max(from, start - (lines[0].length - made.length));
      this.area.setSelectionRange(at, at);
    } else {
      this.area.setSelectionRange(from, from + made.length);
    }
  }

  breakLine() {
    const { value, selectionStart: start, selectionEnd: end } = this.area;
    const line = value.slice(value.lastIndexOf("\n", start - 1) + 1, start);
    const lead = /^[ \t]*/.exec(line)[0];
    const opens = /[[{]\s*$/.test(line);
    this.type(`\n${lead}${opens ? INDENT : ""}`);
    if (opens && /^[\]}]/.test(value.slice(end))) {
      const at = this.area.selectionStart;
      this.type(`\n${lead}`);
      this.area.setSelectionRange(at, at);
    }
  }
}

function endsInside(line, open) {
  let inside = open;
  let at = 0;
  while (at < line.length) {
    if (inside) {
      const end = line.indexOf("*/", at);
      if (end < 0) return true;
      inside = false;
      at = end + 2;
    } else if (line[at] === '"') {
      for (at++; at < line.length && line[at] !== '"'; at++) if (line[at] === "\\") at++;
      at++;
    } else if (line.startsWith("//", at)) {
      return false;
    } else if (line.startsWith("/*", at)) {
      inside = true;
      at += 2;
    } else {
      at++;
    }
  }
  return inside;
}

function* tokens(line, inside, columns) {
  let rest = line;
  let at = 0;
  if (inside) {
    const end = line.indexOf("*/");
    const comment = end < 0 ? line : line.slice(0, end + 2);
    yield element("span", "gw-ed-comment", comment);
    rest = line.slice(comment.length);
    at = comment.length;
  }
  for (const [word] of rest.matchAll(WORDS)) {
    const kind = kindOf(word, line.slice(at + word.length));
    const wrong = columns && [...columns].some((column) => column - 1 >= at && column - 1 < at + word.length);
    const css = [kind, wrong ? "gw-ed-fault" : ""].filter(Boolean).join(" ");
    yield css ? element("span", css, word) : document.createTextNode(word);
    at += word.length;
  }
}

function kindOf(word, after) {
  if (word.startsWith("//") || word.startsWith("/*")) return "gw-ed-comment";
  if (word[0] === '"') return /^\s*:/.test(after) ? "gw-ed-key" : "gw-ed-string";
  return /^(?:-?\d|true$|false$|null$)/.test(word) ? "gw-ed-word" : "";
}

function element(name, css, text) {
  const made = document.createElement(name);
  made.className = css;
  if (text !== undefined) made.textContent = text;
  return made;
}
