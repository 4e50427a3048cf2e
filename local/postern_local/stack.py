"""The local stack as one thing that starts whole, or says in one line why not and leaves nothing running.

What can be told wrong without starting anything comes first: policy, files, ports, template. Then three things
side by side: PostgreSQL with its databases, the AWS account, and the template's deployment into it. Then
the RDS front, the functions and the gateway, whose health check goes through all of them.

Parts stop in the reverse order of their start, and each dies with this process however that ends.
"""

from __future__ import annotations

import http.client
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from postern.audit.build_facts import format_build_facts
from postern.edges.build_files import FILE, project_facts
from postern.types import DatabaseName, StatementText
from postern_local import loopback, postgres
from postern_local.aws import server as aws_server
from postern_local.aws.server import ACCOUNT, AwsServer
from postern_local.certificates import make_certificates
from postern_local.databases import assign_loads, create_databases
from postern_local.demo import cast
from postern_local.deployment import read_deployment
from postern_local.event_sources import EventSources
from postern_local.evidence_log import LogBeginning, fetch_vkey
from postern_local.failure import StackFailure
from postern_local.forked_process import WorkerParent, can_fork
from postern_local.gateway import Gateway
from postern_local.issuer import Issuer
from postern_local.issuer.people import Person
from postern_local.lambdas import Lambdas, Start
from postern_local.model import Deployment, Names
from postern_local.policy_layer import PolicyLayer, local_address, read_policy, resource_id, write_policy
from postern_local.postgres import PostgresServer
from postern_local.process import FreshProcess
from postern_local.rds_front import RdsFront
from postern_local.ready import Ready, claim_ready, remove_ready, write_ready
from postern_local.resources import FunctionEnvironment, create_resources
from postern_local.schedules import Schedules
from postern_local.sign_in_offer import make_offer
from postern_local.state_folder import StateFolder

ROOT = Path(__file__).resolve().parents[2]  # of the project: template.yaml, functions and infra are read in place
DEMO = Path(__file__).resolve().parent / "demo"
LOG = "local"
RETENTION_DAYS = 1
NAMES = Names(account=ACCOUNT, region="us-east-1")
_DEMO_AGENT = f"--sub {cast.AGENT.sub} --claim role=agent"
_HEALTH_S = 30.0
_ASKED_FIRST = ("authorize", "provision", "query")  # an agent's first calls wait for them; others start when called

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """What a run is asked for. A port of 0 takes a free one; without a policy the demo runs, with its data."""

    policy: Path | None = None
    loads: Sequence[str] = ()
    ready: Path | None = None
    port: int = 0
    aws_port: int = 0
    state: Path | None = None
    postgres: int = 18
    statement_text: StatementText = StatementText.FULL


@dataclass(frozen=True, slots=True)
class Stack:
    """A running stack. Its parts are there for tests that break one on purpose."""

    ready: Ready
    people: Sequence[Person]  # whom the issuer's page lists
    token_options: str  # of `postern local token`, for a caller whom the policy admits
    layer: PolicyLayer
    deployment: Deployment
    postgres: PostgresServer
    aws: AwsServer
    front: RdsFront
    lambdas: Lambdas


def _silent(_line: str) -> None:
    """For who is not a person at a terminal."""


@contextmanager
def run_stack(options: Options, *, say: Say = _silent) -> Iterator[Stack]:
    """Starts everything, yields when it answers, and stops everything at the end. Raises `StackFailure`."""
    layer = read_policy(options.policy or DEMO / "policy", region=NAMES.region)
    demo_loads = [str(DEMO / "shop.sql")] if options.policy is None else []
    loads = assign_loads(options.loads or demo_loads, layer.databases)
    if options.ready is not None:
        claim_ready(options.ready)
    with ExitStack() as parts:
        # The gateway's, before all else: the template is read with the address that the API will have.
        port = loopback.reserve(options.port)
        parts.callback(port.close)
        aws_server.expect_free(options.aws_port)
        state = parts.enter_context(StateFolder.open(options.state))
        _log_to(state.folder("logs") / "gateway.log", parts)
        # Waited for last when the parts are stopped: what it starts in the meantime is stopped after it.
        beside = ThreadPoolExecutor()
        parts.callback(beside.shutdown)
        stack = _Start(options, layer, loads, state, parts, beside, say, port).run()
        for path in filter(None, (state.path / "ready.json", options.ready)):
            write_ready(path, stack.ready)
            parts.callback(remove_ready, path, stack.ready)
        yield stack


