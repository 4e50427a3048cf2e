// An instant as people read it: in UTC, as records have it, and where the reader is.

import { el, said } from "./dom.js";
import { here, utc } from "./format.js";

export function when(instant, { fraction = false } = {}) {
  if (Number.isNaN(Date.parse(instant))) return said(instant);
  const local = here(instant);
  const exact = el("time", { datetime: instant }, utc(instant, { fraction }));
  return el("span", { class: "when" }, exact, local === "" ? null : [" ", el("span", { class: "quiet" }, local)]);
}
