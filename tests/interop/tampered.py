"""Logs that were tampered with, each by one change of a good one, and who can see it.

`BOTH`: a verifier that knows tiles, notes and trees sees it. `OURS`: it concerns a rule that only ours holds a log to.
`NOBODY`: nothing is wrong; such a log must be accepted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from postern.tlog.bundles import format_bundle, parse_bundle
from postern.tlog.checkpoints import Checkpoint, format_checkpoint
from postern.tlog.cosignatures import cosign
from postern.tlog.hashing import Hash
from postern.tlog.notes import NoteSignature, format_note, parse_note
from postern.tlog.tiles import TILE_WIDTH
from tests.support.log_copy import LogKey, build, log_key

Log = dict[str, bytes]

ORIGIN = "postern.shop/prod-2026"
KEY, NEXT_KEY, WITNESS = log_key(ORIGIN, 1), log_key(ORIGIN, 2), log_key("witness.example/w1", 3)
BATCHES = (1, 2, 253, 44, 300)  # sizes 1, 3, 256, 300, 600
SIZE = sum(BATCHES)
ENTRIES = tuple(b'{"n":%d}' % number for number in range(SIZE))
COSIGNED_AT_S = 1_790_000_000


class Seen(Enum):
    """Which verifiers must refuse a log."""

    BOTH = "both"
    OURS = "ours"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Case:
    """One log."""

    name: str
    seen: Seen
    change: Callable[[Log], None]

    def log(self) -> Log:
        log = good()
        self.change(log)
        return log


def good() -> Log:
    return build(ENTRIES, origin=ORIGIN, batches=BATCHES, key=KEY)


def both(name: str, change: Callable[[Log], None]) -> Case:
    return Case(name, Seen.BOTH, change)


def flip(path: str, at: int) -> Callable[[Log], None]:
    """One bit of one byte."""

    def change(log: Log) -> None:
        data = bytearray(log[path])
        data[at] ^= 1
        log[path] = bytes(data)

    return change


def remove(path: str) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        del log[path]

    return change


def extend(path: str, more: bytes) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        log[path] += more

    return change


def cut(path: str, count: int) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        log[path] = log[path][:-count]

    return change


def swap(one: str, other: str) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        log[one], log[other] = log[other], log[one]

    return change


def copy(source: str, target: str) -> Callable[[Log], None]:
    def change(log: Log) -> None:
        log[target] = log[source]

    return change


def bundle(path: str, mend: Callable[[list[bytes]], list[bytes]], width: int = TILE_WIDTH) -> Callable[[Log], None]:
    """The bundle's entries changed, and written as a bundle again."""

    def change(log: Log) -> None:
        log[path] = format_bundle(mend(parse_bundle(log[path], width)))

    return change


def checkpoint(mend: Callable[[str], str], *keys: LogKey, size: int | None = None) -> Callable[[Log], None]:
    """The text of a checkpoint changed, and signed by these keys: the latest and its copy, or an earlier one."""

    def change(log: Log) -> None:
        paths = [f"checkpoints/{size}"] if size is not None else ["checkpoint", f"checkpoints/{SIZE}"]
        text = mend(parse_note(log[paths[0]]).text)
        for path in paths:
            log[path] = format_note(text, [key.sign(text) for key in keys])

    return change


def lines(mend: Callable[[str, list[NoteSignature]], list[NoteSignature]]) -> Callable[[Log], None]:
    """The signature lines of every checkpoint changed."""

    def change(log: Log) -> None:
        for path in [path for path in log if path.startswith("checkpoint")]:
            note = parse_note(log[path])
            log[path] = format_note(note.text, mend(note.text, list(note.signatures)))

    return change


def latest(data: Callable[[bytes], bytes]) -> Callable[[Log], None]:
    """The bytes of the latest checkpoint and of its copy changed."""

    def change(log: Log) -> None:
        log["checkpoint"] = log[f"checkpoints/{SIZE}"] = data(log["checkpoint"])

    return change


def another_history(log: Log) -> None:
    """All of it built anew with one entry changed, and signed: the log's own key alone cannot tell."""
    log.clear()
    log.update(build((b"{}", *ENTRIES[1:]), origin=ORIGIN, batches=BATCHES, key=KEY))


