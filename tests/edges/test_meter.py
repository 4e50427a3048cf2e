"""What an invocation counts, and by what: names that are listed, dimensions without end for nobody."""

from __future__ import annotations

import json
from typing import Any

import pytest

from postern.edges.meter import OTHER, Meter, is_fault
from postern.errors import CODES


def directives(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("ok", "ok", id="all is well"),
        pytest.param("guard.kind", "guard.kind", id="a code of the errors page"),
        pytest.param("SELECT 'x'", OTHER, id="text of somebody's"),
        pytest.param("", OTHER, id="nothing"),
    ],
)
def test_answers_are_counted_by_code_here_and_over_all(code: str, expected: str, capsys: Any) -> None:
    Meter("query", "prod").answer(code)

    [one] = directives(capsys.readouterr().out)
    assert one["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [
        ["deployment", "service", "code"],
        ["deployment", "code"],
    ]
    assert (one["deployment"], one["service"], one["code"], one["Answers"]) == ("prod", "query", expected, [1.0])


def test_a_name_that_is_not_listed_is_refused() -> None:
    with pytest.raises(KeyError):
        Meter("query", "prod").add("Rows of ada@example.com", 1)


def test_a_step_that_is_not_listed_is_left_out(capsys: Any) -> None:
    """What ran is not undone for the name of a step."""
    meter = Meter("query", "prod")
    meter.add_steps({"guard": 1.5, "brew": 2.5})
    meter.flush()

    [one] = directives(capsys.readouterr().out)
    assert [metric["Name"] for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["GuardTime"]


def test_what_was_sent_is_not_sent_again(capsys: Any) -> None:
    meter = Meter("query", "prod")
    meter.add("RequestTime", 3)
    meter.flush()
    meter.flush()
    meter.answer("ok")
    meter.answer("ok")

    sent = directives(capsys.readouterr().out)
    assert [one.get("RequestTime") for one in sent] == [[3.0], None, None]
    assert [one.get("Answers") for one in sent] == [None, [1.0], [1.0]]


def test_a_line_holds_a_hundred_values_of_a_metric_and_the_rest_comes_in_the_next(capsys: Any) -> None:
    meter = Meter("reap", "prod")
    for listed in range(150):
        meter.add("Listed", listed)
    meter.flush()

    sent = directives(capsys.readouterr().out)
    assert [len(one["Listed"]) for one in sent] == [100, 50]
    assert [value for one in sent for value in one["Listed"]] == list(range(150))


def test_two_meters_share_nothing(capsys: Any) -> None:
    one, other = Meter("query", "prod"), Meter("reap", "staging")
    one.add("RequestTime", 3)
    other.flush()
    one.flush()

    [sent] = directives(capsys.readouterr().out)
    assert (sent["deployment"], sent["service"]) == ("prod", "query")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("internal", True),
        ("evidence.conflict", True),
        ("evidence.unavailable", False),
        ("sql.failed", False),
        ("ok", False),
    ],
)
def test_a_fault_is_ours_and_no_part_that_is_away(code: str, expected: bool) -> None:
    assert code == "ok" or code in CODES
    assert is_fault(code) is expected
