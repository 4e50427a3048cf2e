"""STS in memory, as far as the task's sessions ask it: what it takes, what it answers, and a note of each request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

CREDENTIALS = {"AccessKeyId": "AKID", "SecretAccessKey": "s3cr3t/+", "SessionToken": "tok/+=="}


@dataclass
class FakeSts:
    """Records what a session was asked for; raises what it is told to."""

    error: Exception | None = None
    calls: list[dict[str, Any]] = field(default_factory=list)

    def assume_role(self, **call: Any) -> dict[str, Any]:
        self.calls.append(call)
        if self.error is not None:
            raise self.error
        role = call["RoleArn"].split(":", 5)
        ends = datetime.now(UTC) + timedelta(seconds=call["DurationSeconds"])
        name = f"{role[5].removeprefix('role/')}/{call['RoleSessionName']}"
        return {
            "Credentials": {**CREDENTIALS, "Expiration": ends},
            "AssumedRoleUser": {"Arn": f"arn:aws:sts::{role[4]}:assumed-role/{name}"},
            "SourceIdentity": call["SourceIdentity"],
        }
