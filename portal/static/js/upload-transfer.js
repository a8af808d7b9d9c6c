/** One file's way to the server, or to S3: its hash, its announcement, its bytes, and the word that they arrived. */

import { refusalOf } from "./upload-s3.js";

const SILENCE_MS = 90_000;

/** A refusal by the server. `stops` is true when no other file can be uploaded now either. */
export class ServerRefusal extends Error {
  constructor(status, error) {
    super(error?.message ?? `The server did not take this file (${status}).`);
    this.status = status;
    this.stops = status === 429 || status === 401;
    this.signedOut = status === 401;
    this.final = status === 413 || status === 415;
  }
}

/** The network or the server is at fault: the same may work in a moment. */
export class Interruption extends Error {}

/** The server is waking up, and will have done so soon; `afterMs` is when it says to ask again. */
export class Waking extends Interruption {
  constructor(response) {
    super("ImageSift is waking up.");
    this.afterMs = 1000 * (Number(response.headers.get("Retry-After")) || 5);
  }
}

/** The form is too old, for the portal or for S3. A new one is to be had. */
export class FormExpired extends Error {}

/** The file's SHA-256 in hex, or "" where the browser has no secure context: the server then compares by itself. */
export async function sha256(file) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Announce a file. Resolves to the server's answer: an upload form, or the image that its owner already has. */
export function announce(url, file, hash, signal) {
  return ask(url, { filename: file.name, content_type: file.type, size: file.size, sha256: hash }, signal);
}

/** Another form for a file that was announced. The answer holds none when the file has arrived after all. */
export function renew(url, hash, signal) {
  return ask(url, { sha256: hash }, signal);
}

/** Say that S3 has the file. */
export function arrive(url, signal) {
  return ask(url, {}, signal);
}

async function ask(url, question, signal) {
  const body = JSON.stringify(question);
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() };
  const response = await fetch(url, { method: "POST", headers, body, signal }).catch((error) => {
    if (signal.aborted) throw error;
    throw new Interruption("The connection was lost.");
  });
  const answer = await response.json().catch(() => ({}));
  if (answer.error?.code === "waking_up") throw new Waking(response);
  if (response.status >= 500) throw new Interruption("The server is not well at the moment.");
  if (response.ok && answer.id) return answer;
  // Without an answer of its own this is the login page, or a token that belongs to an ended session.
  const status = answer.error ? response.status : 401;
  throw new ServerRefusal(status, answer.error ?? { message: "You are signed out." });
}

/** Read anew each time: signing in again, perhaps in another tab, replaces it. */
function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

/** POST the file by its form, as to S3. `onProgress` gets a fraction. Returns the server's answer, which may be {}. */
export function send({ url, fields, file_field: fileField }, file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let silence;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENCE_MS);
    };
    const interrupted = () => reject(signal.aborted ? signal.reason : new Interruption("The connection was lost."));
    request.upload.onprogress = (event) => {
      heard();
      onProgress(event.loaded / event.total);
    };
    request.onload = () => settle(request, resolve, reject);
    request.onerror = interrupted;
    request.onabort = interrupted;
    request.onloadend = () => clearTimeout(silence);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    heard();
    request.open("POST", url);
    request.send(formOf(fields, fileField, file));
  });
}

/** The file comes last: S3 ignores every field after it. */
function formOf(fields, fileField, file) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append(fileField, file, file.name);
  return form;
}

function settle(request, resolve, reject) {
  const answer = parsed(request.responseText);
  if (request.status >= 200 && request.status < 300) resolve(answer);
  else reject(refused(request.status, answer.error));
}

function refused(status, error) {
  if (error?.code === "form_expired") return new FormExpired(error.message);
  if (status >= 500 || error?.passes) return new Interruption("The server is not well at the moment.");
  return new ServerRefusal(status, error);
}

/** The portal answers in JSON, S3 in XML. */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { error: refusalOf(text) };
  }
}
