"""What the check says of lists, texts and statements that pass: limits, names, effects and transactions."""

from __future__ import annotations

import hashlib
import random

import pytest
from postgast import scan

from postern.guard.lists import LISTS
from postern.guard.source import Source, read
from postern.run_once.check import MAX_STATEMENT_BYTES, MAX_STATEMENTS, MAX_TOTAL_BYTES, check_statements
from postern.run_once.digest import digest_of, sha256_of
from postern.run_once.findings import Findings
from postern.run_once.rules import RULES
from postern.run_once.steps import steps_of
from postern.run_once.verdict import Accepted, Checked, Refused
from postern.run_once.walk import walk
from tests.run_once import test_hostile
from tests.support.run_once import MIGRATIONS, cases_of

BODY = "CREATE FUNCTION f(a text) RETURNS int LANGUAGE plpgsql AS $$ {} $$"


def accepted(*texts: str) -> tuple[Checked, ...]:
    verdict = check_statements(texts, server_major=18)
    assert isinstance(verdict, Accepted), verdict
    return verdict.statements


def refused(*texts: str, server_major: int = 18) -> Refused:
    verdict = check_statements(texts, server_major=server_major)
    assert isinstance(verdict, Refused), verdict
    return verdict


def padded(size: int) -> str:
    """A statement of so many bytes."""
    return "SELECT 1 --" + "x" * (size - 11)


