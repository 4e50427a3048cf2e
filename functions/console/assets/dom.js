// Elements out of plain values. Text only ever becomes text: nothing here, and nothing that calls it, parses markup.

const LISTENER = /^on/i;

// What would be seen as something else, or not at all, by whoever must judge a text: controls, marks that turn the
// direction of writing around, letters without a shape. New lines and tabs stay what they are.
const UNSEEN = /[^\P{C}\n\t]|[\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

/** An element. Attributes that run code and addresses outside this page are a mistake of ours, so they raise. */
export function el(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (LISTENER.test(key)) throw new Error(`attribute ${key}: expected a listener to be added with on()`);
    if (key === "href" && !value.startsWith("#")) throw new Error("href: expected a place on this page");
    made.setAttribute(key, value === true ? "" : String(value));
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

/** The element, after the listener was added. */
export function on(element, type, listener) {
  element.addEventListener(type, listener);
  return element;
}

export function button(label, action, attributes = {}) {
  return on(el("button", { type: "button", ...attributes }, label), "click", action);
}

/** Text that others wrote, apart from the text around it, with every sign shown that would not be seen. */
export function said(text, attributes = {}) {
  return el("bdi", { ...attributes, class: `said ${attributes.class ?? ""}`.trim() }, ...pieces(String(text)));
}

/** The text in pieces: text nodes, and an element for each sign that would not be seen. */
export function pieces(text) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(UNSEEN)) {
    if (match.index > from) found.push(text.slice(from, match.index));
    const code = match[0].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    found.push(el("span", { class: "unseen-sign", title: "a character that cannot be seen" }, `U+${code}`));
    from = match.index + match[0].length;
  }
  if (from < text.length) found.push(text.slice(from));
  return found;
}

/** The first characters of a text on one line, for a list; whoever must judge it sees all of it elsewhere. */
export function brief(text, most = 120) {
  const line = String(text).replace(/\s+/g, " ");
  const shown = [...line.slice(0, most * 2)].slice(0, most).join("");
  return said(shown.length < line.length ? `${shown}…` : shown);
}

/** A list of terms and what is said of them; a pair whose second is null is left out. */
export function facts(pairs, attributes = {}) {
  const rows = pairs.filter(([, value]) => value !== null && value !== undefined);
  return el(
    "dl",
    { class: "facts", ...attributes },
    rows.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
  );
}

/** A table that scrolls within itself where it is wider than the page; one that `stacks` has its cells below each other there. */
export function table(caption, heads, rows, { stacks = false } = {}) {
  const cell = (content, index) => el("td", { "data-head": heads[index] }, el("div", {}, content));
  return el(
    "div",
    { class: stacks ? "wide stacks" : "wide", tabindex: 0, role: "region", "aria-label": caption },
    el(
      "table",
      {},
      el("caption", { class: "unseen" }, caption),
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          heads.map((head) => el("th", { scope: "col" }, head)),
        ),
      ),
      el(
        "tbody",
        {},
        rows.map((cells) => el("tr", {}, cells.map(cell))),
      ),
    ),
  );
}

export function replace(element, ...children) {
  element.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
}
