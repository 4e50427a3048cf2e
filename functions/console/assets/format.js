// Values in words: times in UTC and here, amounts, and how long something took. Pure.

const COUNT = new Intl.NumberFormat("en");
const HERE = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "local time";
const IS_UTC = ["UTC", "Etc/UTC", "GMT", "Etc/GMT"].includes(ZONE);

export const count = (number) => (typeof number === "number" ? COUNT.format(number) : String(number));

export const counted = (number, one, several = `${one}s`) => `${count(number)} ${number === 1 ? one : several}`;

/** `2026-11-23 14:05:06 UTC`, with the fraction where one is asked for. */
export function utc(instant, { fraction = false } = {}) {
  const date = new Date(instant);
  if (Number.isNaN(date.getTime())) return String(instant);
  const text = date.toISOString().replace("T", " ");
  return `${fraction ? text.slice(0, 23) : text.slice(0, 19)} UTC`;
}

/** The same instant where the reader is, with the name of the zone; nothing where that is UTC itself. */
export function here(instant) {
  const date = new Date(instant);
  return IS_UTC || Number.isNaN(date.getTime()) ? "" : `${HERE.format(date)} (${ZONE})`;
}

/** `2 h 5 min`, `40 s`: the two largest parts. */
export function span(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const whole = Math.max(0, Math.round(seconds));
  const parts = [
    [Math.floor(whole / 86400), "d"],
    [Math.floor(whole / 3600) % 24, "h"],
    [Math.floor(whole / 60) % 60, "min"],
    [whole % 60, "s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  if (first < 0) return "0 s";
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => `${amount} ${unit}`)
    .join(" ");
}

export function milliseconds(ms) {
  if (typeof ms !== "number") return "";
  return ms < 1000 ? `${count(Math.round(ms))} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
}

export function bytes(amount) {
  if (typeof amount !== "number") return String(amount);
  const units = ["B", "kB", "MB", "GB"];
  let rest = amount;
  let unit = 0;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? rest : rest.toFixed(rest < 10 ? 1 : 0)} ${units[unit]}`;
}
