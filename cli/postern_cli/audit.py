"""`postern audit`: what an auditor does with the evidence, without asking those who wrote it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.audit.keys import LOG_NAME
from postern_cli.aws import region_of
from postern_cli.gate.options import JsonOption
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

app = typer.Typer(no_args_is_help=True, help="Pull the evidence and check it, offline.")


@app.command()
def pull(
    folder: Annotated[Path, typer.Option("--dir", help="Folder to write to; made if it is not there.")],
    bucket: Annotated[str | None, typer.Option(help="The evidence bucket.")] = None,
    ready: Annotated[Path | None, typer.Option(help="Ready file of a local stack: names bucket and endpoint.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where S3 answers, if not at AWS.")] = None,
    log: Annotated[str | None, typer.Option(help="Only this log, for instance the current epoch.")] = None,
    prefix: Annotated[str, typer.Option(help="Only keys that start so. What is left out cannot be verified.")] = "",
    inventory: Annotated[
        str | None,
        typer.Option(help="An S3 Inventory of the bucket: s3://…/manifest.json, or that file in a folder."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Objects fetched at a time.")] = 16,
    as_json: JsonOption = False,
) -> None:
    """Copy the evidence bucket to a folder: objects as stored, and a line for every version of each.

    Run it again to go on where it stopped, or to bring the folder up to date. With --inventory, what the log holds is
    not fetched a second time, and locks are as of the inventory's day.
    Exit code: 0 pulled; 2 usage; 3 the bucket cannot be read, or the folder not be written.
    """
    from postern_cli import pull as pulling
    from postern_cli.inventory import command as by_inventory
    from postern_cli.progress import counting

    if (bucket is None) == (ready is None):
        raise Stop(Exit.USAGE, "pull: expected either --bucket or --ready")
    if log is not None and (prefix or LOG_NAME.fullmatch(log) is None):
        raise Stop(Exit.USAGE, "pull: expected a log's name with --log, and no --prefix beside it")
    if inventory is not None and prefix:
        raise Stop(Exit.USAGE, "pull: expected --inventory or --prefix, got both")
    local = _read_ready(ready) if ready is not None else None
    name = local["bucket"] if local is not None else str(bucket)
    with _unreachable_is_unknown(name):
        client = _client(
            local["aws"] if local is not None else endpoint_url, is_local=local is not None, workers=workers
        )
        with counting(f"pulling {name}") as advance:
            asked = pulling.Bucket(client, name, prefix, log)
            if inventory is None:
                done = pulling.pull(asked, PulledFolder(folder), workers=workers, advance=advance)
            else:
                done = by_inventory.pull(asked, inventory, PulledFolder(folder), workers=workers, advance=advance)
    kept = done.versions - done.fetched
    if as_json:
        print(json.dumps({"folder": str(folder), "versions": done.versions, "fetched": done.fetched}))
        return
    print(f"pulled {done.versions:,} versions to {folder}: {done.fetched:,} fetched now, {kept:,} were there")


@app.command()
def verify(
    folder: Annotated[Path, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")],
    vkey: Annotated[
        list[str] | None, typer.Option(help="The log's public key, given to you by hand; once for each key and log.")
    ] = None,
    since: Annotated[
        list[Path] | None, typer.Option(help="File with a checkpoint that you kept: the log must continue it.")
    ] = None,
    cosigned: Annotated[
        Path | None, typer.Option(help="File with a checkpoint that witnesses signed: the log must hold it.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="A witness's public key: it must have signed --cosigned.")
    ] = None,
    log: Annotated[str | None, typer.Option(help="Only this log of the copy, for instance a past epoch.")] = None,
    min_retention: Annotated[
        int, typer.Option(min=0, max=36_500, help="Days that every object must be locked for.")
    ] = 1,
    max_open_age: Annotated[
        int | None, typer.Option(min=0, help="Seconds after which a command without an end is a failure.")
    ] = None,
    max_unsequenced: Annotated[
        int, typer.Option(min=0, help="Seconds within which a stored record must be under a checkpoint.")
    ] = 86_400,
    workers: Annotated[int | None, typer.Option(min=1, max=256, help="Processes; as many as cores.")] = None,
    scratch: Annotated[Path | None, typer.Option(help="Where to keep what does not fit in memory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Check a pulled log in numbered steps: each object, each command, the tree, its checkpoints. Needs no network.

    Without --vkey everything is checked but who signed, and order and completeness are not vouched for.
    Exit code: 0 it holds; 1 it does not, and the first thing wrong is named; 3 something could not be told.
    """
    from postern_cli import audit_verify

    asked = audit_verify.Asked(
        folder=folder,
        vkeys=tuple(vkey or ()),
        since=tuple(since or ()),
        cosigned=cosigned,
        witnesses=tuple(witness or ()),
        log=log,
        min_retention_days=min_retention,
        max_open_s=max_open_age,
        max_unsequenced_s=max_unsequenced,
        workers=workers,
        scratch=scratch,
    )
    audit_verify.run(asked, as_json=as_json)


def _read_ready(path: Path) -> dict[str, str]:
    try:
        ready = json.loads(path.read_text("utf-8"))
        return {"bucket": str(ready["bucket"]), "aws": str(ready["aws"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise Stop(
            Exit.UNKNOWN, f"{path}: expected a local stack's ready file; is `postern local up` running?"
        ) from error


def _client(endpoint_url: str | None, *, is_local: bool, workers: int) -> S3Client:
    import boto3
    from botocore.config import Config
    from botocore.session import Session

    from postern.edges.timestamps import read_timestamp

    session = Session()
    session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=read_timestamp)
    connect = boto3.Session(botocore_session=session).client
    config = Config(
        max_pool_connections=workers,
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": 4},
        # An object's own checksum says what was stored, by whoever stored it; ours is computed from the bytes.
        response_checksum_validation="when_required",
    )
    if not is_local:
        return connect("s3", endpoint_url=endpoint_url, config=config, region_name=region_of(os.environ))
    # The local stack knows no accounts, and a person's own credentials have no business there.
    return connect(
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


# Each of these adds its commands to `app`, which it takes from here.
from postern_cli import audit_erase as audit_erase  # noqa: E402
from postern_cli import audit_export as audit_export  # noqa: E402
from postern_cli import audit_prove as audit_prove  # noqa: E402
from postern_cli import audit_reconcile as audit_reconcile  # noqa: E402
from postern_cli import audit_replay as audit_replay  # noqa: E402
from postern_cli import audit_report as audit_report  # noqa: E402
from postern_cli import audit_timestamp as audit_timestamp  # noqa: E402
from postern_cli import audit_unseal as audit_unseal  # noqa: E402
from postern_cli import audit_vkey as audit_vkey  # noqa: E402
from postern_cli import audit_witness as audit_witness  # noqa: E402
