/** How many images were completed in this sitting: as long as the browser's tab is open. */

const KEY = "review-completed";

export class Sitting {
  constructor(place) {
    this.place = place;
    this.#show();
  }

  get count() {
    return Number(sessionStorage.getItem(KEY) ?? 0);
  }

  completed(more) {
    sessionStorage.setItem(KEY, String(Math.max(0, this.count + more)));
    this.#show();
  }

  #show() {
    this.place.textContent = this.count ? `${this.count} completed` : "";
  }
}
