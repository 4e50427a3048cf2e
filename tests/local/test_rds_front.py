"""The RDS front: who gets in, with real connections and tokens that boto3 signed, and what a hostile client gets."""

from __future__ import annotations

import contextlib
import importlib.util
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pg8000.native
import pytest
from botocore.credentials import Credentials
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceId
from botocore.signers import RequestSigner
from pg8000.exceptions import DatabaseError, InterfaceError

from postern_local import rds_connection
from postern_local.aws.server import AwsServer
from postern_local.aws.sessions import StsSession
from postern_local.certificates import Certificates, make_certificates
from postern_local.postgres import PostgresServer
from postern_local.rds_front import RdsFront
from tests.support.aws import REGION, allow, assume, function_session, make_role, policy, trust, unique
from tests.support.servers import Database, fresh_database

RESOURCE_ID = "db-SHOP"
USER_ARN = f"arn:aws:rds-db:{REGION}:123456789012:dbuser:{RESOURCE_ID}"


@dataclass(slots=True)
class MovedClock:
    """The real time, moved by some seconds."""

    by_s: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.by_s


@dataclass(slots=True)
class Setup:
    """A front before a fresh database, with a login role and a session that may connect as it."""

    front: RdsFront
    aws: AwsServer
    database: Database
    user: str
    query: StsSession
    connect_role: str
    session: StsSession
    clock: MovedClock
    others: list[str] = field(default_factory=list)

    def token(self, session: StsSession | None = None, **changed: Any) -> str:
        return sign(
            session or self.session,
            **{"user": self.user, "host": self.front.host, "port": self.front.port, "region": REGION, **changed},
        )

    def connect(self, token: str | None = None, **changed: Any) -> pg8000.native.Connection:
        options: dict[str, Any] = {
            "user": self.user,
            "password": self.token() if token is None else token,
            "host": self.front.host,
            "port": self.front.port,
            "database": self.database.name,
            "ssl_context": ssl.create_default_context(cafile=str(self.front.ca_path)),
            "timeout": 20,
        }
        return pg8000.native.Connection(**{**options, **changed})

    def assume(self, **options: Any) -> StsSession:
        return assume(self.aws, self.query, self.connect_role, **options)

    def is_refused(self, token: str | None = None, **changed: Any) -> str:
        """The error that the client reads; fails where it gets in."""
        with pytest.raises(DatabaseError) as failure:
            self.connect(token, **changed).close()
        told = failure.value.args[0]
        assert (told["S"], told["C"]) == ("FATAL", "28000")
        return str(told["M"])


def sign(session: StsSession, *, user: str, host: str, port: int, region: str, expires_s: int = 900) -> str:
    """What boto3's `generate_db_auth_token` gives, with a lifetime to choose."""
    credentials = Credentials(session.access_key_id, session.secret_access_key.reveal(), session.session_token.reveal())
    events = HierarchicalEmitter()  # the signer holds it by a weak reference only
    signer = RequestSigner(ServiceId("rds"), region, "rds-db", "v4", credentials, events)
    request = {
        "url_path": "/",
        "query_string": "",
        "headers": {},
        "body": {"Action": "connect", "DBUser": user},
        "url": f"https://{host}:{port}/",
        "method": "GET",
        "context": {},
    }
    url = signer.generate_presigned_url(request, "connect", expires_in=expires_s)
    return str(url).removeprefix("https://")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def roles(aws: AwsServer) -> tuple[StsSession, str]:
    """The session of a function, and the role that it assumes to connect, as the template has it."""
    caller = make_role(aws)
    tagged = {"StringLike": {"aws:RequestTag/postern_user": "?*"}}
    trusted = trust(
        {"AWS": caller}, action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], Condition=tagged
    )
    connect = make_role(aws, allow("rds-db:connect", f"{USER_ARN}/${{aws:PrincipalTag/postern_user}}"), trusted=trusted)
    return aws.assume_as_service(caller, session_name="query"), connect


def create_login(database: Database, *, member: bool = True, options: str = "") -> str:
    user = unique("task").replace("-", "_")
    database.run(f"CREATE ROLE {user} LOGIN {options}")
    if member:
        database.run(f"GRANT rds_iam TO {user}")
    return user


