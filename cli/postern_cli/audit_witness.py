"""`postern audit witness`: remembers the largest tree of a log that it saw, and signs only what continues it."""

from __future__ import annotations

import json
import secrets
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from postern.errors import IntegrityError
from postern_cli.audit import app
from postern_cli.gate.options import JsonOption
from postern_cli.stop import Exit, Stop

if TYPE_CHECKING:
    from postern_cli.log_sources import BucketSource, FolderSource, UrlSource

witness_app = typer.Typer(no_args_is_help=True, help="Remember a log's largest tree, and sign only what continues it.")
app.add_typer(witness_app, name="witness")

_KeyFile = Annotated[Path, typer.Option("--key", metavar="FILE", help="The witness's own key.")]
_StateFile = Annotated[Path, typer.Option("--state", metavar="FILE", help="What the witness remembers.")]


@witness_app.command()
def init(
    key_file: _KeyFile,
    state_file: _StateFile,
    name: Annotated[str, typer.Option(help="The witness's name, for example acme-audit.example/witness.")],
    as_json: JsonOption = False,
) -> None:
    """Make a key and an empty memory, and print the public key that `postern audit verify --witness` takes.

    Neither file may be there already. Exit code: 0 made; 1 one of them is there; 2 usage; 3 it could not be written.
    """
    from postern.witness.signing_key import SEED_BYTES, format_key, make_key
    from postern.witness.state import format_state
    from postern_cli.witness_files import StateFile, create_key_file

    try:
        key = make_key(name, secrets.token_bytes(SEED_BYTES))
    except IntegrityError as error:
        raise Stop(Exit.USAGE, f"--name: {error.detail}") from error
    create_key_file(key_file, format_key(key))
    StateFile(state_file).create(format_state({}))
    print(json.dumps({"vkey": key.vkey}) if as_json else key.vkey)


@witness_app.command()
def run(
    key_file: _KeyFile,
    state_file: _StateFile,
    vkey: Annotated[list[str], typer.Option(help="The log's public key, given to you by hand; once for each key.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where the signed checkpoint goes.")],
    folder: Annotated[Path | None, typer.Option("--dir", help="Folder that `postern audit pull` wrote.")] = None,
    url: Annotated[str | None, typer.Option(help="Where the log's files are served, with its name at the end.")] = None,
    bucket: Annotated[str | None, typer.Option(help="The evidence bucket.")] = None,
    ready: Annotated[Path | None, typer.Option(help="Ready file of a local stack: names bucket and endpoint.")] = None,
    endpoint_url: Annotated[str | None, typer.Option(help="Where S3 answers, if not at AWS.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints that contradict each other; beside the state if unset.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Look at the log once, and sign its checkpoint if it continues what was seen before. Made for cron.

    Exit code: 0 signed; 1 not signed: it is no continuation, and both checkpoints are kept; 2 usage; 3 it cannot be
    told: the log or the state cannot be read, or another run is under way.
    """
    from postern_cli.log_sources import FolderSource, UrlSource
    from postern_cli.witness_files import StateFile, keep_file, read_key_file, replace_file
    from postern_cli.witnessing import Outlet, read_log, run_once

    if sum(given is not None for given in (folder, url, bucket or ready)) != 1:
        raise Stop(Exit.USAGE, "witness: expected one of --dir, --url, --bucket and --ready")
    log, key, state = read_log(vkey), read_key_file(key_file), StateFile(state_file)
    name = log.origin.rpartition("/")[2]
    source: FolderSource | UrlSource | BucketSource
    if folder is not None:
        source = FolderSource(folder, name)
    elif url is not None:
        source = UrlSource(url)
    else:
        source = _bucket_source(bucket, ready, endpoint_url, name)
    outlet = Outlet(partial(replace_file, out), partial(keep_file, evidence or state_file.parent / "evidence"))
    with state.held():
        seen = run_once(key, state, log, source.read, outlet, time_s=int(time.time()))
    said = {"origin": seen.origin, "size": seen.size, "size_before": seen.size_before, "out": str(out)}
    print(json.dumps(said) if as_json else seen)


@witness_app.command()
def show(key_file: _KeyFile, state_file: _StateFile, as_json: JsonOption = False) -> None:
    """Print the public key, and what the witness remembers of each log.

    Exit code: 0 shown; 3 key or state cannot be read, or the state is not this witness's.
    """
    from postern.audit.times import format_time
    from postern.witness.state import parse_state
    from postern_cli.witness_files import StateFile, read_key_file

    key = read_key_file(key_file)
    try:
        state = parse_state(StateFile(state_file).read(), key.vkey)
    except IntegrityError as error:
        raise Stop(Exit.UNKNOWN, f"{state_file}: {error.detail}") from error
    if as_json:
        logs = {
            origin: {"size": kept.checkpoint.size, "root": kept.checkpoint.root.hex(), "time_s": kept.time_s}
            for origin, kept in sorted(state.items())
        }
        print(json.dumps({"vkey": key.vkey, "logs": logs}))
        return
    print(key.vkey)
    for origin, kept in sorted(state.items()):
        signed = format_time(kept.time_s * 1_000_000)
        print(f"{origin}: {kept.checkpoint.size:,} entries, root {kept.checkpoint.root.hex()}, signed {signed}")


def _bucket_source(bucket: str | None, ready: Path | None, endpoint_url: str | None, log: str) -> BucketSource:
    from postern_cli.aws import AwsAccess
    from postern_cli.log_sources import BucketSource

    access = AwsAccess.of(ready, endpoint_url)
    return BucketSource(access.client("s3"), bucket or access.named("bucket", "--bucket"), log)