def forged_history(log: Log) -> None:
    log.clear()
    log.update(build((b"{}", *ENTRIES[1:]), origin=ORIGIN, batches=BATCHES, key=NEXT_KEY))


def forked(log: Log) -> None:
    """An earlier tree that the log's key signed too, and that the later ones do not continue."""
    fork = build((b"{}", *ENTRIES[1:300]), origin=ORIGIN, batches=(300,), key=KEY)
    log["checkpoints/300"] = fork["checkpoints/300"]


def another_signature(text: str, _: list[NoteSignature]) -> list[NoteSignature]:
    return [NoteSignature(KEY.name, KEY.verifier.key_id, NEXT_KEY.private.sign(text.encode()))]


def unused_bits(data: bytes) -> bytes:
    """The signature spelled another way: the last digit's unused bits set."""
    assert data.endswith(b"=\n") and not data.endswith(b"==\n")
    digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    last = digits.index(data[-3])
    return data[:-3] + digits[last + 1 : last + 2] + b"=\n"


def emptied(log: Log) -> None:
    for path in [path for path in log if not path.startswith("checkpoint")]:
        del log[path]


FULL, PARTIAL, UPPER = "tile/0/000", "tile/0/002.p/88", "tile/1/000.p/2"
BUNDLE, LAST_BUNDLE, EARLIER_BUNDLE = "tile/entries/000", "tile/entries/002.p/88", "tile/entries/001.p/44"

