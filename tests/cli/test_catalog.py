"""`postern catalog`: a proposal that loads and gives no value away, and the comparison with a live database."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from postern.policy.catalog import Catalog, parse_catalog
from postern_cli.catalog import app
from postern_cli.main import main
from postern_cli.stop import Exit
from tests.support import command_line
from tests.support.servers import Database, fresh_database

# Every value here may be in no output. Those that a detector knows are of its form.
CANARIES = (
    "canary.one@secret.example",
    "4111111111111111",
    "DE89370400440532013000",
    "078-05-1120",
    "+1 415 555 2671",
    "203.0.113.77",
    "AKIAIOSFODNN7CANARY0",
    "canary-in-a-note",
    "canary-label",
    "canary-default",
    "7310577",
)
SCHEMA = f"""
CREATE TYPE mood AS ENUM ('canary-label', 'calm');
CREATE DOMAIN short AS varchar(40) CHECK (VALUE <> 'canary-default');
CREATE TABLE users (
    id serial PRIMARY KEY, mail_of_theirs text, pay_card text, iban text, ssn text, "telNo" text, "Last IP" inet,
    api_key text, balance int, mood mood, nick short DEFAULT 'canary', born date, extra jsonb, tags text[],
    "y: yes # no" text, "on" boolean, bits bit(3), "a.b" text, "new\nline" text, picture bytea
);
INSERT INTO users (mail_of_theirs, pay_card, iban, ssn, "telNo", "Last IP", api_key, balance, mood, extra, tags)
SELECT '{CANARIES[0]}', '{CANARIES[1]}', '{CANARIES[2]}', '{CANARIES[3]}', '{CANARIES[4]}', '{CANARIES[5]}',
    '{CANARIES[6]}', {CANARIES[10]}, 'canary-label', '{{"note": "{CANARIES[7]}"}}', ARRAY['{CANARIES[0]}']
FROM generate_series(1, 40);
CREATE TABLE notes (
    id int PRIMARY KEY, user_id int REFERENCES users, written_by int REFERENCES users (id), status text,
    what_it_says text, empty text
);
INSERT INTO notes SELECT n, 1, 1, CASE n % 3 WHEN 0 THEN 'open' ELSE 'done' END,
    '{CANARIES[7]}' || CASE n WHEN 7 THEN ' mail {CANARIES[0]}' ELSE n::text END, NULL FROM generate_series(1, 60) AS n;
