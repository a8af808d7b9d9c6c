/** What lies on the desk: one image, what is selected on it, and the box that is being drawn. */

import { Sheet } from "./review-sheet.js";

export const undecided = (finding) => finding.state === "predicted";

/** Tells of every change by a `change` event, and of another image by `open` before. */
export class Desk extends EventTarget {
  sheet = null;
  picture = null;
  slot = null;
  /** {box, slot}: slot is null for a new box; box is null until it is drawn. */
  draft = null;
  veiled = false;
  showsUnsure = false;

  get item() {
    return this.sheet?.item ?? null;
  }

  get selected() {
    return this.sheet?.find(this.slot) ?? null;
  }

  /** The findings in their order, as far as they are shown: the unsure ones are, if somebody asked for them. */
  get findings() {
    const all = this.sheet?.findings ?? [];
    return all.filter((finding) => finding.shown || this.showsUnsure || !undecided(finding));
  }

  get unsure() {
    return (this.sheet?.findings ?? []).filter((finding) => !finding.shown && undecided(finding));
  }

  get undecided() {
    return this.findings.filter(undecided);
  }

  /** Another image, or with null an empty desk. */
  open(held) {
    this.picture = held?.picture ?? null;
    this.sheet = held ? (held.sheet ??= new Sheet(held.item)) : null;
    this.draft = null;
    this.veiled = Boolean(this.item) && (this.item.flagged || ["hidden", "removed"].includes(this.item.verdict));
    this.slot = null;
    this.dispatchEvent(new Event("open"));
    this.changed();
  }

  changed() {
    if (!this.selected) this.slot = (this.undecided[0] ?? this.findings[0])?.slot ?? null;
    this.dispatchEvent(new Event("change"));
  }

  select(slot) {
    if (slot === this.slot) return;
    this.slot = slot;
    this.changed();
  }

  /** Select the one after (1) or before (-1), round and round. */
  step(by) {
    const { findings } = this;
    if (!findings.length) return;
    const at = findings.findIndex(({ slot }) => slot === this.slot);
    const next = at < 0 ? (by > 0 ? 0 : findings.length - 1) : (at + by + findings.length) % findings.length;
    this.select(findings[next].slot);
  }

  /** Go on to what is still undecided, if anything is: first what comes after the selected one. */
  advance() {
    const { findings } = this;
    const at = findings.findIndex(({ slot }) => slot === this.slot);
    const next = [...findings.slice(at + 1), ...findings.slice(0, at)].find(undecided);
    if (next) this.select(next.slot);
  }

  draw(draft) {
    this.draft = draft;
    this.changed();
  }

  unveil() {
    this.veiled = false;
    this.changed();
  }

  toggleUnsure() {
    this.showsUnsure = !this.showsUnsure;
    this.changed();
  }
}
