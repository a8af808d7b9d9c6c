/** The crops of the grid: cut out of the photos by the browser, and more of them when the end comes into sight. */

import { get } from "./review-requests.js";

const SVG = "http://www.w3.org/2000/svg";
const STATES = { approved: "Approved", rejected: "Rejected", corrected: "Corrected" };
/** Pages asked for one after the other while they come back empty, before somebody has to ask for more. */
const PATIENCE = 5;

function svg(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

/** The piece of the photo around the box, with the box drawn in it. */
function cutOut({ picture, width, height, view_box: viewBox, box }) {
  const drawing = svg("svg", { viewBox, preserveAspectRatio: "xMidYMid meet", "aria-hidden": "true" });
  // The stored picture has other pixels than the photo; it is stretched to the photo's.
  drawing.append(svg("image", { href: picture, width, height, preserveAspectRatio: "none" }), svg("rect", box));
  return drawing;
}

function element(crop) {
  const item = document.createElement("li");
  item.className = "crop";
  item.role = "option";
  item.tabIndex = -1;
  item.dataset.instance = crop.id;
  item.dataset.image = crop.image;
  item.classList.toggle("crop--veiled", Boolean(crop.flagged));
  const about = document.createElement("p");
  const sure = document.createElement("span");
  sure.textContent = `${Math.round(crop.confidence)} %`;
  const more = document.createElement("span");
  more.textContent = STATES[crop.state] ?? crop.detector_title;
  about.append(sure, " ", more);
  item.ariaLabel = `${crop.label}, ${about.textContent}`;
  item.append(cutOut(crop), about);
  select(item, false);
  return item;
}

export function select(item, selected) {
  item.ariaSelected = String(selected);
}

export class Crops {
  #after = null;
  #loading = null;

  /** `grew()` hears of each change; `trouble(trouble, again)` of pages that did not come. */
  constructor(root, list, { grew, trouble }) {
    Object.assign(this, { root, list, grew, trouble });
    this.more = root.querySelector("[data-more]");
    this.more.addEventListener("click", () => this.load());
    new IntersectionObserver(([entry]) => {
      if (entry.isIntersecting) this.load();
    }, { rootMargin: "600px" }).observe(this.more);
  }

  show(page) {
    this.#after = page.after;
    const items = page.crops.map(element);
    this.list.append(...items);
    this.more.hidden = this.#after === null;
    this.grew();
    return items.length;
  }

  get atEnd() {
    return this.#after === null;
  }

  /** The next page, once, however often it is asked for meanwhile. */
  load() {
    if (this.atEnd) return Promise.resolve();
    this.#loading ??= this.#load().finally(() => { this.#loading = null; });
    return this.#loading;
  }

  async #load() {
    this.more.disabled = true;
    try {
      for (let pages = 0; pages < PATIENCE && !this.atEnd; pages += 1) {
        const query = new URLSearchParams(location.search);
        query.set("after", this.#after);
        query.set("format", "json");
        if (this.show(await get(`${this.root.dataset.address}?${query}`))) break;
      }
    } catch (trouble) {
      if (!trouble.kind) throw trouble;
      this.trouble(trouble, () => this.load());
    } finally {
      this.more.disabled = false;
    }
  }
}
