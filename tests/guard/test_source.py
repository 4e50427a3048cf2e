"""The text of a statement: bounds, one statement, syntax, and where a refusal points."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest

from postern.guard.check import check
from postern.guard.scope import Scope
from postern.guard.source import MAX_CHARACTERS, MAX_TOKENS
from postern.guard.verdict import Allowed, Refused
from tests.support.guard import relation, shop_scope

SHOP = shop_scope()


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("", 0),
        (";", 0),
        (" -- nothing\n /* at all */ ;; ", 0),
        ("SELECT 1; SELECT 2", 2),
        ("SELECT 1; DROP TABLE orders;", 2),
        ("SELECT 1;;; SELECT 2;", 2),
        ("SELECT ';'; COMMIT; SELECT 1", 3),
        ("BEGIN; SELECT 1; COMMIT", 3),
    ],
)
def test_refuses_anything_but_one_statement(sql: str, found: int) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.statements"
    assert f"got {found};" in verdict.reason


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1;",
        ";;SELECT 1;;",
        "SELECT 1 -- ; SELECT 2",
        "SELECT $$; DROP TABLE x;$$",
        "/* ; */ SELECT ';'",
        "SELECT\n1\n;\n",
    ],
)
def test_allows_one_statement_with_semicolons_that_end_nothing(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed)
    assert verdict.sql == sql


@pytest.mark.parametrize("sql", ["SELECT 1\0", "SELECT 1\0; DROP TABLE x", "\0SELECT 1", "SELECT '\0'", "\0"])
def test_refuses_nul(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.nul"
    assert verdict.position == sql.index("\0") + 1


@pytest.mark.parametrize("sql", ["SELECT '\ud800'", "SELECT '\udfff'", "\udc00"])
def test_refuses_lone_surrogate(sql: str) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "sql.syntax"


def test_allows_the_longest_statement_and_refuses_one_more_character() -> None:
    longest = "SELECT '" + "x" * (MAX_CHARACTERS - 9) + "'"

    assert len(longest) == MAX_CHARACTERS
    assert isinstance(check(longest, SHOP), Allowed)
    refused = check(longest + " ", SHOP)
    assert isinstance(refused, Refused)
    assert refused.code == "guard.length"


SYNTAX = {
    "misspelt": ("SELEC 1", 1, 'syntax error at or near "SELEC"'),
    "after other characters": ("SELECT 'é€😀' FORM orders", 19, 'syntax error at or near "orders"'),
    "end of input": ("SELECT 1 +", 11, "syntax error at end of input"),
    "open string": ("SELECT 'abc", 8, 'unterminated quoted string at or near "\'abc"'),
    "open comment": ("SELECT /* x", 8, 'unterminated /* comment at or near "/* x"'),
    "bad escape": ("SELECT U&'\\00zz'", 11, "invalid Unicode escape"),
    "bad bytes": ("SELECT E'\\xff'", None, 'invalid byte sequence for encoding "UTF8": 0xff'),
    "empty name": ('SELECT ""', 8, 'zero-length delimited identifier at or near """"'),
    "client command": ("\\d orders", 1, 'syntax error at or near "\\"'),
    "byte order mark": ("\ufeffSELECT 1", 1, 'syntax error at or near "\ufeffSELECT"'),
    "named parameter": ("SELECT :name", 8, 'syntax error at or near ":"'),
    "cursor variable": ("SELECT @@version; SELECT ?", 27, "syntax error at end of input"),
}


@pytest.mark.parametrize(("sql", "position", "reason"), SYNTAX.values(), ids=SYNTAX)
def test_tells_what_the_parser_says_and_where(sql: str, position: int | None, reason: str) -> None:
    assert check(sql, SHOP) == Refused("sql.syntax", reason, position, None)


