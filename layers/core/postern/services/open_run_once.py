"""Opens a task of statements that run once: they are checked before anybody is asked to approve them.

What the check refuses is on record as a refused request, as what policy refuses is.
"""

from __future__ import annotations

from dataclasses import dataclass

from postern.audit import bodies
from postern.errors import Refusal
from postern.masking.detectors import redact_text
from postern.policy.requests import TaskRequest
from postern.ports import Clock, Identifiers, PolicySource, RecordStore
from postern.run_once.verdict import Refused
from postern.server_majors import SUPPORTED_MAJORS
from postern.services.open_task import OpenTask
from postern.services.statement_texts import StatementTexts
from postern.types import Principal, Task


@dataclass(frozen=True, slots=True)
class OpenRunOnce:
    """The use case. Raises `RefusedByPolicy` or `Unprocessable` naming the statement, and what `OpenTask` raises."""

    opening: OpenTask
    policy: PolicySource
    records: RecordStore
    identifiers: Identifiers
    clock: Clock
    texts: StatementTexts

    def run(self, principal: Principal, request: TaskRequest) -> Task:
        from postern.run_once.check import check_statements  # with the parser behind it; most tasks have none

        # Which server it is nobody knows yet; once its role stands they are checked for that one again.
        verdict = check_statements(request.statements, server_major=max(SUPPORTED_MAJORS))
        if isinstance(verdict, Refused):
            self._refuse(principal, request, verdict)
        return self.opening.run(principal, request)

    def _refuse(self, principal: Principal, request: TaskRequest, refused: Refused) -> None:
        from postern.services.run_once_checks import refusal_of

        now_us = self.clock.now_us()
        bundle = self.policy.load()
        # As of every other request: what is refused costs a record, too.
        self.opening.admit.opening(bundle, principal, request, now_s=now_us // 1_000_000)
        event_id = self.identifiers.command_id(now_us)
        what = "statements" if refused.index is None else f"statements[{refused.index}]"
        reason = self.texts.words(refused.code, refused.reason)
        self.records.put(
            bodies.refusal_event(
                event_id,
                now_us,
                principal,
                database=request.database,
                purpose=redact_text(request.purpose),
                ticket=None if request.ticket is None else redact_text(request.ticket),
                refusals=[Refusal(what, refused.code, reason)],
                policy_digest=bundle.digest,
            )
        )
        error = refusal_of(refused)
        error.command_id = event_id
        raise error
