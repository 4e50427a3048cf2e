// A task that waits, with everything that an approval binds (docs/approvals.md).

import { el, facts, said } from "./dom.js";
import { bytes, count, counted, milliseconds, span } from "./format.js";
import { list, tableScope } from "./scope.js";
import { statement } from "./sql.js";
import { when } from "./when.js";

const BUDGETS = [
  ["statements", "Statements", count],
  ["rows", "Rows", count],
  ["bytes", "Bytes of answers", bytes],
  ["affected", "Rows written", count],
  ["values", "Sensitive values", count],
  ["lookups", "Values compared", count],
];

export function reviewOf(task) {
  const { review } = task;
  return [
    attention(review.attention),
    el("section", {}, el("h3", {}, "Who asks"), requester(review.requester)),
    el("section", {}, el("h3", {}, "Why"), purpose(task)),
    review.tables.length > 0
      ? el(
          "section",
          {},
          el("h3", {}, "What it would see and do"),
          review.tables.map((one) => tableScope(one)),
        )
      : null,
    besides(review),
    statements(task),
    el("section", {}, el("h3", {}, "For how long, and how much"), limits(task)),
    el("section", {}, el("h3", {}, "What others said"), words(task)),
  ].filter((part) => part !== null);
}

function attention(lines) {
  if (lines.length === 0) return null;
  return el(
    "section",
    { class: "attention" },
    el("h3", {}, "Look at this first"),
    el(
      "ul",
      {},
      lines.map((line) => el("li", {}, said(line))),
    ),
  );
}

function requester(who) {
  const attributes = Object.entries(who.attributes ?? {}).map(([name, value]) =>
    el("div", {}, el("dt", {}, said(name)), el("dd", {}, said(value))),
  );
  return [
    facts([
      ["Principal", el("code", {}, said(who.id))],
      [
        "On behalf of",
        who.on_behalf_of === null ? el("span", { class: "quiet" }, "nobody named") : said(who.on_behalf_of),
      ],
      ["Vouched for by", said(who.issuer_url)],
    ]),
    attributes.length > 0 ? el("dl", { class: "facts", "aria-label": "Attributes of the token" }, attributes) : null,
  ];
}

/** In the agent's own words: the one part of a request that nothing has checked, so it is drawn as a quotation. */
function purpose(task) {
  return [
    el(
      "p",
      { class: "quiet", id: "own-words" },
      "In the agent’s own words. Nobody has checked them, and nothing holds the agent to them.",
    ),
    el(
      "blockquote",
      { class: "own-words", tabindex: 0, role: "region", "aria-labelledby": "own-words" },
      said(task.purpose),
    ),
    facts([["Ticket", task.ticket === null ? el("span", { class: "quiet" }, "none named") : said(task.ticket)]]),
  ];
}

function besides(review) {
  const functions = list(review.functions);
  const lookup = list(review.lookup);
  if (functions === null && lookup === null) return null;
  return el(
    "section",
    {},
    el("h3", {}, "Besides"),
    facts([
      ["Calls", functions],
      ["Compares given values with", lookup],
    ]),
  );
}

function statements(task) {
  const checked = task.statements ?? [];
  if (checked.length === 0) return null;
  return el(
    "section",
    {},
    el("h3", {}, `Runs once: ${counted(checked.length, "statement")}`),
    el(
      "ol",
      { class: "statements" },
      checked.map((one, index) => el("li", {}, checkedStatement(one, index, task.dry_runs ?? []))),
    ),
    (task.dry_runs ?? []).map(dryRun),
  );
}

function checkedStatement(one, index, dryRuns) {
  const tried = dryRuns.at(-1)?.statements[index];
  return [
    statement(one.sql, `Statement ${index + 1}`),
    facts([
      ["Kind", one.kind === null ? null : said(one.kind)],
      [
        "In a transaction",
        one.in_transaction === null ? null : one.in_transaction ? "yes" : "no: it cannot be rolled back",
      ],
      ["Reaches further", list(one.effects)],
      ["SHA-256", el("code", { class: "digest" }, said(one.sha256))],
      ["When tried", tried === undefined ? el("span", { class: "quiet" }, "not tried") : triedText(tried)],
    ]),
  ];
}

function triedText(tried) {
  return [
    said(tried.status),
    tried.affected === null ? null : `, ${counted(tried.affected, "row")}`,
    tried.duration_ms === null ? null : `, ${milliseconds(tried.duration_ms)}`,
    tried.error === null ? null : [", ", el("code", {}, said(tried.error))],
    tried.locks.length === 0
      ? null
      : [", locks ", tried.locks.map((lock) => [said(`${lock.relation} (${lock.mode})`), " "])],
  ].filter((part) => part !== null);
}

function dryRun(run) {
  return el(
    "p",
    { class: "quiet" },
    "Tried by ",
    said(run.by),
    " in ",
    said(run.database),
    ": ",
    said(run.state),
    run.error ? [" ", el("code", {}, said(run.error))] : null,
    ". ",
    said(run.note),
  );
}

function limits(task) {
  const budgets = BUDGETS.map(([name, label, format]) => [label, format(task.budgets[name])]);
  return facts([
    ["Lives", `${span(task.review.ttl_s)} from its activation`],
    ["Can be approved until", when(task.review.wait_ends_at)],
    ...(task.review.statements.length > 0 ? [] : budgets),
    ["Digest of all this", el("code", { class: "digest" }, said(task.review.scope_digest))],
  ]);
}

function words(task) {
  const given = task.review.given.map((word) =>
    el(
      "li",
      {},
      el("strong", {}, "approved"),
      " by ",
      said(word.approver),
      ", ",
      when(word.at),
      el("blockquote", {}, said(word.comment)),
    ),
  );
  const denied = task.review.denied;
  if (denied)
    given.push(
      el(
        "li",
        {},
        el("strong", { class: "bad" }, "denied"),
        " by ",
        said(denied.approver),
        ", ",
        when(denied.at),
        el("blockquote", {}, said(denied.comment)),
      ),
    );
  const { needed, given: had } = task.approvals ?? { needed: 0, given: 0 };
  return [
    el("p", {}, `${count(had)} of ${counted(needed, "approval")} given.`),
    given.length > 0 ? el("ul", { class: "words" }, given) : null,
  ];
}
