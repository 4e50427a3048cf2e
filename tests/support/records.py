"""Logs of records of every kind, published, and a search over them for whoever a test says."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

from postern.approvals import TaskApprovals
from postern.audit import bodies, log_bodies, revocation_bodies, run_bodies
from postern.audit.approval_bodies import approval_event
from postern.audit.deploy_bodies import Deployed, deploy_event
from postern.audit.record_query import Place, RecordQuery
from postern.audit.records import Record
from postern.audit.statements import Asked
from postern.audit.sweep_bodies import sweep_intent
from postern.errors import Refusal
from postern.policy.bundle import PolicyBundle
from postern.services.audit_rights import AuditRights
from postern.services.search_records import Page, SearchRecords
from postern.services.stopwatch import Stopwatch
from postern.tlog.bundles import format_bundle
from postern.tlog.checkpoints import Checkpoint
from postern.tlog.hashing import Hash
from postern.tlog.tiles import TILE_WIDTH, Bundle, format_path
from postern.types import CommandId, DatabaseName, Erasure, Principal, Sha256Hex, Task, TaskId
from tests.support import policy
from tests.support.audit import Immutable, MemoryRecordStore, source
from tests.support.denials import FakeDenials
from tests.support.domain import ADDRESS, AGENT, DIGEST, GRANT, NOW_S, a_task
from tests.support.fake_clock import FakeClock
from tests.support.log_copy import signed
from tests.support.log_fakes import LogStore, MemoryLogBucket, MemoryLogTable
from tests.support.receipts import KEY, LOG, ORIGIN, receipts_of

SECOND_US = 1_000_000
LAB = replace(ADDRESS, name=DatabaseName("lab"))
SHOP_TASK = a_task(id=TaskId("01a202b2cce87000800000000000000a"), purpose="look into late parcels")
LAB_TASK = a_task(
    id=TaskId("01a202b2cce87000800000000000000b"),
    principal=replace(AGENT, subject="repo:acme/lab:main"),
    grant=replace(GRANT, database=LAB.name),
    purpose="count the samples",
)
PEOPLE = replace(AGENT, issuer="people", issuer_url="https://people.example", subject="olga", groups=())

AUDITORS = """
@id("all") permit (principal == Postern::Principal::"people|alma", action == Postern::Action::"audit", resource);
@id("shop") permit (principal == Postern::Principal::"people|sven", action == Postern::Action::"audit",
        resource == Postern::Database::"shop");
@id("lab") permit (principal == Postern::Principal::"people|lars", action == Postern::Action::"audit",
        resource == Postern::Database::"lab");
@id("olga") permit (principal == Postern::Principal::"people|olga", action == Postern::Action::"revoke", resource);
@id("rita") permit (principal == Postern::Principal::"people|rita", action == Postern::Action::"revoke",
        resource == Postern::Database::"lab");
"""
ISSUERS = f"""{policy.ISSUERS}
  - name: people
    issuer: https://people.example
    audience: https://postern.example
    require: {{realm: staff}}
