"""Provisionings and teardowns that died, or came back after they were taken for dead: no access is left behind."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from postern.errors import (
    DatabaseUnavailable,
    IntegrityError,
)
from postern.services.build_world import BuildWorld
from postern.services.remove_world import RemoveWorld
from postern.types import TaskState
from tests.support.approvals import FakeApprovalStore
from tests.support.dead_calls import (
    begun_site,
    die,
)
from tests.support.domain import TASK_ID
from tests.support.fake_clock import FakeIdentifiers
from tests.support.fake_policy import FakePolicy
from tests.support.fake_worlds import FakeWorlds
from tests.support.reap_fakes import Died
from tests.support.reap_site import Site


@pytest.fixture
def site() -> Site:
    return begun_site()


@pytest.mark.parametrize("kind", ["provision", "teardown"])
def test_a_provisioning_or_teardown_that_died_is_abandoned_too(site, kind):
    site.tasks.tasks[TASK_ID] = replace(
        site.tasks.tasks[TASK_ID], state=TaskState.PROVISIONING if kind == "provision" else TaskState.ENDING
    )
    worlds = FakeWorlds()
    worlds.build = worlds.tear_down = die
    _use(site, kind, worlds, dies=True)
    site.wait(300)
    assert site.reap().counts()["Abandoned"] == 1
    [outcome] = site.written(status="abandoned")
    assert (outcome["kind"], outcome["task"]) == (kind, {"id": TASK_ID})


@pytest.mark.parametrize(
    ("kind", "ends_as"),
    [
        pytest.param("provision", TaskState.FAILED, id="provision"),
        pytest.param("teardown", TaskState.ENDED, id="teardown"),
    ],
)
@pytest.mark.parametrize("fails", [False, True], ids=["works", "fails"])
def test_a_provisioning_or_teardown_that_was_taken_for_dead_leaves_no_access_behind(site, kind, ends_as, fails):
    """It comes back after the reaper has closed its command: it may not put its own outcome there."""
    site.tasks.tasks[TASK_ID] = replace(
        site.tasks.tasks[TASK_ID], state=TaskState.PROVISIONING if kind == "provision" else TaskState.ENDING
    )
    worlds = FakeWorlds()
    if kind == "teardown":
        worlds.standing.add(TASK_ID)
    real = {"provision": worlds.build, "teardown": worlds.tear_down}[kind]

    def late(*arguments, **named):
        done = real(*arguments, **named)
        site.wait(301)
        site.reap()
        if fails:
            raise DatabaseUnavailable("database.unavailable", "away")
        return done

    if kind == "provision":
        worlds.build = late
    else:
        worlds.tear_down = late
    with pytest.raises(IntegrityError) as caught:
        _use(site, kind, worlds)
    assert caught.value.code == "evidence.conflict"
    assert site.tasks.tasks[TASK_ID].state is TaskState.ENDING
    # The timer's next teardown has a command of its own.
    worlds.tear_down = FakeWorlds.tear_down.__get__(worlds)
    _use(site, "teardown", worlds)
    assert (worlds.standing, site.tasks.tasks[TASK_ID].state) == (set(), ends_as)


def _use(site: Site, kind: str, worlds: FakeWorlds, *, dies: bool = False) -> None:
    services = {"provision": partial(BuildWorld, approvals=FakeApprovalStore(site.tasks)), "teardown": RemoveWorld}
    records, ids = site.records("provision"), FakeIdentifiers(site.environments * 1000)
    service = services[kind](FakePolicy(), site.tasks, records, worlds, ids, site.clock)  # type: ignore[arg-type,operator]
    if dies:
        with pytest.raises(Died):
            service.run(TASK_ID, **({"by": "timer"} if kind == "teardown" else {}))
    else:
        service.run(TASK_ID, **({"by": "timer"} if kind == "teardown" else {}))
