/** Asking the server for what moderators need, and what may have come between. */

export class Trouble extends Error {
  /** `kind` is "offline", "signed-out" or "refused"; a refusal has the server's code and HTTP status. */
  constructor(kind, message, { code = "", status = 0 } = {}) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.status = status;
  }

  /** Whether the same request may well go through a little later. */
  get passes() {
    return this.kind === "offline";
  }
}

function csrfToken() {
  return document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? "";
}

async function send(address, options) {
  try {
    return await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Trouble("offline", "The server cannot be reached.");
  }
}

async function bodyOf(response) {
  if (response.status === 204) return null;
  try {
    return await response.json();
  } catch {
    return {};
  }
}

/** Who is signed out is sent to another page, or refused without a word of ours. */
function signedOut(response, body) {
  return response.redirected || [401, 403].includes(response.status) && !body?.error;
}

async function read(response) {
  const body = response.redirected ? {} : await bodyOf(response);
  if (signedOut(response, body)) throw new Trouble("signed-out", "You are signed out.");
  if (response.status >= 500 || response.status === 429) {
    throw new Trouble("offline", "The server could not answer just now.", { status: response.status });
  }
  if (!response.ok) {
    const { code = "", message = "The server did not accept this." } = body.error ?? {};
    throw new Trouble("refused", message, { code, status: response.status });
  }
  return body;
}

/** What the server answers, as an object. Raises Trouble. */
export async function get(address, options = {}) {
  return read(await send(address, { headers: { Accept: "application/json" }, ...options }));
}

/** As `get`, with something to tell. It is delivered even when the page is left meanwhile. */
export async function post(address, body = {}) {
  const headers = { "Content-Type": "application/json", Accept: "application/json", "X-CSRFToken": csrfToken() };
  return read(await send(address, { method: "POST", headers, body: JSON.stringify(body), keepalive: true }));
}

/** Tell the server something without waiting for what it says. */
export function tell(address, body = {}) {
  post(address, body).catch(() => {});
}
