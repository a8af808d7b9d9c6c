/** The place of the photo: the veil over a flagged one, the wait for the next, and what is there when nothing waits. */

const SLOW_MS = 150;

export class Stage {
  #timer = 0;

  constructor(root, desk) {
    this.desk = desk;
    this.part = (name) => root.querySelector(`[data-${name}]`);
    this.element = this.part("stage");
    desk.addEventListener("change", () => this.show());
    for (const dialog of root.querySelectorAll("dialog")) {
      dialog.addEventListener("click", (event) => {
        const { answer } = event.target.closest("[data-answer]")?.dataset ?? {};
        if (answer !== undefined) dialog.close(answer);
      });
    }
  }

  show() {
    const { item, picture, veiled, draft } = this.desk;
    this.element.classList.toggle("stage--veiled", veiled);
    this.element.classList.toggle("stage--drawing", draft !== null);
    this.part("veil").hidden = !veiled;
    this.part("unreadable").hidden = !item || picture.naturalWidth > 0;
    this.part("drawing").hidden = draft === null;
    this.part("actions").hidden = draft !== null || !item;
    for (const each of this.part("actions").querySelectorAll("[data-needs]")) each.disabled = !this.#has(each.dataset.needs);
    this.part("reopen").hidden = !item?.completed;
    this.element.ariaLabel = item ? `The photo ${item.filename}` : "The photo";
  }

  #has(need) {
    const { selected } = this.desk;
    return need === "box" ? Boolean(selected?.box) : Boolean(selected);
  }

  focus() {
    this.element.focus({ preventScroll: true });
  }

  /** Whoever waits for long sees that something is on its way. */
  waits(waiting) {
    clearTimeout(this.#timer);
    this.part("loading").hidden = true;
    if (waiting) this.#timer = setTimeout(() => { this.part("loading").hidden = false; }, SLOW_MS);
  }

  /** What waits in other modes, as {mode: count}; null while there is an image. */
  empty(waiting, filters) {
    this.part("empty").hidden = waiting === null;
    this.part("desk").classList.toggle("desk--empty", waiting !== null);
    if (!waiting) return;
    const filtered = Object.entries(filters).some(([name, value]) => name !== "mode" && value);
    this.part("empty").querySelector("[data-clear-filters]").hidden = !filtered;
    let others = 0;
    for (const button of this.part("empty").querySelectorAll("[data-mode]")) {
      const count = button.dataset.mode === filters.mode ? 0 : waiting[button.dataset.mode] ?? 0;
      button.hidden = count === 0;
      button.querySelector("span").textContent = count >= 1000 ? "1,000 or more" : String(count);
      others += count;
    }
    this.part("others").hidden = others === 0;
  }

  /** Ask with a dialog whose consenting button answers "yes". */
  confirmed(dialog) {
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
    });
  }
}
