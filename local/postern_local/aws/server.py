"""The starter's side of the AWS server: starts the process, and speaks to it over its private channel."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from postern.types import Secret
from postern_local.aws.sessions import StsSession, session_from_json
from postern_local.failure import StackFailure
from postern_local.lifeline import Child, current_account

ACCOUNT = "123456789012"  # moto's own
SECRET_VARIABLE = "POSTERN_AWS_CONTROL"
_START_LIMIT_S = 30.0
_CALL_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class AwsServer:
    """A running server on loopback. `stop` ends it; so does the end of this process, however that comes."""

    host: str
    port: int
    account: str
    log: Path
    child: Child
    secret: Secret

    @classmethod
    def start(cls, folder: Path, *, port: int = 0, account: str = ACCOUNT) -> AwsServer:
        """Starts an empty account; its log is `folder/aws.log`. `port` 0 takes a free one.

        Returns when the server answers. Raises `StackFailure` where the port is in use or it does not start.
        """
        folder.mkdir(parents=True, exist_ok=True)
        log = folder / "aws.log"
        secret = Secret(secrets.token_hex(32))
        with _listen(port) as listener:
            child = Child.start(
                [sys.executable, "-m", "postern_local.aws", f"--fd={listener.fileno()}", f"--account={account}"],
                account=current_account(),
                log=log,
                environment=_environment(secret, account),
                stop_signal=signal.SIGTERM,
                pass_fd=listener.fileno(),
            )
            server = cls("127.0.0.1", listener.getsockname()[1], account, log, child, secret)
        try:
            server._call("GET", "ready", timeout_s=_START_LIMIT_S)
        except BaseException:
            server.stop()
            raise
        return server

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def session(self, access_key_id: str) -> StsSession | None:
        """The session of an access key with its secrets and its role's policies as they stand, or None."""
        status, body = self._exchange("GET", f"session?key={access_key_id}", None, _CALL_LIMIT_S)
        if status == 404:
            return None
        return session_from_json(self._checked(status, body))

    def assume_as_service(
        self,
        role_arn: str,
        *,
        session_name: str,
        service: str = "lambda.amazonaws.com",
        duration_s: int = 3600,
        source_function_arn: str | None = None,
    ) -> StsSession:
        """A session as the service takes one for itself, if the role trusts it. Raises `StackFailure` otherwise."""
        values = {
            "role_arn": role_arn,
            "session_name": session_name,
            "service": service,
            "duration_s": duration_s,
            "source_function_arn": source_function_arn,
        }
        return session_from_json(self._call("POST", "assume", values))

    def set_lambda_endpoint(self, url: str) -> None:
        """Says where Invoke requests go: `url` takes them under their own path."""
        self._call("PUT", "lambda", {"url": url})

    def stop(self) -> None:
        """Ends the server; everything in it is gone. Idempotent."""
        self.child.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _call(
        self, method: str, call: str, values: dict[str, Any] | None = None, *, timeout_s: float = _CALL_LIMIT_S
    ) -> bytes:
        return self._checked(*self._exchange(method, call, values, timeout_s))

    def _checked(self, status: int, body: bytes) -> bytes:
        if status not in (200, 204):
            raise StackFailure(f"AWS server: {json.loads(body)['message'] if body.startswith(b'{') else status}")
        return body

    def _exchange(self, method: str, call: str, values: dict[str, Any] | None, timeout_s: float) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)
        try:
            body = None if values is None else json.dumps(values)
            connection.request(method, f"/_postern/{call}", body, {"X-Postern-Control": self.secret.reveal()})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise StackFailure(
                f"AWS server: does not answer ({error}); its log is {self.log}: {_tail(self.log)}"
            ) from error
        finally:
            connection.close()


def expect_free(port: int) -> None:
    """Raises `StackFailure` where the port is taken, as the server's start would, before anything else is started."""
    _listen(port).close()


def _listen(port: int) -> socket.socket:
    """The listening socket, made here: a port in use is known at once, and clients may connect before it serves."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise StackFailure(f"AWS port {port}: expected a free port on 127.0.0.1, got {error.strerror}") from error
    return listener


def _environment(secret: Secret, account: str) -> dict[str, str]:
    """Nothing of the caller's AWS settings: an endpoint or profile there would lead moto elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_", "S3_"))}
    return kept | {
        SECRET_VARIABLE: secret.reveal(),
        "MOTO_ACCOUNT_ID": account,
        "S3_IGNORE_SUBDOMAIN_BUCKETNAME": "true",
        "PYTHONUNBUFFERED": "1",
    }


def _tail(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "(empty)"
