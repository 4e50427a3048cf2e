"""`verification.txt` and `verification.json`: what `postern audit verify` says of the same copy and keys.

The line `copied at` is left out: it is the copy's own word, and two pulls of one log differ in it.
"""

from __future__ import annotations

import json
from pathlib import Path

from postern.audit.verify import Report
from postern_cli import audit_verify
from postern_cli.audit_verify import Asked
from postern_cli.report.verdict import Verdict

_COPIED_AT = "copied at "


def write_verification(verdict: Verdict, asked: Asked, out: Path) -> None:
    """Writes both. Raises `OSError` as the disk does."""
    lines = [line for line in audit_verify.lines_of(verdict.report, asked) if not line.startswith(_COPIED_AT)]
    lines += [f"not read: {one}" for one in verdict.unread]
    lines += [f"wrong: {finding}" for finding in verdict.report.findings]
    lines.append(verdict.line)
    (out / "verification.txt").write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")
    members = {
        name: value for name, value in audit_verify.members_of(verdict.report, asked).items() if name != "copied_at"
    }
    (out / "verification.json").write_bytes(
        json.dumps({**members, "unread": verdict.unread}, indent=2).encode() + b"\n"
    )


def steps_of(report: Report, asked: Asked) -> list[tuple[int, str, str]]:
    """Each numbered step, and what came of it in words."""
    return [
        (step.value, step.name.lower(), f"{wrong:,} wrong" if wrong else said)
        for step, (wrong, said) in audit_verify.steps_of(report, asked).items()
    ]
