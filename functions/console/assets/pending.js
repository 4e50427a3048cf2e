// Tasks that wait for people: the list, the one that is looked at with everything it asks for, and the word on it.

import { call } from "./api.js";
import { askReason } from "./dialogs.js";
import { brief, button, el, said } from "./dom.js";
import { counted, span } from "./format.js";
import { reviewOf } from "./review.js";

const REFRESH_MS = 20_000;

export async function pending(page, chosen) {
  const list = el("ul", { class: "choices" });
  const heading = el("h1", { tabindex: -1 }, "Waiting for approval");
  const detail = el("div", { class: "detail" });
  const seen = { tasks: [], id: chosen ?? null };

  const step = (by) => {
    const at = seen.tasks.findIndex((task) => task.task_id === seen.id);
    const next = seen.tasks[Math.min(Math.max(at + by, 0), seen.tasks.length - 1)];
    if (next) page.go(`#/pending/${next.task_id}`);
  };

  async function refresh() {
    const { tasks } = await call("GET", "v1/tasks", { query: { state: "pending_approval" }, signal: page.signal });
    const before = seen.tasks.map((task) => task.task_id).join();
    const isFirst = seen.tasks.length === 0;
    seen.tasks = tasks;
    if (seen.id === null && tasks.length > 0) seen.id = tasks[0].task_id;
    const focused = document.activeElement?.dataset?.task;
    list.replaceChildren(...tasks.map((task) => el("li", {}, choice(task, seen.id))));
    if (focused) list.querySelector(`[data-task="${CSS.escape(focused)}"]`)?.focus();
    if (isFirst || before !== tasks.map((task) => task.task_id).join())
      page.announce(`${counted(tasks.length, "task")} waiting for approval.`);
  }

  async function showTask() {
    if (seen.id === null) {
      detail.replaceChildren(el("p", { class: "empty" }, "Nothing waits that you may approve."));
      return;
    }
    const task = await call("GET", `v1/tasks/${encodeURIComponent(seen.id)}`, { signal: page.signal }).catch(absent);
    if (task === null) {
      detail.replaceChildren(...notForYou());
      return;
    }
    const decide = (decision) => giveWord(page, task, decision);
    detail.replaceChildren(...taskDetail(task, decide));
    const own =
      task.review && task.state === "pending_approval"
        ? [
            { key: "a", label: "Approve the task that is shown", act: () => decide("approve") },
            { key: "d", label: "Deny the task that is shown", act: () => decide("deny") },
          ]
        : [];
    page.keys([
      ...own,
      { key: "j", label: "Next task", act: () => step(1) },
      { key: "k", label: "Task before", act: () => step(-1) },
    ]);
  }

  await refresh();
  await showTask();
  page.every(REFRESH_MS, refresh);
  return [
    heading,
    el(
      "div",
      { class: chosen ? "split chosen" : "split" },
      el("nav", { class: "side", "aria-label": "Tasks that wait" }, list),
      detail,
    ),
  ];
}

/** The gate says the same of a task that is not there and of one that this person may not decide. */
function absent(problem) {
  if (problem.status === 404) return null;
  throw problem;
}

function notForYou() {
  const text =
    "There is no such task, or it is not for you to decide: nobody decides on what they asked for, nor on what was asked for on their behalf. Another person must.";
  return [el("a", { href: "#/pending", class: "back" }, "All that wait"), el("p", { class: "note" }, text)];
}

function choice(task, id) {
  const { review } = task;
  return el(
    "a",
    {
      href: `#/pending/${encodeURIComponent(task.task_id)}`,
      "aria-current": task.task_id === id ? "true" : null,
      "data-task": task.task_id,
    },
    el(
      "span",
      { class: "row between" },
      el("strong", {}, said(task.database)),
      el("span", { class: "quiet" }, `waits ${span((Date.now() - Date.parse(task.created_at)) / 1000)}`),
    ),
    el("span", {}, brief(task.purpose, 90)),
    el("span", { class: "quiet" }, brief(review?.requester?.id ?? "", 60)),
    review?.attention?.length > 0
      ? el("span", { class: "tag writes" }, counted(review.attention.length, "thing to look at", "things to look at"))
      : null,
  );
}

function taskDetail(task, decide) {
  const back = el("a", { href: "#/pending", class: "back" }, "All that wait");
  const title = el(
    "h2",
    { class: "title" },
    "Task in ",
    said(task.database),
    " ",
    el("span", { class: "tag" }, said(task.state)),
  );
  const id = el("p", { class: "quiet" }, el("code", {}, said(task.task_id)));
  if (!task.review)
    return [
      back,
      title,
      id,
      el("p", { class: "note" }, "This task is yours. Another person must decide on it (four eyes)."),
      el("p", {}, el("a", { href: `#/task/${encodeURIComponent(task.task_id)}` }, "Its timeline")),
    ];
  if (task.state !== "pending_approval")
    return [
      back,
      title,
      id,
      el(
        "p",
        {},
        "It waits no more. ",
        el("a", { href: `#/task/${encodeURIComponent(task.task_id)}` }, "Its timeline"),
        " says what came of it.",
      ),
      ...reviewOf(task),
    ];
  const mine = task.review.approved_by_you
    ? el("p", { class: "note" }, "You have approved it. Another person must, too.")
    : null;
  const acts = el(
    "div",
    { class: "acts row" },
    button([el("kbd", {}, "a"), " Approve"], () => decide("approve"), { class: "good" }),
    button([el("kbd", {}, "d"), " Deny"], () => decide("deny"), { class: "danger" }),
  );
  return [back, title, id, mine, acts, ...reviewOf(task)].filter((part) => part !== null);
}

/** The word is about what was shown: its digest goes with it, and the API refuses where it is not that any more. */
async function giveWord(page, task, decision) {
  const approves = decision === "approve";
  const { review } = task;
  const done = await askReason({
    title: approves ? "Approve this task?" : "Deny this task?",
    about: [
      el(
        "p",
        {},
        said(review.requester.id),
        review.requester.on_behalf_of ? [" on behalf of ", said(review.requester.on_behalf_of)] : null,
        " in ",
        said(task.database),
        ".",
      ),
      review.attention.length > 0
        ? el(
            "ul",
            { class: "attention" },
            review.attention.map((line) => el("li", {}, said(line))),
          )
        : null,
      approves && review.statements.length > 0
        ? el("p", {}, "With the last approval its statements run, once, at once.")
        : null,
      approves ? null : el("p", {}, "One denial ends the task."),
    ],
    label: "Why",
    hint: "Recorded with your name, after the detectors took out what looks like a secret or a person’s data.",
    confirm: approves ? "Approve" : "Deny",
    kind: approves ? "good" : "danger",
    send: (comment) =>
      call("POST", `v1/tasks/${encodeURIComponent(task.task_id)}/approval`, {
        body: { decision, comment, scope_digest: review.scope_digest },
      }),
  });
  if (done === null) return;
  page.notice(
    el(
      "p",
      {},
      el("strong", {}, approves ? "Approved." : "Denied."),
      ` The task is ${done.state}. `,
      el("a", { href: `#/task/${encodeURIComponent(done.task_id)}` }, "Its timeline"),
    ),
  );
  page.go("#/pending", { isAnew: true });
}
