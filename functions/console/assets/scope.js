// What a task can see and do, table by table: the same for a request that waits and for a grant on record.

import { el, facts, said, table } from "./dom.js";
import { count } from "./format.js";

/** A mask in words, with each of its parameters; a raw value is marked, since it is what to look at first. */
export function maskOf(column) {
  const { mask } = column;
  if (mask === null || mask === undefined) {
    const isRaw = column.class !== null && column.class !== undefined && column.class !== "open";
    return isRaw ? el("strong", { class: "raw" }, "raw value") : el("span", { class: "quiet" }, "open");
  }
  if (typeof mask !== "object") return said(mask);
  const { kind, ...parameters } = mask;
  const told = Object.entries(parameters).map(([name, value]) => `${name} ${value}`);
  return said([kind ?? JSON.stringify(mask), ...told].join(", "));
}

/** One table, with its columns and what stands before its rows, under a heading of the given level. */
export function tableScope(one, heading = "h4") {
  const columns = one.columns ?? [];
  const rows = columns.map((column) => [
    said(column.name),
    column.class && column.class !== "open" ? said(column.class) : el("span", { class: "quiet" }, "none"),
    maskOf(column),
  ]);
  return el(
    "section",
    { class: "scope" },
    el(
      heading,
      {},
      said(one.table),
      " ",
      (one.actions ?? []).map((action) => [
        el("span", { class: action === "select" ? "tag" : "tag writes" }, said(action)),
        " ",
      ]),
    ),
    facts([
      [
        "Rows",
        "estimated_rows" in one
          ? one.estimated_rows === null
            ? "no estimate"
            : `about ${count(one.estimated_rows)}, as the planner has it`
          : null,
      ],
      ["Only rows where", filterOf(one)],
      ["Sets off triggers", list(one.triggers)],
      ["Cascades to", list(one.cascades)],
    ]),
    rows.length > 0 ? table(`Columns of ${one.table}`, ["Column", "Class", "Seen as"], rows) : null,
  );
}

/** Texts that others wrote, with commas between them; nothing where there are none. */
export function list(texts) {
  if (!Array.isArray(texts) || texts.length === 0) return null;
  return texts.flatMap((text, index) => [
    index === 0 ? null : ", ",
    said(typeof text === "string" ? text : JSON.stringify(text)),
  ]);
}

function filterOf(one) {
  if (one.row_filter === null || one.row_filter === undefined) return el("span", { class: "quiet" }, "every row");
  const filter =
    typeof one.row_filter === "string" ? one.row_filter : (one.row_filter.expression ?? JSON.stringify(one.row_filter));
  const values = Object.entries(one.row_filter_values ?? {});
  return [
    el("code", {}, said(filter)),
    values.map(([name, value]) => [", ", el("code", {}, said(`${name} = ${value}`))]),
  ];
}
