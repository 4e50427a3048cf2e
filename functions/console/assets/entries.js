// A command or an event of the log as people read it: what was asked, what ran, what came of it.

import { button, el, facts, said } from "./dom.js";
import { show } from "./dialogs.js";
import { bytes, count, counted, milliseconds } from "./format.js";
import { teardownProof } from "./live.js";
import { begun, statusOf, toneOf } from "./records.js";
import { list, tableScope } from "./scope.js";
import { statement } from "./sql.js";
import { when } from "./when.js";

const TITLES = new Map([
  ["statement", "Statement"],
  ["run_once", "Statement that runs once"],
  ["dry_run", "Trial, rolled back"],
  ["provision", "World built"],
  ["teardown", "World torn down"],
  ["grant", "Task granted"],
  ["approval", "Approval"],
  ["refusal", "Task refused"],
  ["revocation", "Access taken away"],
  ["hold", "Database held"],
  ["release", "Released"],
  ["epoch_start", "Log begins"],
  ["epoch_end", "Log ends"],
  ["key", "Keys of the log"],
  ["deploy", "Deploy"],
  ["erasure", "Sealed texts erased"],
  ["quarantine", "Object set aside"],
  ["unreadable", "Entry that is no record"],
]);

export const titleOf = (command) => TITLES.get(command.kind) ?? command.kind;

/** The command as an entry of a list. */
export function entry(command) {
  const status = statusOf(command);
  return el(
    "li",
    { class: `entry ${toneOf(status)}`, "data-id": command.id },
    el(
      "div",
      { class: "row between" },
      el("h2", {}, said(titleOf(command)), " ", el("span", { class: `tag ${toneOf(status)}` }, said(status))),
      command.time === null ? null : when(command.time, { fraction: true }),
    ),
    bodyOrWhyNot(command),
    button("The records themselves", () => showRecords(command), { class: "plain small" }),
  );
}

/** One line of the command, for a table. */
export function summary(command) {
  const first = begun(command);
  const text = first?.statement?.ran ?? first?.statement?.text;
  if (typeof text === "string") return text;
  return first?.comment ?? first?.task?.purpose ?? first?.request?.purpose ?? first?.revocation?.reason ?? "";
}

/** The bytes of a record are canonical; here they are set out in lines. */
export function showRecords(command) {
  const parts = command.found.map((one) => [
    el(
      "p",
      { class: "quiet" },
      `Entry ${count(one.index)} of the log, `,
      el("code", {}, said(one.key ?? "without a key")),
    ),
    el(
      "pre",
      { class: "sql", tabindex: 0, role: "region", "aria-label": `Entry ${one.index}` },
      el("code", {}, said(JSON.stringify(one.record ?? one.unreadable, null, 2))),
    ),
  ]);
  return show("Records", ...parts.flat());
}

/** Beyond its envelope a record says what its writer wrote: a form that is not known here is told, and hides nothing else. */
function bodyOrWhyNot(command) {
  try {
    return body(command);
  } catch (error) {
    return el(
      "p",
      { class: "bad" },
      "This page does not know the form of this record (",
      said(error.message),
      "). Look at the record itself.",
    );
  }
}

function body(command) {
  const first = begun(command);
  if (first === null)
    return el(
      "p",
      {},
      command.kind === "unreadable"
        ? said(command.found[0].unreadable?.reason ?? "")
        : "Its intent is not among what was found.",
    );
  if (first.statement) return statementBody(command, first);
  if (command.kind === "provision" || command.kind === "teardown") return worldBody(command, first);
  return eventBody(first);
}

function statementBody(command, first) {
  const outcome = command.parts.get("outcome");
  const asked = textOf(first.statement.text);
  const ran = first.statement.ran === undefined ? null : textOf(first.statement.ran);
  return [
    asked === null
      ? el("p", { class: "quiet" }, "Its text is not kept here (it did not parse, or lies beside the record).")
      : statement(asked),
    ran === null || ran === asked
      ? null
      : el("details", {}, el("summary", {}, "What ran in its place"), statement(ran, "What ran")),
    facts([
      ...decisionFacts(first.decision),
      ...outcomeFacts(outcome),
      ["Parameters", first.statement.parameters?.count ? count(first.statement.parameters.count) : null],
      ["Compared with tokens", list(first.statement.lookups?.map((one) => one.class))],
    ]),
    masked(outcome?.masked),
  ];
}

/** A member's text; null where it is kept beside the record, or is not kept. */
function textOf(member) {
  return typeof member === "string" ? member : null;
}

