"""The faults, as data: what is broken, how, and which calls are sent meanwhile to see what their caller is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

from tests.faults import parts
from tests.faults.rig import QUERY, Rig
from tests.faults.rules import DATABASE, Act, Rule

GROUPS = {
    "kills": "`query` is killed",
    "database": "database",
    "disk": "disk",
    "s3": "S3",
    "dynamodb": "DynamoDB",
    "aws": "STS, KMS, Lambda",
    "issuer": "issuer",
    "gateway": "gateway",
    "clocks": "clocks",
}
ALL = ("read", "write", "keyed", "open")
Around = Callable[[Rig], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. Its rules hold for everybody's requests, or (`is_aimed`) for those of its own calls' task alone."""

    name: str
    group: str  # of `GROUPS`
    what: str  # in the table's words
    rules: Sequence[Rule] = ()
    around: Around | None = None
    calls: Sequence[str] = ALL
    is_aimed: bool = False
    least_s: float = 2.0  # that it lasts, for the load to meet it: of those that are not aimed
    is_fresh: bool = False  # its calls are sent in a task that nobody holds a session of
    token_off_s: int = 0
    also_right: frozenset[int] = frozenset()  # statuses that are right under it, and wrong otherwise
    leaves: frozenset[str] = frozenset()  # what `verify` and `reconcile` are to find of it: see `Reckoning.named`


def _s3(act: Act, about: str = "", **more: object) -> Rule:
    return Rule("s3", act, "PUT", about, **more)


def _table(act: Act, **more: object) -> Rule:
    return Rule("dynamodb", act, **more)


_THROTTLED = "ProvisionedThroughputExceededException"
_INTENT, _OUTCOME, _SETTLED = "1-intent", "2-outcome", "3-settled"

_DATABASE = (
    Fault("database-restarts", "database", "the database crashes and starts again", around=parts.database_restarts),
    Fault("database-refuses", "database", "the database refuses connections", around=parts.database_refuses),
    Fault("database-swallows", "database", "the database's network swallows packets", around=parts.database_swallows),
    Fault("database-slow", "database", "the database is slow: half a second a statement", (
        Rule(DATABASE, Act.DELAY, "parse", "user=task_", delay_s=0.5),)),
    Fault("database-hangs", "database", "a statement is never answered", (
        Rule(DATABASE, Act.HANG_BEFORE, "parse", "marks|products"),), calls=("read", "keyed"), is_aimed=True),
    Fault("database-cut-amid-rows", "database", "the connection is lost amid the rows", (
        Rule(DATABASE, Act.CUT_AMID, "parse", "products"),), calls=("read",), is_aimed=True),
    Fault("database-cut-after-insert", "database", "the connection is lost after the INSERT ran", (
        Rule(DATABASE, Act.CUT_AFTER, "parse", "INSERT INTO"),), calls=("write", "keyed"), is_aimed=True),
    Fault("database-cut-before-commit", "database", "the connection is lost before COMMIT arrives", (
        Rule(DATABASE, Act.CUT_BEFORE, "query", "COMMIT"),), calls=("write", "keyed"), is_aimed=True),
    Fault("database-cut-after-commit", "database", "the connection is lost after COMMIT, before its answer", (
        Rule(DATABASE, Act.CUT_AFTER, "query", "COMMIT"),), calls=("write", "keyed"), is_aimed=True),
    Fault("database-hangs-after-commit", "database", "COMMIT is carried out and never answered", (
        Rule(DATABASE, Act.HANG_AFTER, "query", "COMMIT"),), calls=("keyed",), is_aimed=True),
    Fault("database-read-only", "database", "the database fails over to a standby that takes no writes",
          around=parts.database_is_standby),
    Fault("database-disk-full", "disk", "the database's disk is full", around=parts.database_disk_full),
)  # fmt: skip

