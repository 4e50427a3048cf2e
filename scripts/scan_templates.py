"""Scans every template for what AWS deployments are commonly attacked through: `make scan`.

Checkov reads each template as CloudFormation would get it: SAM's resource types already replaced, and everything there
that a condition may leave out, since it does not look under `Fn::If`. What it finds is mended, or accepted in the
template itself with the reason, by the names of the resources:

    Metadata:
      AcceptedFindings:
        - Check: CKV_AWS_116
          Resources: [QueryFunction]
          Why: The gateway waits for the answer, so a failure is told to the caller.

An accepted finding that is not there any more fails the scan as a new one does, and so does Checkov's own way to
skip. Exit codes: 0 nothing is open, 1 something is, 3 Checkov could not tell.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern_local.failure import StackFailure
from postern_local.transform import read_yaml, transform

ROOT = Path(__file__).resolve().parent.parent
CHECKOV = ROOT / ".venv-scan" / "bin" / "checkov"
# Wrong on purpose. A scan that finds nothing in it has lost its rules, and its silence says nothing of the others.
CANARY = "canary"
_CANARY = {"Resources": {"Open": {"Type": "AWS::S3::Bucket", "Properties": {"AccessControl": "PublicRead"}}}}
_NOTHING = {"Ref": "AWS::NoValue"}
_KEYS = frozenset({"Check", "Resources", "Why"})
SHORTEST_WHY = 20


class ScanFailure(Exception):
    """Raised when the scan cannot tell: the scanner is missing or did not do its work."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One check that one resource of one template does not pass."""

    template: str
    check: str
    resource: str
    title: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        return self.template, self.check, self.resource


def templates(root: Path = ROOT) -> list[Path]:
    """Every template that is deployed: none is listed, so none is forgotten."""
    return [root / "template.yaml", *sorted((root / "infra").glob("*.yaml"))]


def accepted(name: str, document: Mapping[str, Any]) -> Iterator[Finding]:
    """What this template accepts. Raises `ValueError` where an entry is not whole or names no resource."""
    for entry in document.get("Metadata", {}).get("AcceptedFindings", []):
        where = f"{name}: Metadata.AcceptedFindings: {entry.get('Check', entry)}"
        if set(entry) != _KEYS:
            raise ValueError(f"{where}: expected {', '.join(sorted(_KEYS))}, got {', '.join(sorted(entry))}")
        if len(entry["Why"].strip()) < SHORTEST_WHY:
            raise ValueError(f"{where}: expected a reason in Why, got {entry['Why']!r}")
        if not entry["Resources"]:
            raise ValueError(f"{where}: expected the resources by name, got none")
        for resource in entry["Resources"]:
            yield Finding(name, entry["Check"], resource)


def settled(value: Any) -> Any:  # noqa: ANN401 - a document's values
    """The value with each `Fn::If` replaced by its first branch that is something, whatever the condition says."""
    if isinstance(value, list):
        return [one for one in map(settled, value) if one != _NOTHING]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Fn::If"}:
        _, there, otherwise = value["Fn::If"]
        return settled(otherwise if there == _NOTHING else there)
    return {name: one for name, held in value.items() if (one := settled(held)) != _NOTHING}


def found(report: object) -> list[Finding]:
    """What Checkov's report says. Raises `ScanFailure` where the report shows that it did not look everywhere."""
    parts = report if isinstance(report, list) else [report]
    findings: dict[tuple[str, str, str], Finding] = {}
    for part in parts:
        if not isinstance(part, dict) or "results" not in part:
            raise ScanFailure(f"checkov: expected a report with results, got {str(part)[:200]}")
        results = part["results"]
        if results["parsing_errors"]:
            raise ScanFailure(f"checkov: expected to read every template, got errors in {results['parsing_errors']}")
        for one in results["skipped_checks"]:
            raise ScanFailure(
                f"{one['file_path']}: {one['check_id']}: expected AcceptedFindings in the template's Metadata, "
                "got Checkov's own skip"
            )
        for one in results["failed_checks"]:
            finding = Finding(
                Path(one["file_path"]).stem, one["check_id"], one["resource"].rpartition(".")[2], one["check_name"]
            )
            findings[finding.key] = finding
    if not any(finding.template == CANARY for finding in findings.values()):
        raise ScanFailure("checkov: expected findings in the template that is wrong on purpose, got none")
    return sorted(finding for finding in findings.values() if finding.template != CANARY)


def compare(findings: Sequence[Finding], accepts: Sequence[Finding]) -> list[str]:
    """What is open: findings that nobody accepted, and what was accepted and is not there."""
    known, there = {one.key for one in accepts}, {one.key for one in findings}
    twice = sorted({one.key for one in accepts if accepts.count(one) > 1})
    return [
        *(f"{one.template}: {one.resource}: {one.check}: {one.title}" for one in findings if one.key not in known),
        *(
            f"{one.template}: {one.resource}: {one.check}: accepted, and not found; take it out of AcceptedFindings"
            for one in accepts
            if one.key not in there
        ),
        *(f"{template}: {resource}: {check}: accepted twice" for template, check, resource in twice),
    ]


def scan(documents: Mapping[str, Mapping[str, Any]], checkov: Path = CHECKOV) -> list[Finding]:
    """What Checkov finds in these documents, by name. Raises `ScanFailure`."""
    if not checkov.is_file():
        raise ScanFailure(f"{checkov}: expected the scanner, got no file; `make scan` installs it")
    with tempfile.TemporaryDirectory() as folder:
        for name, document in {**documents, CANARY: _CANARY}.items():
            Path(folder, f"{name}.json").write_text(json.dumps(document, indent=1, default=str))
        ran = subprocess.run(  # noqa: S603 - our own scanner, over our own files
            [checkov, "-d", folder, "--framework", "cloudformation", "--skip-download", "--compact", "-o", "json"],
            env={"PATH": os.defpath, "HOME": folder, "LOG_LEVEL": "ERROR"},
            capture_output=True,
            text=True,
            check=False,
        )
    try:
        return found(json.loads(ran.stdout))
    except json.JSONDecodeError as error:
        raise ScanFailure(f"checkov: expected JSON, got {ran.stdout[:200]!r} and {ran.stderr[-400:]!r}") from error


def main() -> int:
    """Prints what is open."""
    try:
        written = {path.stem: (path, read_yaml(path)) for path in templates()}
        accepts = [one for name, (_, document) in written.items() for one in accepted(name, document)]
        findings = scan(
            {
                name: settled(transform(document, {}, region="us-east-1", where=path))
                for name, (path, document) in written.items()
            }
        )
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except (ScanFailure, StackFailure) as error:
        sys.stderr.write(f"cannot tell: {error}\n")
        return 3
    open_ = compare(findings, accepts)
    for line in open_:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(
        f"{len(written)} templates, {len(findings)} findings, {len(accepts)} accepted, {len(open_)} open\n"
    )
    return 1 if open_ else 0


if __name__ == "__main__":
    sys.exit(main())
