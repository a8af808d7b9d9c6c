/** What is told beside the photo: why it comes now, flags, what its owner and the detectors say, and what was done. */

import { percent } from "./review-findings.js";

const VERDICTS = { allowed: "Allowed.", hidden: "Hidden from everybody.", removed: "Removed." };
const DISAGREEMENTS = {
  rejected: "is found again, though it was rejected",
  gone: "is not found any more",
  new: "is found, though nothing else was to be in the image",
};
const SUGGESTIONS = { right: "is right", wrong: "is wrong" };
const DEEDS = {
  approve: "approved", reject: "rejected", relabel: "relabelled", redraw: "moved the box of", add: "added",
  complete: "completed the image", reopen: "opened the image again", flag: "decided on the flag", undo: "took something back",
  looked: "looked at the image",
};
const CANNOT_BE_UNDONE = ["looked", "undo"];

export class Panel {
  /** `undo(entry)` takes one back. */
  constructor(root, desk, undo) {
    this.part = (name) => root.querySelector(`[data-${name}]`);
    this.desk = desk;
    this.undo = undo;
    desk.addEventListener("change", () => this.show());
  }

  show() {
    const { item } = this.desk;
    this.part("side").hidden = !item;
    if (!item) return;
    this.part("filename").textContent = item.filename;
    this.part("owner").textContent = item.owner;
    this.part("why").textContent = item.why;
    this.part("completed").hidden = !item.completed;
    this.#flags(item);
    this.#list("suggestions", item.suggestions, suggestion);
    this.#list("disagreements", item.disagreements, disagreement);
    this.#list("entries", item.entries, (entry) => this.#entry(entry));
  }

  #flags({ flags, flagged, verdict }) {
    this.part("flag-panel").hidden = !flags.length && !verdict;
    this.part("flag-panel").classList.toggle("side__flags--open", flagged);
    this.part("verdict-words").textContent = VERDICTS[verdict] ?? (flagged ? "Nobody has decided yet." : "Too unsure to hide the photo.");
    this.part("flags").replaceChildren(...flags.map(({ name, confidence }) => line(name, percent(confidence))));
    for (const button of this.part("flag-panel").querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.verdict === verdict));
      button.disabled = verdict === "removed";
    }
  }

  #list(name, things, make) {
    const list = this.part(name);
    list.closest("section").hidden = !things.length;
    list.replaceChildren(...things.map(make));
  }

  #entry(entry) {
    const row = line(`${entry.actor} ${DEEDS[entry.verb] ?? entry.verb}`, entry.subject);
    const moment = document.createElement("time");
    moment.dateTime = entry.at;
    moment.textContent = new Date(entry.at).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
    row.append(" ", moment);
    row.classList.toggle("is-undone", entry.undone);
    if (!entry.undone && !CANNOT_BE_UNDONE.includes(entry.verb)) row.append(" ", this.#undoButton(entry));
    return row;
  }

  #undoButton(entry) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "link-button";
    button.textContent = "Undo";
    button.ariaLabel = `Undo: ${DEEDS[entry.verb] ?? entry.verb} ${entry.subject}`.trim();
    button.addEventListener("click", () => {
      button.disabled = true;
      this.undo(entry.id);
    });
    return button;
  }
}

/** A line of a list: some words, of which the last are the thing itself. */
function line(words, thing) {
  const row = document.createElement("li");
  const strong = document.createElement("strong");
  strong.textContent = thing;
  row.append(words, " ", strong);
  return row;
}

function suggestion({ label, kind, instead }) {
  const row = document.createElement("li");
  const strong = document.createElement("strong");
  strong.textContent = label;
  row.append(strong, " ", kind === "instead" ? `should be ${instead}` : SUGGESTIONS[kind]);
  return row;
}

function disagreement({ kind, label, detector, confidence }) {
  const row = document.createElement("li");
  const strong = document.createElement("strong");
  strong.textContent = label;
  const by = [detector, confidence ? percent(confidence) : ""].filter(Boolean).join(", ");
  row.append(strong, ` ${DISAGREEMENTS[kind] ?? kind}${by ? ` (${by})` : ""}`);
  return row;
}
