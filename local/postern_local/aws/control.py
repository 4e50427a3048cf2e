"""The starter's private channel into the server, and the way of an Invoke out of it.

Every call carries the secret that the starter handed over in the environment. Under `/_postern/`:

- `GET ready` answers 204 once the server serves;
- `GET session?key=` gives a session with its secrets, 404 where there is none;
- `POST assume` takes a session as an AWS service, for a function;
- `PUT lambda` says where Invoke requests go.
"""

from __future__ import annotations

import hmac
import http.client
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from postern.types import Secret
from postern_local.aws import sts
from postern_local.aws.assume_role import AssumeRoleRequest
from postern_local.aws.faults import Refused
from postern_local.aws.registry import SessionRegistry
from postern_local.aws.sessions import session_to_json

CONTROL_PATH = "/_postern/"
_INVOKE_TIMEOUT_S = 900.0  # Lambda's own longest
_PASSED_ON = ("x-amz-", "content-type")

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


@dataclass(slots=True)
class Control:
    """The channel's state: where Invoke goes, once the starter said so."""

    secret: Secret
    registry: SessionRegistry
    clock: Callable[[], float]
    lambda_endpoint: str | None = None

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        given = str(environ.get("HTTP_X_POSTERN_CONTROL", ""))
        if not hmac.compare_digest(given.encode(), self.secret.reveal().encode()):
            raise Refused("AccessDenied", "not found", 404)
        call = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO'].removeprefix(CONTROL_PATH)}"
        query = parse_qs(environ.get("QUERY_STRING", ""))
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        answer = self._answer(call, query, body)
        status = "204 No Content" if answer is None else "200 OK"
        start_response(status, [("Content-Length", str(len(answer or b""))), ("Content-Type", "application/json")])
        return [answer or b""]

    def _answer(self, call: str, query: dict[str, list[str]], body: bytes) -> bytes | None:
        match call:
            case "GET ready":
                return None
            case "GET session":
                session = self.registry.get(query.get("key", [""])[0])
                if session is None:
                    raise Refused("NoSuchSession", "no session of that key", 404)
                return session_to_json(session).encode()
            case "POST assume":
                return self._assume(json.loads(body))
            case "PUT lambda":
                self.lambda_endpoint = json.loads(body)["url"]
                return None
            case _:
                raise Refused("NotFound", "no such call", 404)

    def _assume(self, values: dict[str, Any]) -> bytes:
        session = sts.assume_as_service(
            self.registry,
            AssumeRoleRequest(
                role_arn=values["role_arn"], session_name=values["session_name"], duration_s=values["duration_s"]
            ),
            service=values["service"],
            source_function_arn=values["source_function_arn"],
            now_s=int(self.clock()),
        )
        return session_to_json(session).encode()

    def invoke(
        self, environ: dict[str, Any], headers: dict[str, str], body: bytes, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Hands an Invoke to the gateway and its answer back. Raises `Refused` where nobody answers."""
        if self.lambda_endpoint is None:
            raise Refused("ServiceException", "Lambda: the gateway is not there yet", 503)
        endpoint = urlsplit(self.lambda_endpoint)
        connection = http.client.HTTPConnection(endpoint.netloc, timeout=_INVOKE_TIMEOUT_S)
        passed = {name: value for name, value in headers.items() if name.startswith(_PASSED_ON)}
        passed.pop("x-amz-security-token", None)
        try:
            connection.request("POST", str(environ.get("RAW_URI", environ["PATH_INFO"])), body, passed)
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Refused("ServiceException", f"Lambda: the gateway did not answer: {error}", 503) from error
        finally:
            connection.close()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower().startswith(_PASSED_ON)]
        start_response(f"{answer.status} {answer.reason}", [*kept, ("Content-Length", str(len(content)))])
        return [content]
