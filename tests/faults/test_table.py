"""The table is made of what was seen: answers, records, and who wrote the last of them."""

from __future__ import annotations

from tests.faults.__main__ import draw_pairs
from tests.faults.course import Run
from tests.faults.evidence import Command
from tests.faults.faults import BY_NAME, FAULTS
from tests.faults.ledger import Call, Ledger
from tests.faults.table import Result, format_results


def call(kind: str, status: int, code: str, retry_after: str | None) -> Call:
    return Call("f", "agent-a", kind, status, code, 0.0, 0.0, retry_after, "t", f"m-{kind}")


def record(function: str, status: str, second: int) -> dict[str, object]:
    return {
        "kind": "statement",
        "status": status,
        "code": {"function": function},
        "time": f"2026-11-23T10:00:{second:02d}.000000Z",
        "statement": {"text": "INSERT INTO marks (agent, mark, pad) VALUES (0, 'm-keyed', $1)"},
        "decision": {"result": "allow"},
    }


def test_a_row_tells_what_was_said_recorded_and_settled() -> None:
    run = Run(("s3-503",), [call("read", 503, "evidence.unavailable", "5"), call("keyed", 502, "internal", None)])
    records = {"intent": record("query", "", 0), "outcome": record("reap", "abandoned", 42)}
    row = format_results(Result([run], Ledger(), {"c": Command("c", records)}, [])).splitlines()[-1]
    assert row == (
        f"| S3: {BY_NAME['s3-503'].what} "
        "| read: 503 `evidence.unavailable`, `Retry-After: 5`; write with a key: 502 `internal` "
        "| intent, outcome `abandoned` "
        "| the reaper: `abandoned` after 42 s |"
    )


def test_a_seed_draws_the_same_pairs_of_different_faults() -> None:
    pairs = draw_pairs(FAULTS, 20, 1)
    assert pairs == draw_pairs(FAULTS, 20, 1)
    assert pairs != draw_pairs(FAULTS, 20, 2)
    assert all(one is not other for one, other in pairs)


def test_every_fault_has_a_name_and_words_of_its_own() -> None:
    assert len(BY_NAME) == len(FAULTS) == len({(fault.group, fault.what) for fault in FAULTS})
