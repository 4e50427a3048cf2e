"""What operators write and people review: the policy layer's files, and the table of cases that tests them."""

from __future__ import annotations

from collections.abc import Callable

from postern.errors import PolicyFileError
from postern.policy.bundle import parse_bundle
from postern.policy.catalog import parse_catalog
from postern.policy.cedar import parse_policies
from postern.yaml_lines import load_lines
from postern_cli.policy_cases import parse_cases
from tests.cli.test_policy import FILES
from tests.fuzz.mutation import mutated
from tests.fuzz.target import Target
from tests.support.policy import NOW_US

_FULL_CATALOG = b"""\
database: shop
schema_default: public
classes:
  pii.email: {mask: email}
  pii.card: {mask: partial, keep_last: 4}
  pii.born: {mask: year}
  pii.pay: {mask: range, width: 1000}
  ref.person: {mask: token}
  text.free: {mask: scrub}
  odd: {mask: sql, expression: "left(value, 1)", type: text}
tables:
  public.customers:
    columns: {id: open, email: pii.email, born: {class: pii.born, type: date}, region: open}
    rows: "region = :region and id > 10"
  orders:
    columns: {id: open, note: text.free}
functions: [public.total]
detectors: {phone: true, iban: false}
owner_role: shop_owner
"""
_LIMITS = b"""\
openings: 60
pending: 20
groups:
  batch: {statements: 3000}
databases:
  shop: {provisions: 10}
"""
CASES = b"""\
at: "2027-01-15T08:00:00Z"
cases:
  - name: an agent reads orders
    issuer: ci
    claims: {sub: "repo:acme/shop", repository_owner: acme}
    request:
      database: shop
      purpose: weekly report
      access: [{tables: [orders], actions: [select]}]
    expect: granted
    gives: {groups: [ci]}
  - {name: a lead may revoke, issuer: ci, claims: {sub: lea}, may: revoke, database: shop, expect: permitted}
"""
# Bombs, ties, tags and words that two readers take for two things.
YAML = (
    *(b"&a ", b"*a", b"<<: *a", b"!!python/object/apply:os.system [x]", b"!!binary ", b"!x ", b"%YAML 1.1\n", b"---\n"),
    *(b"...\n", b"? ", b"|\n ", b">\n ", b"'", b"#", b" - ", b": ", b"{a: [", b"yes", b"~", b"0o17", b"12:30:45"),
    *(b"2026-01-01", b".inf", b"\\x00", b"\\U00110000", b"\\uD800", b"[*a, *a, *a, *a]", b"\x85", b"\xe2\x80\xa9"),
)
_RULES = (b"region = :region", b":", b"::", b"'", b"in (", b"and not", b"value", b"(select 1)", b"--", b"/*", b"$1")
_CEDAR = (
    *(b"permit", b"forbid", b"(principal, action, resource)", b"when {", b"unless {", b";", b'@id("', b"//", b"like"),
    *(
        b"Postern::Group::",
        b'decimal("1.2.3")',
        b'ip("::/0")',
        b"template",
        b"?principal",
        b"if true then false else true",
    ),
)


def _file(name: str) -> Callable[[bytes], None]:
    """Takes the layer with this file changed."""
    good = {path: text.encode() for path, text in FILES.items()} | {"limits.yaml": _LIMITS}

    def take(data: bytes) -> None:
        parse_bundle(good | {name: data}, local=None)

    return take


def _catalog(data: bytes) -> None:
    parse_catalog(data, file="catalog/shop.yaml")


def _policies(data: bytes) -> None:
    catalog = parse_catalog(FILES["catalog/shop.yaml"].encode(), file="catalog/shop.yaml")
    parse_policies({"policy/shop.cedar": data}, catalogs=[catalog], issuers=["ci"])


def _cases(data: bytes) -> None:
    parse_cases(data, file="cases.yaml", now_us=NOW_US)


def _lines(data: bytes) -> None:
    load_lines(data, "x.yaml")


_ALL = (PolicyFileError,)
_ISSUERS, _DATABASES, _APPROVALS = (FILES[f"{name}.yaml"].encode() for name in ("issuers", "databases", "approvals"))
_PRESETS = b"""\
issuers:
  - name: gh
    preset: github-actions
    audience: https://x.example
    require: {repository_owner_id: "1", repository_id: ["2", "3"]}
    groups:
      - {name: ci, when: {ref: refs/heads/main}}
"""
TARGETS = (
    Target("layer yaml", mutated([_FULL_CATALOG, CASES, _ISSUERS], tokens=YAML), _lines, _ALL),
    Target(
        "layer catalog",
        mutated([_FULL_CATALOG, FILES["catalog/shop.yaml"].encode()], tokens=(*YAML, *_RULES)),
        _catalog,
        _ALL,
    ),
    Target("layer issuers", mutated([_ISSUERS, _PRESETS], tokens=YAML), _file("issuers.yaml"), _ALL),
    Target("layer databases", mutated([_DATABASES], tokens=YAML), _file("databases.yaml"), _ALL),
    Target("layer approvals", mutated([_APPROVALS], tokens=YAML), _file("approvals.yaml"), _ALL),
    Target("layer limits", mutated([_LIMITS], tokens=YAML), _file("limits.yaml"), _ALL),
    Target("layer cedar", mutated([FILES["policy/shop.cedar"].encode()], tokens=_CEDAR), _policies, _ALL),
    Target("layer cases", mutated([CASES], tokens=YAML), _cases, _ALL),
)
