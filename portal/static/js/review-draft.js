/** The box that is being drawn or moved, until it is kept or dropped. */

import { centred, grown, moved } from "./review-boxes.js";

const STEP = 0.02;
const FINE_STEP = 0.002;
/** What is smaller, in fractions of the photo, was a slip of the hand. */
const SLIP = 0.004;

export class Draft {
  /** `added(box)` gets a new box; `redrawn(slot, box)` a changed one. */
  constructor(desk, lines, { added, redrawn }) {
    Object.assign(this, { desk, lines, added, redrawn });
  }

  /** Begin a new box: with the keyboard in the middle of the photo, else where the pointer draws it. */
  begin(byKeyboard) {
    this.desk.draw({ slot: null, box: byKeyboard ? centred() : null });
    this.lines.say("Drawing a box: arrows move it, Shift and arrows resize it, Enter keeps it, Escape drops it.");
  }

  /** Take hold of the selected finding's box. */
  move() {
    const { selected } = this.desk;
    if (!selected?.box) {
      this.lines.say(selected ? `${selected.label} has no box to move.` : "Nothing is selected.");
      return;
    }
    this.desk.draw({ slot: selected.slot, box: selected.box });
    this.lines.say(`Moving the box of ${selected.label}: arrows move it, Shift and arrows resize it, Enter keeps it.`);
  }

  shift([dx, dy], { resize, fine }) {
    const { draft } = this.desk;
    const step = fine ? FINE_STEP : STEP;
    const change = resize ? grown : moved;
    this.desk.draw({ ...draft, box: draft.box ? change(draft.box, dx * step, dy * step) : centred() });
  }

  keep() {
    const { draft } = this.desk;
    if (!draft?.box) return;
    if (draft.box.width < SLIP || draft.box.height < SLIP) {
      this.desk.draw(draft.slot === null ? { slot: null, box: null } : null);
    } else if (draft.slot === null) {
      this.added(draft.box);
    } else {
      this.desk.draw(null);
      this.redrawn(draft.slot, draft.box);
    }
  }

  drop() {
    this.desk.draw(null);
    this.lines.say("Dropped the box.");
  }
}
