"""Literals, comments and unknown quoted names leave a statement's text; its shape and fingerprint stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from postern.guard.source import MAX_CHARACTERS, fingerprint
from postern.statement_text import normalise as module
from postern.statement_text.normalise import normalise
from tests.support.guard import named_statements

KNOWN = frozenset({"customers", "id", "Total"})

# What is asked, and what is shown of it.
SHOWN = {
    "string": ("SELECT id FROM t WHERE name = 'Ann'", "SELECT id FROM t WHERE name = $1"),
    "number": ("SELECT 4711", "SELECT $1"),
    "decimal": ("SELECT 47.11, .5, 1e9, 0x4711, 4_711", "SELECT $1, $2, $3, $4, $5"),
    "behind a minus": ("SELECT -4711, id-4711", "SELECT -$1, id-$2"),
    "limit and offset": ("SELECT id FROM t LIMIT 10 OFFSET 4711", "SELECT id FROM t LIMIT $1 OFFSET $2"),
    "fetch": ("SELECT id FROM t FETCH FIRST 47 ROWS ONLY", "SELECT id FROM t FETCH FIRST $1 ROWS ONLY"),
    "place in a list": ("SELECT id FROM t ORDER BY 1", "SELECT id FROM t ORDER BY $1"),
    "interval": ("SELECT interval '1 day', interval '3' second(4)", "SELECT interval $1, interval $2 second($3)"),
    "date": ("SELECT date '2020-01-31' + 1", "SELECT date $1 + $2"),
    "cast": ("SELECT 'x'::varchar(47), CAST('1' AS int)", "SELECT $1::varchar($2), CAST($3 AS int)"),
    "type modifier": ("SELECT id::numeric(10, 2), float(24) '3'", "SELECT id::numeric($1, $2), float($3) $4"),
    "list": ("SELECT 1 WHERE id IN (4, 7, 11)", "SELECT $1 WHERE id IN ($2, $3, $4)"),
    "values": ("VALUES (1, 'a'), (DEFAULT, NULL)", "VALUES ($1, $2), (DEFAULT, NULL)"),
    "json path": ("SELECT j->'a'->>'b' @? '$.x ? (@ == 47)'", "SELECT j->$1->>$2 @? $3"),
    "dollar quotes": ("SELECT $$Ann$$, $q$it's$q$", "SELECT $1, $2"),
    "escapes": (r"SELECT E'An\'n', U&'A\006en'", "SELECT $1, $2"),
    "escape of its own": ("SELECT U&'A!006en' UESCAPE '!'", "SELECT $1 UESCAPE $2"),
    "bits": ("SELECT B'101', X'1f'", "SELECT $1, $2"),
    "national": ("SELECT N'Ann'", "SELECT N $1"),
    "continued": ("SELECT 'An'\n 'n'", "SELECT $1"),
    "truth": ("SELECT true, id IS TRUE, id IS NOT FALSE, NOT false", "SELECT $1, id IS TRUE, id IS NOT FALSE, NOT $2"),
    "like": ("SELECT 1 WHERE name LIKE 'A%' ESCAPE '#'", "SELECT $1 WHERE name LIKE $2 ESCAPE $3"),
    "beside parameters": ("SELECT $3, 'x', $1", "SELECT $3, $4, $1"),
    "slice": ("SELECT a[1:4711]", "SELECT a[$1:$2]"),
    "line comment": ("SELECT id -- of Ann\nFROM t", "SELECT id\nFROM t"),
    "block comment": ("SELECT/* of /* Ann */ */id FROM t/**/", "SELECT id FROM t"),
    "comment at the end": ("SELECT id FROM t -- Ann", "SELECT id FROM t"),
    "comment alone in front": ("/* Ann */ SELECT id", "SELECT id"),
    "no space before": ("SELECT 1 WHERE name LIKE'Ann'", "SELECT $1 WHERE name LIKE $2"),
    "no space behind": ("SELECT 1 WHERE name = 'Ann'AND id = 1", "SELECT $1 WHERE name = $2 AND id = $3"),
    "spaces": ("SELECT     id\t FROM \n\n   t", "SELECT id FROM\nt"),
    "unknown quoted name": ('SELECT id AS "Ann Smith", "4711" FROM t', 'SELECT id AS "?1", "?2" FROM t'),
    "the same name again": ('SELECT id AS "Ann" ORDER BY "Ann"', 'SELECT id AS "?1" ORDER BY "?1"'),
    "string in the wrong quotes": ('SELECT id FROM t WHERE name = "Ann"', 'SELECT id FROM t WHERE name = "?1"'),
    "known quoted name": ('SELECT "id", "Total" FROM "customers"', 'SELECT "id", "Total" FROM "customers"'),
    "other case than known": ('SELECT "ID"', 'SELECT "?1"'),
    "escaped name": ('SELECT U&"\\0041nn", U&"!0041" UESCAPE \'!\'', 'SELECT "?1", "?2" UESCAPE $1'),
    "quotes in a name": ('SELECT "An""n"', 'SELECT "?1"'),
    "explain": ("EXPLAIN SELECT 'Ann'", "EXPLAIN SELECT $1"),
    "several statements": ("SELECT 'Ann'; DELETE FROM t WHERE id = 4711", "SELECT $1; DELETE FROM t WHERE id = $2"),
    "insert": ("INSERT INTO t (id) VALUES (4711) RETURNING 'x'", "INSERT INTO t (id) VALUES ($1) RETURNING $2"),
    "beyond ASCII": ("SELECT größe, 'naïve', 'ö' FROM café", "SELECT größe, $1, $2 FROM café"),
    "comment on": ("COMMENT ON TABLE t IS 'Ann'", "COMMENT ON TABLE t IS $1"),
    "copy": ("COPY t FROM '/home/ann/file'", "COPY t FROM $1"),
    "do": ("DO $$ BEGIN PERFORM 4711; END $$", "DO $1"),
    "password": ("ALTER ROLE ann PASSWORD 'secret'", "ALTER ROLE ann PASSWORD $1"),
}


@pytest.mark.parametrize("name", SHOWN)
def test_shows_a_statement_without_its_literals(name):
    asked, shown = SHOWN[name]
    normalised = normalise(asked, KNOWN)
    assert normalised is not None
    assert normalised.text == shown


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT 'O'Brien'", id="quote-inside"),
        pytest.param("SELEC 4711", id="slip"),
        pytest.param("SELECT 'Ann", id="open-quote"),
        pytest.param("SELECT $$Ann", id="open-dollar-quote"),
        pytest.param("SELECT 1 /* Ann", id="open-comment"),
        pytest.param("SELECT 47abc", id="junk"),
        pytest.param("Ann Smith, 4711", id="prose"),
        pytest.param("SELECT 1\0'Ann'", id="nul"),
        pytest.param("SELECT " + "1," * MAX_CHARACTERS + "1", id="long"),
        pytest.param("SELECT " + "(" * 20_000 + "1", id="deep"),
        pytest.param("SELECT '\ud800'", id="lone-surrogate"),
    ],
)
def test_shows_nothing_of_what_does_not_parse(sql):
    assert normalise(sql) is None


@pytest.mark.parametrize("sql", ["", "-- Ann", "/* Ann */", ";"])
def test_shows_nothing_of_what_says_nothing(sql):
    assert normalise(sql) is None or normalise(sql).text in {"", ";"}


def test_a_detector_has_the_last_word_on_names():
    normalised = normalise("SELECT 1 AS akiaiosfodnn7, AKIAIOSFODNN7EXAMPLE FROM t")
    assert normalised.text == "SELECT $1 AS akiaiosfodnn7, [detected:aws_key] FROM t"
    assert normalised.fingerprint is None


STATEMENTS = {
    f"{file}: {name}": sql
    for file in ("analytics.sql", "chinook.sql", "general.sql", "postgres18.sql", "shop.sql")
    for name, sql in named_statements(file).items()
}
_CONSTANTS = {module.FCONST, module.SCONST, module.USCONST, module.BCONST, module.XCONST, module.ICONST}


def literals_in(text: str) -> list[str]:
    """What the scanner takes for literals and comments in a text."""
    from postgast import scan

    unwanted = _CONSTANTS | {module.SQL_COMMENT, module.C_COMMENT}
    return [text.encode()[one.start : one.end].decode() for one in scan(text).tokens if one.token in unwanted]


def test_no_literal_and_no_comment_is_left_in_any_ordinary_statement():
    assert len(STATEMENTS) > 300
    for name, sql in STATEMENTS.items():
        normalised = normalise(sql)
        assert normalised is not None, name
        assert literals_in(normalised.text) == [], name
        assert "[detected:" not in normalised.text, name


def test_an_ordinary_statement_keeps_the_fingerprint_that_libpg_query_gives_it():
    names = frozenset(name for sql in STATEMENTS.values() for name in re.findall(r'"([^"]+)"', sql))
    other = [sql for sql in STATEMENTS.values() if normalise(sql, names).fingerprint != fingerprint(sql)]
    # There a number decides libpg_query's: `current_timestamp(0)`.
    assert all(re.search(r"(current|local)_?time(stamp)?\(\d", sql) for sql in other)


def other_literals(sql: str) -> str:
    """The statement with other literals in the same places: strings, numbers and truth values."""
    from postgast import scan

    encoded, parts, end = sql.encode(), [], 0
    for token in scan(sql).tokens:
        raw = encoded[token.start : token.end].decode()
        other = raw
        if token.token == module.SCONST and raw.startswith("'"):
            other = f"'{raw[1:-1]}Zoë'"
        elif token.token == module.ICONST and raw.isdigit() and int(raw) > 6:
            other = str(int(raw) + 1)
        parts += (encoded[end : token.start].decode(), other)
        end = token.end
    return "".join([*parts, encoded[end:].decode()])


def test_other_literals_give_the_same_text_and_fingerprint():
    changed = 0
    for name, sql in STATEMENTS.items():
        other = other_literals(sql)
        if fingerprint(other) is None:
            continue  # a place where the grammar takes one word only
        changed += other != sql
        assert normalise(other) == normalise(sql), name
    assert changed > 200


# Where a literal decides libpg_query's own fingerprint.
KEYED_BY_LITERALS = (
    "COMMENT ON TABLE t IS '{}'",
    "COPY t FROM '{}'",
    'SELECT id FROM t WHERE name = "{}"',
    "LOAD '{}'",
)


@pytest.mark.parametrize("template", KEYED_BY_LITERALS)
def test_no_literal_decides_the_fingerprint(template):
    assert_alike(template.format("4711"), template.format("4712"))


@pytest.mark.parametrize("template", ["EXPLAIN (ANALYZE {}) SELECT 1", "SELECT json_exists(a, '$' {} ON ERROR)"])
def test_no_truth_value_decides_the_fingerprint(template):
    assert_alike(template.format("true"), template.format("false"))


def assert_alike(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other), "libpg_query's own tells them apart"
    shown = normalise(one)
    assert shown is not None
    assert shown.fingerprint is not None
    assert shown == normalise(other)


TEXT = st.text(st.characters(blacklist_characters="\0", blacklist_categories=("Cs",)), max_size=20)


@given(TEXT, st.integers(10**6, 10**9))
@example("'; --", 10**6)
@example("$$", 10**6)
@example("*/", 10**6)
def test_whatever_a_string_and_a_number_say_is_not_shown(text, number):
    quoted = text.replace("'", "''")
    sql = f"SELECT '{quoted}', {number}, \"{text.replace(chr(34), chr(34) * 2) or 'x'}\" FROM t"
    normalised = normalise(sql)
    assert normalised is not None
    assert normalised.text == 'SELECT $1, $2, "?1" FROM t'


def test_the_numbers_of_tokens_are_the_parsers_own():
    import postgast

    tokens = postgast.pg_query_pb2.Token

    named = {
        "IDENT": module.IDENT,
        "UIDENT": module.UIDENT,
        "FCONST": module.FCONST,
        "SCONST": module.SCONST,
        "USCONST": module.USCONST,
        "BCONST": module.BCONST,
        "XCONST": module.XCONST,
        "ICONST": module.ICONST,
        "PARAM": module.PARAM,
        "SQL_COMMENT": module.SQL_COMMENT,
        "C_COMMENT": module.C_COMMENT,
        "FALSE_P": module.FALSE,
        "TRUE_P": module.TRUE,
        "IS": module.IS,
        "NOT": module.NOT,
        "UESCAPE": module.UESCAPE,
    }
    assert named == {name: tokens.Value(name) for name in named}
    constants = {name for name in tokens.keys() if name.endswith("CONST")}  # noqa: SIM118 - a protobuf enum
    assert constants == {"ICONST", "FCONST", "SCONST", "USCONST", "BCONST", "XCONST"}
