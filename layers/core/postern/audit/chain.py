"""The writer's side of a record: who wrote it, as which link of which chain, in which bytes.

Every execution environment writes one chain: `writer {env, n, prev}` counts its records from 0 and
names the SHA-256 of the one before, so a record cannot be left out from between two others. The
members added here are the envelope; the record's own members stand beside them in one object.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from postern.audit.canonical import canonical_bytes, malformed
from postern.audit.keys import LOG_NAME
from postern.audit.records import Record
from postern.audit.times import format_time
from postern.types import Sha256Hex

VERSION = 1
ENV_BYTES = 16
ENVELOPE = frozenset({"v", "type", "kind", "id", "time", "log", "deployment", "code", "writer"})
WORD = re.compile(r"[a-z][a-z0-9_-]{0,39}")  # a kind, a function's name
CODE_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")


@dataclass(frozen=True, slots=True)
class Source:
    """What writes: the log it writes to and the code it is. Constant for an execution environment."""

    log: str
    deployment: str
    code_version: str
    function: str

    def __post_init__(self) -> None:
        checks = (
            ("log", self.log, LOG_NAME),
            ("deployment", self.deployment, LOG_NAME),
            ("code version", self.code_version, CODE_VERSION),
            ("function", self.function, WORD),
        )
        for what, value, form in checks:
            if form.fullmatch(value) is None:
                raise malformed(what, f"the form {form.pattern}", f"{value[:60]!r}")


@dataclass(frozen=True, slots=True)
class Writer:
    """The place of the next record in a chain."""

    env: str  # 32 lower-case hex digits, drawn when the environment writes for the first time
    n: int = 0
    prev: Sha256Hex | None = None  # of the record at n-1; None for the first


@dataclass(frozen=True, slots=True)
class Linked:
    """A record's bytes, built once, and where its chain stands after it."""

    data: bytes
    sha256: Sha256Hex
    next: Writer


def link(record: Record, writer: Writer, source: Source) -> Linked:
    """The record's canonical bytes as the next link of the writer's chain.

    The caller moves on to `next` only when the bytes are durable. Raises `IntegrityError`
    (`evidence.malformed`) where the body takes an envelope name or cannot be a record.
    """
    taken = ENVELOPE & record.body.keys()
    if taken:
        raise malformed("record body", "names of its own", f"the envelope's {', '.join(sorted(taken))}")
    envelope = {
        "v": VERSION,
        "type": record.type,
        "kind": record.kind,
        "id": record.id,
        "time": format_time(record.time_us),
        "log": source.log,
        "deployment": source.deployment,
        "code": {"function": source.function, "version": source.code_version},
        "writer": {"env": writer.env, "n": writer.n, "prev": writer.prev},
    }
    data = canonical_bytes({**envelope, **record.body})
    sha256 = Sha256Hex(hashlib.sha256(data).hexdigest())
    return Linked(data, sha256, Writer(writer.env, writer.n + 1, sha256))
