"""Which writes a world is built with, over tables whose triggers, keys, defaults and checks are what applications have.

A case names the tables it grants and, for each refused action, words of the reason.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from postern.errors import RefusedByPolicy
from postern.types import Action, GrantedTable, MaskKind, RowFilter, TaskId
from postern.world.live_writes import LiveWrites, parse_live_writes
from postern.world.live_writes_sql import live_writes_sql
from postern.world.write_proofs import prove_writes
from postern_local.postgres import PostgresServer
from tests.support.servers import Database, fresh_database
from tests.support.world import PreparedDatabase, grant_of, granted, masked, prepared

SELECT, INSERT, UPDATE, DELETE = Action.SELECT, Action.INSERT, Action.UPDATE, Action.DELETE
MINE = RowFilter("owner = :me", {"me": "me"})
REDACTED = masked(MaskKind.REDACT)

SCHEMA = """
CREATE FUNCTION unsafe() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM count(*) FROM plain; RETURN NEW; END $$;
CREATE FUNCTION pinned() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
    AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION by_user() RETURNS trigger LANGUAGE plpgsql SET search_path = "$user", public
    AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION unsafe_number(integer DEFAULT 0) RETURNS integer LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 1; END';
CREATE FUNCTION parsed_number() RETURNS integer LANGUAGE sql RETURN 1;
CREATE FUNCTION outer_number() RETURNS integer LANGUAGE sql RETURN unsafe_number(1);
CREATE FUNCTION outer_pinned() RETURNS integer LANGUAGE sql SET search_path = pg_catalog RETURN unsafe_number(1);
CREATE FUNCTION closed_number() RETURNS integer LANGUAGE sql RETURN 1;
REVOKE EXECUTE ON FUNCTION closed_number() FROM PUBLIC;

CREATE TABLE plain (id integer PRIMARY KEY, note text, owner text);
CREATE TABLE stamped (id integer, note text);
CREATE TRIGGER stamp BEFORE INSERT ON stamped FOR EACH ROW EXECUTE FUNCTION pinned();
CREATE TRIGGER after_all AFTER DELETE ON stamped EXECUTE FUNCTION pinned();
CREATE TRIGGER of_note BEFORE UPDATE OF note ON stamped FOR EACH ROW EXECUTE FUNCTION pinned();
CREATE TABLE attacked (id integer, note text);
CREATE TRIGGER reads BEFORE INSERT OR UPDATE ON attacked FOR EACH ROW EXECUTE FUNCTION unsafe();
CREATE CONSTRAINT TRIGGER late AFTER DELETE ON attacked DEFERRABLE FOR EACH ROW EXECUTE FUNCTION by_user();
CREATE TABLE sleeping (id integer);
CREATE TRIGGER disabled BEFORE INSERT ON sleeping FOR EACH ROW EXECUTE FUNCTION unsafe();
CREATE TRIGGER replicated BEFORE INSERT ON sleeping FOR EACH ROW EXECUTE FUNCTION unsafe();
ALTER TABLE sleeping DISABLE TRIGGER disabled, ENABLE REPLICA TRIGGER replicated;
CREATE TABLE awake (id integer);
CREATE TRIGGER always BEFORE INSERT ON awake FOR EACH ROW EXECUTE FUNCTION pinned();
ALTER TABLE awake ENABLE ALWAYS TRIGGER always;
CREATE TABLE conditional (id integer);
CREATE TRIGGER maybe BEFORE INSERT ON conditional FOR EACH ROW WHEN (unsafe_number(NEW.id) = 1)
    EXECUTE FUNCTION pinned();
CREATE TABLE ruled (id integer);
CREATE RULE elsewhere AS ON DELETE TO ruled DO ALSO DELETE FROM plain;
CREATE TABLE quiet (id integer, note text);
CREATE TRIGGER same BEFORE UPDATE ON quiet FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();

