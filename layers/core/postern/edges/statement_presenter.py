"""What statements came to, in the contract's shapes: of its own, so that `query` loads no other answers."""

from __future__ import annotations

from typing import Any

import msgspec

from postern.edges import contract
from postern.ports import Finished
from postern.services.calls import Answered, Answers
from postern.types import amounts


def query_answer(answers: Answers, *, now_s: int) -> bytes:
    """The body of the answer to one statement."""
    [answered] = answers.statements
    return msgspec.json.encode(
        contract.QueryAnswer(
            **_statement(answered),
            remaining=_remaining(answers, now_s),
            settled=answers.settled,
        )
    )


def transaction_answer(answers: Answers, *, now_s: int) -> bytes:
    """The body of the answer to a transaction."""
    return msgspec.json.encode(
        contract.TransactionAnswer(
            statements=[contract.StatementAnswer(**_statement(answered)) for answered in answers.statements],
            remaining=_remaining(answers, now_s),
            settled=answers.settled,
        )
    )


def replayed_query(finished: Finished) -> bytes:
    """What is on record of a statement that was written before, as an answer to it."""
    recorded = _recorded(finished)
    [statement] = recorded["statements"]
    return msgspec.json.encode(
        contract.QueryAnswer(**_replayed(statement), remaining=None, settled=recorded["settled"], replayed=True)
    )


def replayed_transaction(finished: Finished) -> bytes:
    """What is on record of a transaction that was written before, as an answer to it."""
    recorded = _recorded(finished)
    statements = [contract.StatementAnswer(**_replayed(statement)) for statement in recorded["statements"]]
    return msgspec.json.encode(
        contract.TransactionAnswer(statements=statements, remaining=None, settled=recorded["settled"], replayed=True)
    )


def _statement(answered: Answered) -> dict[str, Any]:
    """The members of one statement's answer. The rows go in as the bytes that were digested."""
    delivery, receipt = answered.delivery, answered.receipt
    return {
        "command_id": answered.command_id,
        "columns": [contract.AnswerColumnBody(one.name, one.type, one.mask) for one in delivery.columns],
        "rows": msgspec.Raw(delivery.rows_json),
        "row_count": delivery.row_count,
        "affected": answered.affected,
        "truncated": delivery.truncated,
        "masked": [contract.MaskedBody(one.column, one.mask, one.count) for one in delivery.masked],
        "receipt": contract.ReceiptBody(
            receipt.intent_sha256, receipt.outcome_sha256, receipt.log, receipt.digest_key, receipt.settled_sha256
        ),
    }


def _recorded(finished: Finished) -> dict[str, Any]:
    return dict(finished.answer)


def _replayed(statement: dict[str, Any]) -> dict[str, Any]:
    """A statement's answer from what was kept of it: all but rows, and the digest key, which is the caller's alone."""
    return {
        "command_id": statement["command_id"],
        "columns": [],
        "rows": [],
        "row_count": statement["row_count"],
        "affected": statement["affected"],
        "truncated": statement["row_count"] > 0,
        "masked": [],
        "receipt": contract.ReceiptBody(**statement["receipt"], digest_key=None),
    }


def _remaining(answers: Answers, now_s: int) -> contract.RemainingBody:
    return contract.RemainingBody(**amounts(answers.remaining), seconds=max(0, answers.expires_at_s - now_s))