CASES: tuple[Case, ...] = (
    Case("a good log", Seen.NOBODY, lambda _: None),
    Case("two keys sign, while one follows the other", Seen.NOBODY, lines(lambda t, s: [*s, NEXT_KEY.sign(t)])),
    Case("a witness cosigned", Seen.NOBODY, lines(lambda t, s: [*s, cosigned(t)])),
    Case(
        "the edge of a tree that was committed and never signed",
        Seen.NOBODY,
        lambda log: log.update({"tile/0/000.p/2": log[FULL][:64]}),
    ),
    Case("the signature is there twice", Seen.NOBODY, lines(lambda _, s: s * 2)),
    Case("a line of an unknown key", Seen.NOBODY, lines(lambda _, s: [NoteSignature("x", b"idid", b"y"), *s])),
    Case("another history under the same key: only an anchor tells", Seen.NOBODY, another_history),
    both("a bit of an entry", flip(BUNDLE, 10)),
    both("a bit of an entry's length", flip(BUNDLE, 1)),
    both("a bit of the last entry", flip(LAST_BUNDLE, -1)),
    both("a bit of an entry in an earlier partial bundle", flip(EARLIER_BUNDLE, 5)),
    both("an entry removed", bundle(BUNDLE, lambda e: e[:9] + e[10:])),
    both("an entry added", bundle(LAST_BUNDLE, lambda e: [*e, b"{}"], 88)),
    both("an empty entry added", extend(LAST_BUNDLE, b"\0\0")),
    both("an entry there twice in place of another", bundle(BUNDLE, lambda e: [e[0], e[0], *e[2:]])),
    both("two entries swapped", bundle(BUNDLE, lambda e: [e[1], e[0], *e[2:]])),
    both("an entry with a newline more", bundle(BUNDLE, lambda e: [*e[:-1], e[-1] + b"\n"])),
    both("an entry replaced by nothing", bundle(BUNDLE, lambda e: [b"", *e[1:]])),
    both("two bundles swapped", swap(BUNDLE, "tile/entries/001")),
    both("a bundle missing", remove(BUNDLE)),
    both("the last bundle missing", remove(LAST_BUNDLE)),
    both("an earlier partial bundle missing", remove(EARLIER_BUNDLE)),
    both("a bundle cut", cut(BUNDLE, 1)),
    both("a byte after a bundle", extend(BUNDLE, b"\0")),
    both("a newline after the last bundle", extend(LAST_BUNDLE, b"\n")),
    both("a bit of a full tile", flip(FULL, 0)),
    both("a bit of a full tile's last hash", flip("tile/0/001", -1)),
    both("a bit of the partial tile", flip(PARTIAL, 40)),
    both("a bit of the upper tile", flip(UPPER, 40)),
    both("a bit of an earlier partial tile", flip("tile/0/001.p/44", 3)),
    both("a bit of an earlier upper tile", flip("tile/1/000.p/1", 3)),
    both("a full tile missing", remove(FULL)),
    both("the partial tile missing", remove(PARTIAL)),
    both("the upper tile missing", remove(UPPER)),
    both("an earlier partial tile missing", remove("tile/0/000.p/3")),
    both("two tiles swapped", swap(FULL, "tile/0/001")),
    both("a tile in place of another", copy(FULL, "tile/0/001")),
    both("a byte after a tile", extend(FULL, b"\0")),
    both("a hash after a tile", extend(PARTIAL, b"\0" * 32)),
    both("a tile cut", cut(FULL, 1)),
    both("a hash missing from a tile", cut(PARTIAL, 32)),
    both("all tiles and bundles missing", emptied),
    both("the checkpoint missing", remove("checkpoint")),
    both("the latest checkpoint's copy missing", remove(f"checkpoints/{SIZE}")),
    both("rolled back to an earlier signed tree", copy("checkpoints/300", "checkpoint")),
    both("a checkpoint under another size", copy("checkpoints/300", "checkpoints/299")),
    both("an earlier tree that was forked", forked),
    both("a history forged with another key", forged_history),
    both("the size one more, signed", checkpoint(lambda t: t.replace("\n600\n", "\n601\n"), KEY)),
    both("the size one less, signed", checkpoint(lambda t: t.replace("\n600\n", "\n599\n"), KEY)),
    both("the size with a zero before it, signed", checkpoint(lambda t: t.replace("\n600\n", "\n0600\n"), KEY)),
    both("the size with a sign, signed", checkpoint(lambda t: t.replace("\n600\n", "\n+600\n"), KEY)),
    both("the size with a blank, signed", checkpoint(lambda t: t.replace("\n600\n", "\n600 \n"), KEY)),
    both(
        "an earlier size with a zero before it, signed", checkpoint(lambda t: t.replace("\n3\n", "\n03\n"), KEY, size=3)
    ),
    both("another root, signed", checkpoint(lambda t: head(t, root=Hash(b"\1" * 32)), KEY)),
    both("another root of an earlier tree, signed", checkpoint(lambda t: head(t, root=Hash(b"\1" * 32)), KEY, size=3)),
    both("another origin, signed", checkpoint(lambda t: t.replace("2026", "2027"), KEY)),
    both(
        "another origin under its own key",
        checkpoint(lambda t: t.replace("2026", "2027"), log_key("postern.shop/prod-2027")),
    ),
    both("an extension line, signed", checkpoint(lambda t: t + "time 1790000000\n", KEY)),
    both("signed by another key of the name", checkpoint(lambda t: t, NEXT_KEY)),
    both("an earlier one signed by another key", checkpoint(lambda t: t, NEXT_KEY, size=300)),
    both("another key's signature under the key's id", lines(another_signature)),
    both("the size changed, not signed", latest(lambda d: d.replace(b"\n600\n", b"\n599\n"))),
    both("a bit of the signature", latest(lambda d: d[:-20] + bytes([d[-20] ^ 1]) + d[-19:])),
    both("a bit of an earlier signature", flip("checkpoints/1", -20)),
    both("no signature", latest(lambda d: d[: d.index(b"\n\n") + 2])),
    both("a newline after the checkpoint", latest(lambda d: d + b"\n")),
    both("carriage returns in the checkpoint", latest(lambda d: d.replace(b"\n", b"\r\n"))),
    both("a checkpoint cut", latest(lambda d: d[:-1])),
    both("an empty checkpoint", latest(lambda _: b"")),
    Case("the signature in another spelling", Seen.OURS, latest(unused_bits)),
    Case("a tile that the tree has not", Seen.OURS, copy(FULL, "tile/0/009")),
    Case(
        "a partial tile that no checkpoint needs, of another tree",
        Seen.OURS,
        lambda log: log.update({"tile/0/000.p/2": bytes(64)}),
    ),
    Case("an object that is none of a log's", Seen.OURS, copy(FULL, "tile/0/000.bak")),
)


def cosigned(text: str) -> NoteSignature:
    return cosign(text, WITNESS.name, WITNESS.public, COSIGNED_AT_S, WITNESS.private.sign)


def head(text: str, *, root: Hash) -> str:
    origin, size, _ = text.split("\n", 2)
    return format_checkpoint(Checkpoint(origin, int(size), root))
