// How the log of evidence stands: its size, how far it is complete, its last checkpoint, who looked at it last.

import { call } from "./api.js";
import { el, facts, said } from "./dom.js";
import { count, counted, span } from "./format.js";
import { when } from "./when.js";

const REFRESH_MS = 30_000;

export async function log(page) {
  const place = el("div", {});
  async function refresh() {
    const told = await call("GET", "v1/log", { signal: page.signal });
    place.replaceChildren(...health(told, await signatures(told)));
  }
  await refresh();
  page.every(REFRESH_MS, refresh);
  return [el("h1", { tabindex: -1 }, "The log of evidence"), place];
}

function health(told, signed) {
  const head = headOf(told.checkpoint);
  return [
    facts([
      ["Log", el("code", {}, said(told.origin))],
      ["Entries under the last checkpoint", head === null ? "none yet" : count(head.size)],
      ["Root", head === null ? null : el("code", { class: "digest" }, said(head.root))],
      ["Signature", signed],
      ["Complete up to", watermark(told.watermark)],
      ["Last witnessed", cosigned(told.cosigned, head)],
    ]),
    el("h2", {}, "Keys"),
    el(
      "ul",
      {},
      told.keys.map((key) =>
        el(
          "li",
          {},
          el("code", { class: "digest" }, said(key.vkey)),
          el("br"),
          "from ",
          when(key.valid_from),
          key.valid_until ? [" until ", when(key.valid_until)] : ", signs now",
        ),
      ),
    ),
    el("h2", {}, "Checkpoint"),
    told.checkpoint === null
      ? el("p", { class: "empty" }, "None is signed yet.")
      : el(
          "pre",
          { class: "sql", tabindex: 0, role: "region", "aria-label": "Checkpoint" },
          el("code", {}, said(told.checkpoint)),
        ),
    el(
      "p",
      { class: "note" },
      "This is what the gate says of itself, and a gate that lies would lie here too. Who audits takes the key from its operator by hand, pulls the log with credentials of their own, and runs postern audit verify.",
    ),
  ];
}

function watermark(mark) {
  if (mark === undefined) return null;
  if (mark === null) return el("strong", { class: "bad" }, "not known: no pass of the reaper has said so");
  if (mark.is_closed) return [when(mark.at), ". The log has ended"];
  const isLate = mark.behind_s > mark.max_staleness_s;
  const text = `${span(mark.behind_s)} behind; statements stop at ${span(mark.max_staleness_s)}`;
  return [when(mark.at), " ", isLate ? el("strong", { class: "bad" }, text) : text];
}

function cosigned(witness, head) {
  if (witness === undefined) return null;
  if (witness === null) return el("span", { class: "quiet" }, "by nobody that the gate knows of");
  if (witness.wrong !== null)
    return el("strong", { class: "bad" }, "what was reported does not hold: ", said(witness.wrong));
  const rest = head === null ? "" : `, ${count(Math.max(0, head.size - witness.size))} since`;
  return [
    when(witness.time),
    " by ",
    el("code", { class: "digest" }, said(witness.vkey)),
    ` at ${counted(witness.size, "entry", "entries")}${rest}`,
  ];
}

/** Origin, size and root of a signed note (C2SP tlog-checkpoint). */
function headOf(note) {
  const [, size, root] = (note ?? "").split("\n");
  return root === undefined ? null : { size: Number(size), root };
}

/** Whether the checkpoint's signature holds under a key that the gate names: Ed25519 over the note's text. */
async function signatures({ checkpoint, keys }) {
  if (checkpoint === null) return null;
  const [text, lines] = splitNote(checkpoint);
  for (const { vkey } of keys) {
    const [, , material] = splitKey(vkey);
    const key = await crypto.subtle
      .importKey("raw", decoded(material).slice(1), "Ed25519", false, ["verify"])
      .catch(() => null);
    if (key === null) return el("span", { class: "quiet" }, "not checked: this browser does not know Ed25519");
    for (const line of lines) {
      const signature = decoded(line.split(" ")[2]).slice(4);
      if (await crypto.subtle.verify("Ed25519", key, signature, new TextEncoder().encode(text)))
        return el("strong", { class: "fine" }, "holds, checked in this browser");
    }
  }
  return el(
    "strong",
    { class: "bad" },
    "does not hold under any key that the gate names: keep this page, and tell an auditor",
  );
}

function splitNote(note) {
  const at = note.lastIndexOf("\n\n");
  return [
    note.slice(0, at + 1),
    note
      .slice(at + 2)
      .split("\n")
      .filter((line) => line.startsWith("— ")),
  ];
}

/** Name, id and key of `<name>+<id>+<base64>`; a name has no plus, base64 may. */
function splitKey(vkey) {
  const [name, id, ...rest] = vkey.split("+");
  return [name, id, rest.join("+")];
}

const decoded = (base64) => Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
