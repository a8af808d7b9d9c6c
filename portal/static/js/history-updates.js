/** Keeps the cards of unfinished images up to date: one request for all of them, more rarely the longer nothing happens. */

const FASTEST_MS = 1200;
const SLOWEST_MS = 10_000;
const SLOWING = 1.4;
const AT_ONCE = 100;

let pause = FASTEST_MS;
let timer = 0;
/** How long the portal would rather be left alone while all that is unfinished waits for money; 0 for no longer. */
let heldPause = 0;

const photos = () => document.getElementById("photos");
const cards = () => [...document.querySelectorAll(".photo")];
const isUnsettled = (card) => card.dataset.status === "queued" || card.dataset.status === "processing";
const isHeld = (card) => card.dataset.held === "true";

async function states(ids) {
  const response = await fetch(`${photos().dataset.updates}?format=json&ids=${ids.join(",")}`);
  // Signed out meanwhile: what this page shows is nobody's to see any more.
  if (response.redirected) location.reload();
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  const { images, worker_alive: workerAlive, held_again_seconds: heldAgain } = await response.json();
  heldPause = 1000 * (heldAgain ?? 0);
  for (const notice of document.querySelectorAll("[data-worker-away]")) notice.hidden = workerAlive;
  return new Map(images.map((image) => [image.id, image]));
}

const isChanged = (card, image) => image.status !== card.dataset.status || String(image.held) !== card.dataset.held;

function sayWhy(card, { waiting }) {
  const place = card.querySelector(".photo__waiting");
  if (place && place.textContent !== waiting) place.textContent = waiting;
}

/** Brings these cards up to date. Resolves to whether anything had changed. */
async function refresh(asked) {
  if (!asked.length) return false;
  const now = await states(asked.map((card) => card.dataset.id));
  const gone = asked.filter((card) => !now.has(card.dataset.id));
  const there = asked.filter((card) => now.has(card.dataset.id));
  const changed = there.filter((card) => isChanged(card, now.get(card.dataset.id)));
  gone.forEach((card) => card.remove());
  there.forEach((card) => sayWhy(card, now.get(card.dataset.id)));
  if (changed.length) {
    const { updates, confidence } = photos().dataset;
    const ids = changed.map((card) => card.dataset.id).join(",");
    await htmx.ajax("GET", `${updates}?ids=${ids}&confidence=${confidence}`, { swap: "none" });
  }
  return gone.length + changed.length > 0;
}

async function look() {
  // The queue is served in order, so the oldest images, which stand last, are the next to change.
  const asked = cards().filter(isUnsettled).slice(-AT_ONCE);
  try {
    pause = (await refresh(asked)) ? FASTEST_MS : Math.min(pause * SLOWING, SLOWEST_MS);
  } catch {
    pause = SLOWEST_MS;
  }
  timer = 0;
  plan();
}

function plan() {
  if (timer || document.hidden || !cards().some(isUnsettled)) return;
  const allHeld = cards().filter(isUnsettled).every(isHeld);
  timer = setTimeout(look, allHeld ? Math.max(heldPause, pause) : pause);
}

function planSoon() {
  clearTimeout(timer);
  timer = 0;
  pause = FASTEST_MS;
  plan();
}

/** Whoever comes back to the page may have raised the budget meanwhile. */
function lookAgain() {
  planSoon();
  if (!timer) return;
  clearTimeout(timer);
  timer = setTimeout(look, 0);
}

document.addEventListener("visibilitychange", lookAgain);
document.addEventListener("htmx:afterSettle", plan);
document.addEventListener("images-queued", planSoon);

// Coming back with the browser's button: the page is as it was left, its images may not be.
window.addEventListener("pageshow", async (event) => {
  if (!event.persisted) return;
  const all = cards();
  for (let start = 0; start < all.length; start += AT_ONCE) {
    await refresh(all.slice(start, start + AT_ONCE)).catch(() => {});
  }
  planSoon();
});

plan();
