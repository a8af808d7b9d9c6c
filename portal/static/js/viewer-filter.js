/** The confidence slider: what is below it is hidden at once, without asking the server. */

import { offerOneTabStop } from "./viewer-boxes.js";

const REMEMBERED = "imagesift.shown-confidence";
const CROWD = 12;

export function setUpFilter(root) {
  const slider = root.querySelector("[data-threshold]");
  if (!slider) return;
  const remembered = recall();
  if (remembered !== null) slider.value = remembered;
  const apply = () => filter(root, slider);
  slider.addEventListener("input", apply);
  slider.addEventListener("change", () => remember(slider.value === slider.dataset.default ? null : slider.value));
  apply();
}

function filter(root, slider) {
  const threshold = Number(slider.value);
  for (const element of root.querySelectorAll("[data-confidence]")) {
    element.toggleAttribute("hidden", Number(element.dataset.confidence) < threshold);
  }
  const words = `${threshold} %`;
  slider.setAttribute("aria-valuetext", words);
  root.querySelector("[data-threshold-value]").textContent = words;
  for (const element of root.querySelectorAll("[data-threshold-words]")) element.textContent = words;
  for (const section of root.querySelectorAll("[data-findings]")) note(section, words);
  const overlay = root.querySelector("[data-overlay]");
  if (!overlay) return;
  const visible = overlay.querySelectorAll(".box--label:not([hidden])").length;
  overlay.classList.toggle("overlay--crowded", visible > CROWD);
  for (const count of root.querySelectorAll("[data-count]")) countBoxes(overlay, count);
  offerOneTabStop(overlay);
}

/** A label says how many of its boxes can be seen, as the slider stands. */
function countBoxes(overlay, element) {
  const { key } = element.closest("[data-key]").dataset;
  const shown = overlay.querySelectorAll(`.box[data-key="${key}"]:not([hidden])`).length;
  element.textContent = `×${shown}`;
  element.hidden = shown < 2;
}

function note(section, words) {
  const element = section.querySelector("[data-note]");
  const all = section.querySelectorAll("[data-finding]").length;
  const hidden = section.querySelectorAll("[data-finding][hidden]").length;
  if (!all) element.textContent = element.dataset.none;
  else if (hidden === all) element.textContent = `All ${all} are below ${words}.`;
  else element.textContent = hidden ? `${hidden} hidden below ${words}` : "";
}

// A browser may forbid storage altogether: the slider works all the same, it only forgets.
function recall() {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function remember(value) {
  try {
    if (value === null) localStorage.removeItem(REMEMBERED);
    else localStorage.setItem(REMEMBERED, value);
  } catch {
    return;
  }
}
