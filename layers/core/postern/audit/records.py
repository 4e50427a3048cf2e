"""Records: one line of evidence each, built once as canonical bytes and never serialised again.

A record is a JSON object in RFC 8785 form without floats, at most 48 KiB. Its evolution rule: `v` is 1;
a field may be added, never removed or given another meaning; a reader that meets a higher `v` stops.

Four types, by the key they are stored under:

    intent   an act on a database is about to happen (or, decision `refuse`, will not): final when refused
    outcome  what came of it; names the SHA-256 of its intent
    settled  what became of a pending outcome; names the SHA-256 of its outcome
    event    a fact: grant, refusal of a task, approval, key, policy, deploy, quarantine
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from postern.types import CommandId


class RecordType(StrEnum):
    INTENT = "intent"
    OUTCOME = "outcome"
    SETTLED = "settled"
    EVENT = "event"


@dataclass(frozen=True, slots=True)
class Record:
    """A record before it is linked into a writer chain: the edge adds `v`, `log`, `deployment`, `writer`, `code`."""

    type: RecordType
    kind: str  # statement, provision, teardown; for an event: grant, refusal, …
    id: CommandId  # the command's or the event's
    time_us: int
    body: Mapping[str, object]  # principal, task, target, statement, decision, status, …: see `audit/bodies.py`
    blobs: tuple[bytes, ...] = ()  # what is too long for a record; stored before it, the body names each by its place
