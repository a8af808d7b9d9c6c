/** Selecting crops: by click, with Shift from the last one on, by dragging over them, or with arrows and the space bar. */

import { select } from "./grid-crops.js";

const isSelected = (item) => item.ariaSelected === "true";

export class Selection {
  #anchor = null;
  /** While the mouse is dragged: what it makes of the crops it goes over. */
  #painting = null;

  /** `changed()` hears of every change. */
  constructor(list, changed) {
    this.list = list;
    this.changed = changed;
    list.addEventListener("pointerdown", (event) => this.#press(event));
    list.addEventListener("pointerover", (event) => this.#paint(event));
    addEventListener("pointerup", () => { this.#painting = null; });
    list.addEventListener("click", (event) => this.#click(event));
    list.addEventListener("keydown", (event) => this.#key(event));
  }

  get items() {
    return [...this.list.children];
  }

  get selected() {
    return this.items.filter(isSelected);
  }

  all() {
    for (const item of this.items) select(item, true);
    this.changed();
  }

  clear() {
    for (const item of this.selected) select(item, false);
    this.changed();
  }

  /** The list is one stop of the Tab key: where the focus was last, or its first crop. */
  offerStop() {
    const { items } = this;
    if (items.length && !items.some(({ tabIndex }) => tabIndex === 0)) items[0].tabIndex = 0;
  }

  #crop(event) {
    return event.target.closest?.(".crop");
  }

  #press(event) {
    const item = this.#crop(event);
    // A finger that moves scrolls; it selects by touching.
    if (!item || event.pointerType === "touch" || event.button !== 0) return;
    event.preventDefault();
    this.#move(item);
    if (event.shiftKey) this.#range(item);
    else this.#toggle(item);
    this.#painting = isSelected(item);
  }

  #paint(event) {
    const item = this.#crop(event);
    if (this.#painting === null || !item || !event.buttons) return;
    select(item, this.#painting);
    this.#anchor = item;
    this.changed();
  }

  /** What a finger or a screen reader presses; a mouse has had its say when it went down. */
  #click(event) {
    const item = this.#crop(event);
    if (!item || !["touch", ""].includes(event.pointerType ?? "")) return;
    this.#move(item);
    this.#toggle(item);
  }

  #toggle(item) {
    select(item, !isSelected(item));
    this.#anchor = item;
    this.changed();
  }

  /** From where the last one was selected to here. */
  #range(item) {
    const { items } = this;
    const from = items.includes(this.#anchor) ? items.indexOf(this.#anchor) : 0;
    const [first, last] = [from, items.indexOf(item)].sort((a, b) => a - b);
    for (const each of items.slice(first, last + 1)) select(each, true);
    this.changed();
  }

  #move(item) {
    for (const each of this.list.querySelectorAll('[tabindex="0"]')) each.tabIndex = -1;
    item.tabIndex = 0;
    item.focus({ preventScroll: true });
    item.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const item = this.#crop(event);
    const target = item && this.#reached(item, event.key);
    if (target) {
      this.#move(target);
      if (event.shiftKey) this.#range(target);
    } else if (item && event.key === " ") {
      if (event.shiftKey) this.#range(item);
      else this.#toggle(item);
    } else {
      return;
    }
    event.preventDefault();
  }

  #reached(item, key) {
    const { items } = this;
    const columns = items.filter(({ offsetTop }) => offsetTop === items[0].offsetTop).length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    if (key === "Home") return items[0];
    if (key === "End") return items.at(-1);
    return items[items.indexOf(item) + steps[key]];
  }
}
