"""Roles of tasks on real servers: whose they are is told from the mark, and the sweep drops what nobody owns."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from postern.errors import DatabaseUnavailable
from postern.ports import Maker, StandingRole
from postern.services.sweep_roles import FORGOTTEN_AFTER_S
from postern.sweep_ports import Swept
from postern.types import TaskId, TaskState
from postern.world.names import role_name
from postern.world.run_role import grant_owner_role
from postern_local.postgres import PostgresServer
from tests.support.servers import fresh_database
from tests.support.sweeping import SweepSite
from tests.support.world import KEY, PreparedDatabase, grant_of, granted, new_task_id, prepared, run_all
from tests.world.conftest import CATALOGUED, SHOP

CUSTOMERS = granted("customers", {"id": None})
ELSEWHERE = "f" * 16


def roles(shop: PreparedDatabase) -> dict[TaskId, StandingRole]:
    return {role.id: role for role in shop.worlds().roles(shop.address)}


def built_by_another(shop: PreparedDatabase) -> TaskId:
    task_id = new_task_id()
    shop.built.append(task_id)
    shop.worlds(deployment=ELSEWHERE).build(task_id, grant_of(CUSTOMERS), shop.address, key=KEY)
    return task_id


def test_a_look_tells_who_made_each_role_and_how_old_it_is(shop: PreparedDatabase) -> None:
    (ours, _), (unmarked, _), (foreign, _) = (shop.build(CUSTOMERS) for _ in range(3))
    another = built_by_another(shop)
    shop.database.run(f"COMMENT ON ROLE {role_name(unmarked)} IS NULL")
    shop.database.run(f"COMMENT ON ROLE {role_name(foreign)} IS 'postern 2 some later form'")
    shop.database.run(f"UPDATE postern.task_key SET created_at = now() - interval '1 hour' WHERE role = 'task_{ours}'")
    found = roles(shop)
    makers = {ours: Maker.OURS, unmarked: Maker.UNKNOWN, foreign: Maker.ANOTHER, another: Maker.ANOTHER}
    assert {id_: role.maker for id_, role in found.items()} == makers
    assert next(iter(found)) == ours  # the oldest first
    assert found[ours].age_s in range(3600, 3660)
    assert found[unmarked].age_s in range(60)


def test_a_role_of_a_dry_run_names_its_task(shop18: PreparedDatabase) -> None:
    task_id, dry_run_id = new_task_id(), new_task_id()
    shop18.built.append(dry_run_id)
    owner = f"owner_{dry_run_id[:8]}"
    shop18.database.run(f"CREATE ROLE {owner} NOLOGIN")
    run_all(shop18.database, grant_owner_role(owner))
    shop18.worlds().build_run_role(dry_run_id, owner, shop18.address, key=KEY, dry_run_of=task_id)
    assert roles(shop18)[dry_run_id].dry_run_of == task_id
    shop18.worlds().tear_down(dry_run_id, shop18.address)
    run_all(shop18.database, (f"DROP OWNED BY {owner}", f"DROP ROLE {owner}"))


def test_no_agent_can_change_the_mark_or_the_age_of_its_role(shop: PreparedDatabase) -> None:
    task_id, _ = shop.build(CUSTOMERS)
    with shop.session(task_id) as session:
        session.run("SET default_transaction_read_only = off")
        for statement in (
            f"COMMENT ON ROLE {role_name(task_id)} IS 'postern 1 {ELSEWHERE} shop'",
            f"COMMENT ON ROLE {role_name(task_id)} IS NULL",
            "DELETE FROM pg_shdescription",
            "UPDATE postern.task_key SET created_at = now()",
        ):
            with pytest.raises(DatabaseError) as refused:
                session.run(statement)
            assert refused.value.args[0]["C"] == "42501", statement
    assert roles(shop)[task_id].maker is Maker.OURS


def test_a_world_that_is_being_built_does_not_show_before_all_of_it_stands(shop18: PreparedDatabase) -> None:
    task_id, seen = new_task_id(), []
    shop18.built.append(task_id)

    def look() -> None:
        seen.append(task_id in roles(shop18))

    shop18.worlds().build(task_id, grant_of(CUSTOMERS), shop18.address, key=KEY, still_wanted=look)
    assert (seen, task_id in roles(shop18)) == ([False], True)


@pytest.fixture
def neighbour(postgres: PostgresServer) -> Iterator[PreparedDatabase]:
    """Another database of the cluster that `shop18` is in, by another name of the policy layer."""
    with fresh_database(postgres) as database, prepared(database, SHOP, CATALOGUED, name="crm") as ready:
        yield ready


def test_roles_of_the_clusters_other_databases_are_left_to_these(
    shop18: PreparedDatabase, neighbour: PreparedDatabase
) -> None:
    (here, _), (there, _) = shop18.build(CUSTOMERS), neighbour.build(CUSTOMERS)
    assert (list(roles(shop18)), list(roles(neighbour))) == ([here], [there])
    neighbour.database.run("DELETE FROM postern.task_key")
    assert list(roles(shop18)) == [here]
    assert roles(neighbour)[there] == StandingRole(there, Maker.OURS, None, None)
    assert neighbour.worlds().tear_down(there, neighbour.address).is_clean


def test_a_role_that_is_shut_can_do_nothing_and_is_found_again(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    with shop18.session(task_id) as session:
        for _ in range(2):
            shop18.worlds().shut(task_id, shop18.address)
        with pytest.raises((DatabaseError, InterfaceError)):
            session.run("SELECT count(*) FROM customers")
    assert shop18.database.run(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role_name(task_id)}'") == [[False]]
    assert (shop18.remains(task_id), task_id in roles(shop18)) == ((1, 0, 1), True)
    assert shop18.worlds().tear_down(task_id, shop18.address).is_clean


class Swept18:
    """The sweep over a real database, its state in memory."""

    def __init__(self, shop: PreparedDatabase) -> None:
        self.shop, self.site = shop, SweepSite()
        self.site.worlds = shop.worlds()  # type: ignore[assignment]

    def known(self, task_id: TaskId, state: TaskState) -> None:
        self.site.known(task_id, state)

    def run(self) -> Swept:
        return self.site.sweep()


def test_the_sweep_drops_what_nobody_owns_under_its_session_and_nothing_that_lives(shop18: PreparedDatabase) -> None:
    (live, _), (over, _), (forgotten, _), (unmarked, _) = (shop18.build(CUSTOMERS) for _ in range(4))
    another = built_by_another(shop18)
    shop18.database.run(f"COMMENT ON ROLE {role_name(unmarked)} IS NULL")
    old = f"created_at = now() - interval '{FORGOTTEN_AFTER_S} seconds'"
    shop18.database.run(f"UPDATE postern.task_key SET {old} WHERE role = '{role_name(forgotten)}'")
    swept = Swept18(shop18)
    swept.known(live, TaskState.ACTIVE)
    swept.known(over, TaskState.ENDED)
    swept.known(another, TaskState.ENDED)
    with shop18.session(live) as working, shop18.session(over) as stray:
        done = swept.run()
        assert working.run("SELECT count(*) FROM customers") == [[3]]
        with pytest.raises((DatabaseError, InterfaceError)):
            stray.run("SELECT count(*) FROM customers")
    assert (set(done.dropped), done.left, done.unknown, done.another) == ({over, forgotten}, (), 1, 1)
    assert set(roles(shop18)) == {live, unmarked, another}
    assert [shop18.remains(gone) for gone in (over, forgotten)] == [(0, 0, 0)] * 2
    assert [body["status"] for body in swept.site.teardowns() if body["type"] == "outcome"] == ["ok", "ok"]


def test_what_an_administrator_granted_keeps_a_stray_role_without_login_and_on_record(shop18: PreparedDatabase) -> None:
    task_id, _ = shop18.build(CUSTOMERS)
    shop18.database.run(f"GRANT SELECT ON salaries TO {role_name(task_id)}")
    swept = Swept18(shop18)
    swept.known(task_id, TaskState.REVOKED)
    assert swept.run().left == ((task_id, "database.unavailable"),)
    assert shop18.database.run(f"SELECT rolcanlogin FROM pg_roles WHERE rolname = '{role_name(task_id)}'") == [[False]]
    assert swept.site.teardowns()[-1]["status"] == "failed"
    shop18.database.run(f"DROP OWNED BY {role_name(task_id)}")
    assert swept.run().dropped == (task_id,)


def test_a_rebuild_that_overtakes_the_sweep_keeps_its_world(shop18: PreparedDatabase) -> None:
    """Listed and judged as suspended; behind the claim the state says that it is to have a world."""
    task_id, _ = shop18.build(CUSTOMERS)
    swept = Swept18(shop18)
    swept.known(task_id, TaskState.SUSPENDED)
    worlds, real = swept.site.worlds, shop18.worlds().tear_down

    def late(task_id, address, still_goes):
        swept.known(task_id, TaskState.ACTIVE)
        return real(task_id, address, still_goes)

    worlds.tear_down = late  # type: ignore[assignment]
    assert swept.run().dropped == ()
    with shop18.session(task_id) as session:
        assert session.run("SELECT count(*) FROM customers") == [[3]]


def test_a_database_that_is_away_is_no_empty_one(shop18: PreparedDatabase) -> None:
    def away(_connection: object) -> object:
        raise OSError("away")

    with pytest.raises(DatabaseUnavailable):
        shop18.worlds(away).roles(shop18.address)