@dataclass(frozen=True, slots=True)
class _Start:
    """One start: what it was asked for, and where the parts that stand are remembered to be stopped."""

    options: Options
    layer: PolicyLayer
    loads: Mapping[DatabaseName, Sequence[Path]]
    state: StateFolder
    parts: ExitStack
    beside: ThreadPoolExecutor
    say: Say
    port: socket.socket  # bound, for the gateway to listen on

    def run(self) -> Stack:
        starting = self.beside.submit(self._postgres)
        starting_aws = self.beside.submit(self._aws)
        start_worker = self._worker_start()
        deployment = read_deployment(ROOT, _parameters(self.layer, self.options.statement_text, self._address()), NAMES)
        server = starting.result()
        self.say(f"PostgreSQL {self.options.postgres}  {server.socket_dir}")
        loading = self.beside.submit(create_databases, server, self.layer.bundle.catalogs, self.loads)
        aws = starting_aws.result()
        self.say(f"AWS            {aws.url}")
        create_resources(deployment, aws.url)
        if loading.done():
            loading.result()  # SQL at fault is said before the rest is started
        issuer = Issuer.start(self.state.folder("issuer"))
        self.parts.callback(issuer.stop)
        self.say(f"OIDC issuer    {issuer.url}")
        front = self._front(server, aws, issuer)
        self.say(f"RDS front      {front.host}:{front.port}")
        lambdas = self._functions(deployment, aws, issuer, start_worker)
        beginning = self.beside.submit(self._beginning(deployment, aws, lambdas).run)
        gateway = self._gateway(deployment, lambdas, loading, beginning)
        self.say(f"API            {gateway.url}")
        self._offer_sign_in(issuer, gateway)
        return Stack(
            ready=self._ready(deployment, server, aws, issuer, gateway),
            people=cast.PEOPLE if self.options.policy is None else (),
            token_options=_DEMO_AGENT if self.options.policy is None else "--sub SUBJECT",
            layer=self.layer,
            deployment=deployment,
            postgres=server,
            aws=aws,
            front=front,
            lambdas=lambdas,
        )

    def _address(self) -> str:
        return "http://{}:{}".format(*self.port.getsockname())

    def _postgres(self) -> PostgresServer:
        server = postgres.start(self.state.folder("logs"), major=self.options.postgres)
        self.parts.callback(server.stop)
        return server

    def _aws(self) -> AwsServer:
        aws = AwsServer.start(self.state.folder("logs"), port=self.options.aws_port)
        self.parts.callback(aws.stop)
        return aws

    def _front(self, server: PostgresServer, aws: AwsServer, issuer: Issuer) -> RdsFront:
        """The front; the policy layer that says where it is, and what is built, as functions find both under /opt."""
        front = RdsFront.start(
            backend_socket_dir=server.socket_dir,
            backend_port=server.port,
            databases={name: resource_id(name) for name in self.layer.databases},
            account=NAMES.account,
            region=NAMES.region,
            sessions=aws.session,
            certificates=make_certificates(self.state.folder("certificates")),
            clock=time.time,
        )
        self.parts.callback(front.stop)
        addresses = [
            local_address(name, host=front.host, port=front.port, ca=str(front.ca_path), region=NAMES.region)
            for name in self.layer.databases
        ]
        write_policy(self.layer, self.state.folder("policy"), addresses, issuer_url=issuer.url)
        (self.state.folder("policy") / FILE).write_bytes(format_build_facts(project_facts(ROOT)))
        return front

    def _worker_start(self) -> Start:
        """Begins to import what workers need, where that can be done once for all of them."""
        if not can_fork():
            return FreshProcess
        parent = WorkerParent(self.state.folder("logs") / "workers.log")
        self.parts.callback(parent.stop)
        return parent.start

    def _functions(self, deployment: Deployment, aws: AwsServer, issuer: Issuer, start: Start) -> Lambdas:
        environment = FunctionEnvironment(deployment, aws, issuer.url, str(self.state.folder("policy")))
        lambdas = Lambdas(deployment.functions, environment, self.state.folder("logs"), start)
        self.parts.callback(lambdas.stop)
        endpoint = lambdas.serve()
        self.parts.callback(endpoint.stop)
        aws.set_lambda_endpoint(endpoint.url)
        sources = EventSources(deployment, aws, lambdas)
        self.parts.callback(sources.stop)
        return lambdas

    def _beginning(self, deployment: Deployment, aws: AwsServer, lambdas: Lambdas) -> LogBeginning:
        stopped = threading.Event()
        self.parts.callback(stopped.set)
        return LogBeginning(deployment, aws.url, lambdas, LOG, stopped)

    def _gateway(
        self, deployment: Deployment, lambdas: Lambdas, loading: Future[None], beginning: Future[None]
    ) -> Gateway:
        """The gateway, found to answer, once the databases stand behind it and the log has begun."""
        gateway = Gateway(deployment, lambdas, reserved=self.port)
        self.parts.callback(gateway.stop)
        loading.result()
        _wait_until_healthy(gateway.url, self.state.path / "logs")
        beginning.result()
        schedules = Schedules(deployment.schedules, lambdas)
        self.parts.callback(schedules.stop)
        # Not before: workers that load their packages at once would hold up the first answer.
        lambdas.warm(function.name for function in deployment.functions if function.folder.name in _ASKED_FIRST)
        return gateway

    def _offer_sign_in(self, issuer: Issuer, gateway: Gateway) -> None:
        people, agent = (cast.PEOPLE, cast.AGENT) if self.options.policy is None else ((), None)
        issuer.offer(make_offer(self.layer, gateway.url, self.state.folder("issuer"), people, agent))

    def _ready(
        self, deployment: Deployment, server: PostgresServer, aws: AwsServer, issuer: Issuer, gateway: Gateway
    ) -> Ready:
        return Ready(
            api=gateway.url,
            issuer=issuer.url,
            audience=self.layer.audience,
            aws=aws.url,
            bucket=deployment.outputs["EvidenceBucket"],
            log=LOG,
            seal_table=deployment.outputs["SealTableName"],
            vkey=fetch_vkey(deployment, aws.url),
            databases={name: server.dsn(name) for name in self.layer.databases},
            state=str(self.state.path),
        )


