// Records by who, where, when and what. What was asked for stands in the address, so that it can be asked again.

import { el, on, replace, said, brief, button, table } from "./dom.js";
import { showRecords, summary, titleOf } from "./entries.js";
import { count, counted, utc } from "./format.js";
import { begun, commandsOf, fetchPage, statusOf, toneOf } from "./records.js";

const KINDS = [
  "",
  "statement",
  "grant",
  "refusal",
  "approval",
  "provision",
  "teardown",
  "run_once",
  "dry_run",
  "revocation",
  "hold",
  "release",
  "deploy",
  "erasure",
  "epoch_start",
  "epoch_end",
  "key",
  "quarantine",
];
const FIELDS = [
  ["principal", "Who", "issuer|subject, or a person’s name"],
  ["database", "Database", "shop"],
  ["table", "Table", "public.orders or orders"],
  ["task", "Task", "its id"],
  ["code", "Code", "guard.relation"],
];

export async function search(page, _, asked) {
  const results = el("div", {});
  const form = searchForm(asked);
  on(form, "submit", (event) => {
    event.preventDefault();
    const wanted = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value.trim() !== "") wanted.set(name, value.trim());
    page.go(`#/search?${wanted}`, { isAnew: true });
  });
  const heading = el("h1", { tabindex: -1 }, "Search the records");
  page.keys([{ key: "/", label: "To the search fields", act: () => form.querySelector("input").focus() }]);
  if ([...asked.keys()].length > 0) {
    page.show(heading, form, results);
    await more(page, results, { found: [], cursor: null, query: queryOf(asked) });
  }
  return [heading, form, results];
}

function searchForm(asked) {
  const field = (name, label, control) =>
    el("div", { class: "field" }, el("label", { for: `search-${name}` }, label), control);
  return el(
    "form",
    { class: "search", role: "search" },
    FIELDS.map(([name, label, example]) =>
      field(
        name,
        label,
        el("input", {
          id: `search-${name}`,
          name,
          value: asked.get(name) ?? "",
          placeholder: example,
          autocomplete: "off",
          spellcheck: "false",
          maxlength: 2000,
        }),
      ),
    ),
    field(
      "kind",
      "Kind",
      el(
        "select",
        { id: "search-kind", name: "kind" },
        KINDS.map((kind) =>
          el("option", { value: kind, selected: kind === (asked.get("kind") ?? "") }, kind === "" ? "any" : kind),
        ),
      ),
    ),
    field(
      "from",
      "From, in UTC",
      el("input", { type: "datetime-local", id: "search-from", name: "from", value: asked.get("from") ?? "" }),
    ),
    field(
      "to",
      "Before, in UTC",
      el("input", { type: "datetime-local", id: "search-to", name: "to", value: asked.get("to") ?? "" }),
    ),
    field(
      "order",
      "Order",
      el(
        "select",
        { id: "search-order", name: "order" },
        [
          ["desc", "newest first"],
          ["asc", "oldest first"],
        ].map(([order, label]) => el("option", { value: order, selected: order === asked.get("order") }, label)),
      ),
    ),
    el("div", { class: "row" }, el("button", { type: "submit", class: "good" }, "Search")),
  );
}

/** The API's parameters. A field of date and time says no zone; here it means UTC. */
function queryOf(asked) {
  const query = Object.fromEntries(
    [...FIELDS.map(([name]) => name), "kind", "order"].map((name) => [name, asked.get(name)]),
  );
  for (const name of ["from", "to"]) {
    const given = asked.get(name);
    if (given) query[name] = `${given.length === 16 ? `${given}:00` : given}Z`;
  }
  return query;
}

async function more(page, results, state) {
  const answer = await fetchPage(state.query, state.cursor, page.signal);
  state.found.push(...answer.records);
  state.cursor = answer.next;
  const commands = commandsOf(state.found);
  if (state.query.order !== "asc") commands.reverse();
  const { from_index: first, to_index: end } = answer.searched;
  const text = `${counted(state.found.length, "record")} found${state.cursor ? " so far" : ""}; entries ${count(first)} to ${count(end)} of ${count(answer.tree.size)} were last looked through.`;
  page.announce(text);
  replace(
    results,
    el("p", { class: "quiet" }, text),
    commands.length > 0
      ? table("Records found", ["Time (UTC)", "What", "Who", "Where", "Text", "Task", "Record"], commands.map(row), {
          stacks: true,
        })
      : null,
    commands.length === 0 && !state.cursor
      ? el(
          "p",
          { class: "empty" },
          "No record fits. You see those of databases that you may audit, and of your own tasks.",
        )
      : null,
    state.cursor ? button("Search on", () => page.tried(() => more(page, results, state))) : null,
  );
}

function row(command) {
  const first = begun(command);
  const status = statusOf(command);
  const who = first?.principal;
  const task = (first ?? command.found[0].record)?.task?.id;
  return [
    el("span", { class: "nowrap" }, command.time === null ? "" : said(utc(command.time).replace(" UTC", ""))),
    [
      said(titleOf(command)),
      " ",
      el("span", { class: `tag ${toneOf(status)}` }, said(status)),
      first?.decision?.code ? [" ", el("code", {}, said(first.decision.code))] : null,
    ],
    who ? brief(`${who.issuer}|${who.subject}`, 60) : "",
    brief(first?.target?.database ?? first?.database ?? first?.request?.database ?? "", 40),
    brief(summary(command), 80),
    task ? el("a", { href: `#/task/${encodeURIComponent(task)}` }, "Timeline") : "",
    button("Record", () => showRecords(command), {
      class: "plain small",
      "aria-label": `Record of ${command.time ?? "an unknown time"}`,
    }),
  ];
}
