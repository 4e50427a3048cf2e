"""A valid policy layer in memory, and what is asked of it: start from it and change one thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from postern.errors import PolicyFileError
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.policy.decide import decide
from postern.policy.requests import AccessRequest, Denied, Granted, TaskRequest
from postern.types import Action, Budgets, DatabaseName, Principal, Sha256Hex

# 2027-01-15, a Friday, 08:00 UTC.
NOW_US = 1_800_000_000_000_000

ISSUERS = """\
issuers:
  - name: ci
    issuer: https://issuer.example
    audience: https://postern.example
    require: {repository_owner: acme}
    attributes: {region: region}
"""

DATABASES = """\
shop:
  host: shop.example
  port: 5432
  dbname: shop
  resource_id: cluster-ABC
  region: eu-west-1
  ca: /opt/ca.pem
"""

APPROVALS = "{default: 1, unmask: 2, writes: 1, statements: 2}\n"

CATALOG = """\
database: shop
schema_default: public
classes:
  pii.email: {mask: email}
  pii.name: {mask: redact}
tables:
  public.customers:
    columns:
      id: open
      email: pii.email
      full_name: pii.name
      region: open
    rows: "region = :region"
  public.orders:
    columns: {id: open, customer_id: open, total: open}
  sales.leads:
    columns: {id: open, contact: pii.email}
functions: []
"""

POLICY = """\
// Members of ci read the shop, but for what sales keeps to itself.
@id("ci-reads")
permit (principal in Postern::Group::"ci", action == Postern::Action::"select",
        resource in Postern::Database::"shop");

@id("ci-unmasks-with-a-ticket")
permit (principal in Postern::Group::"ci", action == Postern::Action::"unmask",
        resource == Postern::Class::"shop/pii.email")
when { context has ticket };

@id("sales-is-closed")
forbid (principal, action, resource in Postern::Schema::"shop.sales")
unless { principal in Postern::Group::"sales" };

permit (principal, action == Postern::Action::"autoApprove", resource)
when { context.ttl <= 3600 };
"""

LAYER: Mapping[str, str] = {
    "issuers.yaml": ISSUERS,
    "databases.yaml": DATABASES,
    "approvals.yaml": APPROVALS,
    "catalog/shop.yaml": CATALOG,
    "policy/shop.cedar": POLICY,
}


def layer(**changed: str | None) -> dict[str, bytes]:
    """The valid layer with files replaced, added or (None) left out: `catalog_shop`, `policy_extra`, `issuers`, …"""
    texts = {**LAYER, **{_path(name): text for name, text in changed.items()}}
    return {path: text.encode() for path, text in texts.items() if text is not None}


def _path(name: str) -> str:
    folder, _, rest = name.partition("_")
    if rest:
        return f"{folder}/{rest}.{'yaml' if folder == 'catalog' else 'cedar'}"
    return f"{name}.yaml"


def replaced(text: str, old: str, new: str) -> str:
    """`text` with its one `old` replaced; a fixture that has moved on fails here and not as a test that passes."""
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in the text"
    return text.replace(old, new)


def bundle(**changed: str | None) -> PolicyBundle:
    return parse_bundle(layer(**changed), local=None)


def load_error(**changed: str | None) -> PolicyFileError:
    """The error that loading the changed layer gives; an AssertionError where it loads."""
    try:
        bundle(**changed)
    except PolicyFileError as error:
        return error
    raise AssertionError("the layer loads")


def principal(
    *,
    groups: Iterable[str] = ("ci",),
    subject: str = "repo:acme/shop",
    attributes: Mapping[str, str] | None = None,
    on_behalf_of: str | None = None,
) -> Principal:
    return Principal(
        issuer="ci",
        issuer_url="https://issuer.example",
        subject=subject,
        token_sha256=Sha256Hex("0" * 64),
        expires_at_s=NOW_US // 1_000_000 + 600,
        attributes={"region": "eu"} if attributes is None else attributes,
        groups=tuple(groups),
        on_behalf_of=on_behalf_of,
    )


def access(*tables: str, actions: Iterable[str] = ("select",), columns: Iterable[str] | None = None) -> AccessRequest:
    wanted = tuple(Action(action) for action in actions)
    return AccessRequest(tables, wanted, None if columns is None else tuple(columns))


def request(
    *parts: AccessRequest,
    unmask: Iterable[str] = (),
    lookup: Iterable[str] = (),
    database: str = "shop",
    purpose: str = "weekly report",
    ticket: str | None = None,
    ttl_s: int = 3600,
) -> TaskRequest:
    return TaskRequest(
        database=DatabaseName(database),
        purpose=purpose,
        ticket=ticket,
        access=parts,
        unmask=tuple(unmask),
        lookup=tuple(lookup),
        ttl_s=ttl_s,
        budgets=Budgets(500, 1_000_000, 1_000_000_000, 10_000, 100_000, 100),
    )


def granted(layer_: PolicyBundle, asked: TaskRequest, asking: Principal | None = None) -> Granted:
    """The decision, which must be a grant."""
    decision = decide(layer_, asking or principal(), asked, now_us=NOW_US)
    assert isinstance(decision, Granted), decision
    return decision


def denied(layer_: PolicyBundle, asked: TaskRequest, asking: Principal | None = None) -> Denied:
    """The decision, which must be a denial."""
    decision = decide(layer_, asking or principal(), asked, now_us=NOW_US)
    assert isinstance(decision, Denied), decision
    return decision
