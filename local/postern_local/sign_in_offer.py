"""To what one can sign in at a stack's issuer: by which clients, as whom, for which audience."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from postern.identity.issuers import IssuerRules
from postern_local.issuer.clients import Client, Grant, make_secrets
from postern_local.issuer.groups import Groups
from postern_local.issuer.offer import Offer
from postern_local.issuer.people import RESERVED, Person
from postern_local.policy_layer import PolicyLayer

CONSOLE = "postern-console"
CLI = "postern-cli"
AGENT = "postern-agent"
CLIENTS_FILE = "clients.json"

_PERSONS_OWN = frozenset({Grant.CODE, Grant.REFRESH})


def make_offer(layer: PolicyLayer, gateway: str, folder: Path, people: Sequence[Person], agent: Person | None) -> Offer:
    """What the issuer offers for this gateway. Writes the confidential client's secret to `folder`, mode 0600.

    `agent` is whom the confidential client stands for; without one it stands for itself.
    """
    secrets = make_secrets(folder / CLIENTS_FILE, (AGENT,))
    rules = next(one for one in layer.bundle.issuers if one.is_local)
    sign_in = rules.sign_in
    return Offer(
        gateway=gateway,
        audience=layer.audience,
        clients=_clients(
            CONSOLE if sign_in is None else sign_in.client_id,
            CLI if sign_in is None else sign_in.device_client_id,
            gateway,
            secrets,
            agent or Person(AGENT),
        ),
        people=people,
        scopes=frozenset() if sign_in is None else frozenset(sign_in.scopes),
        groups=_groups(rules),
    )


def _groups(rules: IssuerRules) -> Groups:
    """Claims for each group: the first value that does. Not of those that hang on what nobody can choose here."""
    simple = (
        one for one in rules.groups if not any(row.claim.startswith("/") or row.claim in RESERVED for row in one.when)
    )
    return Groups({one.name: {row.claim: row.any_of[0] for row in one.when} for one in simple}, rules.groups_claim)


def _clients(console: str, cli: str, gateway: str, secrets: Mapping[str, str], agent: Person) -> list[Client]:
    redirects = tuple(f"{gateway}{path}" for path in ("/console", "/console/", "/console/callback"))
    device = frozenset({Grant.DEVICE, Grant.REFRESH})
    people = (
        [Client(console, "Postern", _PERSONS_OWN | device, redirects)]
        if console == cli
        else [
            Client(console, "The Postern console", _PERSONS_OWN, redirects),
            Client(cli, "The postern command line", device),
        ]
    )
    return [*people, Client(AGENT, "An agent", frozenset({Grant.CREDENTIALS}), secret=secrets[AGENT], stands_for=agent)]
