"""The issuer's routes over HTTP: who may ask what from where, and how each answer is dressed.

The server is on the loopback interface, which any page in the person's browser can send requests to. So:
- A request under another host's name is refused: a name that was pointed here (DNS rebinding) reads nothing.
- Pages of other origins read discovery, keys and token answers only where they are the stack's own gateway's.
- What a person chooses counts only with the request's own name out of the form, which no other page can read, and
  from no other origin. Pages can be framed by nobody, run no script and load nothing.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from postern_local.issuer import pages
from postern_local.issuer.discovery import AUTHORIZE, DEVICE, DEVICE_AUTHORIZATION, JWKS, PATHS, TOKEN
from postern_local.issuer.parameters import Parameters, UnfitParameters, parse_parameters
from postern_local.issuer.sign_in import Choice, Page, Redirect, SignIns
from postern_local.issuer.token_endpoint import TokenEndpoint, TokenError
from postern_local.loopback import Request, Response

_FORM = "application/x-www-form-urlencoded"
_SHARED = frozenset({*PATHS, JWKS, TOKEN})  # what a page of the gateway may read
_NO_STORE = ("Cache-Control", "no-store")

Route = Callable[[Request, Parameters], Response]


@dataclass(frozen=True, slots=True)
class Site:
    """The routes. `documents` are there from the start; the others once there is a gateway to sign in to."""

    url: str
    documents: Mapping[str, bytes]
    sign_ins: SignIns
    tokens: TokenEndpoint
    gateway: str  # its origin
    lock: threading.Lock  # what was granted is looked at and changed by one request at a time

    def answer(self, request: Request) -> Response:
        if request.header("Host") != urlsplit(self.url).netloc:
            return Response(421)
        path, _, query = request.target.partition("?")
        if path in _SHARED and request.method == "OPTIONS":
            return self._shared(request, Response(204, _PREFLIGHT))
        if request.method in ("GET", "HEAD") and request.target in self.documents:
            headers = (("Content-Type", "application/json"),)
            return self._shared(request, Response(200, headers, self.documents[request.target]))
        route = self._routes().get((request.method, path))
        if route is None:
            return Response(404)
        try:
            sent = parse_parameters(_body(request) if request.method == "POST" else query)
        except UnfitParameters as error:
            return self._unfit(path, str(error))
        with self.lock:
            return route(request, sent)

    def _routes(self) -> Mapping[tuple[str, str], Route]:
        return {
            ("GET", AUTHORIZE): self._authorize,
            ("POST", AUTHORIZE): self._authorize,  # OpenID Connect Core 1.0 section 3.1.2.1 asks for both
            ("GET", DEVICE): self._device,
            ("POST", DEVICE): self._device,
            ("POST", pages.CHOOSE): self._choose,
            ("POST", TOKEN): self._token,
            ("POST", DEVICE_AUTHORIZATION): self._begin_device,
        }

    def _authorize(self, _request: Request, sent: Parameters) -> Response:
        return self._shown(self.sign_ins.begin(sent))

    def _device(self, request: Request, sent: Parameters) -> Response:
        typed = sent.get("user_code") or ""
        if request.method == "GET":
            # A link may bring the code, and the person still looks at it: RFC 8628 section 3.3.1.
            return self._html(200, pages.device(typed))
        if not self._is_own_page(request):
            return _foreign()
        return self._shown(self.sign_ins.begin_device(typed))

    def _choose(self, request: Request, sent: Parameters) -> Response:
        if not self._is_own_page(request):
            return _foreign()
        return self._shown(self.sign_ins.choose(sent.get("request") or "", _choice(sent)))

    def _token(self, request: Request, sent: Parameters) -> Response:
        try:
            answer = _json(200, self.tokens.answer(sent, request.header("Authorization")))
        except TokenError as error:
            answer = _error(error, request)
        return self._shared(request, answer)

    def _begin_device(self, request: Request, sent: Parameters) -> Response:
        try:
            client = self.tokens.client(sent, request.header("Authorization"))
            return _json(200, self.sign_ins.describe_device(client, sent, self.url))
        except TokenError as error:
            return _error(error, request)

    def _shown(self, outcome: Page | Redirect) -> Response:
        if isinstance(outcome, Page):
            return self._html(outcome.status, outcome.html)
        # 303: whatever the form sent stays here (RFC 9700 section 4.12).
        return Response(303, (("Location", outcome.url), _NO_STORE, ("Referrer-Policy", "no-referrer")))

    def _html(self, status: int, html: str) -> Response:
        headers = (
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Security-Policy", pages.policy([self.gateway])),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "same-origin"),  # so that a form of ours says where it comes from
            ("Cross-Origin-Opener-Policy", "same-origin"),
            _NO_STORE,
        )
        return Response(status, headers, html.encode())

    def _shared(self, request: Request, response: Response) -> Response:
        """The same answer; a page of the gateway's may read it."""
        allowed = (("Access-Control-Allow-Origin", self.gateway),) if request.header("Origin") == self.gateway else ()
        return Response(response.status, (*response.headers, ("Vary", "Origin"), *allowed), response.body)

    def _is_own_page(self, request: Request) -> bool:
        """False where a browser says that another page sent the form."""
        return request.header("Origin") in (None, self.url) and request.header("Sec-Fetch-Site") in (
            None,
            "same-origin",
        )

    def _unfit(self, path: str, detail: str) -> Response:
        if path in (TOKEN, DEVICE_AUTHORIZATION):
            return _json(400, {"error": "invalid_request", "error_description": detail})
        return self._html(400, pages.told("This cannot be read", detail))


_PREFLIGHT = (
    ("Access-Control-Allow-Methods", "GET, POST"),
    ("Access-Control-Allow-Headers", "Content-Type"),
    ("Access-Control-Max-Age", "600"),
)


def _body(request: Request) -> str:
    content_type = (request.header("Content-Type") or "").partition(";")[0].strip().lower()
    if content_type != _FORM:
        raise UnfitParameters(f"body: expected {_FORM}")
    try:
        return request.body.decode("ascii")
    except UnicodeDecodeError as error:
        raise UnfitParameters("body: expected percent-encoded text") from error


def _choice(sent: Parameters) -> Choice:
    return Choice(
        is_no=sent.get("no") is not None,
        person=sent.get("person"),
        sub=sent.get("sub") or "",
        groups=sent.get("groups") or "",
        claims=sent.get("claims") or "",
    )


def _foreign() -> Response:
    return Response(
        403, (("Content-Type", "text/plain"),), b"another page sent this form: expected this issuer's own\n"
    )


def _json(status: int, body: Mapping[str, object], *more: tuple[str, str]) -> Response:
    headers = (("Content-Type", "application/json"), _NO_STORE, ("Pragma", "no-cache"), *more)
    return Response(status, headers, json.dumps(body).encode())


def _error(error: TokenError, request: Request) -> Response:
    # RFC 6749 section 5.2: who came with the header is told its scheme.
    challenge = (("WWW-Authenticate", 'Basic realm="token"'),)
    more = challenge if error.status == 401 and request.header("Authorization") is not None else ()
    return _json(error.status, {"error": error.error, "error_description": error.description}, *more)
