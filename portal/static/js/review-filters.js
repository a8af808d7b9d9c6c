/** The form above the photo: which images come, and in what order. It changes the page in place. */

export class ModeAndFilters {
  /** `changed(filters)` hears of every choice. */
  constructor(form, changed) {
    this.form = form;
    this.changed = changed;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#apply();
    });
    form.addEventListener("change", (event) => {
      if (event.target.name === "mode") this.#apply();
    });
    document.addEventListener("click", (event) => {
      const { mode } = event.target.closest("button[data-mode]")?.dataset ?? {};
      // The numbers on these buttons are those of all images.
      if (mode) this.#clear(mode);
      if (event.target.closest("[data-clear-filters]")) this.#clear();
    });
    this.#closeByItself(form.querySelector("details"));
    this.#count();
  }

  #closeByItself(panel) {
    document.addEventListener("click", (event) => {
      if (!panel.contains(event.target)) panel.open = false;
    });
    panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      panel.open = false;
      panel.querySelector("summary").focus();
    });
  }

  get #fields() {
    return [...this.form.querySelectorAll("details :is(input, select)")];
  }

  /** The mode at a place of the list. */
  choose(place) {
    const option = this.form.elements.mode.options[place];
    if (option && !option.selected) this.#choose(option.value);
  }

  #choose(mode) {
    this.form.elements.mode.value = mode;
    this.#apply();
  }

  #clear(mode = this.form.elements.mode.value) {
    for (const field of this.#fields) field.value = "";
    this.#choose(mode);
  }

  get chosen() {
    return Object.fromEntries(new FormData(this.form));
  }

  #apply() {
    const filters = this.chosen;
    const given = Object.entries(filters).filter(([, value]) => value);
    history.replaceState(null, "", `?${new URLSearchParams(given)}`);
    this.form.querySelector("details").open = false;
    // The numbers were those of the filters the page came with.
    for (const option of this.form.elements.mode.options) option.textContent = option.dataset.title;
    this.#count();
    this.changed(filters);
  }

  /** How many filters are set, on what opens them. */
  #count() {
    const set = this.#fields.filter(({ value }) => value).length;
    this.form.querySelector("[data-set]").textContent = set ? ` (${set})` : "";
  }
}
