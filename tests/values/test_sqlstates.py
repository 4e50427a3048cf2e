"""What passes of a database error, field by field. Errors of a real server are in tests/postgres/test_errors.py."""

from __future__ import annotations

import pytest

from postern.errors import CODES, DatabaseLost, DatabaseUnavailable, StatementFailed
from postern.sqlstate_conditions import CONDITIONS
from postern.sqlstates import MAX_DETAIL_CHARACTERS, at_position, sanitise

SQL = "select emial from customers"
SECRET = "zq7alice"
UNDEFINED = {
    "S": "ERROR",
    "V": "ERROR",
    "C": "42703",
    "M": 'column "emial" does not exist',
    "P": "8",
    "F": "parse_relation.c",
    "R": "errorMissingColumn",
}


def fields(**changes: str | None) -> dict[str, str]:
    return {name: value for name, value in (UNDEFINED | changes).items() if value is not None}


def test_an_error_of_the_parser_is_told_with_its_place():
    error = sanitise(UNDEFINED, SQL)
    assert isinstance(error, StatementFailed)
    assert (error.code, error.sqlstate, error.position) == ("sql.failed", "42703", 8)
    assert error.detail == 'undefined column: column "emial" does not exist'


@pytest.mark.parametrize("field", sorted(set("DHWscdtnFLRSVqp") - {"V"}))
def test_no_other_field_passes(field):
    for sqlstate in ("42703", "22P02", "23505", "P0001", "XX000"):
        assert SECRET not in str(sanitise(fields(**{"C": sqlstate, field: SECRET}), SQL))


def test_a_message_without_a_place_in_the_statement_does_not_pass():
    message = f'column "{SECRET}" does not exist'
    errors = {sqlstate: sanitise(fields(C=sqlstate, M=message, P=None), SQL) for sqlstate in CONDITIONS}

    assert len(errors) > 200
    assert [sqlstate for sqlstate, error in errors.items() if SECRET in str(error)] == []
    assert [sqlstate for sqlstate, error in errors.items() if error.code not in CODES] == []


def test_a_message_of_a_class_that_is_not_the_parsers_does_not_pass():
    others = [sqlstate for sqlstate in CONDITIONS if sqlstate[:2] not in ("42", "0A")]

    assert len(others) > 200
    assert [sqlstate for sqlstate in others if SECRET in str(sanitise(fields(C=sqlstate, M=SECRET), SQL))] == []


@pytest.mark.parametrize("inner", ["p", "q"])
def test_a_message_about_a_statement_inside_a_function_does_not_pass(inner):
    error = sanitise(fields(M=f'column "{SECRET}" does not exist', **{inner: "1"}), SQL)
    assert error.detail == "undefined column"


@pytest.mark.parametrize(
    ("hint", "passes"),
    [
        ('Perhaps you meant to reference the column "c.email".', True),
        ('Perhaps you meant to reference the column "c.email" or the column "c.mail".', True),
        ("No function matches the given name and argument types. You might need to add explicit type casts.", True),
        ('Perhaps you meant to reference the column "c.email". zq7alice', False),
        ("zq7alice", False),
        ("", False),
    ],
)
def test_only_hints_of_names_pass(hint, passes):
    detail = sanitise(fields(H=hint), SQL).detail
    assert (hint.rstrip(".") in detail and bool(hint)) is passes


@pytest.mark.parametrize(
    ("sqlstate", "message", "detail"),
    [
        ("22P02", f'invalid input syntax for type integer: "{SECRET}"', "invalid input syntax for type integer"),
        ("22P02", f'invalid input syntax for type integer: "a\n"{SECRET}', "invalid input syntax for type integer"),
        ("22P02", f"invalid input syntax for type {SECRET}", None),
        ("22P02", f'invalid input syntax for type integer {SECRET}: "x"', None),
        ("22003", f'value "{SECRET}" is out of range for type integer', "value is out of range for type integer"),
        ("22003", "integer out of range", "integer out of range"),
        ("22003", f"{SECRET} out of range", None),
        ("22012", "division by zero", None),
        ("22001", "value too long for type character varying(10)", "value too long for type character varying(10)"),
        ("22001", f"value too long for type {SECRET}(10)", None),
        ("42601", "cannot insert multiple commands into a prepared statement", "cannot insert multiple commands"),
        ("25006", "cannot execute INSERT in a read-only transaction", "cannot execute INSERT"),
        ("25006", "cannot execute ZQ7ALICE in a read-only transaction", None),
    ],
)
def test_of_a_message_with_a_value_the_part_before_it_passes(sqlstate, message, detail):
    told = sanitise(fields(C=sqlstate, M=message, P=None, F="numeric.c"), SQL).detail
    assert SECRET not in told.lower()
    assert told.startswith(CONDITIONS[sqlstate].replace("_", " "))
    assert detail is None or detail in told
    for file in ("pl_exec.c", "plpy_elog.c", None, "", "numeric.c\n", "xnumeric.c", "numeric"):
        condition = CONDITIONS[sqlstate].replace("_", " ")
        raised = sanitise(fields(C=sqlstate, M=message, P=None, F=file), SQL).detail
        assert raised.partition(". ")[0] == condition


