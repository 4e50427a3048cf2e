"""The two calls that carry SQL: how each is parsed into a `Call`, and how its answer is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from postern.edges import contract, http, statement_presenter
from postern.edges.idempotency import kept_key
from postern.edges.parameters import call_parameters
from postern.errors import BadRequest
from postern.ports import Finished
from postern.services.calls import Answers, Call, StatementCall

MAX_LOOKUPS = 500  # of one call: each takes the database a moment, and the call's time is bounded


@dataclass(frozen=True, slots=True)
class Route:
    """One of the calls."""

    statements: Callable[[bytes], tuple[contract.QueryBody, ...]]
    present: Callable[..., bytes]
    replay: Callable[[Finished], bytes]

    def call(self, event: http.Event) -> Call:
        """What the caller sent. Raises `BadRequest`."""
        raw = http.raw_body(event)
        statements = tuple(
            StatementCall(one.sql, call_parameters(one.params), one.max_rows) for one in self.statements(raw)
        )
        if (lookups := sum(len(one.lookups) for one in statements)) > MAX_LOOKUPS:
            raise BadRequest("request.invalid", f"params: expected at most {MAX_LOOKUPS} lookups a call, got {lookups}")
        key = http.idempotency_key(event)
        # The path is part of what the key stands for: two calls may have one body.
        if key is None:
            return Call(statements)
        return Call(statements, kept_key(key, http.path_parameter(event, "id"), self._named(raw)))

    def body(self, given: Answers | Finished, *, now_s: int) -> bytes:
        """The answer's body."""
        return self.replay(given) if isinstance(given, Finished) else self.present(given, now_s=now_s)

    def _named(self, raw: bytes) -> bytes:
        return self.present.__name__.encode() + b"\0" + raw


def route_of(event: http.Event) -> Route:
    """Which call an event is, by the path of the API that it came in by."""
    return TRANSACTION if str(event.get("resource", "")).endswith("/transaction") else QUERY


def _query(raw: bytes) -> tuple[contract.QueryBody, ...]:
    return (http.parse_body(raw, contract.QUERY),)


def _transaction(raw: bytes) -> tuple[contract.QueryBody, ...]:
    return tuple(http.parse_body(raw, contract.TRANSACTION).statements)


QUERY = Route(_query, statement_presenter.query_answer, statement_presenter.replayed_query)
TRANSACTION = Route(_transaction, statement_presenter.transaction_answer, statement_presenter.replayed_transaction)
