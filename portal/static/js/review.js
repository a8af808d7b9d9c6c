/** The review page: one image after the other, with the keyboard, a mouse or a finger. */

import { Canvas } from "./review-canvas.js";
import { commandsOf } from "./review-commands.js";
import { Decisions } from "./review-decide.js";
import { Desk } from "./review-desk.js";
import { Draft } from "./review-draft.js";
import { Findings } from "./review-findings.js";
import { Keys, explain } from "./review-keys.js";
import { Lines, reporter } from "./review-lines.js";
import { ModeAndFilters } from "./review-filters.js";
import { Outbox } from "./review-outbox.js";
import { Panel } from "./review-panel.js";
import { Pointer } from "./review-pointer.js";
import { ReviewQueue } from "./review-queue.js";
import { Sitting } from "./review-sitting.js";
import { Stage } from "./review-stage.js";
import { Words } from "./review-words.js";

const root = document.getElementById("review");
const part = (name) => root.querySelector(`[data-${name}]`);

class Page {
  /** Whether another image is on its way to the desk. */
  busy = false;
  #showing = Promise.resolve();

  constructor() {
    this.desk = new Desk();
    this.lines = new Lines(part("trouble"), part("said"));
    this.stage = new Stage(root, this.desk);
    this.sitting = new Sitting(part("sitting"));
    this.filters = new ModeAndFilters(part("filters"), (filters) => this.#refilter(filters));
    const lost = (held, trouble) => this.#lost(held, trouble);
    this.queue = new ReviewQueue(root.dataset.address, this.filters.chosen, lost);
    const again = () => this.outbox.again();
    this.outbox = new Outbox(reporter(this.lines, root.dataset.login, again, () => this.outbox.unsent));
    const { desk, queue, outbox, lines } = this;
    this.decisions = new Decisions({
      desk,
      queue,
      outbox,
      lines,
      went: (deed) => this.#went(deed),
      failed: (deed, trouble) => this.#failed(deed, trouble),
      returned: (item, deed) => this.#returned(item, deed),
    });
    this.#look();
  }

  /** What shows the desk and what acts on it. */
  #look() {
    const { desk } = this;
    this.words = new Words(part("words"), root.dataset.vocabulary);
    this.draft = new Draft(desk, this.lines, {
      added: (box) => this.addLabel(box),
      redrawn: (slot, box) => this.decisions.decide("redraw", { slot, box }),
    });
    part("keep").addEventListener("click", () => this.draft.keep());
    part("drop").addEventListener("click", () => this.draft.drop());
    this.findings = new Findings(root, desk);
    this.panel = new Panel(root, desk, (entry) => this.decisions.undo(entry));
    new Pointer(new Canvas(part("stage"), desk), desk, () => this.draft.keep());
    const commands = commandsOf(this);
    new Keys(commands, () => (desk.draft ? this.draft : null));
    explain(commands, part("help"), root);
  }

  // From image to image

  /** Show what `fetch` brings, one after the other: an image, or null where nothing waits. Trouble is told in a line. */
  show(fetch) {
    this.busy = true;
    this.#showing = this.#showing.then(() => this.#show(fetch));
    return this.#showing;
  }