@pytest.mark.parametrize(
    ("texts", "code", "index"),
    [
        pytest.param([], "guard.statements", None, id="none"),
        pytest.param(["SELECT 1"] * (MAX_STATEMENTS + 1), "guard.statements", None, id="too-many"),
        pytest.param([padded(MAX_STATEMENT_BYTES + 1)], "guard.length", 0, id="too-long"),
        pytest.param(["SELECT 1 --" + "é" * (MAX_STATEMENT_BYTES // 2)], "guard.length", 0, id="too-many-bytes"),
        pytest.param(
            [padded(MAX_TOTAL_BYTES // 2), padded(MAX_TOTAL_BYTES // 2), "SELECT 1"],
            "guard.length",
            None,
            id="too-long-together",
        ),
        pytest.param(["SELECT 1", ""], "guard.statements", 1, id="empty"),
        pytest.param(["-- nothing"], "guard.statements", 0, id="comment-only"),
        pytest.param(["SELECT 1; SELECT 2"], "guard.statements", 0, id="two-in-one"),
        pytest.param(["SELECT 1; GRANT a TO b"], "guard.statements", 0, id="a-grant-behind"),
        pytest.param(["SELECT 1\0; DROP TABLE t"], "guard.nul", 0, id="nul"),
        pytest.param(["SELECT 1", "SELEC 1"], "sql.syntax", 1, id="syntax"),
        pytest.param(["SELECT '\ud800'"], "sql.syntax", 0, id="surrogate"),
        pytest.param(["SELECT (" * 300 + "SELECT 1" + ")" * 300], "guard.depth", 0, id="parentheses"),
        pytest.param(["SELECT " + "||".join(["a"] * 9000) + " FROM t"], "guard.depth", 0, id="chain"),
        pytest.param(["SELECT " + "1,1," * 9990 + "1"], "guard.length", 0, id="words"),
        pytest.param(["INSERT INTO t VALUES ($1)"], "guard.node", 0, id="parameter"),
    ],
)
def test_refuses_a_list_or_a_text_of_the_wrong_shape(texts: list[str], code: str, index: int | None) -> None:
    verdict = refused(*texts)
    assert (verdict.code, verdict.index) == (code, index), verdict


def test_takes_as_many_and_as_long_as_the_limits_say() -> None:
    accepted(*["SELECT 1"] * MAX_STATEMENTS)
    accepted(padded(MAX_STATEMENT_BYTES), padded(MAX_TOTAL_BYTES - MAX_STATEMENT_BYTES))


def test_a_server_without_lists_gets_no_statement() -> None:
    assert refused("SELECT 1", server_major=15).code == "guard.server"


@pytest.mark.parametrize(
    "hidden",
    ["\u202e", "\u2066", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2028", "\x1b", "\x08", "\U000e0041"],
    ids=lambda text: f"U+{ord(text):04X}",
)
def test_refuses_what_does_not_show_as_what_it_is(hidden: str) -> None:
    verdict = refused(f"SELECT 1 -- quiet{hidden}\n, 2")
    assert (verdict.code, verdict.position) == ("guard.run_once", 18)


def test_a_carriage_return_alone_cannot_end_a_comment_that_people_see_go_on() -> None:
    assert refused("SELECT 1 -- harmless\r, pg_class.oid FROM t").code == "guard.run_once"
    accepted("SELECT 1 -- one\r\n, 2\r\n", "SELECT\t'größe 😀 日本'")


def test_a_checked_statement_is_told_in_full() -> None:
    sql = 'WITH old AS (SELECT 1) DELETE FROM app.orders USING "Member" m, old WHERE m.id = 1;'
    (checked,) = accepted(sql)
    assert checked.sql == sql
    assert checked.sha256 == hashlib.sha256(sql.encode()).hexdigest()
    assert (checked.kind, checked.in_transaction, checked.writes) == ("DELETE", True, True)
    assert checked.tables == ('"Member"', "app.orders")
    assert len(checked.fingerprint) == 16


@pytest.mark.parametrize(
    ("sql", "kind", "in_transaction", "writes"),
    [
        ("SELECT 1", "SELECT", True, False),
        ("SELECT f()", "SELECT", True, True),
        ("SELECT nextval('s')", "SELECT", True, True),
        ("SELECT 1 INTO t", "SELECT INTO", True, True),
        ("WITH x AS (DELETE FROM t RETURNING a) SELECT * FROM x", "SELECT", True, True),
        ("LOCK TABLE t", "LOCK TABLE", True, False),
        ("SET LOCAL lock_timeout = '5s'", "SET LOCAL lock_timeout", True, False),
        ("CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "CREATE UNIQUE INDEX CONCURRENTLY", False, True),
        ("CREATE INDEX i ON t (a)", "CREATE INDEX", True, True),
        ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY", False, True),
        ("DROP MATERIALIZED VIEW v", "DROP MATERIALIZED VIEW", True, True),
        ("REINDEX TABLE CONCURRENTLY t", "REINDEX TABLE CONCURRENTLY", False, True),
        ("REINDEX (CONCURRENTLY) INDEX i", "REINDEX INDEX CONCURRENTLY", False, True),
        ("REINDEX SCHEMA s", "REINDEX SCHEMA", False, True),
        ("REINDEX INDEX i", "REINDEX INDEX", True, True),
        ("VACUUM t", "VACUUM", False, True),
        ("VACUUM (ANALYZE) t", "VACUUM", False, True),
        ("ANALYZE t", "ANALYZE", True, True),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", "ALTER TABLE", False, True),
        ("ALTER TABLE t DETACH PARTITION p FINALIZE", "ALTER TABLE", True, True),
        ("ALTER TABLE t RENAME a TO b", "ALTER TABLE RENAME COLUMN", True, True),
        ("ALTER TYPE t RENAME VALUE 'a' TO 'b'", "ALTER TYPE", True, True),
        ("ALTER VIEW v SET SCHEMA s", "ALTER VIEW SET SCHEMA", True, True),
        ("COMMENT ON TABLE t IS 'x'", "COMMENT ON TABLE", True, True),
        ("CREATE PROCEDURE p() LANGUAGE sql AS ''", "CREATE PROCEDURE", True, True),
        ("CREATE MATERIALIZED VIEW v AS SELECT 1", "CREATE MATERIALIZED VIEW", True, True),
        ("CREATE TABLE t AS SELECT 1", "CREATE TABLE AS", True, True),
    ],
)
def test_names_the_kind_and_the_transaction(sql: str, kind: str, in_transaction: bool, writes: bool) -> None:
    (checked,) = accepted(sql)
    assert (checked.kind, checked.in_transaction, checked.writes) == (kind, in_transaction, writes)


@pytest.mark.parametrize(
    ("sql", "part"),
    [
        ("SELECT setval('s', 1)", "moves a sequence"),
        ("INSERT INTO t VALUES (1)", "serial and identity"),
        ("UPDATE t SET note = email", "masks go by columns"),
        ("INSERT INTO t SELECT email FROM u", "masks go by columns"),
        ("CREATE VIEW v AS SELECT email FROM t", "masks go by columns"),
        ("CREATE TABLE x AS SELECT email FROM t", "masks go by columns"),
        ("ALTER TABLE t RENAME email TO note", "masks go by columns"),
        ("ALTER TABLE t ALTER note TYPE text USING email", "masks go by columns"),
        ("ALTER TABLE t ADD note text GENERATED ALWAYS AS (email) STORED", "masks go by columns"),
        ("DROP TABLE t CASCADE", "CASCADE"),
        ("ALTER TABLE t DROP COLUMN a CASCADE", "CASCADE"),
        ("TRUNCATE t CASCADE", "CASCADE"),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", "invalid index"),
        ("ALTER TYPE e ADD VALUE 'x'", "in a later run"),
        ("CREATE TRIGGER x AFTER INSERT ON t EXECUTE FUNCTION f()", "whoever writes"),
        ("CREATE OR REPLACE VIEW v AS SELECT 1", "security_barrier and security_invoker go"),
        ("ALTER TABLE t DISABLE TRIGGER x", "turns a trigger off"),
        ("CREATE POLICY p ON t USING (true)", "which rows"),
        ("DROP POLICY p ON t", "which rows"),
        ("SELECT app.fix()", "app.fix"),
        ("CREATE TEMP TABLE orders (a int)", "temporary table"),
        ("UPDATE trасk SET a = 1", "outside of ASCII"),
        (BODY.format("BEGIN EXECUTE format('DELETE FROM %I', a); END"), "puts together"),
    ],
)
def test_tells_the_approver_what_reaches_further(sql: str, part: str) -> None:
    (checked,) = accepted(sql)
    assert any(part in effect for effect in checked.effects), checked.effects


def test_a_plain_definition_has_no_effects_to_tell() -> None:
    (checked,) = accepted("CREATE TABLE t (a int)")
    assert checked.effects == ()


@pytest.mark.parametrize(
    "body",
    [
        "BEGIN EXECUTE 'ANALYZE t'; END",
        "BEGIN EXECUTE format('ALTER TABLE %I ADD COLUMN %I int DEFAULT %L', a, a, a); END",
        "BEGIN EXECUTE format('UPDATE %1$I SET x = %2$L WHERE y = %2$L', a, 1); END",
        "BEGIN EXECUTE 'DROP TABLE ' || quote_ident(a) || ' CASCADE'; END",
        "BEGIN EXECUTE 'SELECT ' || quote_literal(a) || '::text' INTO a; END",
        "BEGIN EXECUTE format('TRUNCATE %s', a::regclass); END",
        "DECLARE q text; BEGIN q := format('DELETE FROM %I', a); EXECUTE q; END",
        "DECLARE q text = 'SELECT 1'; BEGIN EXECUTE q; END",
        "DECLARE q constant text default 'SELECT 1'; BEGIN EXECUTE q; END",
        "DECLARE r record; BEGIN FOR r IN EXECUTE format('SELECT * FROM %I', a) USING 1 LOOP END LOOP; END",
        "BEGIN RETURN QUERY EXECUTE 'SELECT 1'; END",
        "BEGIN EXECUTE format('SELECT 100 %% 3 AS %I', a); END",
    ],
)
def test_sql_put_together_of_names_and_values_passes(body: str) -> None:
    accepted(BODY.format(body))


def test_bodies_inside_each_other_are_read_to_a_depth_and_refused_below() -> None:
    texts = ["SELECT 1"]
    for level in range(6):
        texts.append(f"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $a{level}${texts[-1]}$a{level}$")
    accepted(*texts[:5])
    assert refused(texts[5]).code == "guard.depth"


def test_an_option_that_no_rule_has_looked_at_is_refused() -> None:
    source = read("ALTER TABLE t ALTER a SET (n_distinct = 5)")
    assert isinstance(source, Source)
    assert walk(source.node, source.body, Findings(LISTS[18], RULES)) is None
    source.body["cmds"][0]["AlterTableCmd"]["subtype"] = "AT_SetStatistics"
    objection = walk(source.node, source.body, Findings(LISTS[18], RULES))
    assert objection is not None
    assert objection.code == "guard.node"


def test_the_digest_binds_texts_order_and_boundaries() -> None:
    one = digest_of(["SELECT 1", "SELECT 2"])
    others = [["SELECT 2", "SELECT 1"], ["SELECT 1SELECT 2"], ["SELECT 1", "SELECT 2", ""], ["SELECT 1", "SELECT 3"]]
    assert one not in {digest_of(other) for other in others}
    assert one == check_digest(["SELECT 1", "SELECT 2"])
    assert sha256_of("SELECT 1") == hashlib.sha256(b"SELECT 1").hexdigest()


def check_digest(texts: list[str]) -> str:
    """The digest by its definition: label, count, and each text behind its length."""
    parts = [len(text.encode()).to_bytes(8, "big") + text.encode() for text in texts]
    return hashlib.sha256(b"postern/run-once/v1\n" + len(texts).to_bytes(8, "big") + b"".join(parts)).hexdigest()


def test_an_accepted_list_carries_its_digest_and_its_steps() -> None:
    texts = [
        "CREATE TABLE t (a int)",
        "INSERT INTO t VALUES (1)",
        "VACUUM t",
        "CREATE INDEX CONCURRENTLY ON t (a)",
        "DROP TABLE t",
    ]
    verdict = check_statements(texts, server_major=16)
    assert isinstance(verdict, Accepted)
    assert verdict.digest == digest_of(texts)
    assert not verdict.in_one_transaction
    steps = steps_of(verdict.statements)
    assert [(step.first, len(step.statements), step.in_transaction) for step in steps] == [
        (0, 2, True),
        (2, 1, False),
        (3, 1, False),
        (4, 1, True),
    ]
    assert [statement.sql for step in steps for statement in step.statements] == texts


def test_no_text_makes_the_check_raise() -> None:
    chance = random.Random(5)
    seeds = [case.sql for path in sorted(MIGRATIONS.glob("*.sql")) for case in cases_of(path.name)]
    seeds += [sql for group, _ in test_hostile.GROUPS.values() for sql in group.values()]
    seeds += [BODY.format(body) for body in test_hostile.PLPGSQL_BODIES.values()]
    words = [[sql[token.start : token.end] for token in scan(sql).tokens] for sql in seeds if sql.isascii()]
    for _ in range(1_500):
        first, second = chance.choice(words), chance.choice(words)
        cut, other = chance.randrange(len(first)), chance.randrange(len(second))
        text = " ".join(
            [*first[:cut], *second[other : other + chance.randrange(1, 6)], *first[cut + chance.randrange(3) :]]
        )
        assert isinstance(check_statements([text], server_major=18), Accepted | Refused)
