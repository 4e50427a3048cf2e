"""What an issuer offers: to which gate one can sign in, by which clients and as whom; and the routes made of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from postern_local.issuer.authorization import Asked
from postern_local.issuer.clients import Client
from postern_local.issuer.codes import Codes
from postern_local.issuer.devices import Device, Devices
from postern_local.issuer.discovery import JWKS, PATHS, discovery
from postern_local.issuer.expiring import Clock, Expiring
from postern_local.issuer.groups import Groups
from postern_local.issuer.people import Person
from postern_local.issuer.refresh import RefreshTokens
from postern_local.issuer.sign_in import ANSWERED_WITHIN_S, SignIns
from postern_local.issuer.site import Site
from postern_local.issuer.token_endpoint import Sign, TokenEndpoint

SCOPES = frozenset({"openid", "profile", "email", "offline_access"})


@dataclass(frozen=True, slots=True)
class Offer:
    """To what one can sign in here, by which clients, and as whom."""

    gateway: str  # its origin
    audience: str  # of access tokens
    clients: Sequence[Client]
    people: Sequence[Person] = ()
    scopes: frozenset[str] = frozenset()  # beside `SCOPES`
    groups: Groups = field(default_factory=Groups)


NOTHING = Offer(gateway="", audience="", clients=())


def make_site(url: str, offer: Offer, keys: bytes, sign: Sign, clock: Clock) -> Site:
    """The routes of the issuer at `url`, with nothing granted yet. `keys` is the published key set."""
    clients = {client.id: client for client in offer.clients}
    scopes = SCOPES | offer.scopes
    codes, devices = Codes(clock), Devices(clock)
    pending: Expiring[Asked | Device] = Expiring(clock, lifetime_s=ANSWERED_WITHIN_S)
    sign_ins = SignIns(url, clients, scopes, offer.people, offer.groups, codes, devices, pending, clock)
    tokens = TokenEndpoint(clients, scopes, offer.audience, codes, devices, RefreshTokens(clock), sign)
    documents = {**dict.fromkeys(PATHS, json.dumps(discovery(url, scopes)).encode()), JWKS: keys}
    return Site(url, documents, sign_ins, tokens, offer.gateway, threading.Lock())
