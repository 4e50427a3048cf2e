"""Every error the product raises on purpose, drawn by whose fault it is.

    PosternError
      CallerError        the request is wrong: mend it and send it again
        BadRequest         request.*      the body, a parameter or a header is not of the contract's shape
        Unauthenticated    token.*        no token, or one that does not hold
        NotFound           task.unknown   it is not there, or it is not yours: the two look the same
        Conflict           task.*, idempotency.*   the state forbids it
        TooLarge           answer.*       the result is larger than an answer may be
        Unprocessable      sql.*, idempotency.reused   well formed, yet it cannot be carried out
      RefusedByPolicy    policy.*, guard.*  allowed to nobody, or not to you: ask for something else
      BudgetExceeded     budget.*, rate.*   a bound of the task or the principal is used up
      UpstreamError      a part we stand on is away: the same call may succeed later (but see OutcomeUnknown)
        EvidenceUnavailable, EvidenceStale, StateUnavailable, DatabaseUnavailable, DatabaseHeld, DatabaseLost,
        OutcomeUnknown,
        PolicyUnavailable, IssuerUnavailable
      IntegrityError     evidence or state contradicts itself: page someone
      PolicyFileError    the operator's policy layer is wrong: names file and line

`code` is stable and documented (`CODES`, rendered to docs/errors.md). `detail` says what to do next
and never holds a secret or a row value. HTTP statuses are chosen in one place, `edges/http.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


class PosternError(Exception):
    """Raised when an operation cannot do what was asked; never used for control flow inside a module."""

    def __init__(self, code: str, detail: str, *, command_id: str | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.command_id = command_id


class CallerError(PosternError):
    """Raised when the request is at fault."""


class BadRequest(CallerError):
    """Raised when a body, parameter or header does not have the contract's shape."""


class Unauthenticated(CallerError):
    """Raised when there is no token or it does not hold. `detail` is for our log, never for the caller."""


class NotFound(CallerError):
    """Raised when the thing is not there or belongs to somebody else."""


class Conflict(CallerError):
    """Raised when the state of a task, or an earlier use of an idempotency key, forbids the call."""


class TooLarge(CallerError):
    """Raised when a result passes a bound that cannot be met by truncating it."""


class Unprocessable(CallerError):
    """Raised when the request is well formed and cannot be carried out.

    `position` is 1-based, in characters of the statement as it was asked; None where there is no place to point at.
    """

    def __init__(self, code: str, detail: str, *, position: int | None = None, command_id: str | None = None) -> None:
        super().__init__(code, detail, command_id=command_id)
        self.position = position


class StatementFailed(Unprocessable):
    """Raised when the database refused the statement; everything here is already sanitised."""

    def __init__(
        self, code: str, detail: str, *, sqlstate: str, position: int | None = None, command_id: str | None = None
    ) -> None:
        super().__init__(code, detail, position=position, command_id=command_id)
        self.sqlstate = sqlstate


@dataclass(frozen=True, slots=True)
class Refusal:
    """One part of a request that policy refused, and why; `what` names it in the agent's own words."""

    what: str
    code: str
    reason: str


class RefusedByPolicy(PosternError):
    """Raised when policy or guard says no. `refusals` names each part of the request that was refused."""

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        refusals: tuple[Refusal, ...] = (),
        position: int | None = None,
        command_id: str | None = None,
    ) -> None:
        super().__init__(code, detail, command_id=command_id)
        self.refusals = refusals
        self.position = position


class BudgetExceeded(PosternError):
    """Raised when a budget or rate has nothing left. `retry_after_s` is None where waiting does not help."""

    def __init__(
        self, code: str, detail: str, *, retry_after_s: int | None = None, command_id: str | None = None
    ) -> None:
        super().__init__(code, detail, command_id=command_id)
        self.retry_after_s = retry_after_s


class UpstreamError(PosternError):
    """Raised when something we depend on did not answer as it must; retryable by the caller."""


class EvidenceUnavailable(UpstreamError):
    """Raised when a record could not be made durable. Nothing was delivered."""


class EvidenceStale(UpstreamError):
    """Raised when the log of evidence lags too far behind for another statement. Nothing ran."""


class StateUnavailable(UpstreamError):
    """Raised when the state table did not answer."""


class DatabaseUnavailable(UpstreamError):
    """Raised when no session to the database could be had, or a world could not be built in time."""


class DatabaseHeld(UpstreamError):
    """Raised when an operator holds the database for maintenance, or the task's world is built again after that."""

    def __init__(self, code: str, detail: str, *, retry_after_s: int = 30, command_id: str | None = None) -> None:
        super().__init__(code, detail, command_id=command_id)
        self.retry_after_s = retry_after_s


