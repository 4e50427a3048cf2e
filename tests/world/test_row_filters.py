from __future__ import annotations

import pytest

from postern.errors import RefusedByPolicy
from postern.types import RowFilter
from postern.world.row_filters import bind_row_filter
from tests.support.world import PreparedDatabase, granted

HOSTILE = {
    "plain": "EU",
    "empty": "",
    "quote": "E'U",
    "ends the literal": "' OR true --",
    "ends the filter": "') OR (true",
    "backslash": "\\",
    "backslash quote": "\\' OR true --",
    "another parameter": ":other",
    "dollar": "$1",
    "dollar quote": "$$ OR true $$",
    "unicode": "Überall 😀",
    "newline": "a\n' 'b",
    "percent": "%s",
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("region = :region", "(region =  ('EU') )"),
        ("region=:region", "(region= ('EU') )"),
        ("region::text = :region::text", "(region::text =  ('EU') ::text)"),
        ("region = ':region' OR region = :region", "(region = ':region' OR region =  ('EU') )"),
        ('"a:region" = :region', "(\"a:region\" =  ('EU') )"),
        ("region IN (:region, :other, :region)", "(region IN ( ('EU') ,  ('US') ,  ('EU') ))"),
        ("ä = 'ü' AND region = :region", "(ä = 'ü' AND region =  ('EU') )"),
        ("region = 'EU'", "(region = 'EU')"),
    ],
    ids=["parameter", "no spaces", "cast", "string", "quoted name", "several", "many bytes before", "none"],
)
def test_parameters_and_only_parameters_become_literals(expression: str, expected: str) -> None:
    assert bind_row_filter(RowFilter(expression, {"region": "EU", "other": "US"})) == expected


def test_a_filter_lets_through_exactly_the_attributes_rows(shop: PreparedDatabase) -> None:
    shop.database.run("CREATE TABLE notes (owner text)")
    shop.database.run("GRANT SELECT ON notes TO postern_owner")
    connection = shop.database.connect()
    for owner in (*HOSTILE.values(), "somebody else"):
        connection.run("INSERT INTO notes VALUES (:owner)", owner=owner)
    connection.close()
    for value in HOSTILE.values():
        row_filter = RowFilter("owner = :me", {"me": value})
        task_id, _ = shop.build(granted("notes", {"owner": None}, row_filter=row_filter))
        with shop.session(task_id) as session:
            assert session.run("SELECT owner FROM notes") == [[value]]


@pytest.mark.parametrize(
    ("expression", "parameters", "reason"),
    [
        ("region = :region", {}, "expected the principal to have the attribute region, got none"),
        ("region = :region", {"Region": "EU"}, "expected the principal to have the attribute region, got none"),
        ("region = :region", {"region": "E\0U"}, "attribute region: literal: expected no NUL character"),
        ("region = :region", {"region": "\ud800"}, "attribute region:"),
        ("region = $1", {}, "without comments, `$n` and `;`"),
        ("true; DROP TABLE x", {}, "without comments, `$n` and `;`"),
        ("true -- :region", {}, "without comments, `$n` and `;`"),
        ("true /* :region */", {}, "without comments, `$n` and `;`"),
        ("a[1:n] = 1", {}, "expected the principal to have the attribute n"),
        ("region = : region", {"region": "EU"}, "expected `:` to begin a parameter"),
        ("region = :'region'", {"region": "EU"}, "expected `:` to begin a parameter"),
        ('region = :"region"', {"region": "EU"}, "expected `:` to begin a parameter"),
        ("region = :", {}, "expected `:` to begin a parameter"),
        ("region = 'EU", {}, "expected SQL, got: unterminated quoted string"),
        ("true\0 OR :region", {}, "expected no NUL character"),
    ],
    ids=[
        "missing attribute", "other case", "nul in the attribute", "half a surrogate pair", "dollar parameter",
        "second statement", "comment", "block comment", "slice", "space", "string", "quoted", "end", "open quote",
        "nul",
    ],
)  # fmt: skip
def test_refuses(expression: str, parameters: dict[str, str], reason: str) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        bind_row_filter(RowFilter(expression, parameters))
    assert refused.value.code == "policy.refused"
    assert refused.value.detail.startswith("row filter: ")
    assert reason in refused.value.detail
