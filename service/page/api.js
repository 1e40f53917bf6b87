// The service's API. Its addresses are relative to the page's, so that they hold below any path of a proxy.
// The token is kept for as long as this tab is open, and sent to this service alone.

// One key for each address: services below different paths of one host share this storage, and not their tokens.
const KEY = `traces-token ${new URL(".", document.baseURI).pathname}`;

export class ApiError extends Error {
  /** `faults` are those of single fields, as the service's 422 has them. */
  constructor(status, message, faults = []) {
    super(message);
    Object.assign(this, { status, faults });
  }

  get isAboutToken() {
    return this.status === 401 || this.status === 403;
  }
}

export function token() {
  return sessionStorage.getItem(KEY) ?? "";
}

export function keepToken(text) {
  if (text) sessionStorage.setItem(KEY, text);
  else sessionStorage.removeItem(KEY);
}

/** An answer of the service, whatever its type. */
export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
  const sent = { ...headers };
  if (token()) sent.Authorization = `Bearer ${token()}`;
  if (body !== undefined) sent["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, { method, headers: sent, body: body && JSON.stringify(body), signal });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, "The service does not answer. Is it still running? Start it with `python -m service`.");
  }
  if (!response.ok) throw await fault(response);
  return response;
}

/** Whether a proxy says that the service does not answer it: it may be starting again. */
export function isUnreachable({ status }) {
  return [502, 503, 504].includes(status);
}

export async function get(path, options) {
  return (await ask(path, options)).json();
}

export const post = (path, body) => get(path, { method: "POST", body });
export const remove = (path) => get(path, { method: "DELETE" });

async function fault(response) {
  const held = await response.json().catch(() => ({}));
  if (Array.isArray(held.detail)) return new ApiError(response.status, "Some of it is not as it must be.", held.detail);
  // What answers where no route is says no more than that.
  if (held.detail === "Not Found") return new ApiError(404, "The service has nothing at that address.");
  const silent = isUnreachable(response) ? "The proxy cannot reach the service. Is it still running?" : `The service answered ${response.status} and said no more.`;
  const message = held.detail ?? silent;
  return new ApiError(response.status, sentence(message));
}

function sentence(text) {
  return text[0].toUpperCase() + text.slice(1) + (/[.!?`]$/.test(text) ? "" : ".");
}

/** Whether anyone may read: what is linked to then needs no token, which a link could not send. */
export async function isOpen() {
  const { status } = await fetch("api/status").catch(() => ({ status: 0 }));
  return status !== 401;
}

/** The path of a dataset, or of something of it. */
export function datasetPath(id, ...parts) {
  return ["api/datasets", id, ...parts].map((part, place) => (place ? encodeURIComponent(part) : part)).join("/");
}

export function exportPath(id, format, split) {
  const asked = new URLSearchParams(split ? { format, split } : { format });
  return `${datasetPath(id, "export.jsonl")}?${asked}`;
}
