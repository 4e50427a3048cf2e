"""What a function is told by its environment, read once and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from postern.errors import PolicyUnavailable
from postern.types import StatementText as StatementText

_LOG = re.compile(r"[a-z0-9-]{1,40}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_COUNT = re.compile(r"[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class LogSettings:
    """The evidence's names: all that a function needs which stands on the log alone."""

    deployment: str
    log: str  # the epoch
    log_table: str
    bucket: str
    region: str
    retain_until_s: int  # Unix time: the end of the epoch's last day (UTC) and the retention after it


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's names. `template.yaml` sets them; nothing else does."""

    deployment: str
    log: str  # the epoch
    table: str
    bucket: str
    policy_dir: str
    build_file: str  # what was built, beside the code
    region: str
    local_issuer: str | None  # set by the local stack only: the issuer that `local` stands for
    log_table: str
    epoch_ends_s: int  # Unix time: the end of the epoch's last day (UTC)
    retain_until_s: int  # Unix time: `epoch_ends_s` and the retention after it
    max_staleness_s: int  # age of the watermark past which no statement runs
    statement_text: StatementText
    event_bus: str  # where changes of a task's state are told


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """The settings, or `PolicyUnavailable` naming the variable that is missing or wrong."""
    log = parse_log_settings(environment)
    return Settings(
        deployment=log.deployment,
        log=log.log,
        table=require(environment, "POSTERN_TABLE"),
        bucket=log.bucket,
        policy_dir=environment.get("POSTERN_POLICY_DIR", "/opt"),
        build_file=require(environment, "POSTERN_BUILD"),
        region=log.region,
        local_issuer=environment.get("POSTERN_LOCAL_ISSUER"),
        log_table=log.log_table,
        epoch_ends_s=_epoch_ends_s(environment),
        retain_until_s=log.retain_until_s,
        max_staleness_s=max_staleness_s(environment),
        statement_text=_statement_text(environment),
        event_bus=require(environment, "POSTERN_EVENT_BUS"),
    )


def parse_log_settings(environment: Mapping[str, str]) -> LogSettings:
    """The evidence's part of the settings. Raises `PolicyUnavailable` as `parse_settings` does."""
    settings = LogSettings(
        deployment=require(environment, "POSTERN_DEPLOYMENT"),
        log=require(environment, "POSTERN_LOG"),
        log_table=require(environment, "POSTERN_LOG_TABLE"),
        bucket=require(environment, "POSTERN_BUCKET"),
        region=require(environment, "AWS_REGION"),
        retain_until_s=_epoch_ends_s(environment) + 86_400 * _count(environment, "POSTERN_RETENTION_DAYS"),
    )
    if not _LOG.fullmatch(settings.log):
        raise _wrong("POSTERN_LOG", "1 to 40 of a-z, 0-9 and -", settings.log)
    return settings


def max_staleness_s(environment: Mapping[str, str]) -> int:
    """Age of the watermark, in seconds, past which no statement runs. Raises `PolicyUnavailable`."""
    return _count(environment, "POSTERN_MAX_STALENESS_S")


def signing_keys(environment: Mapping[str, str]) -> tuple[str, ...]:
    """ARNs of the keys that sign a checkpoint, the current one first. Raises `PolicyUnavailable`."""
    keys = tuple(require(environment, "POSTERN_SIGNING_KEYS").split(","))
    if not all(keys) or len(set(keys)) != len(keys):
        raise _wrong("POSTERN_SIGNING_KEYS", "different ARNs with commas between them", ",".join(keys))
    return keys


def require(environment: Mapping[str, str], name: str) -> str:
    """The variable's value. Raises `PolicyUnavailable` where it is absent or empty."""
    value = environment.get(name, "")
    if not value:
        raise PolicyUnavailable("policy.unavailable", f"{name}: expected it in the function's environment, got nothing")
    return value


def _epoch_ends_s(environment: Mapping[str, str]) -> int:
    """The end of the last day: the first second that is no longer the epoch's."""
    text = require(environment, "POSTERN_EPOCH_ENDS")
    wrong = _wrong("POSTERN_EPOCH_ENDS", "a date like 2026-12-31", text)
    if not _DATE.fullmatch(text):  # `fromisoformat` takes other forms too
        raise wrong
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise wrong from error
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)).timestamp())


def _count(environment: Mapping[str, str], name: str) -> int:
    text = require(environment, name)
    if not _COUNT.fullmatch(text):
        raise _wrong(name, "a whole number from 1", text)
    return int(text)


def _statement_text(environment: Mapping[str, str]) -> StatementText:
    text = require(environment, "POSTERN_STATEMENT_TEXT")
    if text not in list(StatementText):
        raise _wrong("POSTERN_STATEMENT_TEXT", " or ".join(StatementText), text)
    return StatementText(text)


def _wrong(name: str, expected: str, got: str) -> PolicyUnavailable:
    return PolicyUnavailable("policy.unavailable", f"{name}: expected {expected}, got {got!r}")
