"""What a function is told by its environment, and that nothing of it is guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from postern.edges.settings import StatementText, parse_log_settings, parse_settings, signing_keys
from postern.errors import PolicyUnavailable

ENVIRONMENT = {
    "AWS_REGION": "eu-central-1",
    "POSTERN_BUCKET": "evidence",
    "POSTERN_DEPLOYMENT": "postern",
    "POSTERN_EPOCH_ENDS": "2026-12-31",
    "POSTERN_EVENT_BUS": "postern-tasks",
    "POSTERN_BUILD": "/opt/build.json",
    "POSTERN_LOG": "prod-2026",
    "POSTERN_LOG_TABLE": "log",
    "POSTERN_MAX_STALENESS_S": "3600",
    "POSTERN_RETENTION_DAYS": "400",
    "POSTERN_STATEMENT_TEXT": "sealed",
    "POSTERN_TABLE": "state",
}


def utc(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def test_everything_is_kept_until_the_retention_after_the_epochs_last_day_is_over() -> None:
    settings = parse_settings(ENVIRONMENT)

    assert settings.epoch_ends_s == utc(2027, 1, 1)
    assert settings.retain_until_s == utc(2028, 2, 5)
    assert parse_log_settings(ENVIRONMENT).retain_until_s == settings.retain_until_s


def test_tells_how_stale_the_log_may_be_and_how_much_of_a_statement_is_recorded() -> None:
    settings = parse_settings(ENVIRONMENT)

    assert (settings.max_staleness_s, settings.statement_text) == (3600, StatementText.SEALED)


@pytest.mark.parametrize("name", sorted(ENVIRONMENT))
def test_a_variable_that_is_missing_stops_the_function(name: str) -> None:
    with pytest.raises(PolicyUnavailable, match=name):
        parse_settings({**ENVIRONMENT, name: ""})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("POSTERN_EPOCH_ENDS", "2026-02-30", id="no such day"),
        pytest.param("POSTERN_EPOCH_ENDS", "20261231", id="date in another form"),
        pytest.param("POSTERN_EPOCH_ENDS", "2026-W53-4", id="week date"),
        pytest.param("POSTERN_EPOCH_ENDS", "2026-12-31T00:00", id="date with a time"),
        pytest.param("POSTERN_RETENTION_DAYS", "0", id="no retention"),
        pytest.param("POSTERN_RETENTION_DAYS", "-1", id="retention in the past"),
        pytest.param("POSTERN_RETENTION_DAYS", "1e3", id="retention as a float"),
        pytest.param("POSTERN_RETENTION_DAYS", "٤", id="digit of another script"),
        pytest.param("POSTERN_MAX_STALENESS_S", "1h", id="staleness with a unit"),
        pytest.param("POSTERN_STATEMENT_TEXT", "FULL", id="mode in capitals"),
        pytest.param("POSTERN_STATEMENT_TEXT", "none", id="unknown mode"),
        pytest.param("POSTERN_LOG", "Prod", id="log's name"),
    ],
)
def test_a_value_that_is_not_what_the_template_allows_stops_the_function(name: str, value: str) -> None:
    with pytest.raises(PolicyUnavailable, match=name):
        parse_settings({**ENVIRONMENT, name: value})


def test_the_current_signing_key_comes_first() -> None:
    assert signing_keys({"POSTERN_SIGNING_KEYS": "arn:new,arn:old"}) == ("arn:new", "arn:old")


@pytest.mark.parametrize("value", ["", "arn:a,", ",arn:a", "arn:a,arn:a"])
def test_signing_keys_that_are_none_or_twice_the_same_are_refused(value: str) -> None:
    with pytest.raises(PolicyUnavailable, match="POSTERN_SIGNING_KEYS"):
        signing_keys({"POSTERN_SIGNING_KEYS": value})