_S3 = (
    Fault("s3-503", "s3", "S3 answers every request with 503 SlowDown", (
        Rule("s3", Act.ANSWER, code="SlowDown"),)),
    Fault("s3-slow", "s3", "S3 takes 1.5 s for each write", (_s3(Act.DELAY, delay_s=1.5),)),
    Fault("s3-timeout", "s3", "S3 does not answer, and stores nothing", (Rule("s3", Act.HANG_BEFORE),)),
    Fault("s3-stored-unanswered", "s3", "S3 stores each record, and its answer is lost", (_s3(Act.CUT_AFTER, "wal/"),)),
    Fault("s3-intent-unanswered", "s3", "the intent is stored, then S3 is away", (
        _s3(Act.CUT_AFTER, _INTENT), Rule("s3", Act.CUT_BEFORE, "HEAD")),
        calls=("read", "keyed")),
    Fault("s3-outcome-503", "s3", "S3 refuses the outcome with 503", (
        _s3(Act.ANSWER, _OUTCOME, code="SlowDown", function=QUERY),), calls=("read", "write", "keyed"), is_aimed=True),
    Fault("s3-outcome-unanswered", "s3", "the outcome is stored, then S3 is away", (
        _s3(Act.CUT_AFTER, _OUTCOME), Rule("s3", Act.CUT_BEFORE, "HEAD")),
        calls=("read", "keyed")),
    Fault("s3-settled-503", "s3", "S3 refuses the settlement with 503", (
        _s3(Act.ANSWER, _SETTLED, code="SlowDown", function=QUERY),), calls=("write", "keyed"), is_aimed=True),
)  # fmt: skip

_DYNAMODB = (
    Fault("dynamodb-throttled", "dynamodb", "DynamoDB throttles every request", (
        _table(Act.ANSWER, code=_THROTTLED, status=400),)),
    Fault("dynamodb-timeout", "dynamodb", "DynamoDB does not answer, and writes nothing", (_table(Act.HANG_BEFORE),)),
    Fault("dynamodb-written-unanswered", "dynamodb", "DynamoDB writes, and its answers are lost", (
        _table(Act.CUT_AFTER, operation="UpdateItem"), _table(Act.CUT_AFTER, operation="TransactWriteItems"))),
    Fault("dynamodb-first-unanswered", "dynamodb", "the reservation is written, and the first answer is lost", (
        _table(Act.CUT_AFTER, nth=1, function=QUERY),), calls=("read", "keyed"), is_aimed=True),
    Fault("dynamodb-giveback-timeout", "dynamodb", "DynamoDB is away when budgets are given back", (
        _table(Act.HANG_BEFORE, operation="UpdateItem", about="REMOVE", function=QUERY),
        _table(Act.HANG_BEFORE, operation="TransactWriteItems", about="REMOVE", function=QUERY)),
        calls=("read", "keyed"), is_aimed=True),
)  # fmt: skip

_OTHERS = (
    Fault("sts-down", "aws", "STS answers 503", (
        Rule("sts", Act.ANSWER, code="ServiceUnavailable"),), is_fresh=True),
    Fault("sts-timeout", "aws", "STS does not answer", (Rule("sts", Act.HANG_BEFORE),),
          calls=("read", "keyed"), is_fresh=True),
    Fault("kms-down", "aws", "KMS answers 503", (
        Rule("kms", Act.ANSWER, code="KMSInternalException", status=500),), least_s=6.0),
    Fault("lambda-down", "aws", "the function that builds worlds cannot be invoked", (
        Rule("lambda", Act.ANSWER, code="ServiceException", status=500),)),
    Fault("jwks-down", "issuer", "the issuer is down, its keys are kept", around=parts.issuer_down),
    Fault("jwks-down-cold", "issuer", "the issuer is down, and nobody has kept its keys",
          around=parts.issuer_down_and_unknown),
    Fault("jwks-rotated", "issuer", "the issuer has another key, and withdrew the one before",
          around=parts.issuer_rotated),
    Fault("jwks-rotated-down", "issuer", "the issuer has another key, and is down",
          around=parts.issuer_rotated_and_down, also_right=frozenset({401})),
    Fault("token-late", "clocks", "the issuer's clock is 10 min ahead", token_off_s=600, also_right=frozenset({401})),
    Fault("token-early", "clocks", "the issuer's clock is 10 min behind, so tokens have ended", token_off_s=-600,
          also_right=frozenset({401})),
)  # fmt: skip


