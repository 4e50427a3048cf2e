"""An event held against our table of OCSF 1.3.0, and logs with something of everything that becomes an event."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from postern.audit.records import Record, RecordType
from postern_cli.ocsf.attributes import SCALARS, Attribute, Shape
from postern_cli.ocsf.schema import CLASSES, MAX_STRING_BYTES, SHAPES
from tests.support import report_log
from tests.support.log_copy import log_key
from tests.support.report_log import Json, Work, target, task_member, told_log
from tests.support.report_pack import pulled

_TYPES: dict[str, type] = {"string_t": str, "integer_t": int, "long_t": int, "timestamp_t": int, "boolean_t": bool}
_INT_BITS = {"integer_t": 31, "long_t": 63, "timestamp_t": 63}
EVIL = "\x1b[2J\u202e'; DROP TABLE x; --\u2028\x00=cmd|' /C calc'!A0"


def faults(event: Any) -> list[str]:
    """Everything that the table does not allow of the event, by where it stands."""
    event_class = CLASSES.get(event.get("class_uid"))
    if event_class is None:
        return ["class_uid"]
    found = list(_faults(event, event_class.shape, ""))
    if event.get("type_uid") != event["class_uid"] * 100 + event.get("activity_id", 0):
        found.append("type_uid")
    profiles = event.get("metadata", {}).get("profiles", [])
    found += [one.name for one in event_class.shape.attributes if one.profile not in (None, *profiles)]
    if event.get("metadata", {}).get("version") != "1.3.0":
        found.append("metadata.version")
    return found


def _faults(value: dict[str, Any], shape: Shape, at: str) -> Iterator[str]:
    known = {one.name: one for one in shape.attributes}
    yield from (f"{at}{name}: unknown" for name in value if name not in known)
    yield from (
        f"{at}{name}: missing" for name, one in known.items() if one.requirement == "required" and name not in value
    )
    if shape.at_least_one and not any(name in value for name in shape.at_least_one):
        yield f"{at}: none of {shape.at_least_one}"
    if shape.just_one and sum(name in value for name in shape.just_one) != 1:
        yield f"{at}: not one of {shape.just_one}"
    for name in value.keys() & known.keys():
        one, held = known[name], value[name]
        if one.is_array != isinstance(held, list):
            yield f"{at}{name}: array"
        else:
            for item in held if one.is_array else [held]:
                yield from _value_faults(item, one, f"{at}{name}")


def _value_faults(value: Any, attribute: Attribute, at: str) -> Iterator[str]:
    if attribute.type not in SCALARS:
        if isinstance(value, dict):
            yield from _faults(value, SHAPES[attribute.type], f"{at}.")
        else:
            yield f"{at}: no object"
    elif type(value) is not _TYPES[attribute.type]:
        yield f"{at}: {type(value).__name__}"
    elif attribute.enum and value not in attribute.enum:
        yield f"{at}: {value} is not one of its values"
    elif isinstance(value, str) and len(value.encode()) > MAX_STRING_BYTES:
        yield f"{at}: too long"
    elif (
        attribute.type in _INT_BITS and not -(2 ** _INT_BITS[attribute.type]) <= value < 2 ** _INT_BITS[attribute.type]
    ):
        yield f"{at}: too large"


def varied_log() -> Work:
    """What `told_log` has, and every other kind, ending and oddity."""
    work = told_log().to("2026-03-09T10:00:00Z")
    for status in ("failed", "too_large", "over_budget", "lost", "stopped", "not_run", "abandoned", "from_the_future"):
        work.statement("t2", outcome={"status": status, "error": "database.failed", "sqlstate": "57014"})
    for settled in ("rolled_back", "unknown"):
        work.statement("t2", "delete from notes", ("public.notes",), writes=True, settled=settled)
    work.statement("t2", writes=True, outcome={"status": "pending", "transaction": {"rows_written": 1}})
    for index in range(3):
        transaction = {"id": "019cb323-e50a-7902-a99b-e42c8a8e46fb", "index": index, "count": 3}
        work.statement("t2", f"select {index}", (), transaction=transaction)
    for kind in ("run_once", "dry_run"):
        work.act("run", kind, _run(kind), {"task": {"id": "t2"}, "status": "ok", "affected": 4, "duration_ms": 70})
    masked = {"mode": "normalized", "text": None, "fingerprint": None, "hmac_sha256": "e" * 64, "at_most_bytes": 256}
    work.statement("t2", statement={**masked, "parameters": {"count": 0, "hmac_sha256": "d" * 64}})
    work.statement("t2", f"select '{EVIL}'", (f"public.{EVIL}",), who=EVIL)
    _in_a_blob(work, "select '" + "x" * 60_000 + "'")
    work.statement(
        "t2", target={"database": None, "host": 5, "port": 99_999_999}, decision={"result": "allow", "relations": "x"}
    )
    work.grant("t3", EVIL, scope=[{"table": EVIL, "actions": [EVIL], "columns": [{"name": EVIL, "class": EVIL}]}])
    work.grant("t4", scope=[])
    _withdrawals(work)
    work.plant(b"no record")
    work.event("erasure", {"task": {"id": "t2"}, "erasure": {"by": "olga", "reason": EVIL, "count": 1}}, "erase")
    work.event("of-the-future", {"task": {"id": "t2"}})
    return work


def _in_a_blob(work: Work, sql: str) -> None:
    """A statement that its record is too short for."""
    data = sql.encode()
    named = {"blob": 0, "sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    body = {**_run("statement"), "statement": {"text": named, "sha256": named["sha256"], "bytes": len(data)}}
    work.write("query", lambda id_, at: Record(RecordType.INTENT, "statement", id_, at, body, (data,)))


def _run(kind: str) -> Json:
    return {
        "principal": report_log.principal("agent"),
        "task": task_member("t2"),
        "target": target("t2"),
        "statement": {"text": f"update {kind}", "sha256": "1" * 64, "bytes": 9, "fingerprint": None},
        "decision": {"result": "allow", "run_once": True},
        "policy": report_log.POLICY,
        "by": "erin",
        "owner_role": "owner",
    }


def _withdrawals(work: Work) -> None:
    for kind, name in (("principal", "ci|agent"), ("issuer", "ci"), ("database", EVIL)):
        of = {"id": "d1", "of": {"kind": kind, "name": name}, "reason": EVIL}
        work.event(
            "hold" if kind == "database" else "revocation",
            {"principal": report_log.principal("olga"), "revocation": of},
        )
    work.event(
        "release",
        {"principal": None, "by": "timer", "revocation": {"id": "d1", "of": {"kind": "issuer", "name": "ci"}}},
    )
    left = {"left": {"sessions": 0, "schemas": 1, "roles": 1, "keys": 0}, "steps": {"nologin_ms": 12}}
    swept = {"task": {"id": "t9"}, "target": target("t9"), "decision": {"result": "allow"}, "by": "sweep"}
    work.act("reap", "teardown", swept, {"task": {"id": "t9"}, "status": "ok", **left})
    work.act("reap", "teardown", {**swept, "task": {"id": "t8"}}, {"task": {"id": "t8"}, "status": "failed"})


def later_epoch(folder: Path) -> str:
    """A further log in a pulled folder, with one grant; its key."""
    key = log_key("postern.shop/prod-2027", 9)
    with patch.multiple(report_log, LOG="prod-2027", KEY=key, VKEY=str(key.verifier)):
        work = Work().to("2026-04-01T10:00:00Z")
        work.grant("t20")
        kept = (folder / "versions.jsonl").read_bytes()
        pulled(work, folder)
        (folder / "versions.jsonl").write_bytes(kept)
    return str(key.verifier)
