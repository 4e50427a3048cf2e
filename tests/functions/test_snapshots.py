"""SnapStart copies one environment into many: what each copy writes, names and signs with is its own all the same."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest

from postern.audit.build_facts import format_build_facts
from postern.edges.build_files import project_facts
from postern_local.policy_layer import local_address, read_policy, write_policy
from postern_local.stack import DEMO
from postern_local.template import Template
from tests.support.stack import NAMES, PARAMETERS, PROJECT, project_deployment

COPIES = 3
WRITERS = ("query", "tasks", "provision")


@cache
def snap_started() -> frozenset[str]:
    """The functions that the template gives SnapStart."""
    found = Template(PROJECT / "template.yaml", PARAMETERS, NAMES).of_type("AWS::Lambda::Function").values()
    return frozenset(
        str(one["FunctionName"]).removeprefix("postern-")
        for one in found
        if one.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions"
    )


class Credentials(BaseHTTPRequestHandler):
    """Lambda's own endpoint for credentials where a function has SnapStart: each answer is other keys, soon over."""

    given: ClassVar[int] = 0

    def do_GET(self) -> None:
        Credentials.given += 1
        # Within the ten minutes in which the SDK will not go on without new ones.
        expires = datetime.now(UTC) + timedelta(minutes=5)
        body = {"AccessKeyId": f"ASIA{Credentials.given:016}", "SecretAccessKey": "s", "Token": "t"}
        data = json.dumps({**body, "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture(scope="module")
def credentials_url() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Credentials)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def opt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies under /opt: the demo's policy layer and what was built."""
    folder = tmp_path_factory.mktemp("opt")
    layer = read_policy(DEMO / "policy", region=NAMES.region)
    addresses = [local_address(name, port=1, ca="none", region=NAMES.region) for name in layer.databases]
    write_policy(layer, folder, addresses, issuer_url="http://127.0.0.1:1")
    (folder / "build.json").write_bytes(format_build_facts(project_facts(PROJECT)))
    return folder


@pytest.fixture(scope="module")
def snapshots(opt: Path, credentials_url: str) -> dict[str, Any]:
    """By name what a snapshot of each function holds, and what each copy of it comes to."""
    variables = {function: _variables(function, opt, credentials_url) for function in (*WRITERS, "authorize")}
    environments = {name: {"function": name, "variables": given} for name, given in variables.items()}
    on_demand = {**variables["authorize"], "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
    environments["authorize on demand"] = {"function": "authorize", "variables": on_demand}
    run = subprocess.run(
        [sys.executable, "-m", "tests.support.snapshot_process"],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"]},
        input=json.dumps({"copies": COPIES, "environments": environments}),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    return dict(json.loads(run.stdout))


def _variables(function: str, opt: Path, credentials_url: str) -> dict[str, str]:
    of_template = project_deployment().function(f"postern-{function}").environment
    return {
        **{name: value.replace("/opt", str(opt)) for name, value in of_template.items()},
        "PATH": os.environ["PATH"],
        "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": credentials_url,
        "AWS_REGION": NAMES.region,
        "AWS_DEFAULT_REGION": NAMES.region,
        "POSTERN_LOCAL_ISSUER": "http://127.0.0.1:1",
    }


@pytest.fixture(scope="module", params=WRITERS)
def taken(request: pytest.FixtureRequest, snapshots: dict[str, Any]) -> dict[str, Any]:
    return dict(snapshots[request.param])


def test_what_writes_records_and_has_snapstart_is_copied_here() -> None:
    assert snap_started() == {*WRITERS, "authorize"}


def test_a_snapshot_holds_what_every_copy_needs_and_nothing_that_must_differ(taken: dict[str, Any]) -> None:
    held = taken["snapshot"]

    assert held["hooks"] == 1
    assert held["stores"] >= 1  # made before the snapshot: the copies below are copies of them
    assert (held["sockets"], held["threads"]) == (0, 1)


@pytest.mark.parametrize("what", ["writer", "command_id", "task_id", "key", "random", "uuid"])
def test_no_two_copies_draw_the_same(what: str, taken: dict[str, Any]) -> None:
    drawn = [json.dumps(copy[what]) for copy in taken["copies"]]

    assert len(set(drawn)) == COPIES


def test_no_copy_writes_on_in_another_chain(taken: dict[str, Any]) -> None:
    """Two records at one place of one chain would be a gap that nobody can tell from a deletion."""
    chains = [env for copy in taken["copies"] for env in copy["writer"]]

    assert len(chains) >= COPIES
    assert len(set(chains)) == len(chains)


def test_no_copy_signs_with_the_credentials_of_the_snapshot(taken: dict[str, Any]) -> None:
    """They are over when a copy is made of it days later."""
    used = [copy["credentials"] for copy in taken["copies"]]

    assert taken["snapshot"]["credentials"]
    assert all(used)
    assert not set(taken["snapshot"]["credentials"]) & {key for keys in used for key in keys}


def test_the_authorizer_takes_no_connection_and_no_key_along(snapshots: dict[str, Any]) -> None:
    taken = snapshots["authorize"]

    held = taken["snapshot"]
    assert (held["hooks"], held["sockets"], held["threads"]) == (1, 0, 1)
    assert len({copy["random"] for copy in taken["copies"]}) == COPIES


def test_nothing_is_done_ahead_where_no_snapshot_is_taken(snapshots: dict[str, Any]) -> None:
    assert snapshots["authorize on demand"]["snapshot"]["hooks"] == 0