@contextlib.contextmanager
def open_setup(
    aws: AwsServer, server: PostgresServer, certificates: Certificates, roles: tuple[StsSession, str]
) -> Iterator[Setup]:
    query, connect_role = roles
    clock = MovedClock()
    with fresh_database(server) as database:
        user = create_login(database)
        session = assume(aws, query, connect_role, Tags=[{"Key": "postern_user", "Value": user}])
        with start_front(aws, server, certificates, {database.name: RESOURCE_ID}, clock) as front:
            yield Setup(front, aws, database, user, query, connect_role, session, clock)
        database.run(f"DROP OWNED BY {user}")
        database.run(f"DROP ROLE {user}")


@pytest.fixture(scope="module")
def shared_setup(
    aws: AwsServer, postgres: PostgresServer, certificates: Certificates, roles: tuple[StsSession, str]
) -> Iterator[Setup]:
    with open_setup(aws, postgres, certificates, roles) as made:
        yield made


@pytest.fixture
def setup(shared_setup: Setup) -> Iterator[Setup]:
    """The module's front, with the clock right and no role of an earlier test."""
    shared_setup.clock.by_s = 0
    yield shared_setup
    for role in shared_setup.others:
        shared_setup.database.run(f"DROP OWNED BY {role}")
        shared_setup.database.run(f"DROP ROLE {role}")
    shared_setup.others.clear()


@pytest.fixture
def own_setup(
    aws: AwsServer, postgres: PostgresServer, certificates: Certificates, roles: tuple[StsSession, str]
) -> Iterator[Setup]:
    """A front, database and user that one test may break."""
    with open_setup(aws, postgres, certificates, roles) as made:
        yield made


def start_front(
    aws: AwsServer, server: PostgresServer, certificates: Certificates, databases: dict[str, str], clock: MovedClock
) -> RdsFront:
    return RdsFront.start(
        backend_socket_dir=server.socket_dir,
        backend_port=server.port,
        databases=databases,
        account=aws.account,
        region=REGION,
        sessions=aws.session,
        certificates=certificates,
        clock=clock,
    )


def test_lets_the_right_user_in_as_itself(setup: Setup) -> None:
    connection = setup.connect(application_name="0190c5b1", startup_params={"options": "-c lock_timeout=7s"})
    try:
        row = connection.run(
            "SELECT session_user, current_database(), application_name, current_setting('lock_timeout')"
            " FROM pg_stat_activity WHERE pid = pg_backend_pid()"
        )
        assert row == [[setup.user, setup.database.name, "0190c5b1", "7s"]]
    finally:
        connection.close()


def test_lets_in_a_token_that_boto3_generates(setup: Setup) -> None:
    rds = boto3.client(
        "rds",
        region_name=REGION,
        aws_access_key_id=setup.session.access_key_id,
        aws_secret_access_key=setup.session.secret_access_key.reveal(),
        aws_session_token=setup.session.session_token.reveal(),
    )
    token = rds.generate_db_auth_token(DBHostname=setup.front.host, Port=setup.front.port, DBUsername=setup.user)
    setup.connect(token).close()


def test_session_policy_that_names_the_user_lets_it_in(setup: Setup) -> None:
    tags = [{"Key": "postern_user", "Value": setup.user}]
    session = setup.assume(Tags=tags, Policy=policy(allow("rds-db:connect", f"{USER_ARN}/{setup.user}")))
    setup.connect(setup.token(session)).close()


def flipped(token: str) -> str:
    """The token with one digit of its signature changed."""
    head, _, signature = token.rpartition("=")
    return f"{head}={'0' if signature[0] != '0' else '1'}{signature[1:]}"


def with_parameter(token: str, name: str, value: str) -> str:
    """The token with one parameter's encoded value replaced."""
    authority, _, query = token.partition("/?")
    parts = [f"{name}={value}" if part.startswith(f"{name}=") else part for part in query.split("&")]
    assert parts != query.split("&"), f"{name}: expected in the token"
    return f"{authority}/?{'&'.join(parts)}"


