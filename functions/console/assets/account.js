// Who is signed in, until when, and signing in anew without losing what is on the page.

import { call } from "./api.js";
import { offerToSignIn, tried } from "./banner.js";
import { button, el, replace, said } from "./dom.js";
import { span } from "./format.js";
import { session } from "./session.js";
import { prepare } from "./sign_in.js";

const WARN_S = 120;
const REFRESH_MS = 15_000;
const MOST_MS = 600_000; // that a window of the provider is waited for

let issuer = null; // with whom
let next = null; // an attempt made ready, since a window opens only at the press of a button

/** Redeems an attempt, and asks the gate who its token names. Raises what stopped it; nobody is signed in then. */
export async function enter(chosen, attempt, signal) {
  issuer = chosen;
  next = null;
  try {
    session.begin(await attempt.open(signal));
    session.name(await call("GET", "v1/principal"));
  } catch (problem) {
    session.end();
    throw problem;
  }
}

/** Keeps the corner of the page; `changed` is called when another token, or none, is held. */
export function listen(place, changed) {
  const show = () => showWho(place, changed);
  session.watch(show);
  setInterval(show, REFRESH_MS);
  offerToSignIn(() => again(changed));
}

function showWho(place, changed) {
  const { principal } = session;
  if (principal === null) {
    place.replaceChildren();
    return;
  }
  const left = session.secondsLeft();
  const isLate = left <= WARN_S;
  const text = left > 0 ? `sign-in ends in ${span(isLate ? left : left - (left % 60))}` : "the sign-in has ended";
  if (isLate) makeReady();
  const hadFocus = place.contains(document.activeElement) ? document.activeElement.textContent : null;
  const buttons = [
    isLate ? button("Sign in again", () => again(changed), { class: "small" }) : null,
    button("Sign out", () => signOut(changed), { class: "plain small" }),
  ].filter((one) => one !== null);
  const name = el(
    "span",
    { class: "name" },
    said(principal.principal),
    principal.on_behalf_of ? [" for ", said(principal.on_behalf_of)] : null,
  );
  replace(place, name, el("span", { class: isLate ? "bad" : "quiet" }, text), buttons);
  buttons.find((one) => one.textContent === hadFocus)?.focus();
}

/** It ends here; the provider's own session is the provider's. */
function signOut(changed) {
  issuer = null;
  next = null;
  session.end();
  changed();
}

/** Before the button is pressed, as far as that can be had; what stops it is told to whoever presses it. */
async function makeReady() {
  if (next === null) next = await prepare(issuer).catch(() => null);
}

/** Whoever signs in again may be another person: then the page is theirs, and shows what they may see. */
async function again(changed) {
  const ready = next;
  next = null;
  const entered = await tried(async () => {
    const attempt = ready ?? (await prepare(issuer));
    session.begin(await attempt.open(AbortSignal.timeout(MOST_MS)));
    session.name(await call("GET", "v1/principal"));
    return true;
  });
  if (entered) changed();
}