def test_cuts_a_token_of_any_length_out_of_the_reason() -> None:
    verdict = check("SELECT '" + "x" * 50_000, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.reason.startswith("unterminated quoted string")
    assert len(verdict.reason) < 320


DEEP = {
    "operators": lambda n: "SELECT " + "+".join(["1"] * n),
    "concatenation": lambda n: "SELECT " + "||".join(["note"] * n) + " FROM orders",
    "negations": lambda n: "SELECT " + "NOT " * n + "true",
    "functions": lambda n: "SELECT " + "abs(" * n + "1" + ")" * n,
    "subqueries": lambda n: "SELECT (" * n + "SELECT 1" + ")" * n,
    "unions": lambda n: " UNION ALL ".join(["SELECT 1"] * n),
    "joins": lambda n: "SELECT 1 FROM orders o" + " JOIN orders o ON true" * n,
    "casts": lambda n: "SELECT 1" + "::int" * n,
    "arrays": lambda n: "SELECT " + "ARRAY[" * n + "1" + "]" * n,
    "cases": lambda n: "SELECT " + "CASE WHEN true THEN " * n + "1" + " END" * n,
    "with queries": lambda n: "WITH a AS (" * n + "SELECT 1" + ") SELECT 1" * n,
}


@pytest.mark.parametrize("build", DEEP.values(), ids=DEEP)
def test_allows_nesting_of_sixty(build: Callable[[int], str]) -> None:
    assert isinstance(check(build(60), SHOP), Allowed)


@pytest.mark.parametrize("levels", [800, 1_500, 4_500, 9_000])
@pytest.mark.parametrize("build", DEEP.values(), ids=DEEP)
def test_refuses_deep_nesting_with_its_own_reason(build: Callable[[int], str], levels: int) -> None:
    sql = build(levels)
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code in {"guard.depth", "guard.length"}
    assert (verdict.code == "guard.depth") or len(sql) > MAX_TOKENS


LONG = {
    "conditions": lambda n: "SELECT " + " AND ".join(["true"] * (n // 2)),
    "columns": lambda n: "SELECT " + ",".join(["1"] * (n // 2)),
    "list": lambda n: "SELECT 1 WHERE 1 IN (" + ",".join(["1"] * ((n - 6) // 2)) + ")",
    "values": lambda n: "VALUES " + ",".join(["(1)"] * (n // 4)),
}


@pytest.mark.parametrize("build", LONG.values(), ids=LONG)
def test_a_long_flat_statement_is_no_deep_one(build: Callable[[int], str]) -> None:
    assert isinstance(check(build(MAX_TOKENS), SHOP), Allowed)


@pytest.mark.parametrize("build", [*LONG.values(), DEEP["operators"], DEEP["casts"]], ids=[*LONG, "operators", "casts"])
def test_refuses_more_tokens_than_the_parser_has_stack_for(build: Callable[[int], str]) -> None:
    verdict = check(build(MAX_TOKENS + 200), SHOP)

    assert isinstance(verdict, Refused)
    assert verdict.code == "guard.length"


def test_the_deepest_statement_fits_a_small_stack() -> None:
    """In a process of its own: where it did not fit, the process would end."""
    program = (
        "import threading\n"
        "from postern.guard.check import check\n"
        "from postern.guard.scope import Scope\n"
        "def run():\n"
        "    scope = Scope('public', (), frozenset(), 18)\n"
        f"    for sql in ('SELECT 1' + '+1' * {MAX_TOKENS // 2 - 2}, 'SELECT ' + '(' * 9_000 + '1' + ')' * 9_000,\n"
        f"                ' UNION '.join(['SELECT 1'] * {MAX_TOKENS // 3}), 'SELECT ' + 'NOT ' * 9_000 + 'true',\n"
        f"                'SELECT 1' + '::int' * {MAX_TOKENS // 2 - 2}):\n"
        "        print(type(check(sql, scope)).__name__)\n"
        "threading.stack_size(2 * 1024 * 1024)\n"
        "thread = threading.Thread(target=run)\n"
        "thread.start()\n"
        "thread.join()\n"
    )

    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert len(run.stdout.split()) == 5


def test_fingerprint_ignores_literals_and_names_what_was_refused() -> None:
    one, other = check("SELECT * FROM orders WHERE id = 1", SHOP), check("SELECT * FROM orders WHERE id = 22", SHOP)
    refused = check("DROP TABLE orders", SHOP)

    assert one.fingerprint == other.fingerprint
    assert refused.fingerprint is not None
    assert len(refused.fingerprint) == 16


IDENTIFIERS = {
    "upper case folds": ("SELECT * FROM ORDERS", True),
    "quoted keeps case": ('SELECT * FROM "ORDERS"', False),
    "unicode escape": ('SELECT * FROM U&"\\006frders"', True),
    "unicode escape with another escape": ("SELECT * FROM U&\"!006frders\" UESCAPE '!'", True),
    "letters beyond ascii do not fold": ("SELECT * FROM \u00d6RDERS", False),
    "look-alike letter": ("SELECT * FROM \u043erders", False),
    "full-width letters": ("SELECT * FROM \uff4frders", False),
    "no-break space is a letter": ("SELECT * FROM orders\u00a0x", False),
    "comment between": ("SELECT * FROM/**/orders", True),
    "zero-width space is a letter": ("SELECT * FROM orders\u200b", False),
}


@pytest.mark.parametrize(("sql", "in_scope"), IDENTIFIERS.values(), ids=IDENTIFIERS)
def test_reads_identifiers_as_postgresql_does(sql: str, in_scope: bool) -> None:
    verdict = check(sql, SHOP)

    assert isinstance(verdict, Allowed if in_scope else Refused), verdict


def test_cuts_long_identifiers_where_postgresql_does() -> None:
    name = "a" * 62 + "\u00e9"  # the server cuts to 63 bytes, and not inside a character
    scope = Scope("public", (relation("public", "a" * 62, "id"),), frozenset(), 18)

    assert isinstance(check(f'SELECT * FROM "{name}"', scope), Allowed)
    assert isinstance(check(f'SELECT * FROM "{"a" * 63}"', scope), Refused)