REFUSED_TOKENS: dict[str, Callable[[Setup], str]] = {
    "other-user": lambda s: s.token(user="task_other"),
    "other-user-after-signing": lambda s: with_parameter(s.token(user="task_other"), "DBUser", s.user),
    "other-host": lambda s: s.token(host="localhost"),
    "other-port": lambda s: s.token(port=s.front.port + 1),
    "other-host-after-signing": lambda s: s.token(host="db.example").replace("db.example", s.front.host, 1),
    "other-region": lambda s: s.token(region="us-east-1"),
    "signature-digit": lambda s: flipped(s.token()),
    "signature-empty": lambda s: s.token().rpartition("=")[0] + "=",
    "signature-upper-case": lambda s: s.token().rpartition("=")[0] + "=" + s.token().rpartition("=")[2].upper(),
    "session-token-of-another-session": lambda s: with_parameter(
        s.token(),
        "X-Amz-Security-Token",
        s.assume(Tags=[{"Key": "postern_user", "Value": s.user}]).session_token.reveal(),
    ),
    "signed-with-another-session-token": lambda s: s.token(replace(s.session, session_token=s.query.session_token)),
    "lifetime-over-15-minutes": lambda s: s.token(expires_s=901),
    "lifetime-stretched-after-signing": lambda s: with_parameter(s.token(expires_s=60), "X-Amz-Expires", "900"),
    "date-changed-after-signing": lambda s: with_parameter(
        s.token(), "X-Amz-Date", time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - 30))
    ),
    "action": lambda s: with_parameter(s.token(), "Action", "describe"),
    "algorithm": lambda s: with_parameter(s.token(), "X-Amz-Algorithm", "AWS4-HMAC-SHA1"),
    "signed-headers": lambda s: with_parameter(s.token(), "X-Amz-SignedHeaders", "host%3Bx"),
    "service": lambda s: s.token().replace("rds-db", "rds", 1),
    "parameter-twice": lambda s: s.token() + f"&DBUser={s.user}",
    "parameter-unknown": lambda s: s.token() + "&X-Amz-Extra=1",
    "parameter-without-value": lambda s: s.token() + "&X",
    "parameter-missing": lambda s: "&".join(p for p in s.token().split("&") if not p.startswith("X-Amz-Security")),
    "parameter-name-encoded": lambda s: s.token().replace("DBUser=", "%44BUser=", 1),
    "bad-utf8": lambda s: with_parameter(s.token(), "DBUser", "%ff"),
    "path": lambda s: s.token().replace("/?", "/x?", 1),
    "scheme": lambda s: "https://" + s.token(),
    "empty": lambda _s: "",
    "plain-password": lambda _s: "postgres",
    "very-long": lambda s: s.token() + "&" + "x" * 9000,
    "session-not-known-here": lambda s: s.token(
        StsSession("ASIA" + "A" * 16, s.session.secret_access_key, s.session.session_token, "", "", "", 0, 2**40)
    ),
    "long-term-key": lambda s: boto3.client(
        "rds", region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    ).generate_db_auth_token(s.front.host, s.front.port, s.user),
    "role-that-allows-nothing": lambda s: s.token(s.query),
    "role-of-another-resource": lambda s: s.token(
        function_session(s.aws, allow("rds-db:connect", f"arn:aws:rds-db:{REGION}:123456789012:dbuser:db-OTHER/*"))
    ),
    "session-tagged-for-another-user": lambda s: s.token(
        s.assume(Tags=[{"Key": "postern_user", "Value": "task_other"}])
    ),
    "session-policy-for-another-user": lambda s: s.token(
        s.assume(
            Tags=[{"Key": "postern_user", "Value": s.user}],
            Policy=policy(allow("rds-db:connect", f"{USER_ARN}/task_other")),
        )
    ),
    "session-policy-for-nothing": lambda s: s.token(
        s.assume(Tags=[{"Key": "postern_user", "Value": s.user}], Policy=policy(allow("s3:GetObject")))
    ),
    "role-that-denies": lambda s: s.token(
        function_session(
            s.aws,
            allow("rds-db:connect"),
            {"Effect": "Deny", "Action": "rds-db:*", "Resource": f"{USER_ARN}/{s.user}"},
        )
    ),
}


@pytest.mark.parametrize("make", REFUSED_TOKENS.values(), ids=REFUSED_TOKENS.keys())
def test_refuses_a_wrong_token_and_does_not_say_why(setup: Setup, make: Callable[[Setup], str]) -> None:
    assert setup.is_refused(make(setup)) == f'PAM authentication failed for user "{setup.user}"'
    setup.connect().close()  # the right token still gets in


