"""`postern db`: scripts that prepare and take back, and the doctor's words and exit codes, as they are run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from postern_cli.db import app
from postern_cli.main import main
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.doctor import SCHEMA, prepare
from tests.support.servers import Database, fresh_database

CATALOG = """\
database: shop
schema_default: public
classes: {pii.email: {mask: email}}
tables:
  customers:
    columns: {id: open, email: pii.email}
  orders:
    columns: {id: open}
functions: []
"""


run = partial(command_line.run, app)


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy") / "catalog"
    folder.mkdir()
    (folder / "shop.yaml").write_text(CATALOG)
    return folder / "shop.yaml"


@pytest.fixture(scope="module")
def shop(postgres) -> Iterator[Database]:
    with fresh_database(postgres) as database:
        prepare(database)
        yield database


def test_what_bootstrap_prints_prepares_a_database_and_its_reverse_takes_it_back(
    database: Database, catalog: Path, tmp_path: Path
) -> None:
    database.run(SCHEMA)
    script, reverse = tmp_path / "prepare.sql", tmp_path / "remove.sql"
    assert run("bootstrap", "--catalog", catalog, "--out", script) == command_line.Ended(0, "", "")
    for _ in range(2):  # again changes nothing
        database.load(script)
    assert run("doctor", "--dsn", database.dsn, "--catalog", catalog).code == Exit.DONE
    assert run("bootstrap", "--remove", "--out", reverse).code == Exit.DONE
    database.load(reverse)
    assert database.run("SELECT to_regnamespace('postern') IS NULL") == [[True]]
    ended = run("doctor", "--dsn", database.dsn, "--catalog", catalog)
    assert ended.code == Exit.REFUSED
    assert "TEMPORARY on database" in ended.out


@pytest.mark.parametrize(
    ("options", "holds", "lacks"),
    [
        ((), "GRANT SELECT, INSERT, UPDATE, DELETE", "CREATE ROLE rds_iam"),
        (("--read-only",), "GRANT SELECT ON TABLE", 'DELETE ON TABLE "public"."orders" TO'),
        (("--no-rds",), "CREATE ROLE rds_iam", "is this Amazon RDS?"),
        (("--remove",), "DROP OWNED BY", "CREATE ROLE"),
    ],
    ids=["RDS", "reading only", "elsewhere", "reverse"],
)
def test_bootstrap_prints_what_its_options_say(catalog: Path, options, holds: str, lacks: str) -> None:
    ended = run("bootstrap", "--policy", catalog.parent.parent, *options)
    assert ended.code == Exit.DONE
    assert holds in ended.out
    assert lacks not in ended.out


def test_bootstrap_prints_the_grants_for_the_functions_of_a_catalog(tmp_path: Path) -> None:
    (tmp_path / "shop.yaml").write_text(CATALOG.replace("functions: []", "functions: [tax, billing.vat]"))
    ended = run("bootstrap", "--catalog", tmp_path / "shop.yaml")
    assert "'tax'" in ended.out
    assert "'billing'" in ended.out


def test_doctor_says_clean_and_ends_with_zero(shop: Database, catalog: Path) -> None:
    ended = run("doctor", "--dsn", shop.dsn, "--catalog", catalog)
    assert ended.code == Exit.DONE
    assert ended.out.splitlines()[-1].startswith("clean: 0 high, 0 medium, 0 low, ")


@pytest.fixture
def weak(shop: Database) -> Iterator[Database]:
    """With a finding of each kind of severity, one of them of a name that plays with terminals."""
    shop.run(
        'CREATE TABLE "[bold red]x\x1b[2J" (); GRANT SELECT ON "[bold red]x\x1b[2J" TO PUBLIC;'
        f"GRANT TEMP ON DATABASE {shop.name} TO PUBLIC; CREATE SCHEMA s; GRANT USAGE ON SCHEMA s TO PUBLIC"
    )
    yield shop
    shop.run(f'DROP TABLE "[bold red]x\x1b[2J"; REVOKE TEMP ON DATABASE {shop.name} FROM PUBLIC; DROP SCHEMA s')


def test_findings_come_worst_first_with_why_and_the_sql_that_mends(weak: Database) -> None:
    ended = run("doctor", "--dsn", weak.dsn)
    assert ended.code == Exit.REFUSED
    assert ended.line == "doctor: 3 findings of severity low or worse"
    severities = [
        line.split()[0] for line in ended.out.splitlines() if line.startswith(("high", "medium", "low", "info"))
    ]
    assert severities[:4] == ["high", "medium", "low", "info"]
    assert f'           REVOKE TEMPORARY ON DATABASE "{weak.name}" FROM PUBLIC;' in ended.out.splitlines()


def test_a_name_cannot_play_with_the_terminal(weak: Database) -> None:
    ended = run("doctor", "--dsn", weak.dsn)
    assert "\x1b" not in ended.out
    assert '"[bold red]x\\x1b[2J"' in ended.out


@pytest.mark.parametrize(
    ("fail_on", "code"), [("high", 1), ("medium", 1), ("low", 1), ("info", 1)], ids=["high", "medium", "low", "info"]
)
def test_fail_on_says_what_is_bad_enough(weak: Database, fail_on: str, code: int) -> None:
    assert run("doctor", "--dsn", weak.dsn, "--fail-on", fail_on).code == code


def test_what_is_not_bad_enough_does_not_fail(weak: Database) -> None:
    weak.run('REVOKE SELECT ON "[bold red]x\x1b[2J" FROM PUBLIC')
    assert run("doctor", "--dsn", weak.dsn, "--fail-on", "high").code == Exit.DONE
    assert run("doctor", "--dsn", weak.dsn, "--fail-on", "medium").code == Exit.REFUSED


def test_json_holds_the_sql_as_it_must_be_run(weak: Database) -> None:
    ended = run("doctor", "--dsn", weak.dsn, "--json")
    assert ended.code == Exit.REFUSED
    report = json.loads(ended.out)
    assert report["clean"] is False
    assert report["counts"]["high"] == 1
    (finding,) = [one for one in report["findings"] if one["severity"] == "high"]
    assert finding["check"] == "public.relation"
    assert finding["mend"] == ['REVOKE SELECT ON TABLE "public"."[bold red]x\x1b[2J" FROM PUBLIC']
    assert report["blind"] == []


def test_who_may_not_see_is_told_which_checks_could_not_look(shop: Database) -> None:
    shop.run("CREATE ROLE looker LOGIN")
    try:
        ended = run("doctor", "--dsn", shop.dsn.replace("user=postgres", "user=looker"))
        assert ended.code == Exit.UNKNOWN
        assert "world.key, world.old could not look" in ended.line
        assert ended.out.splitlines()[-1].startswith("incomplete: ")
    finally:
        shop.run("DROP ROLE looker")


UNREADABLE = {
    "both a catalog and a layer": (["--catalog", "a.yaml", "--policy", "p"], Exit.USAGE),
    "a database without a layer": (["--database", "shop"], Exit.USAGE),
    "no such file": (["--catalog", "nowhere.yaml"], Exit.USAGE),
    "no such layer": (["--policy", "nowhere"], Exit.USAGE),
    "no such catalog": (["--policy", "nowhere", "--database", "shop"], Exit.USAGE),
}


@pytest.mark.parametrize(("options", "code"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_catalog_that_is_not_named_right_is_a_usage_error(options, code) -> None:
    assert run("bootstrap", *options).code == code


def test_an_unreachable_database_cannot_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["db", "doctor", "--dsn", f"postgresql:///d?host={tmp_path}&user=u&password=hunter2"])
    assert code == Exit.UNKNOWN
    said = capsys.readouterr()
    assert "did not answer" in said.err
    assert "hunter2" not in said.out + said.err


def test_a_wrong_catalog_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "shop.yaml").write_text(CATALOG.replace("mask: email", "mask: wrong"))
    assert main(["db", "bootstrap", "--catalog", str(tmp_path / "shop.yaml")]) != Exit.DONE
    assert "shop.yaml:3" in capsys.readouterr().err


@pytest.mark.parametrize(
    "group", [["db"], ["db", "bootstrap"], ["db", "doctor"], ["catalog", "scan"], ["catalog", "check"]]
)
def test_every_command_helps(group: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*group, "--help"]) == Exit.DONE
    assert "Usage: postern" in capsys.readouterr().out


def test_the_program_takes_the_address_from_its_surroundings_and_never_says_the_password(shop: Database) -> None:
    socket = shop.server.socket_dir
    surroundings = {"PGHOST": str(socket), "PGUSER": "postgres", "PGDATABASE": shop.name, "PGPASSWORD": "hunter2"}
    done = subprocess.run(
        [sys.executable, "-c", "from postern_cli.main import run; run()", "db", "doctor"],
        env=os.environ | surroundings, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == Exit.DONE, done.stderr
    assert "clean" in done.stdout
    assert "hunter2" not in done.stdout + done.stderr
