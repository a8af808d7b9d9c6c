/** What was decided and has not arrived yet: sent one after the other, and again until the server has answered. */

import { post } from "./review-requests.js";

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 15_000;

/**
 * A job is {make, done, failed}: `make()` gives {address, body} when its turn comes, or null when it has become
 * pointless. Each attempt sends the same body, so the same id: whatever arrived of earlier ones is not done twice.
 */
export class Outbox {
  #jobs = [];
  #sending = false;
  #wake = null;

  /** `report(trouble, again)` hears of what stands in the way, and of null once it is gone. */
  constructor(report) {
    this.report = report;
    addEventListener("online", () => this.again());
    addEventListener("beforeunload", (event) => {
      if (this.unsent) event.preventDefault();
    });
  }

  get unsent() {
    return this.#jobs.length;
  }

  put(job) {
    this.#jobs.push(job);
    if (!this.#sending) this.#work();
  }

  /** Try at once what waits for its next attempt. */
  again() {
    this.#wake?.();
  }

  async #work() {
    this.#sending = true;
    while (this.#jobs.length) {
      const job = this.#jobs[0];
      const settle = await this.#deliver(job);
      this.#jobs.shift();
      settle();
    }
    this.#sending = false;
  }

  /** Stays with a job until it is answered; returns what is to be done then. */
  async #deliver(job) {
    const letter = job.make();
    if (!letter) return () => {};
    for (let wait = FIRST_WAIT_MS; ; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
      try {
        const answer = await post(letter.address, letter.body);
        this.report(null);
        return () => job.done(answer, letter.body);
      } catch (trouble) {
        if (trouble.kind === "refused") {
          this.report(null);
          return () => job.failed(trouble);
        }
        if (!trouble.kind) throw trouble;
        this.report(trouble);
        await this.#pause(trouble.passes ? wait : null);
      }
    }
  }

  /** Without a time it lasts until somebody asks for another attempt. */
  #pause(ms) {
    return new Promise((resolve) => {
      const timer = ms === null ? 0 : setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
