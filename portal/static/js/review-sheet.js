/** One image under review: its findings in an order that stays, whatever is decided, each known by its `slot`. */

import { same } from "./review-boxes.js";

const OUTCOME = { approve: "approved", reject: "rejected", relabel: "corrected", redraw: "corrected" };

const targetKey = ({ target }) => target && `${target.kind}:${target.id}`;

/** By what a finding is known again after it was decided on, the surest first. */
const LIKENESSES = [
  (one, other) => Boolean(one.target) && targetKey(one) === targetKey(other),
  (one, other) => Boolean(one.box) && same(one.box, other.box) && one.label === other.label,
  (one, other) => Boolean(one.box) && (same(one.box, other.predicted?.box) || same(one.predicted?.box, other.box)),
  (one, other) => Boolean(one.predicted?.box) && same(one.predicted.box, other.predicted?.box),
  (one, other) => !one.box && !other.box && (one.predicted ?? one).label === (other.predicted ?? other).label,
];

export class Sheet {
  /** Decisions that were made and not answered yet: {slot, verb, label, box}. */
  pending = [];
  #slots = 0;

  constructor(item) {
    this.item = item;
    this.findings = item.findings.map((finding) => this.#slotted(finding));
  }

  #slotted(finding) {
    this.#slots += 1;
    return { ...finding, slot: this.#slots };
  }

  find(slot) {
    return this.findings.find((finding) => finding.slot === slot);
  }

  /** The image as the server has it now, and on it what is still on its way there. */
  absorb(item) {
    this.item = item;
    const left = [...item.findings];
    const known = new Map();
    for (const alike of LIKENESSES) {
      for (const before of this.findings) {
        if (known.has(before.slot)) continue;
        const at = left.findIndex((after) => alike(before, after));
        if (at >= 0) known.set(before.slot, { ...left.splice(at, 1)[0], slot: before.slot });
      }
    }
    const kept = this.findings.filter(({ slot }) => known.has(slot)).map(({ slot }) => known.get(slot));
    this.findings = [...kept, ...left.map((finding) => this.#slotted(finding))];
    for (const deed of this.pending) this.#show(deed);
  }

  /** Show a decision before the server has answered. Returns it, with the slot that an added finding got. */
  foresee(deed) {
    const added = deed.verb === "add";
    if (added) this.#slots += 1;
    const seen = added ? { ...deed, slot: this.#slots } : deed;
    this.pending.push(seen);
    this.#show(seen);
    return seen;
  }

  #show({ slot, verb, label, box }) {
    const place = this.findings.findIndex((finding) => finding.slot === slot);
    if (verb === "add" && place < 0) {
      this.findings.push({ slot, label, box, state: "added", confidence: 100, shown: true, target: null, waits: true });
    } else if (OUTCOME[verb] && place >= 0) {
      const before = this.findings[place];
      const after = { state: OUTCOME[verb], label: label ?? before.label, box: box ?? before.box, waits: true };
      this.findings[place] = { ...before, ...after };
    }
  }

  /** The server has answered, one way or the other. */
  settle(deed) {
    this.pending = this.pending.filter((other) => other !== deed);
  }
}
