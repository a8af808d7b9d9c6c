/** Mouse, finger and pen on the photo: choosing a box, drawing one, dragging its corners, moving it. */

import { dragged, moved, spanned } from "./review-boxes.js";

const REACH = { mouse: 9, pen: 14, touch: 26 };
/** A press that moves less, in CSS pixels, is a click. */
const STILL = 4;

/**
 * `keep(draft)` is called with a box that was drawn or changed and let go.
 */
export class Pointer {
  #drag = null;

  constructor(canvas, desk, keep) {
    this.canvas = canvas;
    this.desk = desk;
    this.keep = keep;
    const { element } = canvas;
    element.addEventListener("pointerdown", (event) => this.#down(event));
    element.addEventListener("pointermove", (event) => this.#move(event));
    element.addEventListener("pointerup", (event) => this.#up(event));
    element.addEventListener("pointercancel", () => this.#cancel());
    element.addEventListener("pointerleave", () => canvas.hover(null));
    // A finger that draws must not scroll the page; any other may.
    element.addEventListener("touchstart", (event) => this.#keepStill(event), { passive: false });
  }

  #keepStill(event) {
    if (event.touches.length === 1 && this.#grip(event.touches[0], REACH.touch, "touch")) event.preventDefault();
  }

  /** What a press would take hold of: a function from a point to the box as it is then, or null. */
  #grip(event, reach, kind) {
    const { desk, canvas } = this;
    if (!desk.item || desk.veiled) return null;
    const point = canvas.point(event);
    const box = desk.draft ? desk.draft.box : desk.selected?.box;
    const handle = box && canvas.handleAt(box, point, reach);
    if (handle) return (to) => dragged(box, handle, to);
    if (desk.draft?.slot === null) return (to) => spanned(point, to);
    const inside = box && point.x > box.left && point.x < box.left + box.width
      && point.y > box.top && point.y < box.top + box.height;
    // A finger on a box may want to scroll; it moves the box only when that was asked for.
    if (inside && (desk.draft || kind !== "touch")) return (to) => moved(box, to.x - point.x, to.y - point.y);
    return null;
  }

  #down(event) {
    if (!event.isPrimary || event.button !== 0) return;
    const kind = event.pointerType;
    const change = this.#grip(event, REACH[kind] ?? REACH.mouse, kind);
    this.#drag = { x: event.clientX, y: event.clientY, change, started: false, before: this.desk.draft };
    if (change) this.canvas.element.setPointerCapture(event.pointerId);
  }

  #move(event) {
    const drag = this.#drag;
    if (!drag) {
      this.#point(event);
      return;
    }
    drag.started ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > STILL;
    if (!drag.started || !drag.change) return;
    const slot = drag.before ? drag.before.slot : this.desk.slot;
    this.desk.draw({ slot, box: drag.change(this.canvas.point(event)) });
  }

  #up(event) {
    const drag = this.#drag;
    this.#drag = null;
    if (!drag) return;
    if (!drag.started) this.#click(event);
    else if (drag.change) this.keep(this.desk.draft);
  }

  #cancel() {
    if (this.#drag?.started && this.#drag.change) this.desk.draw(this.#drag.before);
    this.#drag = null;
  }

  /** Choose the smallest box there; once more, the next larger one. */
  #click(event) {
    if (this.desk.draft) return;
    const found = this.canvas.findingsAt(this.canvas.point(event));
    if (!found.length) return;
    const at = found.findIndex(({ slot }) => slot === this.desk.slot);
    this.desk.select(found[(at + 1) % found.length].slot);
  }

  /** Show what a press would do here. */
  #point(event) {
    const { canvas, desk } = this;
    const point = canvas.point(event);
    const [under] = desk.draft ? [] : canvas.findingsAt(point);
    canvas.hover(under?.slot ?? null);
    const box = desk.draft ? desk.draft.box : desk.selected?.box;
    const handle = box && !desk.veiled && canvas.handleAt(box, point, REACH.mouse);
    canvas.element.dataset.cursor = handle ? cursorOf(handle) : desk.draft?.slot === null ? "draw" : under ? "choose" : "";
  }
}

function cursorOf([hx, hy]) {
  if (hx === 0.5) return "height";
  if (hy === 0.5) return "width";
  return hx === hy ? "falling" : "rising";
}
