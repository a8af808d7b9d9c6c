/** Asking for a label: type-ahead over the vocabulary in a dialog, by the combobox pattern of the ARIA practices. */

import { get } from "./review-requests.js";

const WAIT_MS = 80;
const RECENT = 8;

export class Words {
  #options = [];
  #active = -1;
  /** What was typed when the options were made. */
  #shown = "";
  #timer = 0;
  #asked = null;
  #known = new Map();
  #recent = [];
  #answer = null;

  constructor(dialog, address) {
    this.dialog = dialog;
    this.address = address;
    this.input = dialog.querySelector("input");
    this.list = dialog.querySelector("[role=listbox]");
    this.note = dialog.querySelector("[data-note]");
    this.input.addEventListener("input", () => this.#soon());
    this.input.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
    this.list.addEventListener("click", (event) => this.#take(event.target.closest("[role=option]")?.dataset.title));
    dialog.addEventListener("close", () => this.#answer?.(dialog.returnValue || null));
    dialog.querySelector("[data-cancel]").addEventListener("click", () => dialog.close(""));
  }

  /** Ask with this heading. Resolves to the label's title, or null when nothing was chosen. */
  ask(heading) {
    this.dialog.querySelector("h2").textContent = heading;
    this.dialog.returnValue = "";
    this.input.value = "";
    this.#show([]);
    this.dialog.showModal();
    this.#look();
    return new Promise((resolve) => { this.#answer = resolve; });
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#look(), WAIT_MS);
  }

  get #typed() {
    return this.input.value.trim();
  }

  /** Show what fits what is typed now. */
  async #look() {
    clearTimeout(this.#timer);
    const typed = this.#typed;
    this.note.textContent = "";
    try {
      const words = await this.#fetch(typed);
      if (typed === this.#typed) this.#show(words);
    } catch (trouble) {
      if (trouble.name === "AbortError") return;
      this.note.textContent = "The vocabulary cannot be asked just now. What you type is used as it is.";
      this.#show([]);
    }
  }

  async #fetch(typed) {
    const key = typed.toLowerCase();
    if (!this.#known.has(key)) {
      this.#asked?.abort();
      this.#asked = new AbortController();
      const { words } = await get(`${this.address}?q=${encodeURIComponent(typed)}`, { signal: this.#asked.signal });
      this.#known.set(key, words);
    }
    return this.#known.get(key);
  }

  #show(words) {
    const typed = this.#typed;
    this.#shown = typed;
    const rest = typed ? words : words.filter(({ title }) => !this.#recent.includes(title));
    const recent = typed ? [] : this.#recent.map((title) => ({ title, category: "Used just now", aliases: [] }));
    this.#options = [...recent, ...rest];
    const fits = ({ title, aliases }) => [title, ...aliases].some((word) => word.toLowerCase() === typed.toLowerCase());
    if (typed && !this.#options.some(fits)) this.#options.push({ title: typed, category: "A new label", aliases: [] });
    this.list.replaceChildren(...this.#options.map((word, index) => option(word, index)));
    this.#activate(typed ? 0 : -1);
  }

  #activate(index) {
    const items = [...this.list.children];
    // -1 is none; what is below wraps to the last, what is above to the first.
    if (index < 0) this.#active = index === -1 ? -1 : items.length - 1;
    else this.#active = items.length ? index % items.length : -1;
    items.forEach((item, at) => { item.ariaSelected = String(at === this.#active); });
    this.input.ariaExpanded = String(items.length > 0);
    if (this.#active < 0) this.input.removeAttribute("aria-activedescendant");
    else this.input.setAttribute("aria-activedescendant", items[this.#active].id);
    items[this.#active]?.scrollIntoView({ block: "nearest" });
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      this.#activate(this.#active + step < 0 ? -2 : this.#active + step);
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      this.#enter();
    }
  }

  /** Who types faster than the vocabulary answers gets what fits the whole word. */
  async #enter() {
    const typed = this.#typed;
    if (typed !== this.#shown) await this.#look();
    if (typed === this.#typed) this.#take(this.#options[this.#active]?.title);
  }

  #take(title) {
    if (!title) return;
    this.#recent = [title, ...this.#recent.filter((other) => other !== title)].slice(0, RECENT);
    // A label that is new now is not new the next time.
    this.#known.clear();
    this.dialog.close(title);
  }
}

function option({ title, category, aliases }, index) {
  const item = document.createElement("li");
  item.id = `word-${index}`;
  item.role = "option";
  item.dataset.title = title;
  const about = document.createElement("small");
  about.textContent = [category, aliases.join(", ")].filter(Boolean).join(" · ");
  item.append(title, " ", about);
  return item;
}
