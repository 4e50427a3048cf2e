"""`make deploy`: nothing is sent before what it would deploy can work, and it ends by recording what stands."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from scripts import deploy

from tests.support.stack import PROJECT
from tests.support.tls import self_signed

DATABASES = """shop:
  host: shop.cluster-abc.eu-west-1.rds.amazonaws.com
  port: 5432
  dbname: shop
  resource_id: cluster-ABCDEFGHIJKLMNOPQRSTUVWXYZ
  region: eu-west-1
  ca: {ca}
"""
ISSUERS = """issuers:
  - {name: ci, issuer: "https://ci.example", audience: postern, algorithms: [RS256], typ: [JWT], require: {a: b}}
"""


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """A policy layer of one database, whose authorities it has."""
    demo = PROJECT / "local/postern_local/demo/policy"
    folder = tmp_path / "policy"
    shutil.copytree(demo / "catalog", folder / "catalog")
    (folder / "issuers.yaml").write_text(ISSUERS)
    (folder / "databases.yaml").write_text(DATABASES.format(ca="/opt/ca/rds.pem"))
    (folder / "ca").mkdir()
    self_signed(folder / "ca").rename(folder / "ca/rds.pem")
    return folder


def test_a_layer_with_its_authorities_may_be_deployed(policy: Path) -> None:
    assert list(deploy.problems(policy)) == []


def test_what_comes_with_the_project_may_be_deployed() -> None:
    assert list(deploy.problems()) == []


def test_stops_where_the_authorities_are_missing_and_says_how_to_get_them(policy: Path) -> None:
    (policy / "ca/rds.pem").unlink()

    [problem] = deploy.problems(policy)

    assert "shop" in problem
    assert "make rds-ca" in problem


def test_stops_where_the_bundle_is_none(policy: Path) -> None:
    (policy / "ca/rds.pem").write_text("no certificate")

    assert len(list(deploy.problems(policy))) == 1


@pytest.mark.parametrize("ca", ["/etc/ssl/certs/ca.pem", "ca/rds.pem", "/opt/../etc/ssl/ca.pem", "/option/rds.pem"])
def test_stops_at_a_bundle_that_lambda_will_not_have(ca: str, policy: Path) -> None:
    (policy / "databases.yaml").write_text(DATABASES.format(ca=ca))

    [problem] = deploy.problems(policy)

    assert "expected a file under /opt" in problem


def test_stops_at_a_layer_that_does_not_load(policy: Path) -> None:
    (policy / "issuers.yaml").write_text("issuers: [")

    [problem] = deploy.problems(policy)

    assert "issuers.yaml:2" in problem


class Sam:
    """Notes what would have been run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **codes: int) -> None:
        self.ran: list[list[str]] = []
        self.codes = codes
        monkeypatch.setattr(deploy, "_ran", self._run)
        monkeypatch.setattr(deploy, "told_state", lambda: "commit")

    def _run(self, *command: object) -> int:
        self.ran.append([str(one) for one in command[1:]])
        return self.codes.get(self.ran[-1][0], 0)


RECORD = ["remote", "invoke", "DeployFunction", "--event", '{"action": "record"}']


def test_builds_deploys_and_records(monkeypatch: pytest.MonkeyPatch) -> None:
    sam = Sam(monkeypatch)

    assert deploy.main(["--stack-name", "gate", "--guided", "--region=eu-west-1", "--tags", "a=b"]) == 0

    assert sam.ran == [
        ["build", "ARCHITECTURE=arm64"],
        ["deploy", "--stack-name", "gate", "--guided", "--region=eu-west-1", "--tags", "a=b"],
        [*RECORD, "--stack-name", "gate", "--region=eu-west-1"],
    ]


@pytest.mark.parametrize(
    ("arguments", "kept", "built"),
    [
        pytest.param([], None, "arm64", id="the template's own"),
        pytest.param(["--parameter-overrides", "LogName=a Architecture=x86_64"], None, "x86_64", id="named"),
        pytest.param(
            ["--parameter-overrides", "LogName=a", "Architecture=x86_64"], None, "x86_64", id="one of several"
        ),
        pytest.param(
            ["--parameter-overrides", "ParameterKey=Architecture,ParameterValue=x86_64"], None, "x86_64", id="long form"
        ),
        pytest.param([], 'LogName=\\"a\\" Architecture=\\"x86_64\\"', "x86_64", id="as --guided kept it"),
        pytest.param(
            ["--parameter-overrides=Architecture=arm64"], "Architecture=x86_64", "arm64", id="said now, not as kept"
        ),
        pytest.param(["--config-env", "prod"], "Architecture=x86_64", "arm64", id="another environment's"),
    ],
)
def test_builds_for_the_processor_that_is_deployed(
    arguments: Sequence[str], kept: str | None, built: str, tmp_path: Path
) -> None:
    if kept is not None:
        (tmp_path / "samconfig.toml").write_text(f'[default.deploy.parameters]\nparameter_overrides = "{kept}"\n')

    assert deploy.architecture(arguments, tmp_path) == built


def test_sends_nothing_where_something_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sam = Sam(monkeypatch)
    monkeypatch.setattr(deploy, "problems", lambda: iter(["ca: missing"]))

    assert deploy.main([]) == 1
    assert sam.ran == []
    assert "nothing was sent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("codes", "steps"),
    [
        pytest.param({"build": 1}, ["build"], id="a build that fails sends nothing"),
        pytest.param(
            {"deploy": 1}, ["build", "deploy", "remote"], id="what was turned back stands not, and is recorded"
        ),
        pytest.param({"remote": 1}, ["build", "deploy", "remote"], id="what is not recorded is told"),
    ],
)
def test_a_step_that_fails_fails_the_deploy(
    codes: dict[str, int], steps: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sam = Sam(monkeypatch, **codes)

    assert deploy.main([]) == 1
    assert [one[0] for one in sam.ran] == steps


def test_tells_the_commit_and_what_is_not_in_it(tmp_path: Path) -> None:
    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=x", "-c", "user.email=x@example.com"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True, capture_output=True)

    assert "no git here" in deploy.told_state(tmp_path)
    git("init")
    (tmp_path / "file").write_text("1")
    git("add", "file")
    git("commit", "-m", "first")
    assert deploy.told_state(tmp_path).startswith("commit ")
    assert "not committed" not in deploy.told_state(tmp_path)

    (tmp_path / "file").write_text("2")

    assert "1 files that are not committed" in deploy.told_state(tmp_path)
