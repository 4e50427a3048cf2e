// Tasks that are alive, what they have left, and taking access away, with the proof that it is gone.

import { call } from "./api.js";
import { askReason } from "./dialogs.js";
import { brief, button, el, facts, said } from "./dom.js";
import { bytes, count, counted, milliseconds, span } from "./format.js";
import { list } from "./scope.js";
import { when } from "./when.js";

const REFRESH_MS = 15_000;
const METERS = [
  ["statements", "Statements", count],
  ["rows", "Rows", count],
  ["bytes", "Bytes", bytes],
  ["affected", "Rows written", count],
  ["lookups", "Lookups", count],
];

export async function live(page) {
  const cards = el("div", { class: "cards" });
  const more = el("div", { class: "row" });
  let shown = "";

  async function refresh() {
    const { tasks, next } = await call("GET", "v1/tasks", { query: { state: "live" }, signal: page.signal });
    const now = JSON.stringify(tasks);
    if (now === shown) return;
    if (shown === "" || JSON.parse(shown).length !== tasks.length)
      page.announce(`${counted(tasks.length, "live task")}.`);
    shown = now;
    const focused = document.activeElement?.dataset?.task;
    cards.replaceChildren(
      ...(tasks.length > 0
        ? tasks.map((task) => card(page, task))
        : [el("p", { class: "empty" }, "No task is alive where you may look.")]),
    );
    if (focused) cards.querySelector(`[data-task="${CSS.escape(focused)}"]`)?.focus();
    more.replaceChildren(...(next ? [moreButton(page, cards, more, next)] : []));
  }

  await refresh();
  page.every(REFRESH_MS, refresh);
  return [el("h1", { tabindex: -1 }, "Live tasks"), cards, more];
}

function moreButton(page, cards, more, cursor) {
  return button("Further tasks", async () => {
    const { tasks, next } = await page.tried(() =>
      call("GET", "v1/tasks", { query: { state: "live", cursor }, signal: page.signal }),
    );
    cards.append(...tasks.map((task) => card(page, task)));
    more.replaceChildren(...(next ? [moreButton(page, cards, more, next)] : []));
  });
}

function card(page, task) {
  const path = encodeURIComponent(task.task_id);
  const { granted, left } = task.budgets;
  return el(
    "article",
    { class: "card", "aria-labelledby": `live-${path}` },
    el("h2", { id: `live-${path}` }, said(task.database), " ", el("span", { class: "tag" }, said(task.state))),
    facts([
      ["Who", el("code", {}, said(task.principal))],
      ["On behalf of", task.on_behalf_of ? said(task.on_behalf_of) : null],
      ["Purpose, its own words", brief(task.purpose, 160)],
      ["Ticket", task.ticket ? said(task.ticket) : null],
      ["Sees", scope(task)],
      ["Sees raw", task.unmasked.length > 0 ? el("strong", { class: "raw" }, list(task.unmasked)) : null],
      ["Statements sent", count(task.sequence)],
      ["Ends", [when(task.expires_at), ` in ${span((Date.parse(task.expires_at) - Date.now()) / 1000)}`]],
    ]),
    granted
      ? el(
          "div",
          { class: "meters" },
          METERS.map(([name, label, format]) => meter(`${path}-${name}`, label, granted[name], left[name], format)),
        )
      : null,
    el(
      "p",
      { class: "row" },
      task.may_revoke
        ? button("Revoke", () => revoke(page, task), {
            class: "danger",
            "data-task": task.task_id,
            "aria-describedby": `live-${path}`,
          })
        : null,
      el("a", { href: `#/task/${path}` }, "Timeline"),
    ),
  );
}

function scope(task) {
  if (task.statements > 0) return counted(task.statements, "statement that runs once", "statements that run once");
  const further = task.tables - task.scope.length;
  return [tables(task), further > 0 ? ` and ${counted(further, "table")} more` : null];
}

function tables(task) {
  return task.scope.map((one, index) => [index === 0 ? null : ", ", said(one.table), writes(one.actions)]);
}

function writes(actions) {
  const written = actions.filter((action) => action !== "select");
  return written.length === 0 ? null : [" ", el("span", { class: "tag writes" }, said(written.join(", ")))];
}

function meter(id, label, granted, left, format) {
  const used = Math.max(0, granted - left);
  return el(
    "div",
    { class: "meter" },
    el("label", { for: id }, label),
    el("meter", { id, min: 0, max: Math.max(granted, 1), high: Math.max(granted, 1) * 0.8, optimum: 0, value: used }),
    el("span", { class: "quiet" }, `${format(used)} of ${format(granted)}`),
  );
}

async function revoke(page, task) {
  const done = await askReason({
    title: "Take this task’s access away?",
    about: el(
      "p",
      {},
      said(task.principal),
      " in ",
      said(task.database),
      ". What runs is stopped and delivers nothing; its role and views are dropped. It is final.",
    ),
    label: "Reason",
    hint: "Recorded with your name.",
    confirm: "Revoke",
    kind: "danger",
    send: (reason) => call("POST", "v1/revocations", { body: { task: task.task_id, reason } }),
  });
  if (done === null) return;
  page.notice(proof(done));
  page.go("#/live", { isAnew: true });
}

/** What a revocation came to: what a query found in the database after it, and what remains. */
export function proof(done) {
  return el(
    "div",
    {},
    el(
      "p",
      {},
      el("strong", {}, "Access is taken away."),
      done.recorded ? " It is on record." : " Its record follows: the store of evidence does not answer now.",
    ),
    done.tasks.map(ended),
    done.remaining.map((one) =>
      el(
        "p",
        { class: "bad" },
        "Task ",
        el("code", {}, said(one.task_id)),
        " runs nothing any more, but its world may still stand (",
        said(one.code),
        "): the reaper drops it.",
      ),
    ),
  );
}

function ended(one) {
  const { left, steps } = one;
  if (left === null || steps === null)
    return el(
      "p",
      {},
      "Task ",
      el("code", {}, said(one.task_id)),
      ` is ${one.state}; another teardown came first, and its proof is on record. `,
      el("a", { href: `#/task/${encodeURIComponent(one.task_id)}` }, "Timeline"),
    );
  return [
    el(
      "p",
      {},
      "Role ",
      el("code", {}, said(one.role)),
      ` is gone ${milliseconds(steps.verified_ms)} after the first request. `,
      el("a", { href: `#/task/${encodeURIComponent(one.task_id)}` }, "Timeline"),
    ),
    teardownProof(left, one.terminated, steps),
  ];
}

/** The proving query's findings, also as a record has them. */
export function teardownProof(left, terminated, steps) {
  return facts([
    [
      "Found after it",
      `${counted(left.sessions, "session")}, ${counted(left.schemas, "schema")}, ${counted(left.roles, "role")}, ${counted(left.keys, "key")}`,
    ],
    ["Sessions ended", terminated === null || terminated === undefined ? null : count(terminated)],
    ["Login taken", steps ? milliseconds(steps.nologin_ms) : null],
    ["Sessions gone", steps ? milliseconds(steps.terminated_ms) : null],
    ["Dropped", steps ? milliseconds(steps.dropped_ms) : null],
    ["Proved", steps ? milliseconds(steps.verified_ms) : null],
  ]);
}
