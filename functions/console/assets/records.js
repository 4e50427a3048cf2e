// Records of the log as the API finds them, and the commands and events that they are about.

import { call } from "./api.js";

const MOST_PAGES = 60;
const MOST_WAITS = 5; // for one page
const LONGEST_WAIT_S = 10;

/** One page of records. `asked` are the API's own parameters. Where it is asked for too often it waits, and asks again. */
export async function fetchPage(asked, cursor, signal) {
  for (let waits = 0; ; waits += 1) {
    try {
      return await call("GET", "v1/records", { query: { ...asked, cursor }, signal });
    } catch (problem) {
      const wait_s = problem.retryAfterS ?? 1;
      if (problem.status !== 429 || waits === MOST_WAITS || wait_s > LONGEST_WAIT_S) throw problem;
      await new Promise((resolve) => setTimeout(resolve, wait_s * 1000));
      signal.throwIfAborted();
    }
  }
}

/**
 * Every record that fits, up to a bound of pages: `isWhole` is false where there is more. `tell` hears of each page,
 * since a long search is answered in many of them, and some are empty.
 */
export async function fetchAll(asked, { signal, tell }) {
  const records = [];
  let cursor = null;
  let last = null;
  for (let pages = 0; pages < MOST_PAGES; pages += 1) {
    last = await fetchPage(asked, cursor, signal);
    records.push(...last.records);
    cursor = last.next;
    tell(records.length);
    if (!cursor) return { records, last, isWhole: true };
  }
  return { records, last, isWhole: false };
}

/** Records of one command together, the commands in the order of their first record's time. */
export function commandsOf(found) {
  const byId = new Map();
  for (const one of found) {
    const id = one.record?.id ?? `unreadable ${one.index}`;
    if (!byId.has(id))
      byId.set(id, {
        id,
        kind: one.record?.kind ?? "unreadable",
        time: one.record?.time ?? null,
        parts: new Map(),
        found: [],
      });
    const command = byId.get(id);
    command.found.push(one);
    if (one.record === null) continue;
    command.parts.set(one.record.type, one.record);
    if (command.time === null || one.record.time < command.time) command.time = one.record.time;
  }
  return [...byId.values()].sort(
    (one, other) => (one.time ?? "").localeCompare(other.time ?? "") || one.found[0].index - other.found[0].index,
  );
}

/** The record that says what was asked: the intent, or an event. */
export const begun = (command) => command.parts.get("intent") ?? command.parts.get("event") ?? null;

/** What became of it in one word: the settlement's, or the outcome's, or that it was refused or is open. */
export function statusOf(command) {
  const first = begun(command);
  if (command.kind === "unreadable") return "unreadable";
  if (first?.decision?.result === "refuse") return "refused";
  const settled = command.parts.get("settled");
  if (settled) return settled.status;
  const outcome = command.parts.get("outcome");
  if (outcome) return outcome.status;
  if (first?.type === "event")
    return first.kind === "approval" ? (first.decision?.result === "approve" ? "approved" : "denied") : "recorded";
  return "open";
}

const BAD = new Set([
  "refused",
  "failed",
  "denied",
  "lost",
  "abandoned",
  "unknown",
  "unreadable",
  "over_budget",
  "too_large",
  "stopped",
  "rolled_back",
]);

export const toneOf = (status) =>
  BAD.has(status) ? "bad" : status === "open" || status === "pending" ? "open" : "good";
