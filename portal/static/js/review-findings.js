/** The list of findings at the side: one button each, patched in place so that the focus stays where it was. */

import { undecided } from "./review-desk.js";

const STATES = {
  predicted: "Open",
  approved: "Approved",
  rejected: "Rejected",
  corrected: "Corrected",
  added: "Added",
};

export class Findings {
  #rows = new Map();

  constructor(root, desk) {
    this.desk = desk;
    this.list = root.querySelector("[data-findings]");
    this.count = root.querySelector("[data-count]");
    this.more = root.querySelector("[data-command=unsure]");
    this.none = root.querySelector("[data-none]");
    this.list.addEventListener("focusin", (event) => this.#choose(event));
    this.list.addEventListener("click", (event) => this.#choose(event));
    desk.addEventListener("open", () => this.#rows.clear());
    desk.addEventListener("change", () => this.show());
  }

  #choose(event) {
    const slot = event.target.closest("[data-slot]")?.dataset.slot;
    if (slot && !this.desk.draft) this.desk.select(Number(slot));
  }

  show() {
    const { findings, unsure, undecided: open } = this.desk;
    const rows = findings.map((finding) => this.#row(finding));
    const shown = [...this.list.children];
    if (rows.length !== shown.length || rows.some((row, at) => row !== shown[at])) this.list.replaceChildren(...rows);
    this.count.textContent = this.desk.item ? `${findings.length - open.length} of ${findings.length} decided` : "";
    this.none.hidden = findings.length > 0 || !this.desk.item;
    this.#offerUnsure(unsure.length);
  }

  #offerUnsure(count) {
    this.more.hidden = count === 0;
    this.more.setAttribute("aria-pressed", String(this.desk.showsUnsure));
    const words = this.desk.showsUnsure ? "Hide what is less sure" : `Show ${count} less sure`;
    this.more.querySelector("[data-unsure-words]").textContent = words;
  }

  /** Move the focus to the selected one, so that it is read out. */
  focus() {
    const button = this.#rows.get(this.desk.slot)?.firstChild;
    button?.focus({ preventScroll: true });
    if (button) this.#bringIntoSight(button);
    return Boolean(button);
  }

  /** Scroll the panel, and never the page: on a narrow screen the photo stays where it is. */
  #bringIntoSight(button) {
    const panel = button.closest("[data-side]");
    const { top, bottom } = button.getBoundingClientRect();
    const room = panel.getBoundingClientRect();
    if (top < room.top) panel.scrollTop += top - room.top;
    else if (bottom > room.bottom) panel.scrollTop += bottom - room.bottom;
  }

  #row(finding) {
    if (!this.#rows.has(finding.slot)) this.#rows.set(finding.slot, emptyRow(finding.slot));
    const row = this.#rows.get(finding.slot);
    const chosen = finding.slot === this.desk.slot;
    row.className = "finding";
    row.dataset.state = finding.state;
    row.classList.toggle("finding--chosen", chosen);
    row.classList.toggle("finding--waits", Boolean(finding.waits));
    const button = row.firstChild;
    button.setAttribute("aria-current", String(chosen));
    const [name, state, about] = button.children;
    setText(name, finding.label);
    setText(state, undecided(finding) ? percent(finding.confidence) : STATES[finding.state]);
    setText(about, describe(finding, this.desk.findings));
    return row;
  }
}

function emptyRow(slot) {
  const row = document.createElement("li");
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.slot = slot;
  for (const part of ["name", "state", "about"]) {
    const place = document.createElement("span");
    place.className = `finding__${part}`;
    button.append(place, " ");
  }
  row.append(button);
  return row;
}

function setText(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

export const percent = (confidence) => `${Math.round(confidence)} %`;

/** What else is to be known: which of several boxes, who found it, and what the detector had said instead. */
function describe(finding, all) {
  const parts = [finding.box ? whichBox(finding, all) : "whole image"];
  const { predicted } = finding;
  if (predicted && predicted.label !== finding.label) parts.push(`was ${predicted.label}, ${percent(predicted.confidence)}`);
  if (finding.detector_title) parts.push(finding.detector_title);
  return parts.join(" · ");
}

function whichBox(finding, all) {
  const alike = all.filter(({ label, box }) => box && label === finding.label);
  return alike.length === 1 ? "box" : `box ${alike.findIndex(({ slot }) => slot === finding.slot) + 1} of ${alike.length}`;
}