def _dies(name: str, what: str, rule: Rule) -> tuple[Fault, Fault]:
    """A write with a key, whose process is killed before a step had its effect, and after."""
    before, after = (replace(rule, act=act, nth=1) for act in (Act.DIE_BEFORE, Act.DIE_AFTER))
    fresh = rule.service == "sts" or rule.operation == "startup"
    return (
        Fault(f"die-before-{name}", "kills", f"a write, before {what}", (before,), None, ("keyed",), True, 0, fresh),
        Fault(f"die-after-{name}", "kills", f"a write, after {what}", (after,), None, ("keyed",), True, 0, fresh),
    )


def _dies_reading(name: str, what: str, rule: Rule) -> Fault:
    after = replace(rule, nth=1)
    return Fault(f"die-reading-{name}", "kills", f"a read, after {what}", (after,), None, ("read",), True)


_RESERVATION = Rule("dynamodb", Act.DIE_AFTER, function=QUERY)
_PUT_INTENT, _PUT_OUTCOME, _PUT_SETTLED = (
    Rule("s3", Act.DIE_AFTER, "PUT", name, function=QUERY) for name in (_INTENT, _OUTCOME, _SETTLED)
)
_RUN = Rule(DATABASE, Act.DIE_AFTER, "parse", "INSERT INTO|products")
_GIVE_BACK = Rule("dynamodb", Act.DIE_AFTER, "", "REMOVE", function=QUERY)
_DEATHS = (
    *_dies("reservation", "the reservation", _RESERVATION),
    *_dies("intent", "the intent is stored", _PUT_INTENT),
    *_dies("role", "the role's credentials are had", Rule("sts", Act.DIE_AFTER)),
    *_dies("login", "the role logs in", Rule(DATABASE, Act.DIE_AFTER, "startup")),
    *_dies("begin", "BEGIN", Rule(DATABASE, Act.DIE_AFTER, "parse", " BEGIN")),
    *_dies("statement", "the statement runs", _RUN),
    *_dies("outcome", "the outcome is stored", _PUT_OUTCOME),
    *_dies("commit", "COMMIT", Rule(DATABASE, Act.DIE_AFTER, "query", "COMMIT")),
    *_dies("settlement", "the settlement is stored", _PUT_SETTLED),
    *_dies("giveback", "what is left is given back, its answer not sent", _GIVE_BACK),
    _dies_reading("intent", "the intent is stored", _PUT_INTENT),
    _dies_reading("statement", "the statement ran", _RUN),
    _dies_reading("outcome", "the outcome is stored", _PUT_OUTCOME),
    _dies_reading("giveback", "what is left is given back, its answer not sent", _GIVE_BACK),
)

_GATEWAY = (
    Fault("gateway-cut", "gateway", "the caller hangs up, then repeats the call", calls=("cut-write", "cut-keyed")),
    Fault("functions-disk-full", "disk", "the functions can write no line of their log",
          around=parts.functions_disk_full),
)  # fmt: skip

# A record's time is its writer's: what a clock ahead wrote, the verifier names, and with it the entry whose object does
# not count, the next of its chain, the statement that ran before it. So these are last, and a log of theirs.
_AHEAD = frozenset({"time", "entry", "chain", "statement.time"})
_CLOCKS = (
    Fault("query-ahead", "clocks", "the clock of `query` is 10 min ahead", around=parts.clock("query", 600),
          leaves=_AHEAD),
    Fault("query-behind", "clocks", "the clock of `query` is 10 min behind", around=parts.clock("query", -600)),
    Fault("authorize-ahead", "clocks", "the clock of `authorize` is 10 min ahead", around=parts.clock("authorize", 600),
          also_right=frozenset({401})),
    # It takes what runs for dead, and gives back what is held.
    Fault("reap-ahead", "clocks", "the clock of `reap` is 10 min ahead", around=parts.clock("reap", 600),
          leaves=_AHEAD | {"budgets"}),
)  # fmt: skip

# Those that leave most to the reaper come first: it has done it by the time that the others are through.
FAULTS: tuple[Fault, ...] = (*_DEATHS, *_DATABASE, *_S3, *_DYNAMODB, *_OTHERS, *_GATEWAY, *_CLOCKS)
BY_NAME = {fault.name: fault for fault in FAULTS}