@pytest.mark.parametrize(
    ("moved_s", "is_let_in"),
    [
        pytest.param(-290, True, id="5-minutes-ahead"),
        pytest.param(-310, False, id="more-than-5-minutes-ahead"),
        pytest.param(890, True, id="15-minutes-old"),
        pytest.param(910, False, id="more-than-15-minutes-old"),
    ],
)
def test_age_of_a_token_is_bounded(setup: Setup, moved_s: float, is_let_in: bool) -> None:
    token = setup.token()
    setup.clock.by_s = moved_s
    if is_let_in:
        setup.connect(token).close()
    else:
        setup.is_refused(token)


def test_token_is_refused_after_the_lifetime_that_it_names(setup: Setup) -> None:
    token = setup.token(expires_s=60)
    setup.clock.by_s = 70
    setup.is_refused(token)


def test_refuses_a_fresh_token_of_an_expired_session(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    moved_s = 3600 + 5
    setup.clock.by_s = moved_s
    # botocore signs through one of two modules, as its optional native part is there or not.
    for module in ("botocore.auth", "botocore.crt.auth"):
        if importlib.util.find_spec("awscrt") or module == "botocore.auth":
            monkeypatch.setattr(
                f"{module}.get_current_datetime",
                lambda *_args, **_named: datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=moved_s),
            )
    token = setup.token()
    assert time.strftime("%Y%m%dT%H", time.gmtime(setup.clock())) in token
    setup.is_refused(token)
    setup.clock.by_s = 3600 - 5  # the same token, while the session lives
    setup.connect(token).close()


def test_refuses_the_right_token_for_another_user(setup: Setup) -> None:
    other = create_login(setup.database)
    setup.others.append(other)
    assert setup.is_refused(user=other) == f'PAM authentication failed for user "{other}"'


@pytest.mark.parametrize(
    ("member", "options"),
    [pytest.param(False, "", id="not-a-member"), pytest.param(True, "SUPERUSER", id="superuser")],
)
def test_only_members_of_rds_iam_that_are_no_superusers_get_in(setup: Setup, member: bool, options: str) -> None:
    user = create_login(setup.database, member=member, options=options)
    setup.others.append(user)
    session = setup.assume(Tags=[{"Key": "postern_user", "Value": user}])
    setup.is_refused(setup.token(session, user=user), user=user)


def test_member_through_another_role_gets_in(setup: Setup) -> None:
    group = unique("group").replace("-", "_")
    setup.database.run(f"CREATE ROLE {group} IN ROLE rds_iam")
    user = create_login(setup.database, member=False)
    setup.others += [user, group]
    setup.database.run(f"GRANT {group} TO {user}")
    session = setup.assume(Tags=[{"Key": "postern_user", "Value": user}])
    setup.connect(setup.token(session, user=user), user=user).close()


@pytest.mark.parametrize("name", ["postgres", "template1", "absent"])
def test_other_databases_of_the_server_are_not_served(setup: Setup, name: str) -> None:
    setup.is_refused(database=name)


def test_session_that_may_connect_anywhere_reaches_served_databases_only(setup: Setup) -> None:
    session = function_session(setup.aws, allow("rds-db:connect"))
    setup.connect(setup.token(session)).close()
    setup.is_refused(setup.token(session), database="postgres")


def test_membership_that_was_taken_away_counts_at_once(own_setup: Setup) -> None:
    own_setup.connect().close()
    own_setup.database.run(f"REVOKE rds_iam FROM {own_setup.user}")
    own_setup.is_refused()


def test_policy_that_was_taken_away_counts_at_once(setup: Setup) -> None:
    from tests.support.aws import client

    role = make_role(setup.aws, allow("rds-db:connect", f"{USER_ARN}/{setup.user}"))
    session = setup.aws.assume_as_service(role, session_name="function")
    setup.connect(setup.token(session)).close()
    client(setup.aws, "iam").delete_role_policy(RoleName=session.role_name, PolicyName="rights")
    setup.is_refused(setup.token(session))


def test_refuses_a_connection_without_tls(setup: Setup) -> None:
    assert "no encryption" in setup.is_refused(ssl_context=False)


