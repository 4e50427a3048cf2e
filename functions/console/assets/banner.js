// What went wrong, above everything: said until somebody dismisses it or the next thing is asked for.

import { Problem } from "./api.js";
import { problemText } from "./dialogs.js";
import { button, el, on, replace } from "./dom.js";
import { SignInFailed } from "./sign_in.js";

const place = document.getElementById("banner");

let signInAgain = null;

/** What is offered where the token is what is wrong. */
export function offerToSignIn(action) {
  signInAgain = action;
}

export function showProblem(problem) {
  const isKnown = problem instanceof Problem || problem instanceof SignInFailed;
  const told = isKnown
    ? problem
    : {
        code: "page",
        detail: `A fault of this page: ${problem?.message ?? problem}. Load it again, and tell an operator if it stays.`,
      };
  const isOfToken = problem instanceof Problem && problem.isOfToken && signInAgain !== null;
  const acts = [
    isOfToken ? button("Sign in again", signInAgain, { class: "good" }) : null,
    button("Dismiss", clearProblem, { class: "plain" }),
  ];
  replace(place, el("div", {}, problemText(told), el("p", { class: "row" }, acts)));
}

export function clearProblem() {
  place.replaceChildren();
}

/** What the action gives; where it fails that is shown, unless nobody waits for it any more. */
export async function tried(action, signal) {
  try {
    return await action();
  } catch (problem) {
    if (!signal?.aborted) showProblem(problem);
    return undefined;
  }
}

/** Faults of ours that nothing caught. */
export function listenForFaults() {
  on(window, "error", (event) => showProblem(event.error ?? event.message));
  on(window, "unhandledrejection", (event) => showProblem(event.reason));
}