  async #show(fetch) {
    this.busy = true;
    this.stage.waits(true);
    try {
      const held = await fetch();
      this.desk.open(held);
      this.stage.empty(held ? null : this.queue.waiting ?? {}, this.queue.filters);
      if (held) this.#announce();
      else this.lines.say("Nothing waits here.");
    } catch (trouble) {
      if (!trouble.kind) throw trouble;
      this.#cannotFetch(trouble, fetch);
    } finally {
      this.busy = false;
      this.stage.waits(false);
    }
  }

  goOn() {
    return this.show(() => this.queue.next());
  }

  /** Begin with the image that the address names, if it does. */
  begin() {
    const { image } = root.dataset;
    return image ? this.show(() => this.queue.open(image)) : this.goOn();
  }

  #announce() {
    const { item, findings, undecided } = this.desk;
    this.lines.say(`${item.filename}: ${findings.length} findings, ${undecided.length} to decide. ${item.why}`);
    if (!this.findings.focus()) this.stage.focus();
  }

  #cannotFetch(trouble, fetch) {
    const actions = [{ title: "Try again", run: () => this.show(fetch) }];
    if (trouble.kind === "signed-out") actions.unshift({ title: "Sign in", href: root.dataset.login });
    if (trouble.kind === "refused") actions.push({ title: "Go on to the next image", run: () => this.goOn() });
    this.lines.show("fetching", trouble.message, actions);
  }

  #lost(held, trouble) {
    const text = `${held.item.filename} is no longer yours to review: ${trouble.message}`;
    this.lines.show("lease", text, [{ title: "Go on to the next image", run: () => this.goOn() }]);
  }

  #refilter(filters) {
    this.queue.filter(filters);
    this.goOn();
  }

  modeAt(place) {
    this.filters.choose(place);
  }

  // What is decided

  step(by) {
    this.desk.step(by);
    this.findings.focus();
  }

  judgeFinding(verb) {
    const { selected } = this.desk;
    if (!selected) {
      this.lines.say("Nothing is selected.");
      return;
    }
    this.decisions.decide(verb, { slot: selected.slot });
    this.#advance();
  }

  #advance() {
    const before = this.desk.slot;
    this.desk.advance();
    if (this.desk.slot !== before) this.findings.focus();
  }

  async relabel() {
    const { selected, sheet } = this.desk;
    if (!selected) return;
    const label = await this.words.ask(`What is it instead of ${selected.label}?`);
    if (!label || sheet !== this.desk.sheet) return;
    this.decisions.decide("relabel", { slot: selected.slot, label });
    this.#advance();
  }

  /** Ask what is in the box, or with null in the image. Whoever does not say has the box still. */
  async addLabel(box) {
    const { sheet } = this.desk;
    const label = await this.words.ask(box ? "What is in the box?" : "What is in the image?");
    if (!label || sheet !== this.desk.sheet) return;
    this.desk.draw(null);
    const { slot } = this.decisions.decide("add", { label, box });
    this.desk.select(slot);
    this.findings.focus();
  }

  complete() {
    this.queue.leave(this.desk.item.id);
    this.decisions.decide("complete");
    this.goOn();
  }

  reopen() {
    if (this.desk.item.completed) this.decisions.decide("reopen");
  }

  skip() {
    const { item, sheet } = this.desk;
    this.queue.leave(item.id);
    this.lines.say(`Skipped ${item.filename}.`);
    this.outbox.put({
      make: () => ({ address: this.queue.at(item.id, "skip/"), body: {} }),
      done: () => this.queue.left(item.id),
      failed: (trouble) => this.#failed({ verb: "skip", sheet }, trouble),
    });
    this.goOn();
  }

  pass() {
    this.queue.pass();
    this.goOn();
  }

  unveil() {
    this.desk.unveil();
  }

  async judge(verdict) {
    if (!this.desk.item.flags.length || this.desk.item.verdict === "removed") return;
    const { sheet } = this.desk;
    if (verdict === "removed" && !(await this.stage.confirmed(part("removing")))) return;
    if (sheet === this.desk.sheet) this.decisions.decide("flag", { verdict });
  }

  help() {
    part("help").showModal();
  }

  // What became of it

  #went({ verb, sheet }) {
    if (verb !== "complete") return;
    this.queue.left(sheet.item.id);
    this.sitting.completed(1);
  }

  #failed({ verb, sheet }, trouble) {
    const { item } = sheet;
    this.queue.left(item.id);
    const back = { title: `Look at ${item.filename} again`, run: () => this.#backTo(sheet) };
    this.lines.show(`failed-${item.id}`, `${item.filename}: ${trouble.message}`, [back, { title: "All right", run: () => {} }]);
    if (this.desk.sheet === sheet && verb !== "skip") this.#refresh(sheet);
  }

  /** What was shown in advance has not come true: show what the server has. */
  async #refresh(sheet) {
    const item = await this.queue.reload(sheet.item.id).catch(() => sheet.item);
    sheet.absorb(item);
    this.desk.changed();
  }

  #backTo(sheet) {
    if (sheet === this.desk.sheet) return this.#refresh(sheet);
    return this.show(async () => this.queue.back(await this.queue.reload(sheet.item.id), null));
  }

  #returned(item, { verb, sheet }) {
    if (verb === "complete") this.sitting.completed(-1);
    if (item.id !== this.desk.item?.id) this.show(() => this.queue.back(item, sheet));
    else this.findings.focus();
  }
}

// A page that comes back from the browser's memory has let its images go.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

new Page().begin();
