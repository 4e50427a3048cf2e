"""The WSGI application: every request is read, its sender found and its rights checked before moto sees it.

1. The host must be this machine's; a bucket in the host's name is moved into the path.
2. `/_postern/` is the starter's private channel.
3. The body is read whole, outside the lock: a slow client holds up nobody.
4. The sender is found from the credential; a role's session may call seven services only.
5. DynamoDB, EventBridge, KMS, Lambda and SQS are authorized here; S3 and STS inside moto, where names are parsed.
6. An Invoke goes to the gateway, outside the lock: the function it starts calls back.
7. Everything else runs in moto, one request at a time: moto is not safe across threads.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from postern_local.aws import callers, dynamodb_requests, events_requests, kms_requests, lambda_requests, sqs_requests
from postern_local.aws.authorization import Operation, authorize
from postern_local.aws.checksums import name_algorithm
from postern_local.aws.control import CONTROL_PATH, Control
from postern_local.aws.dynamodb_requests import DynamoDbRequest, PartitionKey
from postern_local.aws.faults import Refused, format_fault
from postern_local.aws.kms_requests import FindKey
from postern_local.aws.registry import SessionRegistry
from postern_local.aws.sessions import StsSession
from postern_local.iam import Policy, PolicyKind, parse_policy

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

_MAX_BODY_BYTES = 64 * 1024 * 1024
_HOST = re.compile(
    r"(?:(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.(?:s3\.)?)?"
    r"(?:localhost|127\.0\.0\.1|\[::1\]|localhost\.localstack\.cloud)(?::[0-9]{1,5})?"
)
_S3_PATH = re.compile(r"/(?:[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/.*)?)?", re.DOTALL)
_SESSION_SERVICES = frozenset({"dynamodb", "events", "kms", "lambda", "s3", "sqs", "sts"})
_JSON_SERVICES = frozenset({"dynamodb", "events", "kms", "sqs"})
_S3_METHODS = frozenset({"DELETE", "GET", "HEAD", "POST", "PUT"})
_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@dataclass(frozen=True, slots=True)
class Resources:
    """What a decision asks of moto, by the region of the request."""

    partition_key: Callable[[str], PartitionKey]
    key: Callable[[str], FindKey]
    queue_policies: Callable[[str], Callable[[str], tuple[Policy, ...]]]  # by the queue's name


@dataclass(slots=True)
class Application:
    """moto behind its lock and our checks."""

    moto: Wsgi
    registry: SessionRegistry
    control: Control
    account: str
    resources: Resources
    clock: Callable[[], float]
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        service = _unsigned_service(environ)
        try:
            _place_bucket(environ)
            if environ["PATH_INFO"].startswith(CONTROL_PATH):
                service = "control"
                with self.lock:
                    return self.control(environ, start_response)
            headers, query = _headers(environ), parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
            signed = callers.identify(
                headers=headers, query=query, account=self.account, session=self._session, now_s=self.clock()
            )
            service = signed.service
            body = _read_body(environ)
            self._check(signed, environ, headers, body)
            if lambda_requests.is_invoke(service, environ["REQUEST_METHOD"], environ["PATH_INFO"]):
                return self.control.invoke(environ, headers, body, start_response)
            return self._run(signed, environ, start_response)
        except Refused as refused:
            return _answer(refused, service, start_response, is_head=environ.get("REQUEST_METHOD") == "HEAD")

    def _session(self, access_key_id: str) -> StsSession | None:
        with self.lock:
            return self.registry.get(access_key_id)

    def _check(self, signed: callers.Signed, environ: Environ, headers: dict[str, str], body: bytes) -> None:
        service, path = signed.service, environ["PATH_INFO"]
        if path.startswith(("/moto-api", "/latest/")):
            raise Refused("AccessDenied", f"{path}: not served by the local stack")
        if service == "s3":
            _check_s3(environ, headers, path)
        if service in _JSON_SERVICES:
            _check_json(environ, headers)
        target, is_session = headers.get("x-amz-target", ""), isinstance(signed.sender, StsSession)
        if service == "kms":
            self._check_kms(signed, target, body, is_session=is_session)
        if not is_session:
            return
        if service not in _SESSION_SERVICES:
            raise Refused("AccessDenied", f"{service}: the local stack serves no role's session there")
        needed: list[Operation] = []
        policies: tuple[Policy, ...] = ()
        if service == "dynamodb":
            request = DynamoDbRequest(target, body, signed.region, self.account)
            with self.lock:
                needed = list(dynamodb_requests.operations(request, self.resources.partition_key(signed.region)))
        elif service == "events":
            needed = list(events_requests.operations(target, body, signed.region, self.account))
        elif service == "lambda":
            needed = [lambda_requests.operation(environ["REQUEST_METHOD"], path, signed.region, self.account)]
        elif service == "sqs":
            needed = [sqs_requests.operation(target, body, signed.region)]
            with self.lock:
                policies = self.resources.queue_policies(signed.region)(needed[0].resource.rsplit(":", 1)[-1])
        for operation in needed:
            authorize(signed, operation, now_s=self.clock(), resource_policies=policies)

    def _check_kms(self, signed: callers.Signed, target: str, body: bytes, *, is_session: bool) -> None:
        """The administrator too: a key's policy holds for everybody."""
        with self.lock:
            needed = kms_requests.operation(target, body, self.resources.key(signed.region), is_session=is_session)
        if needed is not None:
            policy = parse_policy(needed.key.policy, kind=PolicyKind.KEY, name=f"key policy of {needed.key.arn}")
            authorize(signed, needed.operation, now_s=self.clock(), resource_policies=(policy,))

    def _run(self, signed: callers.Signed, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        with self.lock:
            token = callers.current.set(signed)
            try:
                return [b"".join(self.moto(environ, start_response))]
            finally:
                callers.current.reset(token)


def _unsigned_service(environ: Environ) -> str:
    """Whose form a refusal takes before the credential is read: STS's for a form, S3's otherwise."""
    return "sts" if str(environ.get("CONTENT_TYPE", "")).startswith(_FORMS) else "s3"


def _place_bucket(environ: Environ) -> None:
    """Makes every request path-style, so that one reading of the path is the only one."""
    found = _HOST.fullmatch(environ.get("HTTP_HOST", ""))
    target = str(environ.get("RAW_URI", environ["PATH_INFO"]))
    if found is None or not target.startswith("/") or target.startswith("//"):
        raise Refused("InvalidRequest", "Host and path: expected this machine's name and a plain path", 400)
    if bucket := found["bucket"]:
        environ["PATH_INFO"] = f"/{bucket}{environ['PATH_INFO']}"
        environ["RAW_URI"] = environ["REQUEST_URI"] = f"/{bucket}{target}"
        environ["HTTP_HOST"] = "localhost"
    # moto would take the account from this header.
    environ.pop("HTTP_X_MOTO_ACCOUNT_ID", None)


def _check_s3(environ: Environ, headers: dict[str, str], path: str) -> None:
    raw_path = str(environ.get("RAW_URI", path)).split("?", 1)[0]
    is_form = headers["content-type"].lower().startswith(_FORMS)  # its fields would pass for query parameters
    is_control = path.startswith("/v20180820/")  # moto takes it for S3 Control
    if not _S3_PATH.fullmatch(raw_path) or is_form or is_control or environ["REQUEST_METHOD"] not in _S3_METHODS:
        raise Refused("NotImplemented", "S3: expected a plain request for a bucket or an object", 501)
    name_algorithm(environ)


def _check_json(environ: Environ, headers: dict[str, str]) -> None:
    """One action in one header, everything else in the body: moto would read both from the query or a form first."""
    is_json = headers["content-type"].startswith("application/x-amz-json-1.")
    if not is_json or environ.get("QUERY_STRING") or environ["PATH_INFO"] != "/":
        raise Refused("InvalidRequest", "expected a plain request of the JSON protocol", 400)


def _headers(environ: Environ) -> dict[str, str]:
    headers = {name[5:].replace("_", "-").lower(): str(value) for name, value in environ.items() if name[:5] == "HTTP_"}
    return headers | {"content-type": str(environ.get("CONTENT_TYPE", ""))}


def _read_body(environ: Environ) -> bytes:
    """Reads the body and puts it back as a plain one of known length."""
    chunked = "chunked" in str(environ.pop("HTTP_TRANSFER_ENCODING", "")).lower()
    length = str(environ.get("CONTENT_LENGTH") or "0")
    if not length.isdecimal() or int(length) > _MAX_BODY_BYTES:
        raise Refused("EntityTooLarge", f"body: expected at most {_MAX_BODY_BYTES} bytes", 400)
    body = environ["wsgi.input"].read(_MAX_BODY_BYTES + 1 if chunked else int(length))
    if len(body) > _MAX_BODY_BYTES or (not chunked and len(body) < int(length)):
        raise Refused("IncompleteBody", "body: expected as many bytes as Content-Length says", 400)
    environ["wsgi.input"] = io.BytesIO(body)
    environ["wsgi.input_terminated"] = True
    environ["CONTENT_LENGTH"] = str(len(body))
    return bytes(body)


def _answer(refused: Refused, service: str, start_response: StartResponse, *, is_head: bool) -> list[bytes]:
    fault = format_fault(refused, service)
    headers = [("Content-Type", fault.content_type), ("Content-Length", str(len(fault.body))), *fault.headers]
    start_response(f"{refused.status} Refused", headers)
    return [] if is_head else [fault.body]
