"""`postern audit`: what an auditor does with the evidence, without asking those who wrote it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.audit.findings import Bounds, Finding
from postern.audit.times import format_time
from postern.audit.verify import NOT_CHECKED, Report
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

app = typer.Typer(no_args_is_help=True, help="Pull the evidence and check it, offline.")

_DAY_US = 86_400_000_000
_SHOWN_OPEN = 5


@app.command()
def pull(
    folder: Annotated[Path, typer.Option("--dir", help="Folder to write to; made if it is not there.")],
    bucket: Annotated[str | None, typer.Option(help="The evidence bucket.")] = None,
    ready: Annotated[Path | None, typer.Option(help="Ready file of a local stack: names bucket and endpoint.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where S3 answers, if not at AWS.")] = None,
    prefix: Annotated[str, typer.Option(help="Only keys that start so. What is left out cannot be verified.")] = "",
    workers: Annotated[int, typer.Option(min=1, max=64, help="Objects fetched at a time.")] = 16,
) -> None:
    """Copy the evidence bucket to a folder: objects as stored, and a line for every version of each.

    Run it again to go on where it stopped, or to bring the folder up to date.
    """
    from postern_cli import pull as pulling
    from postern_cli.progress import counting

    if (bucket is None) == (ready is None):
        raise Stop(Exit.USAGE, "pull: expected either --bucket or --ready")
    local = _read_ready(ready) if ready is not None else None
    name = local["bucket"] if local is not None else str(bucket)
    with _unreachable_is_unknown(name):
        client = _client(
            local["aws"] if local is not None else endpoint_url, is_local=local is not None, workers=workers
        )
        with counting(f"pulling {name}") as advance:
            done = pulling.pull(
                pulling.Bucket(client, name, prefix), PulledFolder(folder), workers=workers, advance=advance
            )
    print(f"pulled {done.versions} versions to {folder}, {done.fetched} of them fetched now")


@app.command()
def verify(
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    vkey: Annotated[str | None, typer.Option(help="The log's public key. Not available yet.")] = None,
    since: Annotated[Path | None, typer.Option(help="A checkpoint you kept. Not available yet.")] = None,
    min_retention: Annotated[int, typer.Option(min=0, help="Days that every object must be locked for.")] = 1,
    max_open_age: Annotated[
        int | None, typer.Option(min=0, help="Seconds after which a command without an end is a failure.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a pulled log: form, place, versions, locks, times, pairs, writer chains. Needs no network and no key.

    Exit code: 0 it holds; 1 it does not, and the first thing wrong is named; 3 it cannot be told.
    """
    from postern.audit import verify as verifier

    for option, value in (("--vkey", vkey), ("--since", since)):
        if value is not None:
            raise Stop(
                Exit.UNKNOWN, f"{option}: the log has no signed checkpoints yet; leave it out to check everything else"
            )
    pulled = PulledFolder(folder)
    if not pulled.versions.is_file():
        raise Stop(
            Exit.UNKNOWN, f"{pulled.versions}: expected a finished pull, got no such file; run `postern audit pull`"
        )
    bounds = Bounds(
        min_retention_us=min_retention * _DAY_US,
        max_open_us=None if max_open_age is None else max_open_age * 1_000_000,
    )
    try:
        report = verifier.verify(pulled, bounds, now_us=time.time_ns() // 1000)
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{folder}: expected to read it, got {error.strerror}") from error
    _print_json(report) if as_json else _print_text(report)
    if report.first is not None:
        more = f" (and {report.wrong - 1} more)" if report.wrong > 1 else ""
        raise Stop(Exit.REFUSED, f"does not hold: {report.first}{more}")
    if report.counts.objects == 0:
        raise Stop(Exit.UNKNOWN, f"{folder}: expected records, got an empty listing; was the right bucket pulled?")


def _print_text(report: Report) -> None:
    counts = report.counts
    notes = {
        "intents": f"{counts.refused} refused, {counts.open} open" if counts.intents else "",
        "chains": "one an execution environment" if counts.chains else "",
    }
    for name in ("objects", "intents", "outcomes", "settlements", "events", "blobs", "chains"):
        print(f"{name:<12}{getattr(counts, name):>9,}   {notes.get(name, '')}".rstrip())
    for one in report.open[:_SHOWN_OPEN]:
        print(f"open: {one.key} waits for its {one.waits_for.value} since {format_time(one.since_us)}")
    if counts.open > _SHOWN_OPEN:
        print(f"open: and {counts.open - _SHOWN_OPEN:,} more")
    print(f"not checked yet: {' and '.join(NOT_CHECKED)}, which need the log's signed checkpoints")
    if report.holds and counts.objects:
        print("holds")


def _print_json(report: Report) -> None:
    print(
        json.dumps(
            {
                "holds": report.holds and report.counts.objects > 0,
                "first": None if report.first is None else _finding_member(report.first),
                "wrong": report.wrong,
                "findings": [_finding_member(finding) for finding in report.findings],
                "counts": asdict(report.counts),
                "open": [
                    {"key": one.key, "waits_for": one.waits_for.value, "since": format_time(one.since_us)}
                    for one in report.open
                ],
                "not_checked": list(NOT_CHECKED),
            },
            indent=2,
        )
    )


def _finding_member(finding: Finding) -> dict[str, object]:
    return {**asdict(finding), "step": finding.step.value, "step_name": finding.step.name.lower(), "text": str(finding)}


def _read_ready(path: Path) -> dict[str, str]:
    try:
        ready = json.loads(path.read_text("utf-8"))
        return {"bucket": str(ready["bucket"]), "aws": str(ready["aws"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Stop(
            Exit.UNKNOWN, f"{path}: expected a local stack's ready file; is `postern local up` running?"
        ) from error


def _client(endpoint_url: str | None, *, is_local: bool, workers: int) -> S3Client:
    import boto3
    from botocore.config import Config

    config = Config(
        max_pool_connections=workers,
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 4},
        # An object's own checksum says what was stored, by whoever stored it; ours is computed from the bytes.
        response_checksum_validation="when_required",
    )
    if not is_local:
        return boto3.client("s3", endpoint_url=endpoint_url, config=config)
    # The local stack knows no accounts, and a person's own credentials have no business there.
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        config=config,
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )


@contextmanager
def _unreachable_is_unknown(bucket: str) -> Iterator[None]:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise Stop(Exit.UNKNOWN, f"{bucket}: expected to read it, got {code}; run the same command to go on") from error
    except BotoCoreError as error:
        raise Stop(Exit.UNKNOWN, f"{bucket}: expected to read it, got {type(error).__name__}: {error}") from error
    except OSError as error:
        raise Stop(Exit.UNKNOWN, f"{error.filename}: expected to write it, got {error.strerror}") from error
