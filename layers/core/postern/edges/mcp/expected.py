"""What an answer of the API must be for a tool to read it: the contract's shapes, as the API makes them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from postern.edges import contract
from postern.edges.mcp.api import ApiAnswer
from postern.errors import OutcomeUnknown, UpstreamError


class Queried(contract.QueryAnswer, frozen=True, kw_only=True):
    """An answer to a query, read."""

    rows: list[list[Any]]


class _Stated(contract.StatementAnswer, frozen=True, kw_only=True):
    rows: list[list[Any]]


class Transacted(Struct, frozen=True, kw_only=True):
    """An answer to a transaction, read."""

    statements: list[_Stated]
    remaining: contract.RemainingBody | None
    settled: bool | None = None
    replayed: bool = False


def expect(answer: ApiAnswer, shape: type, *, looked_only: bool = False) -> None:
    """Raises `UpstreamError` where the answer has another shape; `OutcomeUnknown` where something may have been done.

    It is then the answer of something else between here and the API, or of another version of it.
    """
    try:
        msgspec.convert(answer.body, shape)
    except msgspec.ValidationError:
        # Without `from`: the error may quote a value.
        what = f"API: expected a {shape.__name__}, got another shape"
        if looked_only:
            raise UpstreamError("api.unavailable", f"{what}: try again") from None
        raise OutcomeUnknown("outcome.unknown", f"{what}: what was asked for may have happened") from None
