/** Which image is next: the one at hand and the one after it, both loaded, and the leases that keep others off them. */

import { get, post, tell } from "./review-requests.js";

const RENEW_EVERY_MS = 40_000;
const PASSED_KEPT = 50;

/** The document together with its picture, ready to be shown. */
async function held(item) {
  const picture = new Image();
  picture.alt = `The photo ${item.filename}`;
  picture.draggable = false;
  picture.src = item.preview;
  // A picture that cannot be shown is told of on its place; its labels can still be judged.
  await picture.decode().catch(() => {});
  return { item, picture };
}

export class ReviewQueue {
  current = null;
  #ahead = [];
  #coming = null;
  #passed = [];
  /** Images whose completion or skipping has not been answered yet. */
  #leaving = new Set();
  #round = 0;

  /** `filters` go with each request; `lost(held, trouble)` hears of a lease that is somebody else's now. */
  constructor(address, filters, lost) {
    this.address = address;
    this.filters = filters;
    this.lost = lost;
    setInterval(() => this.renew(), RENEW_EVERY_MS);
    document.addEventListener("visibilitychange", () => this.renew());
    addEventListener("pagehide", () => this.release(this.#held()));
  }

  #held() {
    return [this.current, ...this.#ahead].filter(Boolean);
  }

  at(id, path = "") {
    return `${this.address}${id}/${path}`;
  }

  /** The next image becomes the current one. Returns it; or null and, in `waiting`, what there is of other kinds. */
  async next() {
    const round = this.#round;
    this.current = null;
    if (!this.#ahead.length) await this.prefetch();
    if (round !== this.#round) return this.current;
    this.current = this.#ahead.shift() ?? null;
    if (this.current) this.prefetch().catch(() => {});
    return this.current;
  }

  /** Begin with a certain image. Raises Trouble, also when somebody else has it. */
  async open(id) {
    await post(this.at(id, "renew/"));
    this.current = await held(await get(this.at(id)));
    this.prefetch().catch(() => {});
    return this.current;
  }

  /** Load the image after the current one, unless it lies ready. Raises Trouble. */
  prefetch() {
    if (this.#ahead.length) return Promise.resolve();
    if (!this.#coming) {
      const coming = this.#fetch(this.#round).finally(() => {
        if (this.#coming === coming) this.#coming = null;
      });
      this.#coming = coming;
    }
    return this.#coming;
  }

  async #fetch(round) {
    const holding = [...this.#held().map(({ item }) => item.id), ...this.#leaving, ...this.#passed];
    const answer = await post(`${this.address}next/`, { ...this.filters, holding });
    this.waiting = answer.waiting ?? this.waiting;
    if (!answer.item) return;
    const next = await held(answer.item);
    if (round === this.#round) this.#ahead.push(next);
    else this.release([next]);
  }

  /** Other images from now on. What is at hand goes back to the queue. */
  filter(filters) {
    this.release(this.#held());
    this.filters = filters;
    this.current = null;
    this.#ahead = [];
    this.#passed = [];
    this.#coming = null;
    this.#round += 1;
  }

  /** Go on from the current image without a decision: it is left to others, and does not come again in this sitting. */
  pass() {
    this.#passed = [...this.#passed, this.current.item.id].slice(-PASSED_KEPT);
    this.release([this.current]);
  }

  /** The image is being completed or skipped: it must not be handed out again meanwhile. */
  leave(id) {
    this.#leaving.add(id);
  }

  left(id) {
    this.#leaving.delete(id);
  }

  /** Back to an image from before; what was at hand is next then. */
  async back(item, sheet) {
    const again = await held(item);
    if (this.current) this.#ahead.unshift(this.current);
    this.current = { ...again, sheet };
    this.#renewOne(this.current);
    return this.current;
  }

  /** The image as it is on the server now. Raises Trouble. */
  reload(id) {
    return get(this.at(id));
  }

  release(some) {
    for (const { item } of some) tell(this.at(item.id, "release/"));
  }

  async renew() {
    if (document.visibilityState !== "visible") return;
    await Promise.all(this.#held().map((one) => this.#renewOne(one)));
  }

  async #renewOne(one) {
    try {
      await post(this.at(one.item.id, "renew/"));
    } catch (trouble) {
      if (trouble.kind !== "refused") return;
      this.#ahead = this.#ahead.filter((other) => other !== one);
      if (this.current === one) this.lost(one, trouble);
    }
  }
}
