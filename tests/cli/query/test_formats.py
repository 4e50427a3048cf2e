"""Rows as CSV and as lines of JSON: nothing of the data is lost or taken for something else."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from postern_cli.query.answers import Column, QueryAnswer
from postern_cli.query.formats import cell, distinct_names, json_lines, print_csv, print_expanded, print_table, tail


def answer(*values: Any, names: tuple[str, ...] = ("a",), affected: int | None = None) -> QueryAnswer:
    columns = [Column(name, "text", None) for name in names]
    return QueryAnswer("c", columns, [list(row) for row in values], len(values), affected, False, [])


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("plain", "plain"),
        (None, ""),
        ("", '""'),
        ('a"b', '"a""b"'),
        ("a,b", '"a,b"'),
        ("a\nb", '"a\nb"'),
        ("a\rb", '"a\rb"'),
        (7, "7"),
        (True, "true"),
        ([1, None], '"[1, null]"'),
        ({"k": "ä"}, '"{""k"": ""ä""}"'),
        ("=1+1", "=1+1"),
    ],
    ids=["text", "null", "empty", "quote", "comma", "line", "return", "number", "truth", "array", "object", "formula"],
)
def test_a_field_is_as_the_standard_has_it(value, field, capsys):
    print_csv(answer([value]), escape_formulas=False)
    assert capsys.readouterr().out == f"a\r\n{field}\r\n"


def test_what_was_written_is_read_again(capsys):
    rows = [["a\r\nb", 'say "x"'], ["", ","]]
    print_csv(answer(*rows, names=("x", "y,z")), escape_formulas=False)
    read = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert read == [["x", "y,z"], *rows]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_formula_is_text_where_that_is_asked(text, capsys):
    print_csv(answer([text], [-1]), escape_formulas=True)
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out, newline="")))
    assert rows[1:] == [["'" + text], ["-1"]]  # a number stays one


def test_columns_that_share_a_name_keep_their_values():
    assert distinct_names(["n", "n", "n_2", "n"]) == ["n", "n_2", "n_2_2", "n_3"]
    assert list(json_lines(answer([1, 2], names=("n", "n")))) == ['{"n": 1, "n_2": 2}']


@pytest.mark.parametrize(
    ("value", "shown"), [(None, "NULL"), ("a\nb", "a\\nb"), (1.5, "1.5"), ([1], "[1]"), ("\x1b", "\\x1b")]
)
def test_a_cell_is_one_line(value, shown):
    assert cell(value) == shown


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (answer([1], [2]), "2 rows"),
        (answer([1]), "1 row"),
        (answer([1], affected=1), "1 row, 1 written"),
        (answer(names=(), affected=1200), "1,200 rows written"),
    ],
    ids=["two", "one", "returning", "written"],
)
def test_the_tail_counts(given, said):
    assert tail(given) == said


def test_a_table_in_a_pipe_is_a_line_a_row_with_wide_letters_in_line(capsys):
    columns = [Column("n", "bigint", None), Column("name", "text", "partial"), Column("x", "text", None)]
    rows = [[1, "日本", "a"], [1000, None, "b" * 300]]
    print_table(QueryAnswer("c", columns, rows, 2, None, False, []))
    assert capsys.readouterr().out.splitlines() == [
        "   n  name [partial]  x",
        "   1  日本            a",
        f"1000  NULL            {'b' * 300}",
    ]


def test_an_expanded_row_is_a_column_a_line(capsys):
    print_expanded(answer(["x", None], names=("a", "long")))
    assert capsys.readouterr().out == "-- row 1\na     x\nlong  NULL\n"