def test_certificate_holds_for_a_client_that_verifies(setup: Setup, certificates: Certificates) -> None:
    setup.connect().close()
    with pytest.raises((ssl.SSLError, InterfaceError)):
        setup.connect(ssl_context=ssl.create_default_context()).close()
    assert certificates.key_path.stat().st_mode & 0o777 == 0o600


def test_result_larger_than_every_buffer_arrives_whole(setup: Setup) -> None:
    connection = setup.connect()
    try:
        rows = connection.run("SELECT n, repeat(md5(n::text), 30) FROM generate_series(1, 20000) AS n")
    finally:
        connection.close()
    assert [row[0] for row in rows] == list(range(1, 20_001))
    assert {len(row[1]) for row in rows} == {960}


def test_client_that_does_not_read_holds_up_nobody_and_takes_no_memory(own_setup: Setup) -> None:
    with raw_login(own_setup) as stuck:
        stuck.sendall(query("SELECT repeat('x', 1000000) FROM generate_series(1, 300)"))
        own_setup.connect().close()
        wait_for(own_setup, "SELECT wait_event = 'ClientWrite' FROM pg_stat_activity WHERE query LIKE 'SELECT repeat%'")


def activity(setup: Setup) -> int:
    rows = setup.database.run(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{setup.user}'")
    count = rows[0][0]
    assert isinstance(count, int)
    return count


def wait_for(setup: Setup, sql: str) -> None:
    """Waits until the first cell is true; fails after 10 s."""
    limit = time.monotonic() + 10
    while not ((rows := setup.database.run(sql)) and rows[0][0] is True):
        assert time.monotonic() < limit, f"expected to become true: {sql}"
        time.sleep(0.02)


def wait_until_no_session(setup: Setup) -> None:
    wait_for(setup, f"SELECT count(*) = 0 FROM pg_stat_activity WHERE usename = '{setup.user}'")


@pytest.mark.parametrize("in_tls", [True, False], ids=["inside-tls", "plain"])
def test_cancel_request_reaches_the_statement(setup: Setup, in_tls: bool) -> None:
    connection = setup.connect()
    said: list[str] = []

    def run() -> None:
        with pytest.raises(DatabaseError) as failure:
            connection.run("SELECT pg_sleep(60)")
        said.append(failure.value.args[0]["C"])

    thread = threading.Thread(target=run)
    thread.start()
    wait_for(setup, f"SELECT true FROM pg_stat_activity WHERE usename = '{setup.user}' AND wait_event = 'PgSleep'")
    key: Any = connection._backend_key_data
    with contextlib.closing(open_tls(setup) if in_tls else open_plain(setup)) as canceller:
        canceller.sendall(struct.pack("!ii", 8 + len(key), 80877102) + key)
        assert canceller.recv(1) == b""
    thread.join(timeout=10)
    connection.close()
    assert said == ["57014"]


def test_cancel_request_with_a_wrong_key_cancels_nothing(setup: Setup) -> None:
    connection = setup.connect()
    key = bytearray(connection._backend_key_data)
    key[-1] ^= 1
    with contextlib.closing(open_plain(setup)) as canceller:
        canceller.sendall(struct.pack("!ii", 8 + len(key), 80877102) + bytes(key))
        assert canceller.recv(1) == b""
    assert connection.run("SELECT 1") == [[1]]
    connection.close()


def test_session_ends_when_its_client_vanishes(own_setup: Setup) -> None:
    with raw_login(own_setup) as client:
        assert activity(own_setup) == 1
        # A reset instead of an orderly end, in the midst of a message.
        client.sendall(b"Q\x00\x00\x10\x00SELECT")
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until_no_session(own_setup)


def test_client_reads_the_servers_last_words(own_setup: Setup) -> None:
    with raw_login(own_setup) as client:
        own_setup.database.run(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{own_setup.user}'"
        )
        assert b"C57P01\0" in read_to_end(client)


def test_stopping_the_front_ends_its_sessions(own_setup: Setup) -> None:
    with raw_login(own_setup) as client:
        own_setup.front.stop()
        own_setup.front.stop()
        with contextlib.suppress(ssl.SSLError, ConnectionResetError):
            assert client.recv(1) == b""
    wait_until_no_session(own_setup)
    with pytest.raises(ConnectionRefusedError):
        open_plain(own_setup)


def test_many_connections_at_once_each_get_their_own_session(setup: Setup) -> None:
    token = setup.token()
    found: list[int] = []

    def run() -> None:
        connection = setup.connect(token)
        found.append(connection.run("SELECT pg_backend_pid()")[0][0])
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(set(found)) == 20


def test_says_that_the_database_is_away_when_it_is(setup: Setup, certificates: Certificates, tmp_path: Path) -> None:
    gone = RdsFront.start(
        backend_socket_dir=tmp_path,
        backend_port=5432,
        databases={setup.database.name: RESOURCE_ID},
        account=setup.aws.account,
        region=REGION,
        sessions=setup.aws.session,
        certificates=certificates,
        clock=setup.clock,
    )
    with gone, pytest.raises(DatabaseError) as failure:
        setup.connect(setup.token(port=gone.port), port=gone.port)
    assert failure.value.args[0]["C"] == "57P03"


def open_plain(setup: Setup) -> socket.socket:
    return socket.create_connection((setup.front.host, setup.front.port), timeout=10)


def open_tls(setup: Setup) -> ssl.SSLSocket:
    plain = open_plain(setup)
    plain.sendall(struct.pack("!ii", 8, 80877103))
    assert plain.recv(1) == b"S"
    context = ssl.create_default_context(cafile=str(setup.front.ca_path))
    return context.wrap_socket(plain, server_hostname=setup.front.host)


def startup(**parameters: str) -> bytes:
    body = struct.pack("!i", 3 << 16) + b"".join(f"{n}\0{v}\0".encode() for n, v in parameters.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def query(sql: str) -> bytes:
    return b"Q" + struct.pack("!i", len(sql) + 5) + sql.encode() + b"\0"


@contextlib.contextmanager
def raw_login(setup: Setup) -> Iterator[ssl.SSLSocket]:
    """A connection that has logged in and speaks no further than it is told to."""
    with contextlib.closing(open_tls(setup)) as client:
        client.sendall(startup(user=setup.user, database=setup.database.name))
        assert client.recv(9) == b"R" + struct.pack("!ii", 8, 3)
        token = setup.token().encode() + b"\0"
        client.sendall(b"p" + struct.pack("!i", len(token) + 4) + token)
        received = b""
        while not received.endswith(b"Z\x00\x00\x00\x05I"):
            received += client.recv(4096)
        yield client


def read_to_end(client: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError, ssl.SSLError):
        while chunk := client.recv(4096):
            received += chunk
    return received


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(startup(user="task_x", database="shop"), id="startup-without-tls"),
        pytest.param(struct.pack("!ii", 8, 12345), id="unknown-request"),
        pytest.param(struct.pack("!ii", 80, 80877103), id="tls-request-of-wrong-length"),
        pytest.param(struct.pack("!ii", 100_000, 80877102), id="cancel-of-wrong-length"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", id="http"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01", id="tls-at-once"),
        pytest.param(struct.pack("!ii", 8, 80877104) * 2, id="gss-twice"),
    ],
)
def test_anything_but_a_tls_request_is_refused_in_the_clear(setup: Setup, message: bytes) -> None:
    with contextlib.closing(open_plain(setup)) as client:
        client.sendall(message)
        assert b"C28000\0" in read_to_end(client)


