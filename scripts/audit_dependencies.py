"""Asks whether anything pinned has a known vulnerability: `make audit-deps`.

pip-audit asks the OSV database, and PyPI where that is away. Both are services on the internet, which a build behind a
mirror may not reach. pip-audit by itself says "no known vulnerabilities" of packages that it had to skip, so an answer
counts here only if it has looked at every pin. Exit codes: 0 nothing is known, 1 something is, 3 nobody could tell.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.pins import normalised, read_pins

ROOT = Path(__file__).resolve().parent.parent
PIP_AUDIT = ROOT / ".venv-scan" / "bin" / "pip-audit"
SERVICES = ("osv", "pypi")
# What ships first: a finding there is an operator's, one below is a developer's.
FILES = ("layers/deps/requirements.txt", "requirements/local.txt", "requirements/dev.txt", "requirements/scan.txt")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one service said of one file. `unasked` are pins that it did not look at."""

    vulnerable: tuple[str, ...]
    unasked: tuple[str, ...]


def read_answer(text: str, pinned: Collection[str]) -> Answer:
    """The answer in pip-audit's JSON, held against what is pinned. What cannot be read has looked at nothing."""
    try:
        report = json.loads(text)
        dependencies = report["dependencies"]
    except (json.JSONDecodeError, KeyError, TypeError):
        return Answer((), tuple(sorted(pinned)))
    looked = {normalised(one["name"]) for one in dependencies if "vulns" in one}
    return Answer(tuple(_vulnerable(dependencies)), tuple(sorted(set(pinned) - looked)))


def _vulnerable(dependencies: list[dict[str, object]]) -> Iterator[str]:
    for one in dependencies:
        vulns = one.get("vulns", [])
        for found in vulns if isinstance(vulns, list) else []:
            fixed = ", ".join(found.get("fix_versions", [])) or "no version"
            yield f"{one['name']} {one['version']}: {found['id']}, mended in {fixed}"


def ask(path: Path, service: str) -> Answer:
    """Asks one service about every pin of one file."""
    pinned = read_pins(path)
    command = [str(PIP_AUDIT), "--progress-spinner", "off", "--requirement", str(path)]
    command += ["--require-hashes", "--disable-pip"]
    ran = subprocess.run(  # noqa: S603 - our own tool, over our own files
        [*command, "--format", "json", "--vulnerability-service", service, "--timeout", "15"],
        capture_output=True,
        text=True,
        check=False,
    )
    answer = read_answer(ran.stdout, pinned)
    if answer.unasked and not ran.stdout.strip():
        last = (ran.stderr.strip().splitlines() or ["nothing"])[-1]
        sys.stderr.write(f"{path.name}: {service}: {last[:300]}\n")
    return answer


def verdict(answers: Collection[Answer]) -> int:
    """1 if any service knows of a vulnerability, 0 if one has looked at every pin, 3 otherwise."""
    if any(answer.vulnerable for answer in answers):
        return 1
    return 0 if any(not answer.unasked for answer in answers) else 3


def main() -> int:
    """Prints what is known of each file's pins."""
    if not PIP_AUDIT.is_file():
        sys.stderr.write(f"cannot tell: {PIP_AUDIT}: expected pip-audit, got no file; `make audit-deps` installs it\n")
        return 3
    verdicts = []
    for name in FILES:
        answers: list[Answer] = []
        for service in SERVICES:
            answers.append(ask(ROOT / name, service))
            if verdict(answers) != 3:
                break
        for line in sorted({line for answer in answers for line in answer.vulnerable}):
            sys.stderr.write(f"{name}: {line}\n")
        verdicts.append(verdict(answers))
        said = {0: "nothing is known", 1: "vulnerable", 3: "CANNOT TELL: no service looked at every pin"}
        sys.stdout.write(f"{name}: {said[verdicts[-1]]}\n")
    return 1 if 1 in verdicts else max(verdicts)


if __name__ == "__main__":
    sys.exit(main())
