"""API Gateway's Lambda proxy integration, payload 1.0: requests to events, results to answers. Pure.

The API has no binary media types, so a body is text both ways: bytes that are not UTF-8 arrive
replaced, and a result marked base64 leaves as the base64 text, as they do on AWS.
Reference: "Lambda proxy integrations in API Gateway", "Amazon API Gateway important notes".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote

from postern_local.loopback import Request, Response
from postern_local.model import Api, Names, Route

API_ID = "local"
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
# What API Gateway sets itself: a client's own would be a lie, and a function's is renamed or dropped.
_SET_HERE = frozenset({"x-forwarded-for", "x-forwarded-proto", "x-forwarded-port"})
_REMAPPED = frozenset({"connection", "content-length", "date", "server", "www-authenticate"})
_DROPPED = frozenset({"transfer-encoding", "trailer", "upgrade"})


class MalformedResult(Exception):
    """Raised when a function's result is not of the proxy's form; API Gateway answers 502 then."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request that has a route."""

    request: Request
    route: Route
    path_parameters: Mapping[str, str]
    request_id: str
    time_s: float
    port: int

    @property
    def path(self) -> str:
        return self.request.target.partition("?")[0]


def find_route(api: Api, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a method and a path, with its path parameters; literal segments before parameters."""
    candidates = []
    for route in api.routes:
        parameters = _match(route.path, path) if route.method == method else None
        if parameters is not None:
            candidates.append((len(parameters), route, parameters))
    return min(candidates, key=lambda found: found[0])[1:] if candidates else None


def _match(pattern: str, path: str) -> dict[str, str] | None:
    wanted, given = pattern.split("/"), path.split("/")
    if len(wanted) != len(given):
        return None
    parameters = {}
    for want, got in zip(wanted, given, strict=True):
        if want.startswith("{") and want.endswith("}") and got:
            parameters[want[1:-1]] = unquote(got)
        elif want != got:
            return None
    return parameters


def method_arn(call: Call, names: Names, stage: str) -> str:
    """The ARN that an authorizer's policy speaks of."""
    arn = f"arn:aws:execute-api:{names.region}:{names.account}:{API_ID}"
    return f"{arn}/{stage}/{call.request.method}{call.path}"


def proxy_event(call: Call, names: Names, stage: str, authorizer: Mapping[str, str] | None) -> dict[str, Any]:
    """The event of a Lambda proxy integration."""
    body = call.request.body.decode(errors="replace") if call.request.body else None
    return {**_shared(call, names, stage, authorizer), "body": body, "isBase64Encoded": False, "stageVariables": None}


def authorizer_event(call: Call, names: Names, stage: str) -> dict[str, Any]:
    """The event of a REQUEST authorizer: everything but the body."""
    return {**_shared(call, names, stage, None), "type": "REQUEST", "methodArn": method_arn(call, names, stage)}


def _shared(call: Call, names: Names, stage: str, authorizer: Mapping[str, str] | None) -> dict[str, Any]:
    headers = _headers(call)
    query = parse_qsl(call.request.target.partition("?")[2], keep_blank_values=True)
    return {
        "resource": call.route.path,
        "path": unquote(call.path),
        "httpMethod": call.request.method,
        "headers": dict(headers),
        "multiValueHeaders": _grouped(headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _grouped(query) or None,
        "pathParameters": dict(call.path_parameters) or None,
        "requestContext": _context(call, names, stage, authorizer),
    }


def _headers(call: Call) -> list[tuple[str, str]]:
    sent = [(name, value) for name, value in call.request.headers if name.lower() not in _SET_HERE]
    added = {"X-Forwarded-For": call.request.peer, "X-Forwarded-Proto": "http", "X-Forwarded-Port": str(call.port)}
    return [*sent, *added.items()]


def _grouped(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped


def _context(call: Call, names: Names, stage: str, authorizer: Mapping[str, str] | None) -> dict[str, Any]:
    time = datetime.fromtimestamp(call.time_s, UTC)
    context: dict[str, Any] = {
        "accountId": names.account,
        "apiId": API_ID,
        "domainName": f"127.0.0.1:{call.port}",
        "domainPrefix": "127",
        "extendedRequestId": call.request_id,
        "httpMethod": call.request.method,
        "identity": {"sourceIp": call.request.peer, "userAgent": call.request.header("User-Agent")},
        "path": call.path,  # no stage in it, as under a domain of one's own
        "protocol": "HTTP/1.1",
        "requestId": call.request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "requestTimeEpoch": int(call.time_s * 1000),
        "resourceId": "local",
        "resourcePath": call.route.path,
        "stage": stage,
    }
    if authorizer is not None:
        context["authorizer"] = dict(authorizer)
    return context


def parse_result(payload: bytes, request_id: str) -> Response:
    """The answer that a function's result stands for. Raises `MalformedResult`."""
    try:
        result = json.loads(payload)
    except ValueError as error:
        raise MalformedResult("result: expected JSON") from error
    if not isinstance(result, dict):
        raise MalformedResult(f"result: expected an object, got {type(result).__name__}")
    body = result.get("body")
    if body is not None and not isinstance(body, str):
        raise MalformedResult(f"body: expected text, got {type(body).__name__}")
    headers = _result_headers(result)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    headers += [("x-amzn-RequestId", request_id), ("x-amz-apigw-id", request_id)]
    return Response(_status(result.get("statusCode")), tuple(headers), (body or "").encode())


def _status(value: object) -> int:
    text = str(value) if isinstance(value, (int, str)) else ""
    if not re.fullmatch(r"[2-5][0-9]{2}", text):
        raise MalformedResult(f"statusCode: expected 200 to 599, got {value!r}")
    return int(text)


def _result_headers(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    single, several = _object(result, "headers"), _object(result, "multiValueHeaders")
    pairs: list[tuple[str, object]] = []
    for name, values in several.items():
        if not isinstance(values, list):
            raise MalformedResult(f"multiValueHeaders: {name}: expected a list, got {type(values).__name__}")
        pairs += [(name, value) for value in values]
    pairs += [(name, value) for name, value in single.items() if name not in several or value not in several[name]]
    return [_result_header(name, value) for name, value in pairs if name.lower() not in _DROPPED]


def _object(result: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = result.get(name)
    if found is not None and not isinstance(found, dict):
        raise MalformedResult(f"{name}: expected an object, got {type(found).__name__}")
    return found or {}


def _result_header(name: str, value: object) -> tuple[str, str]:
    if isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, (str, int, float)):
        text = str(value)
    else:
        raise MalformedResult(f"header {name}: expected text, got {type(value).__name__}")
    if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
        raise MalformedResult(f"header {name!r}: expected a name and a value that HTTP allows")
    return (f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name), text