def test_client_that_ends_in_the_midst_of_a_message_is_let_go_at_once(setup: Setup) -> None:
    with contextlib.closing(open_plain(setup)) as client:
        client.sendall(b"\0\0\0")
        client.shutdown(socket.SHUT_WR)
        client.settimeout(5)  # half of what a silent client is given
        assert client.recv(1) == b""


def test_gss_is_declined_and_tls_goes_on(setup: Setup) -> None:
    with contextlib.closing(open_plain(setup)) as client:
        client.sendall(struct.pack("!ii", 8, 80877104))
        assert client.recv(1) == b"N"
        client.sendall(struct.pack("!ii", 8, 80877103))
        assert client.recv(1) == b"S"


def test_bytes_sent_ahead_of_tls_are_never_taken_for_its_content(setup: Setup) -> None:
    with contextlib.closing(open_plain(setup)) as client:
        client.sendall(struct.pack("!ii", 8, 80877103) + startup(user=setup.user, database=setup.database.name))
        received = read_to_end(client)
    assert received[:1] == b"S"
    assert b"R\0\0\0\x08" not in received


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(struct.pack("!i", 2**31 - 1), id="length-of-2-GB"),
        pytest.param(struct.pack("!i", -1), id="negative-length"),
        pytest.param(struct.pack("!i", 4), id="length-of-nothing"),
        pytest.param(startup(user="x", extra="y" * 20_000), id="too-long"),
        pytest.param(startup(database="shop"), id="no-user"),
        pytest.param(startup(user=""), id="empty-user"),
        pytest.param(startup(user="x", replication="database"), id="replication"),
        pytest.param(startup(user="x")[:-1] + b"x\0", id="odd-pairs"),
        pytest.param(startup(user="x")[:4] + struct.pack("!i", 2 << 16) + startup(user="x")[8:], id="protocol-2"),
        pytest.param(struct.pack("!ii", 8, 3 << 16), id="no-parameters"),
        pytest.param(struct.pack("!ii", 17, 3 << 16) + b"user\0\xff\0\0\0", id="not-utf-8"),
        pytest.param(struct.pack("!ii", 29, 3 << 16) + b"user\0a\0user\0postgres\0\0", id="user-twice"),
    ],
)
def test_malformed_startup_is_refused(setup: Setup, message: bytes) -> None:
    with contextlib.closing(open_tls(setup)) as client:
        client.sendall(message)
        received = read_to_end(client)
    assert received.startswith(b"E")
    assert b"C08P01\0" in received


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(b"p" + struct.pack("!i", 2**31 - 1), id="length-of-2-GB"),
        pytest.param(b"p" + struct.pack("!i", 4), id="no-text"),
        pytest.param(query("SELECT 1"), id="query-instead"),
        pytest.param(b"p" + struct.pack("!i", 8) + b"abcd", id="no-end-mark"),
        pytest.param(b"p" + struct.pack("!i", 9) + b"ab\0d\0", id="two-texts"),
        pytest.param(b"p" + struct.pack("!i", 7) + b"\xff\xff\0", id="not-ascii"),
    ],
)
def test_malformed_password_message_is_refused(setup: Setup, message: bytes) -> None:
    with contextlib.closing(open_tls(setup)) as client:
        client.sendall(startup(user=setup.user, database=setup.database.name))
        assert client.recv(9)[:1] == b"R"
        client.sendall(message)
        assert b"C08P01\0" in read_to_end(client)


