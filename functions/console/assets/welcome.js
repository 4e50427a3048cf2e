// The page before anybody is signed in.

import { enter } from "./account.js";
import { showProblem, tried } from "./banner.js";
import { button, el, replace, said } from "./dom.js";
import { fetchIssuers, prepare } from "./sign_in.js";

/** What is shown; `entered` is called once somebody is signed in. */
export function welcome(entered) {
  const choices = el("div", {});
  tried(() => offer(choices, entered));
  return el(
    "section",
    { class: "alone" },
    el("h1", { tabindex: -1 }, "Postern"),
    el("p", {}, "What agents ask of your databases, for the people who decide, stop and check it."),
    choices,
    el(
      "p",
      { class: "quiet" },
      "A window of your identity provider opens. What it hands over stays in this page’s memory: it is stored nowhere, and gone when the page is.",
    ),
  );
}

async function offer(choices, entered) {
  const issuers = await fetchIssuers();
  if (issuers.length === 0) {
    replace(
      choices,
      el(
        "p",
        { class: "note" },
        "No identity provider is set up for people. An operator adds sign_in to one in issuers.yaml: docs/console.md says how.",
      ),
    );
    return;
  }
  replace(
    choices,
    issuers.map((issuer) => choiceOf(issuer, entered)),
  );
}

/** A button that is ready once the provider's document is read: the window must open at the press itself. */
function choiceOf(issuer, entered) {
  const row = el("div", {});
  let attempt = null;
  const press = button(["Sign in with ", said(issuer.name)], begin, { class: "good wide-button", disabled: true });

  async function ready() {
    replace(row, press);
    press.disabled = true;
    try {
      attempt = await prepare(issuer);
      press.disabled = false;
    } catch (problem) {
      replace(
        row,
        press,
        el("p", { class: "bad", role: "alert" }, said(problem.message)),
        button("Try again", ready, { class: "plain" }),
      );
    }
  }

  async function begin() {
    const giveUp = new AbortController();
    const stop = button("Give up", () => giveUp.abort(), { class: "plain" });
    const entering = enter(issuer, attempt, giveUp.signal);
    replace(row, el("p", { role: "status" }, "Go on in the window of ", said(issuer.name), "."), stop);
    stop.focus();
    try {
      await entering;
    } catch (problem) {
      showProblem(problem);
      await ready();
      press.focus();
      return;
    }
    entered();
  }

  ready();
  return row;
}
