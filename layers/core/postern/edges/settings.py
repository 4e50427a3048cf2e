"""What a function is told by its environment, read once and checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from postern.errors import PolicyUnavailable

_LOG = re.compile(r"[a-z0-9-]{1,40}")


@dataclass(frozen=True, slots=True)
class Settings:
    """The deployment's names. `template.yaml` sets them; nothing else does."""

    deployment: str
    log: str  # the epoch
    table: str
    bucket: str
    policy_dir: str
    region: str
    local_issuer: str | None  # set by the local stack only: the issuer that `local` stands for


def parse_settings(environment: Mapping[str, str]) -> Settings:
    """The settings, or `PolicyUnavailable` naming the variable that is missing or wrong."""
    settings = Settings(
        deployment=require(environment, "POSTERN_DEPLOYMENT"),
        log=require(environment, "POSTERN_LOG"),
        table=require(environment, "POSTERN_TABLE"),
        bucket=require(environment, "POSTERN_BUCKET"),
        policy_dir=environment.get("POSTERN_POLICY_DIR", "/opt"),
        region=require(environment, "AWS_REGION"),
        local_issuer=environment.get("POSTERN_LOCAL_ISSUER"),
    )
    if not _LOG.fullmatch(settings.log):
        raise PolicyUnavailable(
            "policy.unavailable", f"POSTERN_LOG: expected 1 to 40 of a-z, 0-9 and -, got {settings.log!r}"
        )
    return settings


def require(environment: Mapping[str, str], name: str) -> str:
    """The variable's value. Raises `PolicyUnavailable` where it is absent or empty."""
    value = environment.get(name, "")
    if not value:
        raise PolicyUnavailable("policy.unavailable", f"{name}: expected it in the function's environment, got nothing")
    return value
