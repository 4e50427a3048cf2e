"""Clients of AWS for what needs the person's own rights, or of a local stack, which needs none."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from postern_cli.stop import Exit, Stop

_LOCAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class AwsAccess:
    """Where AWS answers; `ready` is the ready file of a local stack where it is that."""

    endpoint_url: str | None
    ready: Mapping[str, Any] | None

    @classmethod
    def of(cls, ready: Path | None, endpoint_url: str | None) -> AwsAccess:
        """Raises `Stop` where there is no such ready file."""
        if ready is None:
            return cls(endpoint_url, None)
        try:
            stack = json.loads(ready.read_text("utf-8"))
            return cls(str(stack["aws"]), stack)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise Stop(
                Exit.UNKNOWN, f"{ready}: expected a local stack's ready file; is `postern local up` running?"
            ) from error

    def client(self, service: str) -> Any:  # noqa: ANN401 - each service's client is a type of its own
        import boto3

        if self.ready is None:
            return boto3.client(  # type: ignore[call-overload]
                service, endpoint_url=self.endpoint_url, region_name=region_of(os.environ)
            )
        # The local stack knows no accounts, and a person's own credentials have no business there.
        return boto3.client(  # type: ignore[call-overload]
            service,
            endpoint_url=self.endpoint_url,
            region_name=_LOCAL_REGION,
            aws_access_key_id="local",
            aws_secret_access_key="local",
        )

    def named(self, member: str, option: str) -> str:
        """What the ready file names so. Raises `Stop` where there is no local stack to ask."""
        if self.ready is None or not isinstance(self.ready.get(member), str):
            raise Stop(Exit.USAGE, f"expected {option}, or --ready of a local stack that names it")
        return str(self.ready[member])


def region_of(environ: Mapping[str, str]) -> str | None:
    """The region that the AWS CLI would take from here; None leaves it to the profile.

    The SDK by itself reads `AWS_DEFAULT_REGION` and passes `AWS_REGION` over, which our pages and the CLI set.
    """
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


@contextmanager
def reached(what: str) -> Iterator[None]:
    """Turns what the SDK raises into a stop that says: it cannot be told."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "an error")
        raise Stop(Exit.UNKNOWN, f"{what}: expected an answer, got {code}") from error
    except BotoCoreError as error:  # what it says is of regions, profiles and addresses
        raise Stop(Exit.UNKNOWN, f"{what}: expected an answer, got {type(error).__name__}: {error}") from error
    except ValueError as error:
        raise Stop(Exit.UNKNOWN, f"{what}: expected an answer, got {type(error).__name__}") from error
