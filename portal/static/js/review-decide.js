/** Decisions: shown at once, sent in their order, and taken back. */

const DONE = {
  approve: ({ subject }) => `Approved ${subject}.`,
  reject: ({ subject }) => `Rejected ${subject}.`,
  relabel: ({ subject, label }) => `${subject} is now ${label}.`,
  redraw: ({ subject }) => `Moved the box of ${subject}.`,
  add: ({ label, box }) => `Added ${label}${box ? ", with a box" : " to the whole image"}.`,
  complete: ({ sheet }) => `Completed ${sheet.item.filename}.`,
  reopen: ({ sheet }) => `Opened ${sheet.item.filename} again.`,
  flag: ({ verdict }) => `The photo is ${verdict}.`,
};

export class Decisions {
  /** What was done in this sitting: {verb, sheet, entry, undone}; the entry's id comes with the server's answer. */
  #deeds = [];

  /** `went(deed)` hears of what arrived; `failed(deed, trouble)` of what was refused; `returned(item, deed)` of an undone deed. */
  constructor({ desk, queue, outbox, lines, went, failed, returned }) {
    Object.assign(this, { desk, queue, outbox, lines, went, failed, returned });
  }

  /** Returns the deed, whose `slot` is that of the finding, also of an added one. */
  decide(verb, { slot = null, label = null, box = null, verdict = null } = {}) {
    const { sheet } = this.desk;
    const subject = sheet.find(slot)?.label ?? "";
    const shown = sheet.foresee({ slot, verb, label, box });
    const deed = { verb, slot: shown.slot, label, box, verdict, subject, sheet, shown, id: crypto.randomUUID() };
    this.lines.say(DONE[verb](deed));
    this.desk.changed();
    this.outbox.put({
      make: () => this.#letter(deed),
      done: (answer) => this.#arrived(deed, answer),
      failed: (trouble) => this.#refused(deed, trouble),
    });
    return deed;
  }

  /** What it is about is looked up when its turn comes: an earlier decision may have given it another name. */
  #letter(deed) {
    const { verb, slot, label, box, verdict, sheet } = deed;
    const target = verb === "add" ? null : sheet.find(slot)?.target ?? null;
    const about = { id: deed.id, verb, target, label, box, verdict, recognition: sheet.item.recognition };
    return { address: this.queue.at(sheet.item.id, "decide/"), body: about };
  }

  #arrived(deed, { entry, item }) {
    this.#deeds.push({ ...deed, entry, undone: false });
    this.#settle(deed, item);
    this.went(deed);
  }

  #refused(deed, trouble) {
    this.#settle(deed, null);
    this.failed(deed, trouble);
  }

  #settle(deed, item) {
    const { sheet } = deed;
    sheet.settle(deed.shown);
    if (item) sheet.absorb(item);
    if (sheet === this.desk.sheet) this.desk.changed();
  }

  /** Take back the last thing done in this sitting, or the one with this entry's id. */
  undo(entry = null) {
    const id = crypto.randomUUID();
    let deed = null;
    this.outbox.put({
      make: () => {
        deed = entry ? this.#known(entry) : this.#deeds.findLast(({ undone }) => !undone);
        if (!deed) this.lines.say("There is nothing to undo in this sitting.");
        return deed && { address: `${this.queue.address}undo/`, body: { id, entry: deed.entry } };
      },
      done: ({ item }) => this.#undone(deed, item),
      failed: (trouble) => this.failed({ verb: "undo", sheet: deed.sheet ?? this.desk.sheet }, trouble),
    });
  }

  #known(entry) {
    return this.#deeds.find((deed) => deed.entry === entry) ?? { entry, verb: "", sheet: this.desk.sheet };
  }

  #undone(deed, item) {
    deed.undone = true;
    deed.sheet?.absorb(item);
    const said = DONE[deed.verb]?.(deed);
    this.lines.say(said ? `Taken back: ${said[0].toLowerCase()}${said.slice(1)}` : "Taken back.");
    this.desk.changed();
    this.returned(item, deed);
  }
}
