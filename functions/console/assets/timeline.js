// A task's life from the records: each command in its turn, and played back in the rhythm in which it happened.

import { button, el, facts, on, said } from "./dom.js";
import { entry, titleOf } from "./entries.js";
import { count, counted, span } from "./format.js";
import { begun, commandsOf, fetchAll, statusOf } from "./records.js";

const LONGEST_PAUSE_MS = 4000; // of the playback, however long nothing happened
const SHORTEST_PAUSE_MS = 120;
const SPEEDS = [1, 10, 60];

export async function timeline(page, id) {
  const progress = el("p", { class: "quiet", role: "status" }, "Reading the log.");
  page.show(el("h1", { tabindex: -1 }, "Timeline"), progress);
  const { records, last, isWhole } = await fetchAll(
    { task: id, order: "asc", limit: 500 },
    {
      signal: page.signal,
      tell: (read) => progress.replaceChildren(`Reading the log: ${counted(read, "record")} so far.`),
    },
  );
  const commands = commandsOf(records);
  const heading = el("h1", { tabindex: -1 }, "Timeline of task ", el("code", {}, said(id)));
  if (commands.length === 0) {
    return [
      heading,
      el(
        "p",
        { class: "empty" },
        "The log has no record of it that you may see. A record is in the log about a minute after it was written.",
      ),
      again(page, id),
    ];
  }
  const entries = el("ol", { class: "entries" }, commands.map(entry));
  const player = playback(page, commands, [...entries.children]);
  page.announce(`${counted(commands.length, "entry", "entries")} of the timeline.`);
  return [
    heading,
    overview(commands),
    last.audits.length > 0
      ? null
      : el(
          "p",
          { class: "note" },
          "You see what you said yourself, and what was done in your name. Who may audit the database sees all of it.",
        ),
    isWhole
      ? null
      : el("p", { class: "note" }, `Only the first ${count(records.length)} records are shown: the task has more.`),
    player,
    entries,
    el(
      "p",
      { class: "quiet" },
      `Read from the signed log at ${counted(last.tree.size, "entry", "entries")}. This page shows what the gate told it; postern audit verify proves it, offline.`,
    ),
    again(page, id),
  ];
}

function again(page, id) {
  return el(
    "p",
    {},
    button("Read again", () => page.go(`#/task/${encodeURIComponent(id)}`, { isAnew: true }), { class: "plain" }),
  );
}

function overview(commands) {
  const grant = commands.map(begun).find((first) => first?.kind === "grant");
  const statements = commands.filter((command) => command.kind === "statement" || command.kind === "run_once");
  const refused = statements.filter((command) => statusOf(command) === "refused").length;
  const lasted = (Date.parse(commands.at(-1).time) - Date.parse(commands[0].time)) / 1000;
  return facts([
    ["Who", grant?.principal ? el("code", {}, said(`${grant.principal.issuer}|${grant.principal.subject}`)) : null],
    ["On behalf of", grant?.principal?.on_behalf_of ? said(grant.principal.on_behalf_of) : null],
    ["Purpose, its own words", grant?.task?.purpose ? said(grant.task.purpose) : null],
    ["Statements", `${count(statements.length)}, ${count(refused)} of them refused`],
    ["From first to last", span(lasted)],
  ]);
}

/** The controls. Before the playback all entries are there; while it plays, those that have not happened yet are not. */
function playback(page, commands, items) {
  const times = commands.map((command) => Date.parse(command.time));
  let at = items.length - 1;
  let timer = null;
  let speed = SPEEDS[0];

  const place = el("input", { type: "range", id: "place", min: 1, max: items.length, value: items.length });
  const told = el("output", { for: "place" });
  const play = button("Play", () => (timer === null ? start() : stop()), { class: "good" });
  const speeds = el(
    "select",
    { id: "speed" },
    SPEEDS.map((one) => el("option", { value: one }, `${one}×`)),
  );

  function put(next) {
    at = Math.min(Math.max(next, 0), items.length - 1);
    items.forEach((item, index) => {
      item.hidden = index > at;
      item.classList.toggle("now", index === at && at < items.length - 1);
    });
    place.value = String(at + 1);
    told.replaceChildren(`${at + 1} of ${items.length}: `, said(`${titleOf(commands[at])}, ${statusOf(commands[at])}`));
  }

  function stop() {
    clearTimeout(timer);
    timer = null;
    play.textContent = "Play";
  }

  function start() {
    put(at === items.length - 1 ? 0 : at);
    play.textContent = "Pause";
    wait();
  }

  function wait() {
    const pause = Math.min(Math.max((times[at + 1] - times[at]) / speed, SHORTEST_PAUSE_MS), LONGEST_PAUSE_MS);
    timer = setTimeout(() => {
      put(at + 1);
      items[at].scrollIntoView({ block: "nearest", behavior: page.isStill() ? "auto" : "smooth" });
      if (at === items.length - 1) stop();
      else wait();
    }, pause);
  }

  const step = (by) => {
    stop();
    put(at + by);
  };
  on(place, "input", () => {
    stop();
    put(Number(place.value) - 1);
  });
  on(speeds, "change", () => {
    speed = Number(speeds.value);
  });
  page.atEnd(stop);
  page.keys([
    { key: "p", label: "Play or pause", act: () => play.click() },
    { key: "[", label: "Entry before", act: () => step(-1) },
    { key: "]", label: "Next entry", act: () => step(1) },
  ]);
  put(at);
  return el(
    "section",
    { class: "player", "aria-label": "Playback" },
    el(
      "div",
      { class: "row" },
      play,
      button("Step back", () => step(-1), { class: "plain" }),
      button("Step", () => step(1), { class: "plain" }),
      el("label", { for: "speed" }, "Speed"),
      speeds,
    ),
    el("div", { class: "row" }, el("label", { for: "place" }, "Entry"), place),
    told,
  );
}
