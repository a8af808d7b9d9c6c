/** A row for each file that is worth looking at; thousands more are only counted, so that the page stays quick. */

import { ACTIVE, SETTLED } from "./upload-queue.js";

const WAITING_SHOWN = 50;
const FINISHED_SHOWN = 50;
const FAILED_SHOWN = 200;
const CANCELLABLE = new Set(["waiting", ...ACTIVE]);

export class Rows {
  #list;
  #template;
  #rows = new Map();
  #items = new WeakMap();

  constructor(list, template, { onRetry, onCancel }) {
    this.#list = list;
    this.#template = template;
    list.addEventListener("click", (event) => {
      const item = this.#items.get(event.target.closest("li"));
      if (event.target.closest("[data-retry]")) onRetry(item);
      if (event.target.closest("[data-cancel]")) onCancel(item);
    });
  }

  /** Show `items`; returns how many finished and how many waiting ones are not shown. */
  show(items) {
    const { shown, folded, more } = worthShowing(items);
    const keep = new Set(shown);
    for (const [item, row] of this.#rows) {
      if (keep.has(item)) continue;
      row.remove();
      this.#rows.delete(item);
    }
    let before = null;
    for (const item of shown.toReversed()) {
      const row = this.#row(item);
      if (row.nextSibling !== before || !row.parentNode) this.#list.insertBefore(row, before);
      before = row;
    }
    return { folded, more };
  }

  #row(item) {
    let row = this.#rows.get(item);
    if (!row) {
      row = this.#template.content.firstElementChild.cloneNode(true);
      this.#rows.set(item, row);
      this.#items.set(row, item);
    }
    fill(row, item);
    return row;
  }
}

function worthShowing(items) {
  const finished = items.filter((item) => SETTLED.has(item.state) && item.state !== "failed");
  const left = { failed: FAILED_SHOWN, waiting: WAITING_SHOWN };
  const folded = new Set(finished.slice(0, -FINISHED_SHOWN));
  const shown = items.filter((item) => !folded.has(item) && (!(item.state in left) || left[item.state]-- > 0));
  return { shown, folded: folded.size, more: items.length - shown.length - folded.size };
}

function fill(row, item) {
  row.className = `upload upload--${item.state}`;
  const name = row.querySelector(".upload__name");
  if (!name.firstChild || Boolean(name.querySelector("a")) !== Boolean(item.page)) fillName(name, item);
  setText(row.querySelector(".upload__words"), item.words);
  const progress = row.querySelector("progress");
  progress.setAttribute("aria-label", `Upload of ${item.file.name}`);
  progress.value = item.progress;
  progress.hidden = item.state !== "uploading";
  row.querySelector("[data-retry]").hidden = !(item.state === "failed" && item.canRetry);
  row.querySelector("[data-cancel]").hidden = !CANCELLABLE.has(item.state);
  if (item.thumbnail && !row.querySelector("img")) showThumbnail(row.querySelector(".upload__picture"), item.thumbnail);
}

function fillName(place, item) {
  const name = item.file.webkitRelativePath || item.file.name;
  place.title = name;
  if (!item.page) {
    place.textContent = name;
    return;
  }
  const link = document.createElement("a");
  link.href = item.page;
  link.textContent = name;
  place.replaceChildren(link);
}

function showThumbnail(place, url) {
  const image = document.createElement("img");
  Object.assign(image, { src: url, alt: "", width: 56, height: 56, decoding: "async" });
  place.replaceChildren(image);
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
