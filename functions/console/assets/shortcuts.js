// Keys that do what a button does. They can be switched off (WCAG 2.2, criterion 2.1.4), and never act while somebody
// types or a dialog is open.

import { isOpen, show } from "./dialogs.js";
import { el, on } from "./dom.js";

const TYPED_IN = new Set(["INPUT", "TEXTAREA", "SELECT"]);

let isOn = true;
let always = [];
let ofView = [];

/** Shortcuts as `{key, label, act}`: those of every view, then those of the one that is shown. */
export function setAlways(shortcuts) {
  always = shortcuts;
}

export function setView(shortcuts) {
  ofView = shortcuts;
}

export function listen() {
  on(document, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (!isOn || isOpen() || TYPED_IN.has(event.target.tagName)) return;
    const found = [...ofView, ...always].find((one) => one.key === event.key);
    if (found === undefined) return;
    event.preventDefault();
    found.act();
  });
}

export function showShortcuts() {
  const rows = [...ofView, ...always].map(({ key, label }) =>
    el("div", {}, el("dt", {}, el("kbd", {}, key)), el("dd", {}, label)),
  );
  const box = el("input", { type: "checkbox", id: "keys-on", checked: isOn });
  on(box, "change", () => {
    isOn = box.checked;
  });
  return show(
    "Keyboard shortcuts",
    el("dl", { class: "facts" }, rows),
    el("p", {}, "Everything can be reached with Tab as well. In a dialog, Ctrl and Enter send what was typed."),
    el("p", {}, box, " ", el("label", { for: "keys-on" }, "Shortcuts of one key act")),
  );
}
