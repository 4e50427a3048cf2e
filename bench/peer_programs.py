"""The servers of others that are measured beside: how each is started, asked, and what of its answer are rows.

Each is as it would be given to an agent, in its read-only mode, over MCP's stdio transport, on the database's unix
socket as the superuser: none of them masks, keeps evidence, or has a role for each task.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.contenders import Contender, peer
from bench.mcp_stdio import McpClient
from bench.piped_process import PipedProcess
from bench.rds_account import REGION, SECRET_ARN, Instance, rds_account
from postern_local.postgres import PostgresServer

FETCHED = Path(__file__).parent.parent / ".postern/peers"
DATABASE = "shop"
USER = "postgres"
_DBHUB = """[[sources]]
id = "shop"
dsn = "postgres://{user}@:{port}/{database}?sslmode=disable"

[[tools]]
name = "execute_sql"
source = "shop"
readonly = true
"""


@contextmanager
def running_peers(postgres: PostgresServer, folder: Path) -> Iterator[list[Contender]]:
    """All of them, begun and connected; `folder` takes their logs. Raises `RuntimeError` where one does not answer."""
    if not FETCHED.is_dir():
        raise RuntimeError(f"{FETCHED}: expected the peers, got nothing: run make peers")
    with ExitStack() as started:
        starts = _Starts(postgres, folder, started)
        yield [starts.dbhub(), starts.awslabs(), starts.postgres_mcp()]


@dataclass(frozen=True, slots=True)
class _Starts:
    postgres: PostgresServer
    folder: Path
    started: ExitStack

    def dbhub(self) -> Contender:
        config = self.folder / "dbhub.toml"
        config.write_text(_DBHUB.format(user=USER, port=self.postgres.port, database=DATABASE))
        program = FETCHED / "dbhub/node_modules/@bytebase/dbhub"
        command = ["node", str(program / "dist/index.js"), "--transport", "stdio", "--config", str(config)]
        client = self._client("dbhub", command, {"PGHOST": str(self.postgres.socket_dir)})
        version = json.loads((program / "package.json").read_text())["version"]
        return peer(f"@bytebase/dbhub {version}", client, "execute_sql", lambda sql: {"sql": sql}, _dbhub_rows)

    def awslabs(self) -> Contender:
        host, port = str(self.postgres.socket_dir), self.postgres.port
        endpoint = self.started.enter_context(rds_account(Instance(host, port, USER)))
        environment = {"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
        command = [_program("awslabs", "awslabs.postgres-mcp-server"), "--region", REGION]
        # Of TLS it asks on every connection; libpq lets that pass over a unix socket.
        command += ["--secret_arn", SECRET_ARN, "--sslmode", "require"]
        client = self._client("awslabs", command, {**environment, "FASTMCP_LOG_LEVEL": "ERROR"})
        where = {
            "connection_method": "pgwire",
            "cluster_identifier": "",
            "db_endpoint": host,
            "database": DATABASE,
        }
        client.call("connect_to_database", {**where, "region": REGION, "database_type": "RPG", "port": port})
        name = f"awslabs.postgres-mcp-server {_version('awslabs', 'awslabs_postgres_mcp_server')}"
        return peer(name, client, "run_query", lambda sql: {**where, "sql": sql}, _awslabs_rows)

    def postgres_mcp(self) -> Contender:
        command = [_program("postgres-mcp", "postgres-mcp"), "--access-mode=restricted"]
        client = self._client("postgres-mcp", command, {"DATABASE_URI": self.postgres.dsn(DATABASE)})
        name = f"postgres-mcp {_version('postgres-mcp', 'postgres_mcp')}"
        return peer(name, client, "execute_sql", lambda sql: {"sql": sql}, _postgres_mcp_rows)

    def _client(self, name: str, command: list[str], environment: Mapping[str, str]) -> McpClient:
        surroundings = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment}
        process = PipedProcess.start(name, command, surroundings, self.folder / f"{name}.log")
        self.started.callback(process.stop)
        client = McpClient(process)
        client.begin()
        return client


def _program(name: str, program: str) -> str:
    return str(FETCHED / name / "bin" / program)


def _version(name: str, distribution: str) -> str:
    (found,) = (FETCHED / name).glob(f"lib/python*/site-packages/{distribution}-*.dist-info")
    return found.name.removeprefix(f"{distribution}-").removesuffix(".dist-info")


def _dbhub_rows(result: Mapping[str, Any]) -> int:
    [one] = json.loads(result["content"][0]["text"])["data"]["statements"]
    return len(one["rows"])


def _awslabs_rows(result: Mapping[str, Any]) -> int:
    return len(result["structuredContent"]["result"])


def _postgres_mcp_rows(result: Mapping[str, Any]) -> int:
    """Its text is Python's own of a list of dictionaries, each of which begins with the same key."""
    text = str(result["content"][0]["text"])
    return text.count(text[1 : text.index(":")])
