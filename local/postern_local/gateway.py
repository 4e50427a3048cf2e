"""API Gateway's REST API on one machine: routes, the authorizer, the proxy integration, its own answers.

The order is AWS's: the request's form and size, the route, the authorizer, the integration. Everything
the gateway says by itself is a gateway response of the template. Not here: throttling, caching, CORS.
"""

from __future__ import annotations

import json
import logging
import socket
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from postern_local.authorization import MalformedAuthorization, parse_authorization
from postern_local.deployment import CONTEXT_NAME
from postern_local.lambdas import MAX_REQUEST_BYTES, Lambdas
from postern_local.loopback import LoopbackServer, Request, Response, Service
from postern_local.model import Api, Authorizer, Deployment, GatewayResponse
from postern_local.proxy import (
    Call,
    MalformedResult,
    authorizer_event,
    find_route,
    method_arn,
    parse_result,
    proxy_event,
)

MAX_BODY_BYTES = 10 * 1024 * 1024  # API Gateway's quota for a payload
MAX_HEAD_BYTES = 10_240  # its quota for the request line and all headers
INTEGRATION_S = 29.0  # its quota for an integration's answer

_log = logging.getLogger(__name__)

# API Gateway's own status of each gateway response, where the template sets no other.
_STATUS = {
    "ACCESS_DENIED": 403,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "UNAUTHORIZED": 401,
}
_BUILT_IN = GatewayResponse(
    status=None, headers={"Content-Type": "application/json"}, body='{"message": "the gateway refused the request"}'
)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the gateway answers by itself, before it is rendered."""

    kind: str
    status: int | None = None  # None for the kind's own
    authorizer: Mapping[str, str] = field(default_factory=dict)  # the context that an authorizer gave


class Gateway:
    """A running gateway."""

    def __init__(
        self,
        deployment: Deployment,
        lambdas: Lambdas,
        *,
        port: int = 0,
        reserved: socket.socket | None = None,
        integration_s: float = INTEGRATION_S,
    ) -> None:
        """Listens at once. Raises `StackFailure` where the port is taken."""
        self._api: Api = deployment.api
        self._names = deployment.names
        self._lambdas = lambdas
        self._integration_s = integration_s
        service = Service(self._answer, self._refuse, MAX_HEAD_BYTES, MAX_BODY_BYTES)
        self._server = LoopbackServer.start(service, port=port, reserved=reserved)

    @property
    def url(self) -> str:
        """The API's public URL; no stage in it, as under a domain of one's own."""
        return self._server.url

    def stop(self) -> None:
        self._server.stop()

    def _answer(self, request: Request) -> Response:
        request_id = str(uuid.uuid4())
        answer = self._through(request, request_id)
        return answer if isinstance(answer, Response) else self._render(answer, request_id)

    def _through(self, request: Request, request_id: str) -> Response | _Said:
        found = find_route(self._api, request.method, request.target.partition("?")[0])
        if found is None:
            return _Said("MISSING_AUTHENTICATION_TOKEN")
        route, parameters = found
        call = Call(request, route, parameters, request_id, time.time(), self._server.port)
        context: Mapping[str, str] | None = None
        if route.authorizer is not None:
            authorized = self._authorize(call, route.authorizer)
            if isinstance(authorized, _Said):
                return authorized
            context = authorized
        return self._integrate(call, context)

    def _authorize(self, call: Call, authorizer: Authorizer) -> Mapping[str, str] | _Said:
        """The context that the authorizer lets the call go on with, or what stops it."""
        if not call.request.header(authorizer.header):
            return _Said("UNAUTHORIZED")
        event = authorizer_event(call, self._names, self._api.stage)
        outcome = self._lambdas.invoke(authorizer.function, json.dumps(event).encode()).result()
        if outcome.failed:
            # The one error that API Gateway reads: the function says that the caller is nobody.
            is_nobody = json.loads(outcome.payload).get("errorMessage") == "Unauthorized"
            return _Said("UNAUTHORIZED" if is_nobody else "AUTHORIZER_CONFIGURATION_ERROR")
        try:
            decided = parse_authorization(outcome.payload, method_arn(call, self._names, self._api.stage))
        except MalformedAuthorization as error:
            _log.warning("%s: %s: %s", call.request_id, authorizer.function, error)
            return _Said("AUTHORIZER_CONFIGURATION_ERROR")
        return decided.context if decided.allowed else _Said("ACCESS_DENIED", authorizer=decided.context)

    def _integrate(self, call: Call, context: Mapping[str, str] | None) -> Response | _Said:
        payload = json.dumps(proxy_event(call, self._names, self._api.stage, context)).encode()
        if len(payload) > MAX_REQUEST_BYTES:
            return _Said("REQUEST_TOO_LARGE")
        try:
            outcome = self._lambdas.invoke(call.route.function, payload).result(self._integration_s)
        except TimeoutError:  # the function runs on, to its own timeout
            return _Said("INTEGRATION_TIMEOUT")
        try:
            return parse_result(outcome.payload, call.request_id)
        except MalformedResult as error:
            # A function error is such a result too; the function's own log says more.
            _log.warning("%s: %s: %s", call.request_id, call.route.function, error)
            return _Said("DEFAULT_5XX", 502)

    def _refuse(self, status: int) -> Response:
        """A request that did not come as far as a route."""
        said = (
            _Said("REQUEST_TOO_LARGE")
            if status == 413
            else _Said("DEFAULT_4XX" if status < 500 else "DEFAULT_5XX", status)
        )
        return self._render(said, str(uuid.uuid4()))

    def _render(self, said: _Said, request_id: str) -> Response:
        status = said.status or _STATUS[said.kind]
        general = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
        # A general response's own status holds only for what has no response of its own.
        own = self._api.responses.get(said.kind)
        response = own or self._api.responses.get(general, _BUILT_IN)
        values = {"requestId": request_id} | {f"authorizer.{name}": text for name, text in said.authorizer.items()}
        # As on AWS, a name without a value leaves nothing. What is put in cannot end the JSON text it stands in.
        body = CONTEXT_NAME.sub(lambda name: json.dumps(values.get(name[1], ""))[1:-1], response.body)
        headers = {**response.headers, "x-amzn-RequestId": request_id}
        return Response(response.status or status, tuple(headers.items()), body.encode())
