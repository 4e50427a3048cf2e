"""Queries run by DuckDB in a process of its own: its binding complains of its own objects when a test process ends.

`python -m tests.support.duckdb_process` takes JSON on standard input,
`{"begin": [sql], "queries": {name: [sql, values]}}`, and answers `{name: rows or an error's text}`. Times come as text.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.stack import PROJECT


def ask(begin: Sequence[str], queries: Mapping[str, tuple[str, Sequence[str]]]) -> dict[str, Any]:
    """Every query's rows, as lists, or the text of what DuckDB has against it."""
    told = subprocess.run(
        [sys.executable, "-m", "tests.support.duckdb_process"],
        input=json.dumps({"begin": begin, "queries": queries}),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=PROJECT,
    )
    return json.loads(told.stdout)


def _answer() -> None:
    import duckdb

    asked = json.load(sys.stdin)
    answers: dict[str, Any] = {}
    with duckdb.connect(config={"threads": 1}) as base:
        for statement in asked["begin"]:
            base.execute(statement)
        for name, (query, values) in asked["queries"].items():
            try:
                answers[name] = base.execute(query, values).fetchall()
            except duckdb.Error as error:
                answers[name] = str(error)
    json.dump(answers, sys.stdout, default=str)


if __name__ == "__main__":
    _answer()
