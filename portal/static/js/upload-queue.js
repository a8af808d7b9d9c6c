/** The files in hand: which state each is in, and which goes next. */

import { watchImages } from "./image-updates.js";
import { check, looksLikePhoto, Refusal } from "./upload-check.js";
import {
  announce,
  arrive,
  FormExpired,
  Interruption,
  renew,
  send,
  ServerRefusal,
  sha256,
  Waking,
} from "./upload-transfer.js";

const AT_ONCE = 4;
const WAITS_MS = [1000, 3000, 9000];
/** A form that expires sooner than this is not worth beginning with again. */
const SPARE_MS = 60_000;
/** A form that expires again and again has another reason than time. */
const RENEWALS = 3;
/** How often to ask a server that is waking up. */
const WAKING_ASKED = 24;

/** States in which something is being done for a file right now. */
export const ACTIVE = new Set(["checking", "uploading"]);
/** States that nothing but the person changes. */
export const SETTLED = new Set(["recognized", "failed", "cancelled", "gone"]);
const WITH_SERVER = new Set(["awaiting_upload", "queued", "processing"]);

export class UploadQueue {
  items = [];
  leftOut = 0;
  stopped = null;
  #known = new Set();
  #active = 0;
  #next = 0;
  #again = [];
  #changed;
  #options;
  #wake;

  /** `options`: startUrl, updatesUrl, maxBytes, accepted. `changed` is called after every change. */
  constructor(options, changed) {
    this.#options = options;
    this.#changed = changed;
    const waiting = () => this.items.filter((item) => WITH_SERVER.has(item.state)).map((item) => item.id);
    this.#wake = watchImages(options.updatesUrl, waiting, (images, asked) => this.#update(images, asked));
  }

  /** Add files, of folders only the photos among them; a file that is already here is not added again. */
  add(found) {
    for (const { file, fromFolder } of found) {
      if (fromFolder && !looksLikePhoto(file, this.#options.accepted)) {
        this.leftOut += 1;
        continue;
      }
      const identity = [file.webkitRelativePath, file.name, file.size, file.lastModified].join("\n");
      if (this.#known.has(identity)) continue;
      this.#known.add(identity);
      this.items.push({ file, state: "waiting", words: "Waiting", progress: 0, identity });
    }
    this.resume();
  }

  retry(item) {
    this.#again.push(item);
    this.#set(item, "waiting", "Waiting", { hash: null, progress: 0 });
    this.resume();
  }

  /** Go on after a refusal that stopped everything. */
  resume() {
    this.stopped = null;
    this.#pump();
    this.#changed();
  }

  cancel(item) {
    if (SETTLED.has(item.state) || WITH_SERVER.has(item.state)) return;
    item.abort?.abort();
    this.#known.delete(item.identity);
    this.#set(item, "cancelled", "Cancelled");
  }

  cancelWaiting() {
    for (const item of this.items) this.cancel(item);
  }

  count(...states) {
    return this.items.filter((item) => states.includes(item.state)).length;
  }

  get isBusy() {
    return !this.stopped && this.items.some((item) => item.state === "waiting" || ACTIVE.has(item.state));
  }

  #set(item, state, words, more = {}) {
    Object.assign(item, { state, words }, more);
    this.#changed();
  }

  #pump() {
    while (this.#active < AT_ONCE && !this.stopped) {
      const item = this.#again.shift() ?? this.items[this.#next++];
      if (!item) {
        this.#next = this.items.length;
        return;
      }
      if (item.state === "waiting") this.#start(item);
    }
  }

