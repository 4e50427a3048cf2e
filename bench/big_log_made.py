"""Makes a log of any size as `big_log_copy` reads it: records of the product's shape, and the tree over them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tests.support.log_copy import log_key as signing_key
from tests.support.log_copy import signed

from bench.big_log_copy import BEGUN_US, LOG, ROW, SHARDS, STEP_US, UNTIL_US, id_of, line_of, types_of
from bench.pulled_copy import INTENT, OUTCOME, SOURCE
from postern.audit.chain import Writer, link
from postern.audit.keys import log_key, record_key
from postern.audit.log_bodies import epoch_start_event
from postern.audit.records import Record, RecordType
from postern.audit.times import format_time
from postern.tlog.append import append
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import EMPTY_ROOT, Hash
from postern.tlog.tiles import TILE_WIDTH
from postern.types import Sha256Hex

KEY = signing_key(f"postern.bench/{LOG}")
_CHAIN = 200  # records of one environment
_ENV, _NAMED, _PREV = "9f" * 16, Sha256Hex("a1" * 32), Sha256Hex("b2" * 32)
_MARK = 987_654_321  # a number in a chain that stands nowhere else


def make(folder: Path, entries: int) -> int:
    """Writes a log of about so many entries; how many there are."""
    with ExitStack() as stack:
        (folder / "rows").mkdir(parents=True)
        rows = [stack.enter_context((folder / f"rows/{shard:x}").open("wb")) for shard in range(SHARDS)]
        tree = _Tree(folder)
        for number, records in enumerate(_commands(entries // 2)):
            row: list[int] = []
            for data in records:
                row += (tree.put(data), len(data))
            digests = b"".join(sha256(data).digest() for data in records)
            shard = int(record_key(LOG, types_of(number)[0], id_of(number)).split("/")[3], 16)
            rows[shard].write(ROW.pack(number, *[*row, 0, 0][:4], digests))
        tree.close()
    return tree.size


def _commands(count: int) -> Iterator[tuple[bytes, ...]]:
    """The log's first record, then each command's two."""
    vkeys = [str(KEY.verifier)]
    start = epoch_start_event(id_of(0), BEGUN_US, origin=KEY.name, retain_until_us=UNTIL_US, vkeys=vkeys, previous=None)
    yield (link(start, Writer("0" * 32), SOURCE).data,)
    intents, outcomes = _template(RecordType.INTENT, INTENT), _template(RecordType.OUTCOME, OUTCOME)
    env, prev = b"", b"null"
    for number in range(1, count + 1):
        at = 2 * (number - 1) % _CHAIN
        if at == 0:
            env, prev = sha256(b"%d" % number).hexdigest()[:32].encode(), b"null"
        id_, time_us = id_of(number).encode(), BEGUN_US + number * STEP_US
        intent = intents % (id_, format_time(time_us).encode(), env, at, prev)
        named = b'"%b"' % sha256(intent).hexdigest().encode()
        outcome = outcomes % (id_, named, format_time(time_us + 15_000).encode(), env, at + 1, named)
        prev = b'"%b"' % sha256(outcome).hexdigest().encode()
        yield intent, outcome


def _template(type_: RecordType, body: dict[str, object]) -> bytes:
    """A record's bytes as `link` gives them, with places for what differs, in the order in which they stand there."""
    named = {"intent": _NAMED} if type_ is RecordType.OUTCOME else {}
    record = Record(type_, "statement", id_of(1), BEGUN_US, {**body, **named})
    data = link(record, Writer(_ENV, _MARK, _PREV), SOURCE).data
    for value in (id_of(1), format_time(BEGUN_US), _ENV):
        data = data.replace(value.encode(), b"%b")
    for digest in (_NAMED, _PREV):
        data = data.replace(b'"%b"' % digest.encode(), b"%b")
    return data.replace(b"%d" % _MARK, b"%d")


@dataclass(slots=True)
class _Tree:
    """The log as it is written, 256 entries at a time: so that no bundle is written twice."""

    folder: Path
    size: int = 0
    _root: Hash = EMPTY_ROOT
    _pending: list[bytes] = field(default_factory=list)
    _bytes: int = 0
    _edge: dict[str, bytes] = field(default_factory=dict)
    _lines: dict[str, list[bytes]] = field(default_factory=dict)

    def put(self, entry: bytes) -> int:
        """Where the entry begins in its bundle."""
        begin = self._bytes + 2
        self._pending.append(entry)
        self._bytes = begin + len(entry)
        if len(self._pending) == TILE_WIDTH:
            self._append()
        return begin

    def close(self) -> None:
        """Writes what is left, and the listing."""
        if self._pending:
            self._append()
        with (self.folder / "versions.jsonl").open("wb") as file:
            for key in sorted(self._lines):
                file.write(b"".join(line + b"\n" for line in self._lines[key]))
        (self.folder / "size").write_text(f"{self.size}")

    def _append(self) -> None:
        appended = append(self.size, self._root, self._edge.__getitem__, self._pending)
        self.size, self._root, self._pending, self._bytes = appended.size, appended.root, [], 0
        # What is continued next is what this tree ends with; the rest need not be kept.
        self._edge = {**{path: self._edge[path] for path in self._edge if ".p/" in path}, **appended.writes}
        self._edge = {path: data for path, data in self._edge.items() if ".p/" in path}
        note = signed(Checkpoint(KEY.name, self.size, self._root), KEY)
        time_us = BEGUN_US + self.size * (STEP_US // 2) + 2_000_000
        for path, data in {**appended.writes, f"checkpoints/{self.size}": note}.items():
            self._write(log_key(LOG, path), data, time_us)
        self._latest(log_key(LOG, "checkpoint"), note, time_us)

    def _write(self, key: str, data: bytes, time_us: int) -> None:
        path = self.folder / "objects" / key
        try:
            path.write_bytes(data)
        except FileNotFoundError:
            path.parent.mkdir(parents=True)
            path.write_bytes(data)
        self._lines[key] = [line_of(key, sha256(data).hexdigest(), len(data), time_us)]

    def _latest(self, key: str, note: bytes, time_us: int) -> None:
        older = self._lines.pop(key, [])
        self._write(key, note, time_us)
        version = line_of(key, sha256(note).hexdigest(), len(note), time_us, version=self.size)
        older[:1] = [one.replace(b'"is_latest":true', b'"is_latest":false') for one in older[:1]]
        self._lines[key] = [version, *older]
