/** One decision on many boxes: sent in pieces, with its progress, and taken back in one go. */

/** The most that one request may hold. */
const PIECE = 500;
const SAID = { approve: "Approved", reject: "Rejected", relabel: "Relabelled" };

export class Batches {
  /** {verb, label, items: [{item, before}], ids, decided, leftAlone}: the last one can be undone. */
  #done = [];

  constructor({ root, outbox, lines, list, changed }) {
    Object.assign(this, { outbox, lines, list, changed });
    this.addresses = { decide: `${root.dataset.address}decide/`, undo: root.dataset.undo };
    this.progress = root.querySelector("progress");
    this.undoButton = root.querySelector("[data-command=undo]");
  }

  /** The crops leave the grid at once; undoing brings them back to their places. */
  decide(verb, items, label = null) {
    const places = items.map((item) => ({ item, before: item.nextElementSibling }));
    const batch = { verb, label, places, ids: [], decided: 0, leftAlone: 0, failed: 0 };
    for (const item of items) item.remove();
    this.changed();
    const pieces = [];
    for (let start = 0; start < items.length; start += PIECE) pieces.push(items.slice(start, start + PIECE));
    this.#begin(items.length);
    pieces.forEach((piece, at) => this.#send(batch, piece, at === pieces.length - 1));
  }

  #send(batch, piece, last) {
    const instances = piece.map((item) => Number(item.dataset.instance));
    const body = { id: crypto.randomUUID(), verb: batch.verb, instances, label: batch.label };
    const after = () => {
      this.#advance(piece.length);
      if (last) this.#finish(batch);
    };
    this.outbox.put({
      make: () => ({ address: this.addresses.decide, body }),
      done: (answer) => {
        batch.ids.push(answer.batch);
        batch.decided += answer.decided;
        batch.leftAlone += answer.left_alone;
        after();
      },
      failed: (trouble) => {
        this.lines.show("failed", trouble.message, [{ title: "All right", run: () => {} }]);
        this.#putBack(batch.places.filter(({ item }) => piece.includes(item)));
        batch.places = batch.places.filter(({ item }) => !piece.includes(item));
        after();
      },
    });
  }

  #finish(batch) {
    this.progress.hidden = true;
    if (!batch.ids.length) return;
    if (!batch.decided) {
      this.#putBack(batch.places);
      this.lines.say("Nothing was changed: somebody had decided on all of these. Open one to decide again.");
      return;
    }
    this.#done.push(batch);
    this.undoButton.disabled = false;
    const what = batch.verb === "relabel" ? `${SAID.relabel} to ${batch.label}:` : `${SAID[batch.verb]}:`;
    const left = batch.leftAlone ? ` Left alone, as somebody had decided: ${batch.leftAlone}.` : "";
    this.lines.say(`${what} ${batch.decided}.${left}`);
  }

  /** Take back all of the last decision. */
  undo() {
    const batch = this.#done.pop();
    if (!batch) {
      this.lines.say("There is nothing to undo.");
      return;
    }
    this.undoButton.disabled = !this.#done.length;
    this.#begin(batch.ids.length);
    let undone = 0;
    batch.ids.forEach((id, at) => this.outbox.put({
      make: () => ({ address: this.addresses.undo, body: { id: crypto.randomUUID(), batch: id } }),
      done: (answer) => {
        undone += answer.undone;
        this.#advance(1);
        if (at === batch.ids.length - 1) this.#undone(batch, undone);
      },
      failed: (trouble) => {
        this.progress.hidden = true;
        this.lines.show("failed", trouble.message, [{ title: "All right", run: () => {} }]);
      },
    }));
  }

  #undone(batch, count) {
    this.progress.hidden = true;
    this.#putBack(batch.places);
    this.lines.say(`Taken back: ${count}.`);
  }

  /** In reverse, so that each finds the neighbour it stood before. */
  #putBack(places) {
    for (const { item, before } of places.toReversed()) {
      this.list.insertBefore(item, before?.parentNode === this.list ? before : null);
    }
    this.changed();
  }

  #begin(max) {
    this.progress.max = max;
    this.progress.value = 0;
    this.progress.hidden = false;
  }

  #advance(by) {
    this.progress.value += by;
  }
}
