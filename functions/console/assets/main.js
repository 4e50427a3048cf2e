// The page: which view is shown, to whom, and what a view may do with the page.

import { listen as listenForAccount } from "./account.js";
import { Problem } from "./api.js";
import { clearProblem, listenForFaults, showProblem, tried } from "./banner.js";
import { isOpen } from "./dialogs.js";
import { button, el, on, replace } from "./dom.js";
import { live } from "./live.js";
import { log } from "./log.js";
import { pending } from "./pending.js";
import { search } from "./search.js";
import { session } from "./session.js";
import { listen as listenForKeys, setAlways, setView, showShortcuts } from "./shortcuts.js";
import { timeline } from "./timeline.js";
import { welcome } from "./welcome.js";

// The views, with who is shown them; the records of one's own tasks may be looked at by anybody.
const VIEWS = [
  { name: "pending", label: "Pending", view: pending, isFor: () => session.may("approve").length > 0 },
  {
    name: "live",
    label: "Live",
    view: live,
    isFor: () => session.may("revoke").length > 0 || session.may("audit").length > 0,
  },
  { name: "search", label: "Search", view: search, isFor: () => true },
  { name: "log", label: "Log", view: log, isFor: () => true },
];
const TIMELINE = { name: "task", label: "Timeline", view: timeline, isFor: () => true };

const HELP = { key: "?", label: "These shortcuts", act: showShortcuts };

const place = (id) => document.getElementById(id);
const main = place("main");

let shown = null; // the view that is shown, as its page
let notice = null; // what the next view says first

// ---- The page that a view gets -----------------------------------------------------------------

function pageFor(name) {
  const controller = new AbortController();
  const { signal } = controller;
  const timers = [];
  const endings = [];
  return {
    name,
    signal,
    go,
    announce,
    keys: setView,
    tried: (action) => tried(action, signal),
    isStill: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
    show: (...nodes) => {
      if (!signal.aborted) fill(nodes);
    },
    notice: (node) => {
      notice = node;
    },
    atEnd: (ending) => endings.push(ending),
    /** Asks again while somebody looks, and not under their hands. */
    every: (ms, refresh) => {
      if (signal.aborted) return;
      const isLookedAt = () => document.visibilityState === "visible" && session.secondsLeft() > 0 && !isOpen();
      timers.push(setInterval(() => isLookedAt() && tried(refresh, signal), ms));
    },
    leave: () => {
      controller.abort();
      timers.forEach(clearInterval);
      endings.forEach((ending) => ending());
    },
  };
}

function fill(nodes) {
  const dismiss = button(
    "Dismiss",
    () => {
      notice = null;
      main.querySelector(".notice")?.remove();
      main.focus();
    },
    { class: "plain small" },
  );
  replace(main, notice === null ? null : el("div", { class: "notice", role: "status" }, notice, dismiss), nodes);
}

function announce(text) {
  place("said").textContent = text;
}

// ---- What is shown -----------------------------------------------------------------------------

function wanted() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const [name, ...rest] = path.split("/");
  return { name, id: decoded(rest.join("/")), query: new URLSearchParams(query) };
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an address that somebody mistyped names what it names
  }
}

function go(hash, { isAnew = false } = {}) {
  if (location.hash !== hash) location.hash = hash;
  else if (isAnew) render();
}

async function render() {
  const before = shown?.name;
  shown?.leave();
  setView([]);
  clearProblem();
  if (!session.isOpen) return showWelcome();
  const { name, id, query } = wanted();
  const chosen =
    [...VIEWS, TIMELINE].find((one) => one.name === name && one.isFor()) ?? VIEWS.find((one) => one.isFor());
  const page = pageFor(chosen.name);
  shown = page;
  showTabs(chosen.name);
  document.title = `${chosen.label} - Postern`;
  main.setAttribute("aria-busy", "true");
  if (before !== chosen.name) fill([el("h1", {}, chosen.label), el("p", { class: "quiet" }, "Asking the gate.")]);
  try {
    const nodes = await chosen.view(page, id === "" ? undefined : id, query);
    if (page.signal.aborted) return;
    fill(nodes);
    notice = null;
    main.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  } catch (problem) {
    if (page.signal.aborted) return;
    showProblem(problem);
    const isOurs = !(problem instanceof Problem);
    fill([
      el("h1", { tabindex: -1 }, chosen.label),
      el("p", {}, isOurs ? "It could not be shown." : "The gate did not say it."),
      el("p", {}, button("Ask again", render)),
    ]);
  } finally {
    if (shown === page) main.removeAttribute("aria-busy");
  }
}

function showWelcome() {
  setAlways([HELP]);
  shown = null;
  notice = null;
  announce("");
  place("views").hidden = true;
  document.title = "Sign in - Postern";
  main.removeAttribute("aria-busy");
  replace(main, welcome(render));
}

function showTabs(current) {
  const tabs = VIEWS.filter((one) => one.isFor());
  const keys = tabs.map(({ name, label }, index) => ({ key: String(index + 1), label, act: () => go(`#/${name}`) }));
  setAlways([...keys, { key: "r", label: "Ask again", act: render }, HELP]);
  place("views").hidden = false;
  replace(
    place("views"),
    tabs.map((one, index) =>
      el(
        "a",
        { href: `#/${one.name}`, "aria-current": one.name === current ? "page" : null },
        one.label,
        " ",
        el("kbd", { "aria-hidden": "true" }, String(index + 1)),
      ),
    ),
  );
}

// ---- The beginning -----------------------------------------------------------------------------

listenForFaults();
on(window, "hashchange", render);
on(place("skip"), "click", (event) => {
  event.preventDefault();
  main.focus();
});
on(place("keys-button"), "click", showShortcuts);
listenForKeys();
listenForAccount(place("who"), render);
render();