"""
ALMA, SVEN, LARS, RITA = (replace(PEOPLE, subject=name) for name in ("alma", "sven", "lars", "rita"))


@cache
def two_databases() -> PolicyBundle:
    """A layer with `shop` and `lab`: alma audits both, sven the one, lars the other; olga revokes, rita in the lab."""
    lab = policy.replaced(policy.CATALOG, "database: shop", "database: lab")
    addresses = policy.DATABASES + policy.DATABASES.replace("shop:", "lab:", 1)
    return policy.bundle(catalog_lab=lab, databases=addresses, issuers=ISSUERS, policy_auditors=AUDITORS)


@dataclass
class Layer:
    """`ports.PolicySource` of one layer."""

    bundle: PolicyBundle = field(default_factory=two_databases)

    def load(self) -> PolicyBundle:
        return self.bundle


@dataclass
class Ledger:
    """Writes records; each entry's bytes by the name that a test gives it, in the order in which they were written."""

    store: MemoryRecordStore = field(default_factory=lambda: MemoryRecordStore(source(), Immutable()))
    entries: dict[str, bytes] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    ids: int = 0

    def id(self, at_us: int) -> CommandId:
        self.ids += 1
        digits = f"{at_us // 1000:012x}7{self.ids:03x}8{self.ids:015x}"
        return CommandId(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")

    def put(self, name: str, record: Record) -> Sha256Hex:
        before = set(self.store.objects)
        sha256 = self.store.put(record)
        (key,) = (key for key in set(self.store.objects) - before if key.startswith("wal/"))
        self.entries[name], self.keys[name] = self.store.objects[key], key
        return sha256

    def statement(
        self, name: str, task: Task, at_us: int, *, relations: Sequence[str] = ("public.customers",), code: str = ""
    ) -> tuple[CommandId, Sha256Hex]:
        """An intent; refused where there is a code."""
        id_ = self.id(at_us)
        address = ADDRESS if task.grant.database == ADDRESS.name else LAB
        decision = {"result": "refuse", "code": code} if code else {"result": "allow", "relations": list(relations)}
        intent = bodies.statement_intent(
            id_,
            at_us,
            task.principal,
            task,
            target=bodies.target_member(address, "task_a"),
            sequence=1,
            asked=Asked("select 1", "select 1", None, [], b"k" * 32),
            decision=dict(decision),
            policy_digest=DIGEST,
        )
        return id_, self.put(name, intent)

    def outcome(self, name: str, id_: CommandId, intent: Sha256Hex, task: Task, at_us: int) -> Sha256Hex:
        made = bodies.statement_outcome(id_, at_us, task.id, intent, status="pending", result={"rows": 3})
        return self.put(name, made)

    def settled(self, name: str, id_: CommandId, outcome: Sha256Hex, task: Task, at_us: int) -> None:
        self.put(name, bodies.statement_settled(id_, at_us, task.id, outcome, status="committed", result={}))


def every_kind(ledger: Ledger, task: Task, at_us: int, suffix: str) -> None:
    """One record of each kind that is about a task or its database, a second apart."""
    times = iter(range(at_us, at_us + 100 * SECOND_US, SECOND_US))
    address = ADDRESS if task.grant.database == ADDRESS.name else LAB

    def event(name: str, make: object) -> None:
        now_us = next(times)
        ledger.put(f"{name} {suffix}", make(ledger.id(now_us), now_us))  # type: ignore[operator]

    event("grant", lambda id_, us: bodies.grant_event(id_, us, task, needs_approval=True, reasons=("p",)))
    approvals = TaskApprovals(1, DIGEST, task.budgets, NOW_S)
    event(
        "approval",
        lambda id_, us: approval_event(
            id_, us, PEOPLE, task, approvals, result="approve", comment="fine", policies=(), policy_digest=DIGEST
        ),
    )
    event(
        "refusal",
        lambda id_, us: bodies.refusal_event(
            id_,
            us,
            task.principal,
            database=task.grant.database,
            purpose="steal",
            ticket=None,
            refusals=[Refusal("select on payroll", "policy.refused", "closed")],
            policy_digest=DIGEST,
        ),
    )
    target = bodies.target_member(address, "task_a")
    for kind in ("provision", "teardown"):
        now_us = next(times)
        id_ = ledger.id(now_us)
        made = ledger.put(f"{kind} {suffix}", bodies.world_intent(kind, id_, now_us, task, target=target, by="timer"))
        done = bodies.world_outcome(kind, id_, now_us, task.id, made, status="ok", result={})
        ledger.put(f"{kind} outcome {suffix}", done)
    id_, intent = ledger.statement(f"intent {suffix}", task, next(times))
    outcome = ledger.outcome(f"outcome {suffix}", id_, intent, task, next(times))
    ledger.settled(f"settled {suffix}", id_, outcome, task, next(times))
    event("sweep", lambda id_, us: sweep_intent(id_, us, task.id, None, target=target))
    event("run", lambda id_, us: _run_once(id_, us, task, target))
    for kind, name in (
        ("task", task.id),
        ("database", task.grant.database),
        ("hold", task.grant.database),
        ("principal", task.principal.id),
        ("issuer", task.principal.issuer),
    ):
        event(f"revocation of {kind}", lambda id_, us, k=kind, n=name: _revocation(id_, us, k, n))
    event(
        "release",
        lambda id_, us: revocation_bodies.release_event(
            id_, us, None, revocation_id=id_, kind="hold", name=task.grant.database
        ),
    )
    event("erasure", lambda id_, us: bodies.erasure_event(id_, us, task.id, Erasure(us, "dpo", "asked", ("a" * 32,))))


def of_the_log(ledger: Ledger, at_us: int) -> None:
    """One record of each kind that is about no database."""
    deployed = Deployed("1", DIGEST, DIGEST, DIGEST, {})
    for name, make in {
        "epoch_start": lambda id_, us: log_bodies.epoch_start_event(
            id_, us, origin=ORIGIN, retain_until_us=us, vkeys=["v"], previous=None
        ),
        "epoch_end": lambda id_, us: log_bodies.epoch_end_event(id_, us, next_log="b"),
        "key": lambda id_, us: log_bodies.key_event(id_, us, []),
        "quarantine": lambda id_, us: log_bodies.quarantine_event(
            id_, us, key="wal/x", version_id="v", size=70_000, sha256=None, reason="too long"
        ),
        "deploy": lambda id_, us: deploy_event(id_, us, before=None, after=deployed, deployment_id=None),
    }.items():
        ledger.put(name, make(ledger.id(at_us), at_us))


def _run_once(id_: CommandId, at_us: int, task: Task, target: bodies.Body) -> Record:
    return run_bodies.run_intent(
        run_bodies.RUN_ONCE,
        id_,
        at_us,
        task,
        target=target,
        asked=Asked("create index", "create index", None, [], b"k" * 32),
        decision={"result": "allow"},
        policy_digest=DIGEST,
        place={"id": id_, "index": 0, "count": 1},
        approval=None,
        by=task.principal.id,
    )


def _revocation(id_: CommandId, at_us: int, kind: str, name: str) -> Record:
    return revocation_bodies.revocation_event(
        id_,
        at_us,
        PEOPLE,
        revocation_id=id_,
        kind=kind,
        name=name,
        reason="odd",
        expires_at_s=None,
        policy_digest=DIGEST,
        policies=(),
    )


@dataclass
class Shelf:
    """A log whose entries are published as a test says, and a search over it."""

    entries: list[bytes] = field(default_factory=list)
    store: LogStore = field(default_factory=LogStore)
    layer: Layer = field(default_factory=Layer)
    denials: FakeDenials = field(default_factory=FakeDenials)
    clock: FakeClock = field(default_factory=FakeClock)

    def publish(self, entries: Iterable[bytes], keys: Iterable[str] = ()) -> None:
        """Appends them, and signs a head over all. Without tiles and true roots: a search reads none."""
        self.store.places.update({key: len(self.entries) + at for at, key in enumerate(keys)})
        self.entries += entries
        size = len(self.entries)
        for number in range(-(-size // TILE_WIDTH)):
            held = self.entries[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
            self.store.objects[LOG, format_path(Bundle(number, len(held)))] = format_bundle(held)
        self.store.latest.setdefault(LOG, []).append(signed(Checkpoint(ORIGIN, size, Hash(b"r" * 32)), KEY))

    def publish_all(self, ledger: Ledger) -> None:
        self.publish(ledger.entries.values(), ledger.keys.values())

    @property
    def search(self) -> SearchRecords:
        return SearchRecords(
            rights=AuditRights(self.layer, self.denials, self.clock),
            table=MemoryLogTable(self.store),
            buckets=lambda log: MemoryLogBucket(self.store, log),
            keys=receipts_of(self.store).keys,
            deployment="shop",
        )

    def page(
        self, who: Principal, query: RecordQuery, place: Place | None = None, limit: int = 500, *, time_s: float = 28.0
    ) -> Page:
        return self.search.run(who, query, place, limit, Stopwatch(self.clock, time_s))

    def indexes(self, who: Principal, query: RecordQuery, limit: int = 500) -> list[int]:
        """What all pages together give."""
        found: list[int] = []
        place = None
        while True:
            page = self.page(who, query, place, limit)
            found += [one.index for one in page.found]
            if page.next is None:
                return found
            assert page.next != place, "a page that goes no further"
            place = page.next


def asking(**changes: object) -> RecordQuery:
    return replace(RecordQuery(LOG), **changes)  # type: ignore[arg-type]