class DatabaseLost(UpstreamError):
    """Raised when the session broke while a statement ran, before any COMMIT was sent. Nothing was written."""


class OutcomeUnknown(UpstreamError):
    """Raised when a write's fate is not known: only the database can tell, by what the pending outcome names."""


class PolicyUnavailable(UpstreamError):
    """Raised when the policy layer cannot be read or evaluated. Everything is refused meanwhile."""


class IssuerUnavailable(UpstreamError):
    """Raised when an issuer's keys cannot be fetched and none are kept."""


class IntegrityError(PosternError):
    """Raised when stored evidence or state contradicts what must be true. Page someone."""


class PolicyFileError(PosternError):
    """Raised when a file of the policy layer is wrong. The message starts `file:line:`."""

    def __init__(self, file: str, line: int | None, detail: str) -> None:
        where = f"{file}:{line}" if line is not None else file
        super().__init__("policy.file", f"{where}: {detail}")
        self.file = file
        self.line = line


# What each code means and what the caller does about it. docs/errors.md is generated from this table;
# a test holds that every code raised anywhere in the package is here, and that nothing here is unused.
CODES: dict[str, str] = {
    "request.invalid": "The body, a parameter or a header is not of the documented shape. `detail` names the field.",
    "request.path": "There is no such path or method. `/openapi.json` lists them. Said by the gateway.",
    "request.too_large": "The request is larger than the gateway takes. Send less. Said by the gateway.",
    "request.filtered": "The firewall before the gateway refused it. Wait, or ask an operator. Said by the gateway.",
    "rate.requests": "More requests arrive than the gateway takes. Try again shortly. Said by the gateway.",
    "gateway.timeout": "No answer came in time. A statement may have run: look at its task. Said by the gateway.",
    "authorizer.unavailable": "The token could not be checked, so nothing ran. Try again. Said by the gateway.",
    "token.missing": "No token. Send `Authorization: Bearer <OIDC token>`, or `DPoP` for one that is bound to a key.",
    "token.malformed": "The token is not a well-formed signed JWT.",
    "token.too_large": "The token is longer than the bound.",
    "token.algorithm": "The token's algorithm is not in the issuer's allow-list.",
    "token.type": "The token's `typ` is not one that the issuer may use.",
    "token.key": "The token's key is not one of the issuer's.",
    "token.signature": "The token's signature does not hold.",
    "token.issuer": "The token's issuer is not configured here.",
    "token.audience": "The token is not for this gate. Ask your issuer for the audience that the operator names.",
    "token.expired": "The token has expired. Get a new one.",
    "token.not_yet_valid": "The token is not valid yet. Check clocks.",
    "token.claims": "A required claim is absent or of the wrong kind.",
    "token.rules": "The token is genuine, but the issuer's claim rules here do not admit it.",
    "token.proof": "The token needs a proof of its key, or the proof does not hold (RFC 9449). Make a new one.",
    "token.replayed": "The proof of the token's key was used before. Make a new one for each request.",
    "issuer.unavailable": "The issuer's keys cannot be fetched. Try again shortly.",
    "policy.refused": "Policy does not allow a part of what was asked. `refusals` names each.",
    "policy.writes": "A write action cannot be granted here, or not beside another. `refusals` names each and why.",
    "policy.unavailable": "The policy cannot be evaluated. Nothing is allowed until an operator mends it.",
    "policy.file": "A file of the policy layer is wrong; the message names file and line.",
    "task.unknown": "There is no such task, or it is not yours.",
    "task.state": "The task's state does not allow this. `detail` names the state.",
    "task.expired": "The task's deadline has passed. Open a new task.",
    "task.policy_changed": "The policy changed since the task was opened, so it was ended. Open a new task.",
    "task.revoked": "An operator revoked access: of the task, its principal, its issuer or its database. Ask one.",
    "approval.delegated": "An agent that acts for a person approves nothing. A person must, with a token of their own.",
    "approval.four_eyes": "The task is yours, or was opened on your behalf. Another person must decide.",
    "approval.same_person": "You approved the task already, by another name. Another person must approve it too.",
    "approval.changed": "The task is not what you looked at, or not what it was opened as. Look at it once more.",
    "approval.mismatch": "The task is not what was approved, so its world was not built. Tell an operator.",
    "database.held": "The database is held for maintenance. Its tasks go on once it is released. Send it again later.",
    "revocation.unknown": "There is no such revocation that stands. List them at `/v1/revocations`.",
    "run_once.dry_run": "A dry run of this task is under way, or it had as many as it may. Look at their results.",
    "task.parallel": "The task runs as many statements at a time as it may. Wait for one to end, then send it again.",
    "task.failed": "The task's world could not be built. Open a new task, or ask an operator to look at the record.",
    "receipt.unknown": "There is no such command of yours in the log. A new one takes about a minute to be in it.",
    "guard.statements": "Send exactly one statement.",
    "guard.kind": "This kind of statement is not allowed.",
    "guard.relation": "The statement names a relation outside this task's scope.",
    "guard.column": "The statement names a column outside this task's scope.",
    "guard.function": "The statement calls a function that is not on the allow-list.",
    "guard.type": "The statement uses a type that is not on the allow-list.",
    "guard.operator": "The statement uses an operator that is not PostgreSQL's own.",
    "guard.node": "The statement uses a construct that the guard does not know.",
    "guard.depth": "The statement nests too deeply. Break it into smaller parts.",
    "guard.length": "The statement is too long.",
    "guard.nul": "The statement holds a NUL byte.",
    "guard.action": "The task was not granted this action on this table.",
    "guard.server": "The guard has no lists for the version of this task's server. Open a new task.",
    "guard.growth": "The statement asks for a text, an array or a series that is too large.",
    "guard.lookup": "A lookup parameter is used otherwise than compared with a token column of its class.",
    "guard.write_back": "The statement would write a mask or a token back. Write the value itself.",
    "guard.run_once": "A run-once statement may not do this, approved or not.",
    "sql.syntax": "The statement does not parse. `position` points at the place.",
    "sql.failed": "The database refused the statement. `sqlstate` and `position` tell why and where.",
    "task.too_large": "The task would hold more tables, columns or statements than there is room for. Ask for fewer.",
    "answer.too_large": "The answer, or one value or row of it, is larger than an answer may be. Select less of it.",
    "budget.statements": "The task has no statements left. Open a new task.",
    "guard.transaction": "Another statement of the transaction was refused, so none of them ran.",
    "sql.lookup": "A looked up value is not of its column's type. Send one that is.",
    "command.abandoned": "The command took so long that it was closed as abandoned, without effect. Send it again.",
    "budget.bytes": "The task has no bytes of answers left. Open a new task.",
    "budget.affected": "The statement writes more rows than the task may still write. Narrow it, or open a new task.",
    "budget.values": "The answer holds more sensitive values than the task may still see. Select less of them.",
    "budget.lookups": "The task has no lookups left. Open a new task.",
    "rate.openings": "You asked for as many tasks in this minute as you may. Wait as long as `Retry-After` says.",
    "rate.statements": "You sent as many statements in this minute as you may. Wait as long as `Retry-After` says.",
    "rate.pending": "As many of your tasks wait for approval as may. Wait for a person, or end one of them.",
    "rate.provisions": "As many tasks began in this database in this minute as may. Wait as `Retry-After` says.",
    "budget.rows": "The task has no rows left. Open a new task.",
    "idempotency.running": "A call with this Idempotency-Key is still running or unsettled. Ask again later.",
    "idempotency.reused": "This Idempotency-Key was used with another body. Use a new key.",
    "evidence.unavailable": "The record could not be written, so nothing ran or nothing is delivered. Try again.",
    "evidence.conflict": "The record's place is taken by other bytes. Nothing is delivered. Tell an operator.",
    "evidence.signature": "A signature of the log does not hold. Keep what was given to you, and tell an auditor.",
    "evidence.tile": "A tile or an entry bundle does not fit its tree. Nothing is added to it. Tell an operator.",
    "evidence.missing": "An object of the log that must be there is not. Nothing is added to it. Tell an operator.",
    "evidence.behind": "The log's table is behind the bucket. Nothing is sequenced. Tell an operator.",
    "evidence.stale": "The log of evidence lags or has ended, so no statement runs. Try again; tell an operator.",
    "evidence.proof": "A proof of the log does not hold. Keep what was given to you, and tell an auditor.",
    "evidence.sealed": "A sealed text does not open, or is not what its record commits to. Do not trust it.",
    "evidence.malformed": "What should be a record, or become one, does not have a record's form. Tell an operator.",
    "state.unavailable": "The state table cannot be reached. Nothing ran. Try again.",
    "database.unavailable": "No session to the database could be had. Nothing ran. Try again.",
    "database.lost": "The session to the database broke while the statement ran. Nothing was written; send it again.",
    "database.timeout": "The statement ran longer than it may. Ask for less, or add a predicate.",
    "outcome.unknown": "The write's fate is not known. Ask again under its key; without one, look before you write.",
    "cursor.stale": "The rows before this page are not what they were. Ask again without a cursor, in a fixed order.",
    "api.unavailable": "The tools could not reach the API behind them. Nothing was changed. Try again.",
    "internal": "A fault of ours. It is logged under the request id.",
}
