// SQL in pieces, for colours: PostgreSQL's lexical forms (its documentation, section 4.1). The pieces together are the
// text, sign for sign, whatever it is; what does not end, a quote for instance, reaches to the end of the text.

import { el, pieces } from "./dom.js";

// Past this the rest is shown without colours: a page must not stand still for somebody's long statement.
const MOST_COLOURED = 40_000;

const KEYWORDS = new Set(
  `all alter analyze and any array as asc between by cascade case cast collate column commit concurrently constraint
  create cross current_date current_timestamp default delete desc distinct do drop else end except exists explain false
  fetch filter first following for foreign from full function grant group grouping having if ilike in index inner insert
  intersect interval into is isnull join key last lateral left like limit materialized natural not notnull null nulls
  offset on only or order outer over partition preceding primary range recursive references returning revoke right
  rollup row rows schema select set sets similar some table tablesample then to trigger true truncate type unbounded
  union unique update using values view when where window with within without`.split(/\s+/),
);

// In this order; the first that fits is taken, where the piece before ended.
const FORMS = [
  ["blank", /\s+/y],
  ["comment", /--[^\n]*/y],
  ["comment", /\/\*/y], // nests: its end is found by counting
  ["string", /[eE]'(?:[^'\\]|\\[^]|'')*(?:'|$)/y],
  ["string", /(?:[uU]&|[bBxXnN])?'(?:[^']|'')*(?:'|$)/y],
  ["string", /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y], // ends with itself
  ["name", /(?:[uU]&)?"(?:[^"]|"")*(?:"|$)/y],
  ["parameter", /\$[0-9]+/y],
  ["number", /(?:0[xX][0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?|\.[0-9][0-9_]*)/y],
  ["word", /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y],
  ["sign", /[^]/uy],
];

/** Pairs of a kind and a piece of the text. */
export function tokens(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    const [kind, end] = next(text, at);
    const piece = text.slice(at, end);
    found.push([kind === "word" && KEYWORDS.has(piece.toLowerCase()) ? "keyword" : kind, piece]);
    at = end;
  }
  return found;
}

function next(text, at) {
  for (const [kind, form] of FORMS) {
    form.lastIndex = at;
    const match = form.exec(text);
    if (match === null) continue;
    if (match[0] === "/*") return [kind, commentEnd(text, at)];
    if (kind === "string" && match[0].startsWith("$")) return [kind, quotedEnd(text, at, match[0])];
    return [kind, at + match[0].length];
  }
  return ["sign", at + 1];
}

function commentEnd(text, at) {
  const edge = /\/\*|\*\//g;
  edge.lastIndex = at;
  let depth = 0;
  for (let match = edge.exec(text); match !== null; match = edge.exec(text)) {
    depth += match[0] === "/*" ? 1 : -1;
    if (depth === 0) return edge.lastIndex;
  }
  return text.length;
}

function quotedEnd(text, at, quote) {
  const end = text.indexOf(quote, at + quote.length);
  return end < 0 ? text.length : end + quote.length;
}

/** A statement to read: in colours, every sign of it there, in a box that scrolls. */
export function statement(text, label = "Statement") {
  const coloured = tokens(text.slice(0, MOST_COLOURED)).map(([kind, piece]) =>
    kind === "blank" || kind === "sign" || kind === "word"
      ? pieces(piece)
      : el("span", { class: `sql-${kind}` }, ...pieces(piece)),
  );
  const rest = pieces(text.slice(MOST_COLOURED));
  return el(
    "pre",
    { class: "sql", tabindex: 0, role: "region", "aria-label": label },
    el("code", { dir: "ltr" }, coloured, rest),
  );
}
