"""What a transaction wrote in all, however it was written: the budget of rows is charged with that."""

from __future__ import annotations

import pytest

from tests.support.servers import Database, fresh_database
from tests.support.session import begin, open_plain, run

_SCHEMA = """
create table parents (id int primary key);
create table children (parent int references parents on delete cascade);
create table journal (at int);
create table texts (long text);
create function note() returns trigger language plpgsql as $$
begin insert into journal values (new.id); return new; end $$;
create trigger note after insert on parents for each row execute function note();
insert into parents select generate_series(1, 10);
insert into children select 1 from generate_series(1, 5);
"""


@pytest.fixture(scope="module")
def family(postgres):
    with fresh_database(postgres) as database:
        database.run(_SCHEMA)
        yield database


@pytest.fixture
def connection(family: Database):
    opened = open_plain(family)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("statements", "written"),
    [
        pytest.param(["update children set parent = 2"], 5, id="plain"),
        pytest.param(["delete from parents where id = 1"], 6, id="cascade"),
        pytest.param(["insert into parents values (11), (12)"], 4, id="trigger"),
        pytest.param(["with gone as (delete from children returning 1) select count(*) from gone"], 5, id="with-query"),
        pytest.param(["update children set parent = 3", "update children set parent = 4"], 10, id="two-statements"),
        pytest.param(["insert into parents values (1) on conflict do nothing"], 0, id="nothing"),
        pytest.param(
            ["insert into texts select string_agg(md5(i::text), '') from generate_series(1, 9999) i"], 1, id="toast"
        ),
    ],
)
def test_counts_every_row_that_was_written(connection, statements, written):
    transaction = begin(connection)
    for statement in statements:
        run(transaction, statement)
    assert transaction.mark().rows_written == written
    transaction.rollback()


def test_counts_nothing_of_an_earlier_transaction_of_the_session(connection):
    first = begin(connection)
    run(first, "update children set parent = 2")
    first.mark()
    first.commit()
    second = begin(connection)
    run(second, "update parents set id = 90 where id = 9")
    assert second.mark().rows_written == 1
    second.rollback()