function decisionFacts(decision) {
  if (!decision) return [];
  return [
    [
      "Refused with",
      decision.code
        ? [el("code", {}, said(decision.code)), decision.reason ? [": ", said(decision.reason)] : null]
        : null,
    ],
    ["Reaches", list(decision.relations)],
    ["Writes", decision.writes === true ? "yes" : null],
    ["Refusals", refusals(decision.refusals)],
    ["By policies", list(decision.policies ?? decision.reasons)],
  ];
}

function refusals(all) {
  if (!Array.isArray(all) || all.length === 0) return null;
  return el(
    "ul",
    {},
    all.map((one) => el("li", {}, said(one.what), " ", el("code", {}, said(one.code)), ": ", said(one.reason))),
  );
}

function outcomeFacts(outcome) {
  if (!outcome) return [];
  return [
    ["Rows", typeof outcome.rows === "number" ? [count(outcome.rows), outcome.truncated ? ", cut off" : null] : null],
    ["Bytes", typeof outcome.bytes === "number" ? bytes(outcome.bytes) : null],
    ["Rows written", typeof outcome.affected === "number" ? count(outcome.affected) : null],
    ["Took", typeof outcome.duration_ms === "number" ? milliseconds(outcome.duration_ms) : null],
    ["Sensitive values", outcome.sensitive_values ? count(outcome.sensitive_values) : null],
    ["Error", outcome.error ? el("code", {}, said(outcome.error)) : null],
    ["SQLSTATE", outcome.sqlstate ? el("code", {}, said(outcome.sqlstate)) : null],
  ];
}

function masked(columns) {
  if (!Array.isArray(columns) || columns.length === 0) return null;
  return el(
    "p",
    {},
    "Masked: ",
    columns.map((one, index) => [
      index === 0 ? null : ", ",
      said(one.column),
      " ",
      el("span", { class: "quiet" }, said(one.mask), ` ${count(one.count)}×`),
    ]),
  );
}

function worldBody(command, first) {
  const outcome = command.parts.get("outcome");
  return [
    facts([
      ["Role", first.target?.role ? el("code", {}, said(first.target.role)) : null],
      ["In", first.target?.database ? said(first.target.database) : null],
      ["Asked for by", first.by ? said(typeof first.by === "string" ? first.by : JSON.stringify(first.by)) : null],
      ["Approved by the records", list(first.approval?.given)],
      ["Error", outcome?.error ? el("code", {}, said(outcome.error)) : null],
    ]),
    outcome?.left ? teardownProof(outcome.left, outcome.terminated, outcome.steps) : null,
  ];
}

function eventBody(event) {
  const { task, revocation } = event;
  return [
    facts([
      ["Who", event.principal ? el("code", {}, said(`${event.principal.issuer}|${event.principal.subject}`)) : null],
      ["On behalf of", event.principal?.on_behalf_of ? said(event.principal.on_behalf_of) : null],
      ["In", event.database ? said(event.database) : event.request?.database ? said(event.request.database) : null],
      [
        "Purpose, its own words",
        task?.purpose ? said(task.purpose) : event.request?.purpose ? said(event.request.purpose) : null,
      ],
      ["Ticket", task?.ticket ? said(task.ticket) : null],
      [
        "Approvals needed",
        typeof event.decision?.approvals_needed === "number"
          ? count(event.decision.approvals_needed)
          : typeof event.needed === "number"
            ? count(event.needed)
            : null,
      ],
      ["Comment", event.comment ? el("blockquote", {}, said(event.comment)) : null],
      ["Of", revocation?.of ? [said(revocation.of.kind), " ", el("code", {}, said(revocation.of.name))] : null],
      ["Reason", revocation?.reason ? said(revocation.reason) : null],
      [
        "Budgets",
        event.budgets
          ? said(
              Object.entries(event.budgets)
                .map(([name, amount]) => `${name} ${count(amount)}`)
                .join(", "),
            )
          : null,
      ],
      ["Lookups", list(event.lookup)],
      // Of a grant it is when the access must stand, or be approved: the task's own time begins then.
      [
        event.kind === "grant" ? "Must stand by" : "Until",
        typeof task?.expires_at_s === "number" ? when(new Date(task.expires_at_s * 1000).toISOString()) : null,
      ],
      ...decisionFacts(event.decision),
    ]),
    Array.isArray(event.scope) && event.scope.length > 0
      ? el(
          "details",
          {},
          el("summary", {}, `Scope: ${counted(event.scope.length, "table")}`),
          event.scope.map((one) => tableScope(one, "h3")),
        )
      : null,
  ];
}