CREATE TABLE countries (code text PRIMARY KEY, name text);
CREATE TABLE towns (id int PRIMARY KEY, country text REFERENCES countries);
CREATE VIEW v AS SELECT id, what_it_says FROM notes;
CREATE TABLE nothing ();
CREATE SCHEMA "odd.schema"; CREATE TABLE "odd.schema".t (a int);
CREATE SCHEMA other; CREATE TABLE other."Order" ("Key" int);
CREATE TABLE parts (id int, region text) PARTITION BY LIST (region);
CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('{CANARIES[7]}');
INSERT INTO parts VALUES (1, '{CANARIES[7]}');
"""


run = partial(command_line.run, app)


@pytest.fixture(autouse=True)
def no_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def site(request: pytest.FixtureRequest) -> Iterator[Database]:
    with fresh_database(request.getfixturevalue(request.param)) as database:
        database.run(SCHEMA)
        yield database


def scanned(site: Database, *options: str) -> tuple[Catalog, str]:
    ended = run("scan", "--dsn", site.dsn, "--database", "shop", *options)
    assert ended.code == Exit.DONE, ended.line
    return parse_catalog(ended.out.encode(), file="shop.yaml"), ended.out


def classes(catalog: Catalog, table: str) -> dict[str, str | None]:
    name = catalog.find(table)
    assert name is not None
    return dict(catalog.tables[name].columns)


def test_a_proposal_loads_and_knows_columns_by_name_by_type_and_by_what_is_in_them(site: Database) -> None:
    catalog, _ = scanned(site)
    assert classes(catalog, "users") == {
        "id": "ref.person",
        "mail_of_theirs": "pii.email",
        "pay_card": "pci.card",
        "iban": "pci.account",
        "ssn": "pii.id_number",
        "telNo": "pii.phone",
        "Last IP": "net.ip",
        "api_key": "secret",
        "balance": None,
        "mood": None,
        "nick": "pii.username",
        "born": "pii.birth",
        "extra": "text.free",
        "tags": "text.free",
        "y: yes # no": "text.free",
        "on": None,
        "bits": None,
        "picture": "data.document",
    }


def test_keys_to_people_are_tokens_and_other_keys_are_open(site: Database) -> None:
    catalog, _ = scanned(site)
    assert classes(catalog, "notes") == {
        "id": None,
        "user_id": "ref.person",
        "written_by": "ref.person",
        "status": None,
        "what_it_says": "text.free",
        "empty": "text.free",
    }


def test_a_foreign_key_has_the_class_of_what_it_points_to(site: Database) -> None:
    catalog, _ = scanned(site)
    assert classes(catalog, "towns")["country"] == classes(catalog, "countries")["code"]


def test_what_it_is_unsure_of_is_marked(site: Database) -> None:
    _, text = scanned(site)
    tables = text[text.index("public.notes") : text.index("public.v:")]
    lines = {line.split(":")[0].strip(): line for line in tables.splitlines() if "# unsure: " in line}
    assert "some values hold email" in lines["what_it_says"]
    assert "text without a sign" in lines["empty"]
    assert "jsonb" in lines["extra"]
    assert "mail_of_theirs" not in lines


def test_what_a_catalog_cannot_say_is_left_out_with_a_word(site: Database) -> None:
    catalog, text = scanned(site)
    assert "# a.b: left out: a catalog cannot name it" in text
    assert '# "new\\nline": left out: a catalog cannot name it' in text
    assert "# odd.schema.t: left out: a catalog cannot name it" in text
    assert "# public.nothing: left out: no columns" in text
    assert {str(name) for name in catalog.tables} == {
        "other.Order", "public.countries", "public.notes", "public.parts", "public.towns", "public.users", "public.v",
    }  # fmt: skip


def test_no_value_is_in_any_output(site: Database, tmp_path: Path) -> None:
    _, text = scanned(site)
    (tmp_path / "shop.yaml").write_text(text)
    outputs = [
        text,
        scanned(site, "--sample", "10000")[1],
        scanned(site, "--sample", "0")[1],
        run("check", "--dsn", site.dsn, "--catalog", tmp_path / "shop.yaml").said,
        run("check", "--dsn", site.dsn, "--catalog", tmp_path / "shop.yaml", "--json").said,
    ]
    assert [canary for canary in CANARIES for said in outputs if canary in said] == []


def test_a_table_that_would_run_others_code_is_not_sampled(site: Database) -> None:
    site.run(f"""
        CREATE TABLE guarded (id int, words text); INSERT INTO guarded VALUES (1, '{CANARIES[7]}');
        CREATE FUNCTION tell(text) RETURNS boolean LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION USING ERRCODE = ''22000'', MESSAGE = $1, DETAIL = $1, HINT = $1; END';
        ALTER TABLE guarded ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON guarded USING (tell(words));
        CREATE ROLE scanner LOGIN; GRANT SELECT ON guarded TO scanner""")
    try:
        ended = run("scan", "--dsn", site.dsn.replace("user=postgres", "user=scanner"), "--database", "shop")
        assert ended.code == Exit.DONE
        assert "public.guarded:  # not sampled: SQLSTATE 42501" in ended.out
        assert "public.users:  # not sampled: no right to read it" in ended.out
        assert [canary for canary in CANARIES if canary in ended.said] == []
    finally:
        site.run("DROP TABLE guarded; DROP FUNCTION tell; DROP ROLE scanner")


def test_a_scan_leaves_nothing_behind(site: Database) -> None:
    before = site.run("SELECT count(*), sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_user_tables")
    scanned(site)
    assert site.run("SELECT count(*), sum(n_tup_ins + n_tup_upd + n_tup_del)::int FROM pg_stat_user_tables") == before


def test_only_the_schemas_that_are_named_are_scanned(site: Database) -> None:
    catalog, _ = scanned(site, "--schema", "other")
    assert [str(name) for name in catalog.tables] == ["other.Order"]
    assert catalog.schema_default == "other"


def test_a_schema_without_tables_cannot_be_told(site: Database) -> None:
    ended = run("scan", "--dsn", site.dsn, "--database", "shop", "--schema", "nowhere")
    assert ended.code == Exit.UNKNOWN
    assert "found none" in ended.line


def test_the_file_is_named_by_its_database(site: Database, tmp_path: Path) -> None:
    assert run("scan", "--dsn", site.dsn, "--out", tmp_path / "shop.yaml") == command_line.Ended(0, "", "")
    parse_catalog((tmp_path / "shop.yaml").read_bytes(), file="shop.yaml")
    assert run("scan", "--dsn", site.dsn, "--database", "shop", "--out", tmp_path / "b.yaml").code == Exit.USAGE
    assert run("scan", "--dsn", site.dsn, "--database", "Sh op").code == Exit.USAGE


CATALOG = """\
database: shop
schema_default: public
classes: {pii.email: {mask: email}, pii.birth: {mask: year}}
tables:
  customers:
    columns:
      id: {class: open, type: integer}
      email: {class: pii.email, type: text}
      born: pii.birth
      region: open
    rows: "region = :region AND id > :least"
  orders:
    columns: {id: open}
