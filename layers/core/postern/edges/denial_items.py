"""The layout of denials, and of events that are owed to the log, in the state table. `revoke` and `reap` write them.

    pk deny  sk <kind>#<name>   a denial: one at most of each principal, issuer, database and hold
    pk deny  sk owed#<id>       an event that could not be written when it happened

Nothing is deleted: a denial that was lifted says so, and so does an event that was written. The table's own time to
live takes them later. `task_writes.unless` reads `lifted_at_s` as well.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from postern.audit.records import Record, RecordType
from postern.denial_ports import Owed
from postern.denials import Denial, DenialKey, DenialKind
from postern.edges.task_items import Item, denial_key
from postern.types import CommandId

PARTITION = "deny"
KEPT_S = 30 * 86_400  # of what was lifted or written
_OWED = "owed#"


def format_denial(denial: Denial) -> Item:
    optional = {"expires_at_s": denial.expires_at_s, "lifted_at_s": denial.lifted_at_s}
    return {
        **denial_key(denial.key),
        "name": {"S": denial.key.name},
        "id": {"S": denial.id},
        "at_s": {"N": str(denial.at_s)},
        "by": {"S": denial.by},
        "reason": {"S": denial.reason},
        "settled": {"BOOL": denial.settled},
        **{name: {"N": str(seconds)} for name, seconds in optional.items() if seconds is not None},
    }


def parse_denial(item: Mapping[str, Any]) -> Denial:
    kind = DenialKind(str(item["sk"]["S"]).partition("#")[0])
    return Denial(
        key=DenialKey(kind, item["name"]["S"]),
        id=CommandId(item["id"]["S"]),
        at_s=int(item["at_s"]["N"]),
        by=item["by"]["S"],
        reason=item["reason"]["S"],
        expires_at_s=_seconds(item, "expires_at_s"),
        lifted_at_s=_seconds(item, "lifted_at_s"),
        settled=item["settled"]["BOOL"],
    )


def _seconds(item: Mapping[str, Any], name: str) -> int | None:
    return int(item[name]["N"]) if name in item else None


def owed_key(name: CommandId) -> Item:
    return {"pk": {"S": PARTITION}, "sk": {"S": f"{_OWED}{name}"}}


def format_owed(owed: Owed) -> Item:
    record = owed.record
    return {
        **owed_key(owed.name),
        "kind": {"S": record.kind},
        "id": {"S": record.id},
        "time_us": {"N": str(record.time_us)},
        "body": {"S": msgspec.json.encode(record.body).decode()},
    }


def parse_owed(item: Mapping[str, Any]) -> Owed:
    record = Record(
        RecordType.EVENT,
        item["kind"]["S"],
        CommandId(item["id"]["S"]),
        int(item["time_us"]["N"]),
        msgspec.json.decode(item["body"]["S"]),
    )
    return Owed(CommandId(str(item["sk"]["S"]).removeprefix(_OWED)), record)


def is_owed(item: Mapping[str, Any]) -> bool:
    """Whether it is an event that is still to be written."""
    return is_event(item) and "written" not in item


def is_event(item: Mapping[str, Any]) -> bool:
    return str(item["sk"]["S"]).startswith(_OWED)