CREATE TABLE parted (id integer, region text, note text) PARTITION BY LIST (region);
CREATE TABLE parted_eu PARTITION OF parted FOR VALUES IN ('EU');
CREATE TABLE parted_us PARTITION OF parted FOR VALUES IN ('US');
CREATE TRIGGER gone AFTER DELETE ON parted_us FOR EACH ROW EXECUTE FUNCTION pinned();
CREATE TRIGGER never AFTER DELETE ON parted_us EXECUTE FUNCTION unsafe();
CREATE TABLE heir (more integer) INHERITS (plain);
CREATE TRIGGER inherited BEFORE DELETE ON heir FOR EACH ROW EXECUTE FUNCTION pinned();

CREATE TABLE parent (id integer PRIMARY KEY, code text UNIQUE, note text);
CREATE TABLE child (id integer PRIMARY KEY, parent_id integer REFERENCES parent ON DELETE CASCADE);
CREATE TABLE grandchild (child_id integer REFERENCES child ON DELETE SET NULL, owner text);
CREATE TABLE tree (id integer PRIMARY KEY, above integer REFERENCES tree ON DELETE CASCADE, owner text);
CREATE TABLE ring (id integer PRIMARY KEY, next integer);
CREATE TABLE gnir (id integer PRIMARY KEY REFERENCES ring ON DELETE CASCADE);
ALTER TABLE ring ADD FOREIGN KEY (next) REFERENCES gnir ON DELETE CASCADE;
CREATE TABLE keyed (code text PRIMARY KEY, note text);
CREATE TABLE by_key (id integer, code text REFERENCES keyed ON UPDATE CASCADE);
CREATE TABLE kept (id integer PRIMARY KEY);
CREATE TABLE keeper (id integer REFERENCES kept);
CREATE TABLE hub (id integer PRIMARY KEY);
CREATE TABLE spokes (id integer REFERENCES hub ON DELETE CASCADE);
CREATE TRIGGER spoke BEFORE DELETE ON spokes FOR EACH ROW EXECUTE FUNCTION unsafe();

