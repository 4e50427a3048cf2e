// Calls to the API beside this page, with the token of who is signed in. What goes wrong is a Problem, never nothing.

import { session } from "./session.js";

const API = new URL("../", import.meta.url);

/** What the API refused or could not do: RFC 9457's members, and what was asked. */
export class Problem extends Error {
  constructor({ status = 0, code = "unknown", detail = "", refusals = [], retryAfterS = null, requestId = null }) {
    super(detail);
    Object.assign(this, { name: "Problem", status, code, detail, refusals, retryAfterS, requestId });
  }

  /** Whether signing in again is what helps. */
  get isOfToken() {
    return this.status === 401;
  }
}

/** The answer's JSON. Raises Problem for anything else than a 2xx with JSON in it. */
export async function call(method, path, { body, query, signal } = {}) {
  const url = new URL(path, API);
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== "") url.searchParams.set(name, value);
  }
  const answer = await send(url, {
    method,
    headers: { ...session.headers(), ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    body: body === undefined ? undefined : JSON.stringify(body),
    cache: "no-store",
    credentials: "omit",
    redirect: "error",
    referrerPolicy: "no-referrer",
    signal,
  });
  const said = await parsed(answer);
  if (answer.ok && said !== undefined) return said;
  throw problemOf(answer, said);
}

async function send(url, options) {
  try {
    return await fetch(url, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem({
      code: "network",
      detail: "The gate did not answer. Look at your connection, then press r to ask again.",
    });
  }
}

async function parsed(answer) {
  try {
    return await answer.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    return undefined;
  }
}

function problemOf(answer, said) {
  const retryAfter = Number.parseInt(answer.headers.get("Retry-After") ?? "", 10);
  const told = typeof said === "object" && said !== null ? said : {};
  return new Problem({
    status: answer.status,
    code: typeof told.code === "string" ? told.code : `http.${answer.status}`,
    detail:
      typeof told.detail === "string"
        ? told.detail
        : `expected an answer in JSON, got status ${answer.status} without one`,
    refusals: Array.isArray(told.refusals) ? told.refusals : [],
    retryAfterS: Number.isNaN(retryAfter) ? null : retryAfter,
    requestId: answer.headers.get("x-amzn-RequestId"),
  });
}