functions: []
"""
TABLES = """
CREATE TABLE customers (id int, email text, born date, region text);
CREATE TABLE orders (id int);
"""


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    (tmp_path / "shop.yaml").write_text(CATALOG)
    return tmp_path / "shop.yaml"


def test_a_catalog_of_what_is_there_agrees(database: Database, catalog: Path) -> None:
    database.run(TABLES)
    ended = run("check", "--dsn", database.dsn, "--catalog", catalog)
    assert ended == command_line.Ended(0, "agrees: 0 broken, 0 new\n", "")


DIFFERENCES = {
    "new column": ("ALTER TABLE orders ADD note text", 0, 'new     "public"."orders"."note"'),
    "new table": ("CREATE TABLE more (a int)", 0, 'new     "public"."more"'),
    "column gone": ("ALTER TABLE customers DROP email", 1, 'gone    shop.yaml:8: "public"."customers"."email"'),
    "table gone": ("DROP TABLE orders", 1, 'gone    shop.yaml:12: "public"."orders"'),
    "type changed": ("ALTER TABLE customers ALTER id TYPE bigint", 1, "changed shop.yaml:7: "),
    "mask unfit": ("ALTER TABLE customers ALTER born TYPE text", 1, "unfit   shop.yaml:9: "),
    "filter's column gone": ("ALTER TABLE customers DROP region", 1, "unfit   shop.yaml:11: row filter of"),
    "filter's column of another type": (
        "ALTER TABLE customers ALTER id TYPE json USING NULL",
        1,
        "unfit   shop.yaml:11: row filter of",
    ),
}


@pytest.mark.parametrize(("change", "code", "line"), DIFFERENCES.values(), ids=DIFFERENCES.keys())
def test_a_difference_is_named_with_its_line(
    database: Database, catalog: Path, change: str, code: int, line: str
) -> None:
    database.run(TABLES + change)
    ended = run("check", "--dsn", database.dsn, "--catalog", catalog)
    assert ended.code == code
    assert any(one.startswith(line) for one in ended.out.splitlines()), ended.out


def test_differences_are_there_for_machines(database: Database, catalog: Path) -> None:
    database.run(TABLES + "DROP TABLE orders; ALTER TABLE customers ADD x int")
    ended = run("check", "--dsn", database.dsn, "--catalog", catalog, "--json")
    assert ended.code == Exit.REFUSED
    report = json.loads(ended.out)
    assert [(one["change"], one["what"], one["line"]) for one in report["differences"]] == [
        ("gone", '"public"."orders"', 12),
        ("new", '"public"."customers"."x"', None),
    ]


def test_a_filter_over_a_view_is_checked_without_running_the_views_code(database: Database, catalog: Path) -> None:
    database.run(
        TABLES + "DROP TABLE customers;"
        "CREATE FUNCTION trap() RETURNS boolean IMMUTABLE LANGUAGE plpgsql AS"
        " 'BEGIN RAISE EXCEPTION ''sprung''; END';"
        "CREATE VIEW customers AS SELECT 1 AS id, ''::text AS email, now()::date AS born, ''::text AS region"
        " WHERE trap()"
    )
    ended = run("check", "--dsn", database.dsn, "--catalog", catalog)
    assert (ended.code, ended.line) == (Exit.DONE, "")


def test_a_filter_that_cannot_be_looked_at_cannot_be_told(database: Database, catalog: Path) -> None:
    database.run(TABLES + "REVOKE USAGE ON SCHEMA public FROM PUBLIC; CREATE ROLE checker LOGIN")
    try:
        ended = run("check", "--dsn", database.dsn.replace("user=postgres", "user=checker"), "--catalog", catalog)
        assert ended.code == Exit.UNKNOWN
        assert 'row filter of "public"."customers"' in ended.line
    finally:
        database.run("DROP ROLE checker")


def test_check_wants_a_catalog_that_loads(database: Database, tmp_path: Path) -> None:
    assert run("check", "--dsn", database.dsn).code == Exit.USAGE
    (tmp_path / "shop.yaml").write_text(CATALOG.replace("region = :region", "region = (SELECT 1)"))
    assert main(["catalog", "check", "--dsn", database.dsn, "--catalog", str(tmp_path / "shop.yaml")]) == Exit.REFUSED
