"""Each write of the sequencer and the publisher, failed before and after it persisted; then the whole log is checked.

The writes are counted by running once with nothing failing, so a new one is tried from the day it exists.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache

import pytest

from postern.errors import IntegrityError
from postern.tlog.hashing import leaf_hash
from tests.support.log_check import check_log
from tests.support.log_fakes import Away, LogStore, away
from tests.support.log_process import (
    LOG,
    ORIGIN,
    Killed,
    Trap,
    process,
    put_record,
    put_records,
    put_start,
    until_settled,
)

SIDES = [pytest.param(True, id="before"), pytest.param(False, id="after")]


@dataclass
class Scene:
    """A log of some entries, and records of which the process that is tried and another each have some."""

    store: LogStore
    mine: list[str]
    theirs: list[str]


@cache
def begun() -> LogStore:
    """A log of 254 entries, so that the next batch fills the first tile and begins another of each level."""
    store = LogStore()
    until_settled(process(store), [put_start(store), *put_records(store, 253)])
    return store


def scene() -> Scene:
    store = begun().copy()
    return Scene(store, put_records(store, 30, first=500), put_records(store, 21, first=505))


def kill(_: Away) -> None:
    raise Killed


def fail(kind: Away) -> None:
    raise away(kind)


def finish(tried: Scene) -> None:
    """A cold process gets all messages again, and the log must be whole."""
    until_settled(process(tried.store), [*tried.theirs, *tried.mine])
    check_log(tried.store, LOG, ORIGIN)


def attempt(tried: Scene, trap: Trap) -> None:
    with suppress(Killed):
        process(tried.store, trap).run(tried.mine)


def writes_of_a_run() -> list[str]:
    tried = scene()
    trap = Trap()
    run = process(tried.store, trap).run(tried.mine)
    assert run.settled == set(tried.mine)
    return trap.writes


def points(writes: list[str]) -> list[object]:
    return [pytest.param(at, id=f"{at}-{name.replace(' ', '-')}") for at, name in enumerate(writes)]


def half_done() -> Scene:
    """The first has died right after its commit: what it staged is the log's, and nothing of it is applied."""
    tried = scene()
    attempt(tried, Trap(writes_of_a_run().index("commit"), before=False, act=kill))
    return tried


def writes_of_a_completion() -> list[str]:
    tried, trap = half_done(), Trap()
    process(tried.store, trap).run(tried.theirs)
    return trap.writes


POINTS = points(writes_of_a_run())


def test_a_run_writes_what_the_design_says_in_its_order():
    # A bundle and a tile filled, a bundle and a tile begun, and one of level 1; and an index of 30 places.
    applied = [*["put tile"] * 5, *["index"] * 2, "mark"]
    assert writes_of_a_run() == ["put stage", "commit", *applied, "sign", "put checkpoints", "put checkpoint"]


@pytest.mark.parametrize("before", SIDES)
@pytest.mark.parametrize("at", POINTS)
def test_a_process_killed_at_a_write_leaves_a_log_that_the_next_completes(at, before):
    tried = scene()
    attempt(tried, Trap(at, before=before, act=kill))
    finish(tried)


@pytest.mark.parametrize("before", SIDES)
@pytest.mark.parametrize("at", POINTS)
def test_a_part_that_is_away_at_a_write_costs_nothing_but_another_try(at, before):
    tried = scene()
    attempt(tried, Trap(at, before=before, act=fail))
    finish(tried)


@pytest.mark.parametrize("then", [pytest.param(kill, id="dies"), pytest.param(lambda _: None, id="goes-on")])
@pytest.mark.parametrize("before", SIDES)
@pytest.mark.parametrize("at", POINTS)
def test_another_that_runs_to_its_end_at_a_write_and_the_first_agree(at, before, then: Callable[[Away], None]):
    tried = scene()

    def act(kind: Away) -> None:
        # It finds the first one's batch at any stage, has records of its own and one that both were told of.
        run = process(tried.store).run([*tried.theirs, tried.mine[0]])
        assert run.settled >= set(tried.theirs)
        then(kind)

    attempt(tried, Trap(at, before=before, act=act))
    finish(tried)


@pytest.mark.parametrize("before", SIDES)
@pytest.mark.parametrize("at", points(writes_of_a_completion()))
def test_one_that_dies_while_it_completes_the_batch_of_one_that_died_does_no_harm(at, before):
    tried = half_done()
    with suppress(Killed):
        process(tried.store, Trap(at, before=before, act=kill)).run(tried.theirs)
    finish(tried)


def forked(store: LogStore) -> None:
    """Another tree of the same size is signed and not published."""
    signed = store.signed[-1]
    store.signed.append(replace(signed, root=leaf_hash(b"another")))


def first_tile(store: LogStore) -> tuple[str, str]:
    return min(name for name in store.objects if name[1].startswith("tile/0/"))


SPOILED = {
    "a flipped hash in a tile": lambda store: store.objects.update({first_tile(store): bytes(32 * 254)}),
    "a missing tile": lambda store: store.objects.pop(first_tile(store)),
    "a tile past the tree": lambda store: store.objects.update({(LOG, "tile/0/001.p/1"): bytes(32)}),
    "a lost entry": lambda store: store.put(put_record(store, 900), b""),
    "an index that points elsewhere": lambda store: store.places.update(
        dict(zip(store.places, [*list(store.places.values())[1:], 0], strict=True))
    ),
    "two keys at one place": lambda store: store.places.update({min(store.places): 1, max(store.places): 1}),
    "a checkpoint that went back": lambda store: store.latest[LOG].insert(0, store.latest[LOG][-1]),
    "no copy of the checkpoint": lambda store: store.objects.pop((LOG, "checkpoints/254")),
    "a fork that was signed": forked,
    "a head that was not applied": lambda store: store.heads.update({LOG: replace(store.heads[LOG], is_applied=False)}),
}


@pytest.mark.parametrize("way", SPOILED)
def test_the_checker_sees(way):
    store = begun().copy()
    check_log(store, LOG, ORIGIN)
    SPOILED[way](store)
    with pytest.raises((AssertionError, IntegrityError, KeyError)):
        check_log(store, LOG, ORIGIN)
