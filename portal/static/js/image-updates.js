/** Asking the portal how images are getting on, more calmly the longer nothing changes. */

const FIRST_MS = 1000;
const LONGEST_MS = 5000;
const SLOWING = 1.25;
/** Of many images, the oldest are asked for every time, and the rest in turn: one that is stuck holds up no other. */
const OLDEST = 40;
const IN_TURN = 40;

async function fetchUpdates(url, ids) {
  const query = new URLSearchParams({ ids: ids.join(","), format: "json" });
  const response = await fetch(`${url}?${query}`, { headers: { Accept: "application/json" } });
  if (!response.ok || response.redirected) throw new Error(`The portal answered ${response.status}`);
  const answer = await response.json();
  for (const notice of document.querySelectorAll("[data-worker-away]")) notice.hidden = answer.worker_alive;
  return answer;
}

/**
 * Watch images until none is left. `waiting()` returns the ids still of interest; `report(images, asked)` gets what the
 * portal says of them and returns whether anything changed. Call the returned function when there are new ids.
 */
export function watchImages(url, waiting, report) {
  let timer = null;
  let delay = FIRST_MS;
  let turn = 0;
  const held = new Set();
  /** How long the portal would rather be left alone while all of them wait for money; 0 for no longer. */
  let heldDelay = 0;
  let resting = false;

  function next() {
    const ids = waiting();
    const others = ids.slice(OLDEST);
    if (turn >= others.length) turn = 0;
    const these = others.slice(turn, turn + IN_TURN);
    turn += IN_TURN;
    return [...ids.slice(0, OLDEST), ...these];
  }

  async function look() {
    timer = null;
    const asked = next();
    if (!asked.length) return;
    if (!document.hidden) {
      const changed = await fetchUpdates(url, asked).then(
        ({ images, held_again_seconds: heldAgain }) => {
          heldDelay = 1000 * (heldAgain ?? 0);
          asked.forEach((id) => held.delete(id));
          images.filter((image) => image.held).forEach((image) => held.add(image.id));
          return report(images, asked);
        },
        () => false,
      );
      delay = changed ? FIRST_MS : Math.min(delay * SLOWING, LONGEST_MS);
    }
    wake();
  }

  function wake() {
    if (timer !== null) return;
    resting = waiting().every((id) => held.has(id));
    timer = setTimeout(look, resting ? Math.max(heldDelay, delay) : delay);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden || timer === null) return;
    clearTimeout(timer);
    timer = setTimeout(look, 0);
  });
  wake();
  return () => {
    delay = FIRST_MS;
    if (resting) {
      clearTimeout(timer);
      timer = null;
    }
    wake();
  };
}
