"""Parameters that PostgreSQL could never take are refused by name, before anything is sent."""

from __future__ import annotations

import pytest

from postern.errors import BadRequest
from postern.values import MAX_PARAMETERS, Json, to_parameters


def deep(levels: int) -> list[Json]:
    value: list[Json] = [1]
    for _ in range(levels - 1):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None),
        (True, "true"),
        (False, "false"),
        (0, "0"),
        (10**400, "1" + "0" * 400),
        (1.5, "1.5"),
        (-0.0, "-0.0"),
        ("", ""),
        ("a'b", "a'b"),
        ([], "{}"),
        ([1, None, "x", True], '{"1",NULL,"x","true"}'),
        (['"', "\\", "NULL"], '{"\\"","\\\\","NULL"}'),
        ([[1], [2]], '{{"1"},{"2"}}'),
        ({"a": [None, 1.0]}, '{"a":[null,1.0]}'),
        ([{"a": 1}], '{"{\\"a\\":1}"}'),
    ],
)
def test_a_value_is_sent_as_text(value, text):
    (parameter,) = to_parameters([value])
    assert parameter.text == text


@pytest.mark.parametrize(
    "value",
    [
        "a\0b",
        "\ud800",
        ["x", "a\0"],
        {"a": "\udfff"},
        {"\ud800": 1},
        float("inf"),
        float("nan"),
        [float("nan")],
        {"a": float("inf")},
        10**5000,
        [10**5000],
        {"a": 10**5000},
        deep(7),
        [[1], deep(6)],
    ],
    ids=[
        *("nul", "surrogate", "nul-in-array", "surrogate-in-object", "surrogate-in-name", "infinity", "nan"),
        *(
            "nan-in-array",
            "infinity-in-object",
            "digits",
            "digits-in-array",
            "digits-in-object",
            "depth",
            "mixed-depth",
        ),
    ],
)
def test_what_postgresql_could_never_take_is_refused_by_its_place(value):
    with pytest.raises(BadRequest, match=r"params\[1\]") as refused:
        to_parameters(["fine", value])
    assert refused.value.code == "request.invalid"


def test_an_object_nested_beyond_reading_is_refused():
    value: dict[str, Json] = {}
    for _ in range(100_000):
        value = {"a": value}
    with pytest.raises(BadRequest):
        to_parameters([value])


def test_an_array_of_six_dimensions_is_taken():
    assert to_parameters([deep(6)])[0].text == '{{{{{{"1"}}}}}}'


def test_more_parameters_than_the_protocol_counts_are_refused():
    assert len(to_parameters([None] * MAX_PARAMETERS)) == MAX_PARAMETERS
    with pytest.raises(BadRequest, match="65,535"):
        to_parameters([None] * (MAX_PARAMETERS + 1))
