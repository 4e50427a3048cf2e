"""The local issuer's routes without a socket and a key: a clock that stands still, and tokens that can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from postern_local.issuer.clients import Client, Grant
from postern_local.issuer.groups import Groups
from postern_local.issuer.offer import Offer, make_site
from postern_local.issuer.people import Person
from postern_local.issuer.pkce import challenge_of
from postern_local.issuer.site import Site
from postern_local.loopback import Request, Response

URL = "http://127.0.0.1:4000"
GATEWAY = "http://127.0.0.1:5000"
REDIRECT = f"{GATEWAY}/console"
AUDIENCE = "postern"
SECRET = "s3cret:%/ ü"
VERIFIER = "v" * 43
CODE = Grant.CODE.value
DEVICE = Grant.DEVICE.value
FORM = "application/x-www-form-urlencoded"

_SIGNED_IN = frozenset({Grant.CODE, Grant.REFRESH})
CONSOLE = Client("console", "the console", _SIGNED_IN, (REDIRECT, f"{REDIRECT}/callback?from=issuer"))
OTHER = Client("other", "another page", _SIGNED_IN, (f"{GATEWAY}/other", REDIRECT))
CLI = Client("cli", "the command line", frozenset({Grant.DEVICE, Grant.REFRESH}))
AGENT = Client(
    "agent",
    "an agent",
    frozenset({Grant.CREDENTIALS}),
    secret=SECRET,
    stands_for=Person("repo:acme/shop", claims={"role": "agent"}),
)
GROUPS = Groups(
    {"leads": {"role": "lead"}, "night": {"shift": 3}, "staff": {"role": "staff"}, "one": {"sub": "a"}}, claim="teams"
)
PEOPLE = (Person("person:erin", "an approver", {"role": "approver"}), Person("person:ava", "an auditor"))


@dataclass(slots=True)
class Clock:
    at_s: int = 1_800_000_000

    def __call__(self) -> int:
        return self.at_s


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and ways to look at it."""

    response: Response

    @property
    def status(self) -> int:
        return self.response.status

    def header(self, name: str) -> str | None:
        found = [value for sent, value in self.response.headers if sent.lower() == name.lower()]
        assert len(found) <= 1, f"{name} was sent {len(found)} times"
        return found[0] if found else None

    @property
    def text(self) -> str:
        return self.response.body.decode()

    @property
    def json(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.response.body)
        return body

    @property
    def error(self) -> tuple[int, str]:
        return self.status, self.json["error"]

    @property
    def location(self) -> str:
        location = self.header("Location")
        assert self.status == 303 and location is not None, self.text
        return location

    @property
    def told(self) -> dict[str, str]:
        """The parameters that the person is sent back with."""
        return {name: value for name, (value,) in parse_qs(urlsplit(self.location).query, strict_parsing=True).items()}

    @property
    def request(self) -> str:
        """The name of the request that the page's forms carry: the same in each."""
        named = set(re.findall(r'name="request" value="([^"]*)"', self.text))
        assert self.status in (200, 400) and len(named) == 1, self.text
        return unescape(named.pop())


@dataclass(slots=True)
class Browser:
    """Sends requests as a person's browser, a page or a program would."""

    clock: Clock = field(default_factory=Clock)
    clients: tuple[Client, ...] = (CONSOLE, OTHER, CLI, AGENT)
    people: tuple[Person, ...] = PEOPLE
    groups: Groups = GROUPS
    site: Site = field(init=False)

    def __post_init__(self) -> None:
        offer = Offer(GATEWAY, AUDIENCE, self.clients, self.people, frozenset({"shop"}), self.groups)
        self.site = make_site(URL, offer, b'{"keys": []}', readable_token, self.clock)

    def send(self, method: str, target: str, body: str = "", **headers: str) -> Answer:
        sent = {"Host": "127.0.0.1:4000"} | {name.replace("_", "-"): value for name, value in headers.items()}
        named = tuple((name, value) for name, value in sent.items() if value)
        return Answer(self.site.answer(Request(method, target, named, body.encode("latin-1"), "127.0.0.1")))

    def get(self, path: str, parameters: Mapping[str, str] | None = None, **headers: str) -> Answer:
        return self.send("GET", f"{path}?{urlencode(parameters)}" if parameters else path, **headers)

    def post(self, path: str, parameters: Mapping[str, str], **headers: str) -> Answer:
        return self.send("POST", path, urlencode(parameters), **{"Content_Type": FORM, **headers})

    def ask(self, **changed: str) -> Answer:
        """A valid authorization request, with these parameters changed; an empty one is left out."""
        sent = {
            "response_type": "code",
            "client_id": "console",
            "redirect_uri": REDIRECT,
            "state": "a state",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **changed,
        }
        return self.get("/authorize", {name: value for name, value in sent.items() if value})

    def choose(self, request: str, **said: str) -> Answer:
        return self.post("/choose", {"request": request, **(said or {"person": "0"})})

    def code(self, **changed: str) -> str:
        """The code that a person's consent gives."""
        return self.choose(self.ask(**changed).request).told["code"]

    def redeem(self, code: str, /, **changed: str) -> Answer:
        sent = {
            "grant_type": CODE,
            "client_id": "console",
            "code": code,
            "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER,
            **changed,
        }
        return self.token(**sent)

    def token(self, **sent: str) -> Answer:
        return self.post("/token", {name: value for name, value in sent.items() if value})

    def begin_device(self, **changed: str) -> Answer:
        sent = {"client_id": "cli", "scope": "openid", **changed}
        return self.post("/device_authorization", {name: value for name, value in sent.items() if value})

    def poll(self, device_code: str, /, **changed: str) -> Answer:
        return self.token(**{"grant_type": DEVICE, "client_id": "cli", "device_code": device_code, **changed})


def readable_token(person: Person, audience: str, about: Mapping[str, object], ttl_s: int) -> str:
    """What would be signed."""
    return json.dumps({**person.claims, **about, "sub": person.sub, "aud": audience, "ttl_s": ttl_s})


def claims_of(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(token)
    return claims
