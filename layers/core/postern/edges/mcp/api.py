"""Postern's own HTTPS API as the tools see it: one call, one answer, whatever its status."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """A status and a JSON object, in which numbers have every digit. `retry_after_s` is the header of that name."""

    status: int
    body: Mapping[str, Any]
    retry_after_s: int | None = None

    @property
    def is_problem(self) -> bool:
        return self.status >= 300


class Api(Protocol):
    """The API with one caller's token."""

    def call(
        self, method: str, path: str, body: bytes | None = None, *, idempotency_key: str | None = None
    ) -> ApiAnswer:
        """Sends once, and a second time only where that can change nothing.

        Raises `UpstreamError` where no answer of the API's came and nothing can have changed, `OutcomeUnknown` where
        something may have.
        """
        ...
