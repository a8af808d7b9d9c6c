/** The image page. While the image is being recognised its result is waited for, and then shown in place. */

import { watchImages } from "./image-updates.js";
import { setUpActions, setUpArrowKeys } from "./viewer-actions.js";
import { setUpBoxes } from "./viewer-boxes.js";
import { setUpFilter } from "./viewer-filter.js";
import { setUpWords } from "./viewer-words.js";

const WORDS = { queued: "Queued", processing: "Being recognised" };

const photo = () => document.getElementById("photo");

function setUp() {
  // Smaller parts of the page are swapped as well; it is set up once, until it is swapped as a whole.
  if ("ready" in photo().dataset) return;
  photo().dataset.ready = "";
  setUpBoxes(photo());
  setUpFilter(photo());
  setUpActions(photo());
  setUpWords(photo());
  if ("waiting" in photo().dataset) waitForResult(photo());
}

function waitForResult(root) {
  let settled = false;
  const waiting = () => (settled ? [] : [root.dataset.id]);
  watchImages(root.dataset.updatesUrl, waiting, ([image]) => {
    if (!image) {
      settled = true;
      say(root, "This image is no longer there");
      return true;
    }
    const changed = image.status !== root.dataset.status;
    root.dataset.status = image.status;
    const words = WORDS[image.status];
    say(root, words ?? "");
    if (words) sayWhy(root, image);
    settled = !words;
    if (settled) showResult(image);
    return changed;
  });
}

function say(root, words) {
  for (const element of root.querySelectorAll("[data-status-words]")) element.textContent = words;
}

/** The place in the queue, or what the image waits for; while it is none of both, what the page says of itself. */
function sayWhy(root, { waiting, held }) {
  for (const element of root.querySelectorAll("[data-waiting-words]")) {
    const why = waiting || element.dataset.waitingWords;
    if (element.textContent !== why) element.textContent = why;
  }
  for (const dots of root.querySelectorAll("[data-waiting-dots]")) dots.hidden = held;
}

function showResult(image) {
  const announcement = image.failure?.message ?? `Recognised: ${image.summary || "nothing"}`;
  document.getElementById("photo-status").textContent = announcement;
  // What was said when the recognition began is over now.
  document.getElementById("messages").replaceChildren();
  window.htmx.ajax("GET", location.pathname, { target: "#photo", select: "#photo", swap: "outerHTML" });
}

document.addEventListener("htmx:afterSettle", setUp);
setUpArrowKeys();
setUp();