  async #start(item) {
    this.#active += 1;
    item.abort = new AbortController();
    const { signal } = item.abort;
    try {
      await this.#upload(item, signal);
    } catch (error) {
      if (!signal.aborted) this.#fail(item, error);
    }
    this.#active -= 1;
    this.#pump();
  }

  #fail(item, error) {
    if (error instanceof ServerRefusal && error.stops) {
      this.stopped = error;
      this.#again.unshift(item);
      this.#set(item, "waiting", "Waiting");
      return;
    }
    const kinds = [Refusal, ServerRefusal, Interruption, FormExpired];
    const expected = kinds.some((kind) => error instanceof kind);
    const words = expected ? error.message : "This file could not be read. Was it moved, changed or deleted?";
    const canRetry = !(error instanceof Refusal) && !error.final;
    // A form that was refused is spent; one that the network kept from arriving, or time, still serves or is renewed.
    const started = error instanceof Interruption || error instanceof FormExpired ? item.started : null;
    this.#set(item, "failed", words, { canRetry, started });
  }

  async #upload(item, signal) {
    this.#set(item, "checking", "Checking");
    await check(item.file, this.#options);
    item.hash ??= await sha256(item.file);
    if (signal.aborted) return;
    await this.#begin(item, signal);
    if (signal.aborted) return;
    if (!item.started.upload) {
      this.#arrived(item, item.started);
      return;
    }
    item.id = item.started.id;
    this.#set(item, "uploading", "Uploading", { progress: 0 });
    const answer = await this.#deliver(item, signal);
    this.#arrived(item, { ...item.started, status: "queued", ...answer });
  }

  /** Have a form in hand: a new one, the one of an earlier try, or another for the same place. */
  async #begin(item, signal) {
    if (!item.started) item.started = await this.#persist(item, signal, () => this.#announce(item, signal));
    else if (!isUsable(item.started)) await this.#renew(item, signal);
  }

  async #renew(item, signal) {
    try {
      const again = await this.#persist(item, signal, () => renew(item.started.renew_url, item.hash, signal));
      item.started = { ...item.started, upload: null, ...again };
    } catch (error) {
      if (!(error instanceof ServerRefusal) || error.status !== 404) throw error;
      item.started = await this.#persist(item, signal, () => this.#announce(item, signal));
    }
  }

  /** Send the bytes. A form that has expired on the way is renewed, and nobody needs to notice. */
  async #deliver(item, signal) {
    const onProgress = (progress) => this.#set(item, "uploading", `Uploading, ${Math.floor(progress * 100)} %`, { progress });
    for (let renewals = 0; item.started.upload; renewals += 1) {
      try {
        const answer = await this.#persist(item, signal, () => send(item.started.upload, item.file, onProgress, signal));
        return item.started.arrived_url ? await this.#announceArrival(item, signal) : answer;
      } catch (error) {
        if (!(error instanceof FormExpired) || renewals === RENEWALS) throw error;
      }
      await this.#renew(item, signal);
    }
    return item.started;
  }

  /** S3 has the file, so that it will be recognised even if this word of it is lost. */
  async #announceArrival(item, signal) {
    try {
      return await this.#persist(item, signal, () => arrive(item.started.arrived_url, signal));
    } catch (error) {
      if (error instanceof Interruption) return {};
      throw error;
    }
  }

  #announce(item, signal) {
    return announce(this.#options.startUrl, item.file, item.hash, signal);
  }

  /** Do it again, a little later each time, while only the network or the server's health is at fault. */
  async #persist(item, signal, attempt) {
    const waits = [...WAITS_MS];
    let waking = WAKING_ASKED;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof Interruption)) throw error;
        const wait = error instanceof Waking && waking-- > 0 ? error.afterMs : waits.shift();
        if (!wait) throw error;
        this.#set(item, item.state, `${error.message} Trying again in ${wait / 1000} s`, { progress: 0 });
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
      signal.throwIfAborted();
    }
  }

  #arrived(item, { id, page, status, duplicate }) {
    this.#set(item, WITH_SERVER.has(status) ? status : "queued", "Queued", { id, page, duplicate, progress: 1 });
    this.#wake();
  }

  #update(images, asked) {
    const news = new Map(images.map((image) => [image.id, image]));
    const about = new Set(asked);
    let changed = false;
    for (const item of this.items) {
      if (!about.has(item.id) || !WITH_SERVER.has(item.state)) continue;
      const image = news.get(item.id) ?? { status: "gone" };
      changed ||= image.status !== item.state;
      this.#set(item, image.status, wordsFor(image, item), { thumbnail: image.thumbnail, page: image.page ?? null });
    }
    return changed;
  }
}

function isUsable(started) {
  return Boolean(started?.upload) && Date.parse(started.upload.expires_at) > Date.now() + SPARE_MS;
}

function wordsFor(image, item) {
  if (image.status === "recognized") {
    const found = image.summary || "Nothing recognised";
    return item.duplicate ? `Already in your history · ${found}` : found;
  }
  if (image.status === "failed") return image.failure?.message ?? "This photo could not be recognised.";
  return { processing: "Being recognised", gone: "This image was deleted" }[image.status] ?? (image.waiting || "Queued");
}
