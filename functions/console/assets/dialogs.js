// Windows within the page: a word with its reason, and the list of shortcuts. The browser's own dialog keeps the focus
// within, closes on Escape and gives the focus back.

import { button, el, on, said } from "./dom.js";

/** What went wrong, in the API's own words, with what to do. */
export function problemText(problem) {
  const refusals = (problem.refusals ?? []).map((one) =>
    el("li", {}, said(one.what ?? ""), " ", el("code", {}, said(one.code ?? "")), ": ", said(one.reason ?? "")),
  );
  return [
    el("p", {}, said(problem.detail || problem.message || "Something went wrong that has no words.")),
    refusals.length > 0 ? el("ul", {}, refusals) : null,
    el("p", { class: "quiet" }, [
      problem.code ? ["Code ", el("code", {}, said(problem.code))] : null,
      problem.retryAfterS ? `. Ask again in ${problem.retryAfterS} s` : null,
      problem.requestId ? [". Request ", el("code", {}, said(problem.requestId))] : null,
    ]),
  ];
}

/**
 * Asks for a reason and carries the word out. `send(reason)` may refuse: its problem is then shown, and what was
 * typed stays. Resolves to what `send` gave, or to null where the dialog was closed.
 */
export function askReason({ title, about, label, hint, confirm, kind, send }) {
  const reason = el("textarea", {
    id: "reason",
    rows: 3,
    maxlength: 2000,
    required: true,
    "aria-describedby": "reason-hint",
  });
  const trouble = el("div", { class: "trouble", role: "alert", tabindex: 0 });
  const go = el("button", { type: "submit", class: kind }, confirm);
  const form = el(
    "form",
    { method: "dialog", novalidate: true },
    el("h2", { id: "dialog-title" }, title),
    el("div", { class: "about", tabindex: 0, role: "region", "aria-label": "What it is about" }, about),
    el("label", { for: "reason" }, label),
    reason,
    el("p", { class: "quiet", id: "reason-hint" }, hint),
    trouble,
    el(
      "div",
      { class: "row" },
      go,
      button("Cancel", () => dialog.close(), { class: "plain" }),
    ),
  );
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" }, form);
  let result = null;

  function tell(...lines) {
    trouble.replaceChildren(...lines.filter((line) => line !== null));
    trouble.scrollIntoView({ block: "nearest" });
  }

  async function carryOut(event) {
    event.preventDefault();
    if (go.disabled) return;
    if (reason.value.trim() === "") {
      reason.focus();
      tell(el("p", {}, "Say why: the reason is a part of the record."));
      return;
    }
    go.disabled = true;
    trouble.replaceChildren();
    try {
      result = await send(reason.value.trim());
      dialog.close();
    } catch (problem) {
      tell(...problemText(problem));
    } finally {
      go.disabled = false;
    }
  }

  on(form, "submit", carryOut);
  on(reason, "keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) carryOut(event);
  });
  return shown(dialog, reason).then(() => result);
}

/** A dialog with something to read. */
export function show(title, ...children) {
  const close = button("Close", () => dialog.close(), { class: "plain" });
  const dialog = el(
    "dialog",
    { "aria-labelledby": "dialog-title" },
    el("h2", { id: "dialog-title" }, title),
    ...children,
    el("div", { class: "row" }, close),
  );
  return shown(dialog, close);
}

export const isOpen = () => document.querySelector("dialog[open]") !== null;

function shown(dialog, first) {
  return new Promise((resolve) => {
    on(dialog, "close", () => {
      dialog.remove();
      resolve();
    });
    document.body.append(dialog);
    dialog.showModal();
    first.focus();
  });
}
