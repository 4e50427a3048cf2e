"""The process that is measured: one handler is imported, and answers once.

Started by `bench.cold` as `python -I -S cold_process.py`, so that nothing but the standard library is there before it.
Standard input is one JSON object: `paths` to import from, the `event`, and `started_ns`, when the process was started
(CLOCK_MONOTONIC). The last line of standard output is one too: the answer, times since the start and processor
times, both in milliseconds, and what was imported.
"""

from __future__ import annotations

import json
import sys
import time


class Context:
    """The handler's second argument, as Lambda's runtime fills it."""

    aws_request_id = "00000000-0000-0000-0000-000000000000"
    function_name = "postern-cold"
    function_version = "1"
    memory_limit_in_mb = "1769"
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:postern-cold"
    log_group_name = "/aws/lambda/postern-cold"
    log_stream_name = "cold"

    def get_remaining_time_in_millis(self) -> int:
        return 27_000


def peak_kb() -> int:
    """Of this program alone: `getrusage` counts what the process was before it, too. 0 where nobody says."""
    try:
        with open("/proc/self/status") as status:  # noqa: PTH123 - pathlib would be loaded for it
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    except OSError:
        return 0


def main() -> None:
    given = json.load(sys.stdin)
    sys.path[:0] = given["paths"]

    def since() -> tuple[float, float]:
        return (time.monotonic_ns() - given["started_ns"]) / 1e6, time.process_time() * 1000

    from handler import handler  # type: ignore[import-not-found]  # of the folder that comes first

    imported = since()
    answer = handler(given["event"], Context())
    answered = since()
    modules = [getattr(module, "__file__", None) for module in sys.modules.values()]
    report = {
        "imported": imported,
        "answered": answered,
        "peak_kb": peak_kb(),
        "answer": answer,
        "files": [file for file in modules if file],
    }
    sys.stdout.write("\n" + json.dumps(report, default=str) + "\n")


main()
