"""Sign-ins under way: a client's request or a device's, the page on which a person answers it, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from postern_local.issuer import pages
from postern_local.issuer.authorization import (
    Asked,
    Refusal,
    Unaddressed,
    parse_authorization,
    unknown_scopes,
    with_answer,
)
from postern_local.issuer.clients import Client, Grant
from postern_local.issuer.codes import Codes
from postern_local.issuer.consent import Consent, Family
from postern_local.issuer.devices import LIFETIME_S, Device, Devices
from postern_local.issuer.discovery import DEVICE
from postern_local.issuer.expiring import Clock, Expiring
from postern_local.issuer.groups import Groups
from postern_local.issuer.parameters import Parameters
from postern_local.issuer.people import Person, UnfitPerson, typed_person
from postern_local.issuer.token_endpoint import TokenError

ANSWERED_WITHIN_S = 600


@dataclass(frozen=True, slots=True)
class Page:
    """What the person sees."""

    html: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the person is sent: always a registered address."""

    url: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What the person's form said: one of the listed people, somebody typed, or no."""

    is_no: bool
    person: str | None
    sub: str
    groups: str
    claims: str


@dataclass(frozen=True, slots=True)
class SignIns:
    """Those under way."""

    issuer: str
    clients: Mapping[str, Client]
    scopes: frozenset[str]
    people: Sequence[Person]
    groups: Groups
    codes: Codes
    devices: Devices
    pending: Expiring[Asked | Device]
    clock: Clock

    def begin(self, sent: Parameters) -> Page | Redirect:
        """A client's request: the page that asks the person, or the client told why not."""
        try:
            asked = parse_authorization(sent, self.clients, self.scopes)
        except Unaddressed as error:
            return Page(pages.told("This request cannot be answered", str(error)), 400)
        if isinstance(asked, Refusal):
            return self._tell(asked, asked.error, asked.description)
        return self._ask(asked)

    def describe_device(self, client: Client, sent: Parameters, url: str) -> dict[str, object]:
        """A device's request (RFC 8628 section 3.2). Raises `TokenError`."""
        if Grant.DEVICE not in client.grants:
            raise TokenError("unauthorized_client", "client: expected one that may sign in by device")
        if unknown_scopes(sent.get("scope"), self.scopes):
            raise TokenError("invalid_scope", f"scope: expected some of {' '.join(sorted(self.scopes))}")
        device_code, device = self.devices.begin(client, tuple((sent.get("scope") or "").split()))
        return {
            "device_code": device_code,
            "user_code": device.user_code,
            "verification_uri": f"{url}{DEVICE}",
            "verification_uri_complete": f"{url}{DEVICE}?user_code={device.user_code}",
            "expires_in": LIFETIME_S,
            "interval": device.interval_s,
        }

    def begin_device(self, typed: str) -> Page:
        """The page that asks the person about the device whose code was typed."""
        device = self.devices.find(typed)
        if device is None:
            return Page(pages.device(typed, wrong="No program waits with this code: look at it again."), 400)
        return self._ask(device)

    def choose(self, request: str, choice: Choice) -> Page | Redirect:
        """The person's answer. A request is answered once; what was mistyped may be typed again."""
        asked = self.pending.get(request)
        if asked is None:
            return Page(pages.told("Too late", "This sign-in was answered already, or is too old: begin anew."), 400)
        try:
            person = None if choice.is_no else self._person(choice)
        except UnfitPerson as error:
            return self._page(request, asked, wrong=str(error))
        self.pending.take(request)
        return self._answer_device(asked, person) if isinstance(asked, Device) else self._answer(asked, person)

    def _ask(self, asked: Asked | Device) -> Page:
        return self._page(self.pending.add(asked), asked)

    def _page(self, request: str, asked: Asked | Device, *, wrong: str = "") -> Page:
        code = asked.user_code if isinstance(asked, Device) else None
        groups = tuple(self.groups.rules)
        html = pages.picker(asked.client.name, request, self.people, groups, code=code, wrong=wrong)
        return Page(html, 400 if wrong else 200)

    def _person(self, choice: Choice) -> Person:
        if choice.person is None:
            return typed_person(choice.sub, choice.groups, choice.claims, self.groups)
        listed = {str(number): person for number, person in enumerate(self.people)}
        if choice.person not in listed:
            raise UnfitPerson("person: expected one of the list")
        return listed[choice.person]

    def _answer(self, asked: Asked, person: Person | None) -> Redirect:
        if person is None:
            return self._tell(asked, "access_denied", "the person said no")
        consent = self._consent(asked.client, person, asked.scopes, asked.nonce)
        code = self.codes.give(consent, redirect_uri=asked.redirect_uri, challenge=asked.challenge)
        return Redirect(with_answer(asked.redirect_uri, asked.state, self.issuer, {"code": code}))

    def _answer_device(self, device: Device, person: Person | None) -> Page:
        consent = None if person is None else self._consent(device.client, person, device.scopes, None)
        if not self.devices.answer(device, consent):
            return Page(pages.told("Too late", "The program does not wait any more: begin anew."), 400)
        if person is None:
            return Page(pages.told("Not signed in", "The program was told no. You can close this page."))
        return Page(pages.told("Signed in", f"The program goes on as {person.sub}. You can close this page."))

    def _consent(self, client: Client, person: Person, scopes: tuple[str, ...], nonce: str | None) -> Consent:
        return Consent(client.id, person, scopes, self.clock(), nonce, Family())

    def _tell(self, to: Asked | Refusal, error: str, description: str) -> Redirect:
        answer = {"error": error, "error_description": description}
        return Redirect(with_answer(to.redirect_uri, to.state, self.issuer, answer))
