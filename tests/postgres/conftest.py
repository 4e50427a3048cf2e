"""One database for all tests that only read, and a fresh connection to it for each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.edges.postgres.wire import AgentConnection
from postern_local.postgres import PostgresServer
from tests.support.servers import Database, fresh_database
from tests.support.session import open_plain
from tests.support.tls import self_signed

_SCHEMA = """
create table numbers (a int, b numeric[]);
insert into numbers values (1, '{1.50,NULL}'), (2, NULL);
create table target (a int primary key);
create sequence s;
create type mood as enum ('sad', 'happy');
create type colon;
create function colon_in(cstring) returns colon language internal immutable strict as 'textin';
create function colon_out(colon) returns cstring language internal immutable strict as 'textout';
create type colon (input = colon_in, output = colon_out, delimiter = ':');
create domain colons as colon;
create function fail(text) returns int language plpgsql as $$ begin raise exception 'x' using errcode = $1; end $$;
create function loud() returns int language plpgsql as $$
begin set local client_min_messages = debug; raise notice 'secret alice'; return 7; end $$;
"""


@pytest.fixture(scope="module")
def shop(postgres: PostgresServer) -> Iterator[Database]:
    """A database that the tests of a module share: nothing in them may change it."""
    with fresh_database(postgres) as database:
        database.run(_SCHEMA)
        yield database


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return self_signed(tmp_path)


@pytest.fixture
def connection(shop: Database) -> Iterator[AgentConnection]:
    opened = open_plain(shop)
    yield opened
    opened.close()
