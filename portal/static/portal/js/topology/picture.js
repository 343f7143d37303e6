// A scene of very many shapes takes longer to draw than a frame may last. It is drawn beside the canvas, some milliseconds
// at a time; what is finished is moved and scaled meanwhile as the pointer says, and is drawn anew when that rests.

import { paint, painting, paintHovered } from "./canvas.js";

const HEAVY = 1500; // Shapes.
const SLICE = 6; // Milliseconds of a frame.
const REST = 120; // Milliseconds without a move.
const MARGIN = 0.2; // Of the canvas, on each side: what a move brings into sight.

const same = (one, other) => ["a", "b", "c", "d", "e", "f"].every((name) => one[name] === other[name]);

export class Picture {
  constructor(again) {
    this.again = again;
    this.shown = null; // {canvas, view, scene, colours, left, top}
    this.made = null; // The same while it is drawn, with its `steps`.
    this.spare = null;
    this.view = null;
    this.rest = 0;
  }

  frame(ctx, scene, colours, scale, hovered) {
    if (scene.wires.length + scene.picks.length + scene.dots.length < HEAVY) {
      this.shown = this.made = this.spare = null;
      return paint(ctx, scene, colours, scale, hovered);
    }
    const view = ctx.getTransform();
    this.follow(ctx.canvas, view, scene, colours, scale);
    this.step();
    this.put(ctx, view, this.shown ?? this.made);
    paintHovered(ctx, hovered, colours, scale);
    if (this.made) requestAnimationFrame(this.again);
  }

  // What is begun is finished: whoever drags on sees it follow, if late.
  follow(canvas, view, scene, colours, scale) {
    const moved = this.view && !same(this.view, view);
    this.view = view;
    if (this.made) return;
    const { shown } = this;
    if (shown && shown.scene === scene && shown.colours === colours) {
      if (same(shown.view, view)) return;
      if (moved || !this.rest) {
        clearTimeout(this.rest);
        this.rest = setTimeout(() => {
          this.rest = -1;
          this.again();
        }, REST);
      }
      if (this.rest > 0) return;
    }
    clearTimeout(this.rest);
    this.rest = 0;
    this.begin(canvas, view, scene, colours, scale);
  }

  begin({ width, height }, view, scene, colours, scale) {
    const canvas = this.spare ?? document.createElement("canvas");
    const [left, top] = [Math.ceil(width * MARGIN), Math.ceil(height * MARGIN)];
    Object.assign(canvas, { width: width + 2 * left, height: height + 2 * top }); // Which clears it.
    const ctx = canvas.getContext("2d");
    ctx.setTransform(new DOMMatrix().translate(left, top).multiply(view));
    this.spare = null;
    this.made = { canvas, view, scene, colours, left, top, steps: painting(ctx, scene, colours, scale) };
  }

  step() {
    if (!this.made) return;
    const end = performance.now() + SLICE;
    while (performance.now() < end) {
      if (!this.made.steps.next().done) continue;
      this.spare = this.shown?.canvas ?? null;
      this.shown = this.made;
      this.made = null;
      if (!same(this.shown.view, this.view)) requestAnimationFrame(this.again);
      return;
    }
  }

  put(ctx, view, { canvas, view: drawn, left, top }) {
    ctx.save();
    ctx.setTransform(view.multiply(drawn.inverse()));
    ctx.drawImage(canvas, -left, -top);
    ctx.restore();
  }
}
