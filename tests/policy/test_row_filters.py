"""Row filters: one boolean expression over own columns, whose parameters nobody can mistake for anything else."""

from __future__ import annotations

import postgast
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postern.errors import PolicyFileError
from postern.policy.row_filter import parse_row_filter
from postern.types import RowFilter
from postern.world.row_filters import bind_row_filter
from postern.yaml_lines import Node


def _node(expression: str) -> Node:
    return Node(expression, 7, "catalog/shop.yaml", "tables.orders.rows")


ACCEPTED = [
    pytest.param("region = :region", ("region",), id="comparison"),
    pytest.param("a=:a and(b<:b_2)", ("a", "b_2"), id="no-spaces"),
    pytest.param("tenant = :tenant::int", ("tenant",), id="parameter-with-a-cast"),
    pytest.param("a::text = :a", ("a",), id="column-with-a-cast"),
    pytest.param("a in (:a, :b, 'it''s')", ("a", "b"), id="list"),
    pytest.param("a = :a or b = :a", ("a",), id="parameter-twice"),
    pytest.param("not hidden", (), id="boolean-column"),
    pytest.param("true", (), id="constant"),
    pytest.param("lower(a) like 'x%' and b ~ '^[0-9]'", (), id="constant-patterns"),
    pytest.param("starts_with(a, :a)", ("a",), id="boolean-function"),
    pytest.param("made > now() - interval '30 days'", (), id="recent"),
    pytest.param("day >= current_date and extract(year from day) < 2100", (), id="dates"),
    pytest.param("made at time zone 'utc' > '2026-01-01'", (), id="time-zone"),
    pytest.param("a is not distinct from :a and b between 1 and 2.5", ("a",), id="distinct-and-between"),
    pytest.param(":a = any(regions) and a between symmetric 2 and 1", ("a",), id="any-and-symmetric"),
    pytest.param("coalesce(a, false)", (), id="coalesce"),
    pytest.param("case when a then b is null else c end", (), id="case"),
    pytest.param('"Odd Name" = :a', ("a",), id="quoted-column"),
]


@pytest.mark.parametrize(("expression", "parameters"), ACCEPTED)
def test_accepts_a_plain_expression_and_finds_its_parameters(expression: str, parameters: tuple[str, ...]):
    parsed = parse_row_filter(_node(expression))
    assert (parsed.expression, parsed.parameters) == (expression, parameters)


@pytest.mark.parametrize(("expression", "parameters"), ACCEPTED)
def test_what_is_accepted_can_be_bound_to_literals(expression: str, parameters: tuple[str, ...]):
    values = dict.fromkeys(parameters, "it's \\ :a")
    bound = bind_row_filter(RowFilter(expression, values))
    assert bound.count("it''s") - expression.count("it''s") == expression.replace("::", "").count(":")
    postgast.parse(f"SELECT FROM t WHERE {bound}")


