"""Postern's answer beside the database's own."""

from __future__ import annotations

import json
from typing import Any

from tests.support.direct import DirectAnswer


def compare(body: dict[str, Any], expected: DirectAnswer, *, ordered: bool) -> None:
    """Asserts that names, types, values and, where it is fixed, order are the same, and that nothing was left out."""
    assert [(column["name"], column["type"]) for column in body["columns"]] == expected.columns
    rows, wanted = body["rows"], expected.rows
    if not ordered:
        rows, wanted = sorted(map(json.dumps, rows)), sorted(map(json.dumps, wanted))
    assert rows == wanted
    # 1, 1.0 and true are equal to each other; their JSON is not.
    assert json.dumps(rows) == json.dumps(wanted)
    assert (body["row_count"], body["truncated"]) == (len(wanted), False)