def _parameters(layer: PolicyLayer, statement_text: StatementText, address: str) -> dict[str, str]:
    """The template's parameters. Nobody is the administrator of a local bucket's policy: it stays as it is made."""
    prefix = f"arn:aws:rds-db:{NAMES.region}:{NAMES.account}:dbuser"
    return {
        "ApiAddress": address,
        "LogName": LOG,
        "LogEndsOn": _tomorrow(),
        "DatabaseUserArns": ",".join(f"{prefix}:{resource_id(name)}" for name in layer.databases),
        "RetentionDays": str(RETENTION_DAYS),
        "LongestLockDays": str(RETENTION_DAYS + 3),
        "StatementText": statement_text.value,
        "EvidenceAdministratorArn": f"arn:aws:iam::{NAMES.account}:role/evidence-administrator",
    }


def _tomorrow() -> str:
    """The local log's last day: one that is not over before the stack is stopped."""
    return (datetime.now(UTC) + timedelta(days=1)).date().isoformat()


def _wait_until_healthy(url: str, logs: Path) -> None:
    """One call is enough: it waits for the worker. Raises `StackFailure` where the answer is not 200."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_HEALTH_S)
    try:
        connection.request("GET", "/healthz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise StackFailure(f"API: does not answer ({error}); its logs are in {logs}") from error
    finally:
        connection.close()
    if status != 200:
        raise StackFailure(f"API: expected 200 of /healthz, got {status}; its logs are in {logs}")


def _log_to(path: Path, parts: ExitStack) -> None:
    """What the stack's own parts have to say beside their answers goes to a file; the terminal is for people."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logger = logging.getLogger("postern_local")
    logger.addHandler(handler)
    parts.callback(handler.close)
    parts.callback(logger.removeHandler, handler)