REJECTED = [
    pytest.param("a) or (true", "syntax error", id="closes-the-parenthesis"),
    pytest.param("a = 1 order by a", "syntax error", id="order"),
    pytest.param("a = 1 limit 1", "syntax error", id="limit"),
    pytest.param("a = 1 union select 1", "syntax error", id="union"),
    pytest.param("extract(:unit from a) = 1", "syntax error", id="parameter-where-no-literal-can-be"),
    pytest.param("a = 1; drop table t", "plain SQL", id="second-statement"),
    pytest.param("a = 1 -- x", "comments", id="line-comment"),
    pytest.param("a = 1 /* x */", "comments", id="block-comment"),
    pytest.param("exists (select 1)", "subquery", id="exists"),
    pytest.param("a in (select b from c)", "subquery", id="in-a-subquery"),
    pytest.param("pg_sleep(1) is null", "function pg_sleep", id="function-that-waits"),
    pytest.param("current_setting('x') = 'a'", "function current_setting", id="function-that-reads-settings"),
    pytest.param("public.lower(a) = 'x'", "function public.lower", id="function-of-a-schema"),
    pytest.param("lower(distinct a) = 'x'", "function lower", id="function-as-aggregate"),
    pytest.param("count(*) > 1", "function count", id="aggregate"),
    pytest.param("a operator(public.=) b", "operator public.=", id="operator-of-a-schema"),
    pytest.param("a <-> b", "operator <->", id="operator-of-an-extension"),
    pytest.param("a similar to 'x'", "function pg_catalog.similar_to_escape", id="similar"),
    pytest.param("current_user = 'x'", "SVFOP_CURRENT_USER", id="user"),
    pytest.param("current_schema = 'x'", "SVFOP_CURRENT_SCHEMA", id="schema"),
    pytest.param("orders.a = 1", "without its table", id="qualified-column"),
    pytest.param("orders.* is null", "without its table", id="whole-row"),
    pytest.param("a::regclass = 1", "type regclass", id="type-that-looks-names-up"),
    pytest.param("a::public.text = 'x'", "type public.text", id="type-of-a-schema"),
    pytest.param('a collate "C" = b', "CollateClause", id="collation"),
    pytest.param("(a, b) = (1, 2)", "RowExpr", id="row"),
    pytest.param("a + 1", "true or false", id="number"),
    pytest.param("'x'", "true or false", id="text"),
    pytest.param("lower(a)", "true or false", id="text-function"),
    pytest.param("a like :a", "cannot be a pattern", id="parameter-as-a-pattern"),
    pytest.param("a not ilike :a || '%'", "cannot be a pattern", id="parameter-in-a-pattern"),
    pytest.param("a ~ ('^' || lower(:a))", "cannot be a pattern", id="parameter-in-a-regular-expression"),
    pytest.param("substring(a from :a) = 'x'", "cannot be a pattern", id="parameter-as-what-to-take"),
    pytest.param("a = ':a'", "quotes", id="parameter-in-quotes"),
    pytest.param("':a' = a", "quotes", id="parameter-in-leading-quotes"),
    pytest.param('a = ":a"', "quotes", id="parameter-in-double-quotes"),
    pytest.param("a = 'x", "quotes", id="open-quote"),
    pytest.param("a = 'x\\'", "quotes", id="backslash"),
    pytest.param("a = E'x'", "prefix", id="escape-string"),
    pytest.param("a = E:a", "a parameter must stand", id="parameter-after-a-prefix"),
    pytest.param("U&:a = a", "plain SQL", id="parameter-as-unicode-string"),
    pytest.param("a = $$x$$", "plain SQL", id="dollar-quotes"),
    pytest.param("a = $1", "plain SQL", id="dollar-parameter"),
    pytest.param("a[1:2] = 1", "plain SQL", id="slice"),
    pytest.param("a = :A", "`:` must be", id="parameter-in-upper-case"),
    pytest.param("a = : a", "`:` must be", id="colon-apart"),
    pytest.param("a = :a:b", "`:` must be", id="colon-after-parameter"),
    pytest.param("a = :1", "`:` must be", id="parameter-is-a-number"),
    pytest.param("a := :b", "`:` must be", id="assignment"),
    pytest.param("a = :a'x'", "`:` must be", id="parameter-joins-a-string"),
    pytest.param("a = ::a", "syntax error", id="cast-of-nothing"),
    pytest.param("a = 1 \x00", "plain SQL", id="nul"),
    pytest.param("a = 'x\x00'", "quotes", id="nul-in-quotes"),
    pytest.param("not " * 300 + "a", "nests too deeply", id="too-deep"),
]


@pytest.mark.parametrize(("expression", "says"), REJECTED)
def test_rejects_anything_else_naming_file_and_line(expression: str, says: str):
    with pytest.raises(PolicyFileError) as raised:
        parse_row_filter(_node(expression))
    assert raised.value.detail.startswith("catalog/shop.yaml:7: tables.orders.rows: ")
    assert says in raised.value.detail


_WORDS = ["a", "b", ":a", ":b", "text", "and", "or", "not", "in", "is null", "lower", "1", "'x'"]
_SIGNS = ["::", "=", "<", "||", "-", ".", ",", "(", ")", "[", "]", " ", "\n"]
_HAZARDS = ["'", "''", '"', "E", "U&", "N", "$", ";", "--", "/*", "*/", "\\", ":"]
_PIECES = st.sampled_from([*_WORDS, *_SIGNS, *_HAZARDS])


@st.composite
def _mutants(draw: st.DrawFn) -> str:
    """An expression that is accepted, with up to three pieces put in or in the place of others."""
    expression = draw(st.sampled_from([str(case.values[0]) for case in ACCEPTED]))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(expression)))
        end = min(len(expression), start + draw(st.integers(0, 3)))
        expression = expression[:start] + draw(_PIECES) + expression[end:]
    return expression


@given(_mutants())
@settings(max_examples=200, deadline=None)
def test_whatever_is_accepted_stays_one_condition_when_hostile_values_are_put_in(expression: str):
    try:
        parsed = parse_row_filter(_node(expression))
    except PolicyFileError:
        return
    hostile = "') or true or (1=1 -- \\' $$ :a"
    bound = bind_row_filter(RowFilter(expression, dict.fromkeys(parsed.parameters, hostile)))
    harmless = bind_row_filter(RowFilter(expression, dict.fromkeys(parsed.parameters, "harmless")))
    assert _shape(bound, hostile) == _shape(harmless, "harmless")


def _shape(bound: str, value: str) -> list[str]:
    """The kinds of the tree's nodes, with each place that holds the value marked."""
    statement = postgast.parse(f"SELECT FROM t WHERE {bound}").stmts[0].stmt.select_stmt
    assert {field.name for field, _ in statement.ListFields()} == {"from_clause", "where_clause", "limit_option", "op"}
    return [
        "value" if kind == "String" and message.sval == value else kind
        for _, message in postgast.walk(statement.where_clause)
        for kind in [message.DESCRIPTOR.name]
    ]