@pytest.mark.parametrize("reached", ["nothing", "tls", "startup"])
def test_client_that_falls_silent_before_it_logged_in_is_put_out(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, reached: str
) -> None:
    monkeypatch.setattr(rds_connection, "_LOGIN_LIMIT_S", 0.5)
    client: socket.socket = open_plain(setup) if reached == "nothing" else open_tls(setup)
    with contextlib.closing(client):
        if reached == "startup":
            client.sendall(startup(user=setup.user, database=setup.database.name))
            assert client.recv(9)[:1] == b"R"
        assert read_to_end(client) == b""


def test_time_limit_ends_with_the_login(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rds_connection, "_LOGIN_LIMIT_S", 1.0)
    connection = setup.connect()
    assert connection.run("SELECT pg_sleep(1.2)") is not None
    connection.close()


def test_newer_protocol_is_negotiated_down(setup: Setup) -> None:
    with contextlib.closing(open_tls(setup)) as client:
        body = startup(user=setup.user, database=setup.database.name, **{"_pq_.shiny": "1"})
        client.sendall(body[:4] + struct.pack("!i", (3 << 16) + 2) + body[8:])
        received = client.recv(64)
    shiny = b"_pq_.shiny\0"
    assert received == b"v" + struct.pack("!iii", 12 + len(shiny), 3 << 16, 1) + shiny + b"R" + struct.pack("!ii", 8, 3)


def test_neither_token_nor_reason_is_logged_where_a_client_reads(
    setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    token = flipped(setup.token())
    setup.is_refused(token)
    assert "signature" in caplog.text
    assert token not in caplog.text
    assert setup.session.session_token.reveal() not in caplog.text
