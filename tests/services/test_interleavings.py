"""Two services on one task, in every order of their port calls: each ends in a legal state, with a complete record.

Where there are many orders a sample is taken; `make soak` takes them all. `one` and `other` may also die at each of
their calls, before or after its effect.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from postern.audit.findings import Bounds
from postern.audit.verify import verify
from postern.denials import DenialKey, DenialKind
from postern.errors import Conflict, PosternError
from postern.services.approve_task import Word
from postern.services.calls import Answers
from postern.types import TaskState
from tests.support.audit import copy_of
from tests.support.domain import AGENT, BUDGETS, NOW_S
from tests.support.race_site import RaceSite
from tests.support.schedule import Choices, Death, Died, Process, every_order, run_together, some_orders

S = TaskState
# Written out a second time: `task_states.MOVES` says what may happen, and here is what must not happen besides.
LEGAL = {
    (S.PENDING_APPROVAL, S.PROVISIONING),
    (S.PROVISIONING, S.ACTIVE),
    (S.PROVISIONING, S.SUSPENDING),
    (S.ACTIVE, S.SUSPENDING),
    (S.SUSPENDING, S.SUSPENDED),
    (S.SUSPENDED, S.PROVISIONING),
    *((live, S.ENDING) for live in (S.PENDING_APPROVAL, S.PROVISIONING, S.ACTIVE, S.SUSPENDING, S.SUSPENDED)),
    *((S.ENDING, final) for final in (S.ENDED, S.EXPIRED, S.REVOKED, S.DENIED, S.FAILED)),
}
ALL = bool(os.environ.get("POSTERN_SOAK"))
ENUMERATED = 60  # orders; of a pair that has more, as many are drawn
LAST_CALL = 14  # beyond any service's calls
Run = Callable[[RaceSite, Process], object]


@dataclass(frozen=True)
class Pair:
    """Two services and how the task stands when they meet."""

    one: Run
    other: Run
    state: TaskState
    orders: int  # how many there are: another number means that a call is no longer watched, or a new one is made
    comes_to: frozenset[TaskState]  # in some order each
    expires_in_s: int = 3600
    approvals: int = 0
    half_done: int = 0  # teardowns that break off after they dropped the world
    stray: bool = False  # a world stands though the task has none in its state
    worlds: int | None = None  # that stood before

    def meet(self, choices: Choices, *deaths: Death | None) -> Met:
        site = RaceSite(watches_records=bool(deaths))
        stood = {} if self.worlds is None else {"worlds": self.worlds}
        site.begin(self.state, expires_at_s=NOW_S + self.expires_in_s, approvals_needed=self.approvals, **stood)
        site.worlds.half_done = self.half_done
        if self.stray:
            site.worlds.standing.add(site.task_id)
        first, second = (*deaths, None, None)[:2]
        one = Process("one", lambda process: self.one(site, process), first)
        other = Process("other", lambda process: self.other(site, process), second)
        return Met(site, one, other, run_together(choices, one, other))

    def all_orders(self) -> Iterator[Choices]:
        if self.orders <= ENUMERATED or ALL:
            return every_order()
        return some_orders(ENUMERATED)


@dataclass(frozen=True)
class Met:
    """What came of it; `story` is who called what, for whoever reads a failure."""

    site: RaceSite
    one: Process
    other: Process
    story: str

    def check(self) -> None:
        """What holds in every order, whoever died: at the end of it, and once the timer has been."""
        self._check_now()
        self.site.quiesce()
        self._check_now()
        assert self.site.task.state.is_final, self.story
        assert not self.site.worlds.standing, self.story

    def _check_now(self) -> None:
        site = self.site
        assert set(site.tasks.changes) <= LEGAL, self.story
        assert all(state is S.ACTIVE and left_s > 0 for state, left_s in site.tasks.let_in), self.story
        assert not (site.task.state.is_final and site.worlds.standing), self.story
        assert site.task.state is not S.ACTIVE or site.worlds.standing, self.story
        for process in (self.one, self.other):
            is_own = not isinstance(process.result, BaseException) or isinstance(process.result, PosternError | Died)
            assert is_own, f"{process.result!r}\n{self.story}"

    def check_records(self) -> None:
        """Where nobody died, every intent has its outcome."""
        assert self.site.open_intents() == [], self.story
        report = verify(copy_of(dict(self.site.objects)), Bounds(), now_us=self.site.clock.at_us)
        assert [str(finding) for finding in report.findings] == [], self.story


def pair(one: Run, other: Run, state: TaskState, orders: int, *comes_to: TaskState, **more: int) -> Pair:
    return Pair(one, other, state, orders, frozenset(comes_to), **more)


ada, bob = (partial(RaceSite.approve, name=name) for name in ("ada@example.com", "bob@example.com"))
deny = partial(RaceSite.approve, name="bob@example.com", word=Word.DENY)
hold = partial(RaceSite.revoke, of=DenialKey(DenialKind.HOLD, "shop"))
deny_agent = partial(RaceSite.revoke, of=DenialKey(DenialKind.PRINCIPAL, AGENT.id))
PAIRS = {
    "end-against-query": pair(RaceSite.end, RaceSite.query, S.ACTIVE, 395, S.ENDED),
    "query-against-expiry": pair(RaceSite.query, RaceSite.expire, S.ACTIVE, 7, S.EXPIRED, expires_in_s=0),
    "query-twice": pair(RaceSite.query, RaceSite.query, S.ACTIVE, 252, S.ACTIVE),
    "end-against-provision": pair(RaceSite.end, RaceSite.provision, S.PROVISIONING, 181, S.ENDED),
    "provision-twice": pair(RaceSite.provision, RaceSite.provision, S.PROVISIONING, 24, S.ACTIVE),
    "end-twice": pair(RaceSite.end, RaceSite.end, S.ACTIVE, 872, S.ENDED),
    "a-teardown-half-done-and-a-second": pair(RaceSite.end, RaceSite.end, S.ACTIVE, 60, S.ENDED, half_done=1),
    "expiry-against-end": pair(RaceSite.expire, RaceSite.end, S.ACTIVE, 571, S.EXPIRED, S.ENDED, expires_in_s=0),
    "expiry-twice": pair(RaceSite.expire, RaceSite.expire, S.ACTIVE, 168, S.EXPIRED, expires_in_s=0),
    "two-approvals-of-two": pair(ada, bob, S.PENDING_APPROVAL, 20, S.ACTIVE, approvals=2),
    "two-approvals-of-one": pair(ada, bob, S.PENDING_APPROVAL, 240, S.ACTIVE, approvals=1),
    "one-approver-twice": pair(ada, ada, S.PENDING_APPROVAL, 150, S.ACTIVE, approvals=1),
    "approval-against-denial": pair(ada, deny, S.PENDING_APPROVAL, 210, S.ACTIVE, S.DENIED, approvals=1),
    "revocation-against-query": pair(RaceSite.revoke, RaceSite.query, S.ACTIVE, 675, S.REVOKED),
    "revocation-against-provision": pair(RaceSite.revoke, RaceSite.provision, S.PROVISIONING, 240, S.REVOKED),
    "revocation-against-approval": pair(RaceSite.revoke, ada, S.PENDING_APPROVAL, 584, S.REVOKED, approvals=1),
    "revocation-against-end": pair(RaceSite.revoke, RaceSite.end, S.ACTIVE, 906, S.REVOKED, S.ENDED),
    "denial-against-provision": pair(deny_agent, RaceSite.provision, S.PROVISIONING, 5804, S.REVOKED),
    "denial-against-approval": pair(deny_agent, ada, S.PENDING_APPROVAL, 14_560, S.REVOKED, approvals=1),
    "hold-against-query": pair(hold, RaceSite.query, S.ACTIVE, 3744, S.SUSPENDED),
    "hold-against-provision": pair(hold, RaceSite.provision, S.PROVISIONING, 2984, S.FAILED, S.SUSPENDED),
    "hold-against-rebuild": pair(hold, RaceSite.rebuild, S.SUSPENDED, 10_010, S.SUSPENDED),
    "end-against-rebuild": pair(RaceSite.end, RaceSite.rebuild, S.SUSPENDED, 376, S.ENDED),
    "rebuild-twice": pair(RaceSite.rebuild, RaceSite.rebuild, S.SUSPENDED, 100, S.ACTIVE),
    "a-late-teardown-against-rebuild": pair(
        RaceSite.tear_down, RaceSite.tear_down_and_rebuild, S.SUSPENDING, 979, S.ACTIVE, S.SUSPENDED
    ),
    "sweep-against-provision": pair(RaceSite.sweep, RaceSite.provision, S.PROVISIONING, 6, S.ACTIVE),
    "sweep-against-rebuild": pair(RaceSite.sweep, RaceSite.rebuild, S.SUSPENDED, 9, S.ACTIVE),
    "sweep-of-a-stray-against-rebuild": pair(
        RaceSite.sweep, RaceSite.rebuild, S.SUSPENDED, 201, S.ACTIVE, S.PROVISIONING, stray=True
    ),
    "sweep-against-a-late-teardown-and-rebuild": pair(
        RaceSite.sweep, RaceSite.tear_down_and_rebuild, S.SUSPENDING, 724, S.ACTIVE, S.SUSPENDED
    ),
    "sweep-against-end": pair(RaceSite.sweep, RaceSite.end, S.ACTIVE, 37, S.ENDED),
    "sweep-against-expiry": pair(RaceSite.sweep, RaceSite.expire, S.ACTIVE, 27, S.EXPIRED, expires_in_s=0),
    "sweep-against-query": pair(RaceSite.sweep, RaceSite.query, S.ACTIVE, 21, S.ACTIVE),
    "sweep-against-approval": pair(RaceSite.sweep, ada, S.PENDING_APPROVAL, 12, S.ACTIVE, approvals=1),
    "sweep-twice": pair(RaceSite.sweep, RaceSite.sweep, S.ENDED, 252, S.ENDED, stray=True),
    "a-late-build-against-hold-and-rebuild": pair(
        RaceSite.provision, RaceSite.suspend_and_rebuild, S.PROVISIONING, 1884, S.ACTIVE, S.SUSPENDED, worlds=1
    ),
    "approval-against-end": pair(ada, RaceSite.end, S.PENDING_APPROVAL, 447, S.ENDED, approvals=1),
}


@pytest.mark.parametrize("met", PAIRS.values(), ids=PAIRS)
def test_every_order_of_two_services_ends_in_a_legal_state_with_a_complete_record(met: Pair):
    states, count = set(), 0
    for choices in met.all_orders():
        came = met.meet(choices)
        states.add(came.site.task.state)
        came.check()
        if count % 10 == 0:
            came.check_records()
        count += 1
    assert count == (ENUMERATED if met.orders > ENUMERATED and not ALL else met.orders)
    # In some orders a teardown finds a lock, and the state before the last is left to the timer.
    assert states - {S.ENDING, S.SUSPENDING} <= met.comes_to


@pytest.mark.parametrize("met", PAIRS.values(), ids=PAIRS)
def test_whoever_dies_at_whichever_call_the_timer_leaves_nothing_of_the_task(met: Pair):
    died = 0
    for call in range(LAST_CALL):
        for after in (False, True):
            for number, deaths in enumerate(((Death(call, after), None), (None, Death(call, after)))):
                for choices in some_orders(8 if ALL else 1, seed=2 * call + number):
                    came = met.meet(choices, *deaths)
                    died += came.one.died or came.other.died
                    came.check()
    assert died >= LAST_CALL


def test_a_build_that_stands_still_anywhere_over_a_hold_and_a_release_harms_no_world_built_since():
    """It goes on once the other has come however far. Among all orders these are few, and seldom drawn."""
    met, came_back = PAIRS["a-late-build-against-hold-and-rebuild"], 0
    for stands_before in range(6):
        for other_calls in range(16):
            came = met.meet(Choices([0] * stands_before + [1] * other_calls + [0] * LAST_CALL))
            came_back += came.site.task.state is S.ACTIVE
            came.check()
    assert came_back > LAST_CALL


def test_a_statement_is_answered_before_its_task_is_torn_down_or_not_at_all():
    met, answered, refused = PAIRS["end-against-query"], 0, 0
    for choices in every_order():
        came = met.meet(choices)
        torn_down, ran = came.story.index("worlds.tear_down"), came.story.find("database.end_statement")
        if isinstance(came.other.result, Answers):
            answered += 1
            assert 0 < ran < torn_down, came.story
        else:
            refused += 1
            assert isinstance(came.other.result, PosternError), came.story
    assert answered
    assert refused


def test_statements_side_by_side_spend_exactly_what_they_used():
    for choices in some_orders(ENUMERATED):
        came = PAIRS["query-twice"].meet(choices)
        task = came.site.task
        assert task.budgets.statements == BUDGETS.statements - 2, came.story
        assert task.budgets.rows == BUDGETS.rows - 2, came.story
        assert (task.sequence, came.site.tasks.holds) == (2, {}), came.story


def test_of_two_approvals_of_a_task_that_needs_two_the_last_builds_its_world_once():
    for choices in PAIRS["two-approvals-of-two"].all_orders():
        came = PAIRS["two-approvals-of-two"].meet(choices)
        assert came.site.task.state is S.ACTIVE, came.story
        assert came.story.count("worlds.build") == 1, came.story
        assert len(came.site.tasks.approvals[came.site.task.id].given) == 2, came.story


def test_one_approver_who_says_it_twice_at_once_counts_as_one_person():
    met = PAIRS["one-approver-twice"]
    for choices in some_orders(ENUMERATED):
        came = Pair(met.one, met.other, met.state, met.orders, met.comes_to, approvals=2).meet(choices)
        assert came.site.task.state is S.PENDING_APPROVAL, came.story
        assert not any(isinstance(process.result, Conflict) for process in (came.one, came.other)), came.story