@pytest.mark.parametrize("file", ["pl_exec.c", "namespace.c", "regproc.c", "jsonpath_scan.l", "xml.c", "", None])
def test_a_message_with_a_place_that_is_not_the_parsers_does_not_pass(file):
    error = sanitise(fields(M=f'column "{SECRET}" does not exist', H=f'column "{SECRET}"', F=file), SQL)
    assert error.detail == "undefined column"


@pytest.mark.parametrize(
    ("sql", "file", "told"),
    [
        ("insert into children (parent, born) values (1, $1)", "execMain.c", True),
        ("insert into children (parent, reborn) values (1, $1)", "execMain.c", False),
        ("insert into children (parent, born) values (1, $1)", "pl_exec.c", False),
    ],
    ids=["named", "not-named", "raised"],
)
def test_a_column_that_takes_no_null_is_told_where_the_statement_names_it(sql, file, told):
    message = f'null value in column "born" of relation "{SECRET}" violates not-null constraint'
    error = sanitise(fields(C="23502", M=message, c="born", t=SECRET, P=None, F=file), sql)
    assert error.detail == "not null violation" + (': column "born" takes no null' if told else "")


@pytest.mark.parametrize("sqlstate", ["", "zq7al", "ZQ7AL", "2", "22P02x", "99999"])
def test_a_state_that_postgresql_does_not_have_is_not_told(sqlstate):
    error = sanitise(fields(C=sqlstate, M=SECRET), SQL)
    assert isinstance(error, StatementFailed)
    assert (error.sqlstate, error.detail) == ("XX000", "internal error")


@pytest.mark.parametrize(
    ("sqlstate", "severity", "kind", "code"),
    [
        ("57014", "ERROR", StatementFailed, "database.timeout"),
        ("57P01", "FATAL", DatabaseLost, "database.lost"),
        ("57P01", "ERROR", DatabaseLost, "database.lost"),
        ("57P05", "FATAL", DatabaseLost, "database.lost"),
        ("08006", "ERROR", DatabaseLost, "database.lost"),
        ("25P03", "FATAL", DatabaseLost, "database.lost"),
        ("XX000", "PANIC", DatabaseLost, "database.lost"),
        ("53300", "FATAL", DatabaseUnavailable, "database.unavailable"),
        ("53200", "ERROR", DatabaseUnavailable, "database.unavailable"),
        ("53400", "ERROR", StatementFailed, "sql.failed"),
        ("08P01", "ERROR", StatementFailed, "sql.failed"),
        ("XX000", "ERROR", StatementFailed, "sql.failed"),
        ("42501", "ERROR", StatementFailed, "sql.failed"),
    ],
)
def test_whose_fault_it_is(sqlstate, severity, kind, code):
    error = sanitise(fields(C=sqlstate, V=severity, S=severity, M=SECRET), SQL)
    assert (type(error), error.code) == (kind, code)
    assert SECRET not in str(error)


def test_a_severity_in_another_language_is_read_from_the_field_that_is_not_translated():
    assert isinstance(sanitise(fields(S="FEHLER", C="42703"), SQL), StatementFailed)
    assert isinstance(sanitise(fields(S="SCHWERWIEGEND", V="FATAL", C="42703"), SQL), DatabaseLost)


def test_a_missing_privilege_names_no_relation():
    error = sanitise(fields(C="42501", M="permission denied for table salaries"), SQL)
    assert "salaries" not in error.detail
    assert "scope" in error.detail


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        ("1", 1),
        (str(len(SQL) + 1), len(SQL) + 1),
        *((text, None) for text in (str(len(SQL) + 2), "0", "-1", "x", "１", "9" * 20, " 8", "")),
    ],
)
def test_a_position_is_a_place_in_the_statement_or_none(position, expected):
    error = sanitise(fields(P=position), SQL)
    assert isinstance(error, StatementFailed)
    assert error.position == expected


def test_a_long_message_is_cut_and_stays_one_line():
    detail = sanitise(fields(C="42601", M="syntax error at or near \"'" + "x\n\x1b[31m" * 5_000 + '"'), SQL).detail
    assert len(detail) <= MAX_DETAIL_CHARACTERS + 20
    assert detail.isprintable()


def test_an_error_without_fields_is_still_an_error():
    assert sanitise({}, SQL).detail == "internal error"


def test_an_error_can_point_elsewhere_and_stays_the_same():
    error = sanitise(UNDEFINED, SQL)
    assert isinstance(error, StatementFailed)
    moved = at_position(error, 3)
    assert (moved.position, moved.detail, moved.sqlstate) == (3, error.detail, "42703")