CREATE DOMAIN always AS text NOT NULL;
CREATE DOMAIN filled AS text NOT NULL DEFAULT 'x';
CREATE DOMAIN checked AS integer CHECK (unsafe_number(VALUE) = 1);
CREATE TABLE required (id serial, name text NOT NULL, ours always, theirs filled, note text NOT NULL DEFAULT 'x');
CREATE SEQUENCE far;
CREATE TABLE late (id integer DEFAULT nextval('far'::text));
CREATE TABLE called (id integer DEFAULT unsafe_number(), note text);
CREATE TABLE outer_called (id integer DEFAULT outer_number(), note text);
CREATE TABLE outer_safe (id integer DEFAULT outer_pinned(), note text);
CREATE TABLE parsed (id integer DEFAULT parsed_number(), note text);
CREATE TABLE closed (id integer DEFAULT closed_number(), note text);
CREATE TABLE domained (id checked, note text);
CREATE TABLE indexed (id integer, note text);
CREATE INDEX ON indexed (unsafe_number(id));
CREATE TABLE compared (shown integer, hidden integer, other text, CHECK (shown <= hidden));
CREATE VIEW seen AS SELECT * FROM plain;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM plain;
"""


def table(
    name: str, *actions: Action, open_: str = "id note", filter_: RowFilter | None = None, **lists: tuple[str, ...]
) -> GrantedTable:
    """A granted table whose open columns are named."""
    return granted(name, dict.fromkeys(open_.split()), actions=(SELECT, *actions), row_filter=filter_, **lists)


@pytest.fixture(scope="module", params=["postgres", "postgres16"], ids=["18", "16"])
def ready(request: pytest.FixtureRequest) -> Iterator[PreparedDatabase]:
    server: PostgresServer = request.getfixturevalue(request.param)
    with fresh_database(server) as database:
        database.run(SCHEMA)
        with prepared(database, "", _tables(database), functions=[("public", "closed_number")]) as done:
            yield done


@pytest.fixture(scope="module")
def live(ready: PreparedDatabase) -> LiveWrites:
    """What that database says of all its tables."""
    connection = ready.database.connect()
    try:
        connection.run("SET search_path TO pg_catalog, pg_temp")
        return parse_live_writes(connection.execute_simple(live_writes_sql(_tables(ready.database))).rows)
    finally:
        connection.close()


def _tables(database: Database) -> list[tuple[str, str]]:
    rows = database.run(
        "SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p', 'v', 'm')"
    )
    return [("public", str(name)) for (name,) in rows]


PROVED = {
    "nothing to prove": [table("plain", INSERT, UPDATE)],
    "reviewed triggers": [table("stamped", INSERT, UPDATE, DELETE, triggers=("stamp", "after_all", "of_note"))],
    "a trigger of another action": [table("stamped", UPDATE, triggers=("of_note",))],
    "a trigger of a column that is not written": [table("stamped", UPDATE, open_="id")],
    "triggers that do not fire": [table("sleeping", INSERT, open_="id")],
    "a function of PostgreSQL's own": [table("quiet", UPDATE, triggers=("same",))],
    "partitions that rows stay in": [table("parted", UPDATE, open_="id note")],
    "a partition's trigger": [table("parted", DELETE, open_="id", triggers=("gone",))],
    "a reviewed heir": [table("plain", DELETE, triggers=("inherited",))],
    "a reviewed rule": [table("ruled", DELETE, open_="id", triggers=("elsewhere",))],
    "cascades into granted tables": [
        table("parent", DELETE),
        table("child", DELETE, open_="id"),
        table("grandchild", DELETE, open_="child_id"),
    ],
    "cascades that the catalog lists": [table("parent", DELETE, cascades=("public.child", "public.grandchild"))],
    "what a key sets to null may be updated": [
        table("parent", DELETE),
        table("child", DELETE, open_="id"),
        table("grandchild", UPDATE, open_="child_id"),
    ],
    "a cascade onto itself": [table("tree", DELETE, open_="id above")],
    "cascades in a ring": [table("ring", DELETE, open_="id"), table("gnir", DELETE, open_="id")],
    "no key that acts is written": [table("keyed", UPDATE, open_="note")],
    "a key that only refuses": [table("kept", DELETE, open_="id")],
    "a key's action on a granted table": [table("keyed", UPDATE, open_="code"), table("by_key", UPDATE, open_="code")],
    "what is required is open": [table("required", INSERT, open_="name ours")],
    "a function called under another's path": [table("outer_safe", INSERT, open_="note")],
    "a parsed function": [table("parsed", INSERT, open_="note")],
    "a filtered table": [table("plain", INSERT, filter_=MINE, open_="id owner")],
}


@pytest.mark.parametrize("tables", PROVED.values(), ids=PROVED)
def test_what_is_proved_is_granted(live: LiveWrites, tables: list[GrantedTable]) -> None:
    rights, refusals = prove_writes(grant_of(*tables), live)
    assert refusals == ()
    for one in tables:
        held = rights[one.schema, one.name]
        assert (bool(held.insert), bool(held.update), held.delete) == (
            INSERT in one.actions,
            UPDATE in one.actions,
            DELETE in one.actions,
        )


REFUSED = {
    "an unlisted trigger": (
        [table("stamped", INSERT)],
        ["trigger stamp on public.stamped: expected it to be reviewed"],
    ),
    "an unlisted statement trigger": ([table("stamped", DELETE)], ["trigger after_all on public.stamped"]),
    "an unlisted trigger of a column": ([table("stamped", UPDATE)], ["trigger of_note on public.stamped"]),
    "a trigger that reads an unqualified table": (
        [table("attacked", INSERT, triggers=("reads", "late"))],
        ["looks names up in the task's schema: ALTER FUNCTION public.unsafe() SET search_path = "],
    ),
    "a constraint trigger with the task's own path": (
        [table("attacked", DELETE, triggers=("reads", "late"))],
        ["ALTER FUNCTION public.by_user() SET search_path"],
    ),
    "a trigger that always fires": ([table("awake", INSERT, open_="id")], ["trigger always on public.awake"]),
    "a condition that looks up": (
        [table("conditional", INSERT, open_="id", triggers=("maybe",))],
        ["ALTER FUNCTION public.unsafe_number(integer)"],
    ),
    "an unlisted rule": ([table("ruled", DELETE, open_="id")], ["rule elsewhere on public.ruled"]),
    "a partition's trigger": ([table("parted", DELETE, open_="id")], ["trigger gone on public.parted_us"]),
    "rows that move between partitions": (
        [table("parted", UPDATE, open_="region")],
        ["trigger gone on public.parted_us"],
    ),
    "an heir's trigger": ([table("plain", DELETE)], ["trigger inherited on public.heir"]),
    "a cascade into an ungranted table": (
        [table("parent", DELETE)],
        [
            "foreign key child_parent_id_fkey carries it into public.child (delete)",
            "foreign key grandchild_child_id_fkey carries it into public.grandchild (update)",
        ],
    ),
    "a cascade into a table that is only read": (
        [table("parent", DELETE, cascades=("public.grandchild",)), table("child", UPDATE, open_="id")],
        ["carries it into public.child (delete)"],
    ),
    "a cascade in a ring": (
        [table("ring", DELETE, open_="id")],
        ["carries it into public.gnir (delete)"],
    ),
    "a cascade past a listed table": (
        [table("parent", DELETE, cascades=("public.child",))],
        ["carries it into public.grandchild (update)"],
    ),
    "a cascade past the filter of what it reaches": (
        [
            table("parent", DELETE),
            table("child", DELETE, open_="id"),
            table("grandchild", DELETE, open_="child_id owner", filter_=MINE),
        ],
        ["carries it into public.grandchild (update)", "carries it into public.grandchild (update)"],
    ),
    "a cascade onto itself past the filter": (
        [table("tree", DELETE, open_="id above owner", filter_=MINE)],
        ["carries it into public.tree (delete)"],
    ),
    "a written key that cascades": ([table("keyed", UPDATE, open_="code")], ["carries it into public.by_key (update)"]),
    "a written key that cascades into a mask": (
        [
            table("keyed", UPDATE, open_="code"),
            granted("by_key", {"id": None, "code": REDACTED}, actions=(SELECT, UPDATE)),
        ],
        ["carries it into public.by_key (update)"],
    ),
    "a trigger behind a cascade": (
        [table("hub", DELETE, open_="id", cascades=("public.spokes",), triggers=("spoke",))],
        ["trigger spoke on public.spokes, whose function looks names up"],
    ),
    "a required column that is not open": (
        [table("required", INSERT, open_="ours")],
        ["column name is NOT NULL and has no default"],
    ),
    "a required column that is masked": (
        [granted("required", {"name": REDACTED, "ours": None}, actions=(INSERT,))],
        ["column name is NOT NULL"],
    ),
    "a required domain": ([table("required", INSERT, open_="name")], ["column ours is NOT NULL and has no default"]),
    "a sequence by its name": ([table("late", INSERT, open_="id")], ["names its sequence only when it runs"]),
    "a default that looks up": (
        [table("called", INSERT)],
        ["column id of public.called calls public.unsafe_number(integer), which looks names up"],
    ),
    "a default that calls what looks up": (
        [table("outer_called", INSERT)],
        ["column id of public.outer_called calls public.unsafe_number(integer), which looks names up"],
    ),
    "a default that the task may not call": (
        [table("closed", INSERT)],
        ["closed_number(), which the task may not execute"],
    ),
    "a domain that looks up": ([table("domained", UPDATE)], ["constraint checked_check of public.domained"]),
    "an index that looks up": ([table("indexed", INSERT)], ["index indexed_unsafe_number_idx of public.indexed"]),
    "no column to write": (
        [granted("plain", {"note": REDACTED}, actions=(SELECT, UPDATE))],
        ["expected a column that update"],
    ),
    "only columns that tell of hidden ones": (
        [table("compared", UPDATE, open_="shown")],
        ["expected a column that update"],
    ),
    "insert and update on filtered rows": (
        [table("plain", INSERT, UPDATE, filter_=MINE, open_="id owner")],
        ["its rows are filtered", "its rows are filtered"],
    ),
    "a view": ([table("seen", INSERT)], ["expected a table or a partitioned table"]),
    "a materialized view": ([table("stored", DELETE)], ["expected a table or a partitioned table"]),
}


@pytest.mark.parametrize(("tables", "reasons"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_proved_is_refused_with_its_reason(
    live: LiveWrites, tables: list[GrantedTable], reasons: list[str]
) -> None:
    _, refusals = prove_writes(grant_of(*tables), live)
    assert {refusal.code for refusal in refusals} == {"policy.writes"}
    assert len(refusals) == len(reasons), refusals
    for refusal, words in zip(refusals, reasons, strict=True):
        assert words in refusal.reason
        assert refusal.what.split(" on ")[0] in {"insert", "update", "delete"}


def test_every_reason_is_told_at_once(ready: PreparedDatabase) -> None:
    with pytest.raises(RefusedByPolicy) as refused:
        ready.build(table("attacked", INSERT, UPDATE, DELETE), table("parent", DELETE), table("gone"))
    assert refused.value.code == "policy.refused"
    assert [refusal.what for refusal in refused.value.refusals] == [
        "public.gone",
        *["insert on public.attacked"] * 2,
        *["update on public.attacked"] * 2,
        *["delete on public.attacked"] * 2,
        *["delete on public.parent"] * 2,
    ]


def test_a_function_that_the_catalog_lists_may_fill_in_a_column(ready: PreparedDatabase) -> None:
    task_id, _ = ready.build(table("closed", INSERT), functions=("closed_number",))
    with ready.session(task_id) as session:
        session.run("START TRANSACTION READ WRITE")
        assert session.run("INSERT INTO closed (note) VALUES ('x') RETURNING note") == [["x"]]
        session.run("ROLLBACK")
    assert ready.worlds().tear_down(task_id, ready.address).is_clean


def test_a_trigger_that_was_mended_reads_the_table_and_not_the_mask(ready: PreparedDatabase) -> None:
    """What an unpinned one would do: copy masks out of the task's views into the application's tables."""
    copying = """CREATE OR REPLACE FUNCTION copies() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER {path} AS
        $$ BEGIN NEW.copy := (SELECT note FROM secrets); RETURN NEW; END $$"""
    ready.database.run(
        "CREATE TABLE secrets (note text); INSERT INTO secrets VALUES ('raw-secret');"
        "CREATE TABLE copied (copy text, x int);"
        + copying.format(path="")
        + "; CREATE TRIGGER copy BEFORE INSERT ON copied FOR EACH ROW EXECUTE FUNCTION copies();"
        " GRANT SELECT ON secrets TO postern_owner; GRANT SELECT, INSERT ON copied TO postern_owner"
    )
    tables = [
        granted("secrets", {"note": REDACTED}),
        granted("copied", {"x": None}, actions=(INSERT,), triggers=("copy",)),
    ]
    with pytest.raises(RefusedByPolicy, match=r"ALTER FUNCTION public\.copies"):
        ready.build(*tables)
    ready.database.run("ALTER FUNCTION copies() SET search_path = pg_catalog, public, pg_temp")
    task_id, _ = ready.build(*tables)
    assert _insert_and_look(ready, task_id) == [["raw-secret"]]
    ready.database.run(copying.format(path=""))  # an operator undoes it while the world stands
    assert _insert_and_look(ready, task_id) == [["[redacted]"]]


def _insert_and_look(ready: PreparedDatabase, task_id: TaskId) -> list[list[object]]:
    with ready.session(task_id) as session:
        session.run("START TRANSACTION READ WRITE")
        session.run("INSERT INTO copied (x) VALUES (1)")
        session.run("COMMIT")
    return ready.database.run("DELETE FROM copied RETURNING copy")
