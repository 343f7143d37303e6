// Moving a rule in the list: by Alt and the arrow keys, by dragging its grip with a mouse, or with a finger.
"use strict";

(() => {
  const EDGE = 80; // So near to the edge of the window a finger scrolls it.

  GWAccess.moveRows = (rows) => {
    const { list, on } = rows;
    let dragged = "";
    let finger = null; // The pointer that drags, where it is no mouse: another one beside it is none of ours.
    const rowOf = (event) => rows.draft.row(event.target.closest?.("[data-key]")?.dataset.key);

    list.addEventListener("keydown", (event) => {
      const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
      if (!event.altKey || !step || event.ctrlKey || event.metaKey || event.target.closest(".gw-ruleform")) return;
      const row = rowOf(event);
      if (!row || row.removed) return;
      event.preventDefault();
      on.move(row, step);
    });

    function mark(found) {
      for (const item of list.children) item.classList.remove("gw-drop-before", "gw-drop-after");
      found?.node.classList.add(`gw-drop-${found.side}`);
    }

    // Before or after which rule a pointer is.
    function beside(node, y) {
      const box = node?.getBoundingClientRect();
      return node ? { node, side: y < box.top + box.height / 2 ? "before" : "after" } : null;
    }

    function drop(found) {
      const [row, other] = [rows.draft.row(dragged), rows.draft.row(found?.node.dataset.key)];
      if (!row || !other || row === other) return;
      const rest = rows.draft.rows.filter((item) => item !== row);
      on.drop(row, rest.indexOf(other) + (found.side === "after" ? 1 : 0));
    }

    function end() {
      dragged = "";
      finger = null;
      mark(null);
    }

    list.addEventListener("dragstart", (event) => {
      const row = rowOf(event);
      if (!row || !event.target.closest("[data-role=grip]")) return;
      if (finger !== null) return event.preventDefault(); // A long press would begin another drag.
      dragged = row.key;
      event.dataTransfer.effectAllowed = "move";
      event.dataTransfer.setData("text/plain", row.key);
      event.dataTransfer.setDragImage(event.target.closest("li"), 20, 20);
    });
    list.addEventListener("dragover", (event) => {
      if (!dragged) return;
      event.preventDefault();
      const found = beside(event.target.closest("[data-key]"), event.clientY);
      if (found) mark(found);
    });
    list.addEventListener("drop", (event) => {
      const found = beside(event.target.closest("[data-key]"), event.clientY);
      if (!dragged || !found) return;
      event.preventDefault();
      drop(found);
    });
    list.addEventListener("dragend", end);

    // A finger: the grip takes the gesture (touch-action), so it scrolls nothing else. The list is drawn anew meanwhile,
    // the grip with it: what the finger does is heard wherever it is.
    const under = (event) => beside(document.elementFromPoint(event.clientX, event.clientY)?.closest("#gw-rulelist > [data-key]"), event.clientY);
    list.addEventListener("pointerdown", (event) => {
      const grip = event.target.closest("[data-role=grip]");
      const row = rowOf(event);
      if (event.pointerType === "mouse" || !grip || grip.disabled || !row || finger !== null) return;
      event.preventDefault();
      finger = event.pointerId;
      dragged = row.key;
    });
    document.addEventListener("pointermove", (event) => {
      if (event.pointerId !== finger) return;
      if (!rows.draft.row(dragged)) return end(); // Somebody took the rule away.
      if (event.clientY < EDGE) scrollBy(0, -12);
      else if (event.clientY > innerHeight - EDGE) scrollBy(0, 12);
      mark(under(event));
    });
    document.addEventListener("pointerup", (event) => {
      if (event.pointerId !== finger) return;
      drop(under(event));
      end();
    });
    document.addEventListener("pointercancel", (event) => event.pointerId === finger && end());
  };
})();
