/** One file's way to the server: its hash, its announcement, and its bytes. */

const SILENCE_MS = 90_000;

/** A refusal by the server. `stops` is true when no other file can be uploaded now either. */
export class ServerRefusal extends Error {
  constructor(status, error) {
    super(error?.message ?? `The server did not take this file (${status}).`);
    this.stops = status === 429 || status === 401;
    this.signedOut = status === 401;
    this.final = status === 413 || status === 415;
  }
}

/** The network or the server is at fault: the same may work in a moment. */
export class Interruption extends Error {}

/** The file's SHA-256 in hex, or "" where the browser has no secure context: the server then compares by itself. */
export async function sha256(file) {
  if (!globalThis.crypto?.subtle) return "";
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Announce a file. Returns the server's answer: an upload form, or the image that its owner already has. */
export async function announce(url, file, hash, signal) {
  const body = JSON.stringify({ filename: file.name, content_type: file.type, size: file.size, sha256: hash });
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrfToken() };
  const response = await fetch(url, { method: "POST", headers, body, signal }).catch((error) => {
    if (signal.aborted) throw error;
    throw new Interruption("The connection was lost.");
  });
  if (response.status >= 500) throw new Interruption("The server is not well at the moment.");
  const answer = await response.json().catch(() => ({}));
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
  else if (request.status >= 500) reject(new Interruption("The server is not well at the moment."));
  else reject(new ServerRefusal(request.status, answer.error));
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
