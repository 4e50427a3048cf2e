"""The user's policy layer, checked before anything starts, laid out with the stack's own databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from postern.edges.policy_files import read_bundle
from postern.identity.issuers import LocalIssuer
from postern.types import DatabaseName
from postern_local.databases import assign_loads
from postern_local.failure import StackFailure
from postern_local.policy_layer import local_address, read_policy, resource_id, write_policy
from postern_local.stack import DEMO

REGION = "us-east-1"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(DEMO / "policy", tmp_path / "policy"))


def test_is_laid_out_with_the_local_databases(folder: Path, tmp_path: Path) -> None:
    (folder / "databases.yaml").write_text("shop: {host: production.example}\n")
    layer = read_policy(folder, region=REGION)
    address = local_address(DatabaseName("shop"), port=5433, ca='/a "b"/ca.pem', region=REGION)

    write_policy(layer, tmp_path / "opt", [address], issuer_url="http://127.0.0.1:4")
    bundle = read_bundle(tmp_path / "opt", local=LocalIssuer("http://127.0.0.1:4"))

    assert layer.databases == ("shop",)
    assert layer.audience == "postern"
    assert bundle.databases == {"shop": address}
    assert bundle.issuers[0].issuer == "http://127.0.0.1:4"
    assert (folder / "databases.yaml").read_text() == "shop: {host: production.example}\n"


def test_names_a_database_by_itself_before_anything_runs() -> None:
    assert resource_id("shop") == resource_id("shop") != resource_id("crm")
    assert resource_id("shop").startswith("db-")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda f: (f / "catalog/shop.yaml").write_text("database: shop\nschema_default: public\ntables: 7\n"),
            "catalog/shop.yaml:3: ",
            id="catalog",
        ),
        pytest.param(
            lambda f: (f / "issuers.yaml").write_text("issuers:\n  - name: ci\n    issuer: http://x\n"),
            "issuers.yaml:3: ",
            id="issuer",
        ),
        pytest.param(lambda f: (f / "policy/agents.cedar").write_text("permit("), "policy/agents.cedar", id="Cedar"),
        pytest.param(lambda f: (f / "issuers.yaml").unlink(), "issuers.yaml: expected the file", id="no issuers"),
        pytest.param(
            lambda f: [shutil.rmtree(f / name) for name in ("catalog", "policy")], "expected a catalog", id="no catalog"
        ),
        pytest.param(lambda f: shutil.rmtree(f), "expected a folder with a policy layer", id="no folder"),
        pytest.param(
            lambda f: (f / "issuers.yaml").write_text(
                "issuers:\n  - {name: ci, issuer: 'https://a.example', audience: a, require: {sub: x}}\n"
            ),
            "expected an issuer `local`",
            id="no local issuer",
        ),
    ],
)
def test_says_in_one_line_what_is_wrong(change: Callable[[Path], object], message: str, folder: Path) -> None:
    change(folder)

    with pytest.raises(StackFailure) as failure:
        read_policy(folder, region=REGION)
    assert str(failure.value).startswith(str(folder))
    assert message in str(failure.value)
    assert "\n" not in str(failure.value)


ONE = (DatabaseName("shop"),)
TWO = (DatabaseName("crm"), DatabaseName("shop"))


@pytest.mark.parametrize(
    ("loads", "databases", "expected"),
    [
        pytest.param([], ONE, {"shop": []}, id="none"),
        pytest.param(["a.sql", "b.sql"], ONE, {"shop": ["a.sql", "b.sql"]}, id="in order"),
        pytest.param(["shop=a.sql"], ONE, {"shop": ["a.sql"]}, id="named although there is one"),
        pytest.param(["shop=a.sql", "crm=b.sql"], TWO, {"crm": ["b.sql"], "shop": ["a.sql"]}, id="one each"),
        pytest.param(["x=y.sql"], ONE, {"shop": ["x=y.sql"]}, id="equals sign in the name of a file"),
    ],
)
def test_a_file_goes_into_its_database(
    loads: list[str],
    databases: tuple[DatabaseName, ...],
    expected: dict[str, list[str]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.sql", "b.sql", "x=y.sql"):
        (tmp_path / name).touch()

    assert {name: [str(path) for path in paths] for name, paths in assign_loads(loads, databases).items()} == expected


@pytest.mark.parametrize(
    ("load", "databases", "message"),
    [
        pytest.param("nowhere.sql", ONE, "expected a file of SQL, got none", id="no file"),
        pytest.param("shop=nowhere.sql", TWO, "expected a file of SQL, got none", id="no file for a name"),
        pytest.param("a.sql", TWO, r"expected NAME=FILE .* \(crm, shop\)", id="no name"),
        pytest.param("other=a.sql", TWO, "expected NAME=FILE", id="name of no database"),
        pytest.param("other=a.sql", ONE, "expected NAME=FILE", id="name of another database"),
    ],
)
def test_says_what_a_load_should_have_been(
    load: str, databases: tuple[DatabaseName, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.sql").touch()

    with pytest.raises(StackFailure, match=f"--load {load}: {message}"):
        assign_loads([load], databases)
