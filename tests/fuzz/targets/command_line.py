"""The files that the command line reads: whatever is in them, a command ends with one of its exit codes and says why.

A folder is made once for each command and lies there as it should; an input puts other bytes into one of its files.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from unittest.mock import patch

from hypothesis import strategies as st

from postern.witness.signing_key import format_key
from postern.witness.state import format_state
from postern_cli.query.statements import read_parameters
from postern_cli.settings.config_file import parse_config
from postern_cli.sign_in.kept_login import login_path, read_login
from postern_cli.stop import Stop
from postern_cli.tasks.requests import read_request
from tests.cli.test_policy import AGENT, FILES, ORDERS
from tests.fuzz.command import Command, check, folder, laid_down
from tests.fuzz.json_mutation import mutated_json
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target
from tests.fuzz.targets import evidence, layer, tlog
from tests.support.good_log import FIRST_KEY, NOW_US, OLD_KEY, SECOND_KEY, good
from tests.support.reconcile import Script
from tests.support.report_log import VKEY, Work, told_log
from tests.support.witness import LOG_KEY, ORIGIN, WITNESS, grown, kept_of

_GATE = "https://gate.example"


@cache
def _pulled() -> Mapping[str, bytes]:
    """A small copy of a log of two epochs."""
    copy = good(small=True).lay_down()
    lines = b"".join(line + b"\n" for line in copy.version_lines())
    objects = {f"objects/{key}": data for key, data in copy.objects.items()}
    return {**objects, "versions.jsonl": lines, "pulled.json": json.dumps({"began_us": NOW_US}).encode()}


@cache
def _told() -> Mapping[str, bytes]:
    """A copy of a log of three days with something of everything."""
    return copied(told_log())


def copied(work: Work) -> Mapping[str, bytes]:
    copy = work.copy()
    lines = b"".join(line + b"\n" for line in copy.version_lines())
    return {
        **{f"objects/{key}": data for key, data in copy.objects.items()},
        "versions.jsonl": lines,
        "pulled.json": b"{}",
    }


@cache
def _layer() -> Mapping[str, bytes]:
    asked = {"claims.json": AGENT, "request.json": ORDERS}
    files = {f"layer/{path}": text.encode() for path, text in FILES.items()}
    return files | {name: json.dumps(value).encode() for name, value in asked.items()} | {"cases.yaml": layer.CASES}


@cache
def _proofs() -> Mapping[str, bytes]:
    return {"one.tlog-proof": tlog.PROOF, "record": tlog.ENTRIES[3]}


@cache
def _witnessed() -> Mapping[str, bytes]:
    copy = {f"objects/log/prod-2026/{path}": data for path, data in grown(9).items()}
    state = format_state({ORIGIN: kept_of(grown(4))})
    return {**copy, "key": format_key(WITNESS).reveal().encode(), "state.json": state}


@cache
def _reconciled() -> Mapping[str, bytes]:
    script = Script()
    script.read("SELECT 1 AS q", after_s=10)
    copy = {f"objects/{key}": data for key, data in script.records.objects.items()}
    return {**copy, "versions.jsonl": b"", "log": script.csvlog()}


_TWO_LOGS = ("--vkey", str(OLD_KEY.verifier), "--vkey", str(FIRST_KEY.verifier), "--vkey", str(SECOND_KEY.verifier))
_ONE_LOG = ("--dir", "{}", "--vkey", VKEY)
_MARCH = ("--from", "2026-03-03", "--to", "2026-03-08")
_RECORD = (*evidence.TOKENS, b'"text":', b'"rows":', b'"task":')
REPORT = ("audit", "report", *_ONE_LOG, *_MARCH, "--out", "{out}", "--workers", "1", "--sample", "1")
EXPORT = ("audit", "export", "--ocsf", *_ONE_LOG, "--out", "{out}")
REPLAY = ("audit", "replay", "t1", "--dir", "{}")
_COMMANDS = (
    Command("verify", _pulled, ("audit", "verify", "--dir", "{}", *_TWO_LOGS, "--workers", "1"), _RECORD),
    Command("verify unsigned", _pulled, ("audit", "verify", "--dir", "{}", "--workers", "1", "--json"), _RECORD),
    Command(
        "verify listing",
        _pulled,
        ("audit", "verify", "--dir", "{}", *_TWO_LOGS, "--workers", "1"),
        (b'"key":', b'"size":', b'"is_latest":', b"\n"),
        lambda name: not name.startswith("objects/"),
    ),
    Command("report", _told, REPORT, _RECORD),
    Command("export", _told, EXPORT, _RECORD),
    Command("replay", _told, REPLAY, _RECORD),
    Command(
        "check proof",
        _proofs,
        ("audit", "check-proof", "{}/one.tlog-proof", "--vkey", str(tlog.KEY.verifier)),
        tlog.TOKENS,
    ),
    Command(
        "witness",
        _witnessed,
        (
            *("audit", "witness", "run", "--dir", "{}", "--key", "{}/key", "--state", "{}/state.json"),
            *("--vkey", str(LOG_KEY.verifier), "--out", "{out}/cosigned", "--evidence", "{out}/evidence"),
        ),
        tlog.TOKENS,
    ),
    Command("reconcile", _reconciled, ("audit", "reconcile", "--dir", "{}", "--database-log", "{}/log"), _RECORD),
    Command("policy check", _layer, ("policy", "check", "{}/layer"), layer.YAML),
    Command("policy test", _layer, ("policy", "test", "{}/layer", "{}/cases.yaml"), layer.YAML),
    Command(
        "policy explain",
        _layer,
        ("policy", "explain", "{}/layer", "--claims", "{}/claims.json", "--request", "{}/request.json"),
        (b'"sub":', b'"aud":[]', b'"exp":1e99', b"null"),
        lambda name: name.endswith(".json"),
    ),
)

_NAMED = {
    "verify": ("audit", "verify", "--dir", "{}", "--workers", "1"),
    "reconcile": ("audit", "reconcile", "--dir", "{}", "--database-log", "{}/versions.jsonl"),
}

# ---- Files of any name: a folder may come from somebody else.


def _named(given: tuple[str, bytes]) -> None:
    words, name = given
    here = laid_down("names", _pulled)
    path = here / "objects" / os.fsdecode(name.replace(b"\0", b"").strip(b"/") or b"x")
    longest = max(len(os.fsencode(part)) for part in path.parts)
    if ".." in path.parts or longest > 250 or len(path.parts) > 40 or path.exists():
        return  # no name on a disk, or one that is taken
    made = [one for one in (path, *path.parents) if not one.exists()]
    if not all(one.is_dir() for one in path.parents if one.exists()):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"{}")
    try:
        check(*(word.format(here) for word in _NAMED[words]))
    finally:
        for one in made:
            one.unlink() if one == path else one.rmdir()


# ---- What a command reads before it asks a gate.


def _config(data: bytes) -> None:
    parse_config(data)


def _login(data: bytes) -> None:
    with _environment():
        path = login_path(_GATE)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
        read_login(_GATE)


def _request(data: bytes) -> None:
    read_request(str(_written(data)))


def _parameters(data: bytes) -> None:
    read_parameters([], str(_written(data)))


def _written(data: bytes) -> Path:
    path = folder() / "given"
    path.write_bytes(data)
    return path


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    with patch.dict(os.environ, {"XDG_CONFIG_HOME": str(folder() / "config")}):
        yield


_TOML = b'profile = "work"\noutput = "table"\n[profiles.work]\nurl = "https://postern.example.com"\nhistory = false\n'
_KEPT = json.dumps(
    {
        "gate": _GATE,
        "issuer": "https://issuer.example",
        "client_id": "c",
        "scopes": ["openid"],
        "version": 1,
        "kind": "id_token",
        "token": "a.b.c",
        "expires_at_s": 1,
        "refresh_token": None,
        "origins": [],
    }
).encode()
_STOPS = (Stop,)
TARGETS = (
    *(command.target() for command in _COMMANDS),
    Target(
        "cli names",
        st.tuples(
            st.sampled_from(sorted(_NAMED)),
            st.deferred(lambda: mutated([name.removeprefix("objects/").encode() for name in _pulled()])),
        ),
        _named,
        slow=True,
    ),
    Target(
        "cli config",
        mutated([_TOML], tokens=(b"[profiles.x]", b'"""', b"inf", b"1979-05-27", b"[[", b"=")),
        _config,
        _STOPS,
    ),
    Target("cli login", mutated_json([_KEPT], tokens=(b'"version":2', b'"gate":', b'"scopes":')), _login, _STOPS),
    Target("cli request", mutated_json([json.dumps(ORDERS).encode()]), _request, _STOPS),
    Target("cli parameters", mutated_json([b'[1, "a", null, {"a": [1.5]}]']), _parameters, _STOPS),
)
