"""The JSON schemas in docs/schema: current, and of one mind with the parsers."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from scripts.generate_schemas import FOLDER, SCHEMAS, path_of, schema_text

from postern.errors import PolicyFileError
from postern.identity.issuers import parse_issuers
from postern.policy.approvals import parse_approvals
from postern.policy.catalog import parse_catalog
from postern.policy.databases import parse_databases
from postern.policy.limits import parse_limits
from postern.types import DatabaseName
from postern.yaml_lines import Node, load_lines
from postern_cli.policy_cases import parse_cases
from tests.support.presets import SAMPLES

ROOT = Path(__file__).parent.parent

# What each parser is told beside the text.
PARSERS: dict[str, Callable[[bytes], object]] = {
    "issuers": lambda text: parse_issuers(text, file="issuers.yaml", local=None),
    "databases": lambda text: parse_databases(text, file="databases.yaml", catalogued={DatabaseName("shop")}),
    "catalog": lambda text: parse_catalog(text, file="shop.yaml"),
    "approvals": lambda text: parse_approvals(text, file="approvals.yaml"),
    "limits": lambda text: parse_limits(text, file="limits.yaml", catalogued={DatabaseName("shop")}),
    "policy-tests": lambda text: parse_cases(text, file="t.yaml", now_us=0),
}


@cache
def validator(name: str) -> jsonschema.Draft7Validator:
    return jsonschema.Draft7Validator(json.loads(schema_text(name)))


def plain(node: Node) -> Any:
    match node.value:
        case dict() as entries:
            return {name: plain(value) for name, value in entries.items()}
        case list() as items:
            return [plain(item) for item in items]
        case value:
            return value


def schema_accepts(name: str, text: str) -> bool:
    return bool(validator(name).is_valid(plain(load_lines(text.encode(), name))))


def parser_accepts(name: str, text: str) -> bool:
    try:
        PARSERS[name](text.encode())
    except PolicyFileError:
        return False
    return True


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_current_and_a_schema(name):
    stale = f"run `python -m scripts.generate_schemas`: {path_of(name).name} is not what the parsers read"
    assert path_of(name).read_text("utf-8") == schema_text(name), stale
    jsonschema.Draft7Validator.check_schema(validator(name).schema)


def test_no_schema_is_left_over():
    assert {path.name for path in FOLDER.iterdir()} == {path_of(name).name for name in SCHEMAS}


def entry(**fields: str) -> str:
    usual = {"name": "a", "issuer": "https://i.example", "audience": "us"}
    return "issuers:\n- " + "\n  ".join(f"{name}: {value}" for name, value in {**usual, **fields}.items() if value)


def github(*lines: str) -> str:
    return SAMPLES["github-actions"].yaml(*lines)


OWNER = 'require: {repository_owner_id: "1"}'
ADDRESS = "{host: h, port: 5432, dbname: d, resource_id: r-1, region: eu-west-1, ca: /c}"
CATALOG = "{database: shop, schema_default: public, tables: {orders: {columns: {id: open}}}%s}"
CASE = "{cases: [{name: a, issuer: ci, claims: {sub: x}, %s}]}"
REQUEST = "request: {database: shop, purpose: p, access: [{tables: [orders], actions: [select]}]}"

GOOD = [
    *(("issuers", sample.yaml()) for sample in SAMPLES.values()),
    ("issuers", "issuers: []"),
    ("issuers", entry()),
    ("issuers", entry(algorithms="[RS256, EdDSA]", typ="[JWT, application/at+jwt, absent]", leeway_s="0")),
    ("issuers", entry(require="{a: x, /b/c: [1, true], https://x/y: z}", match='{a: ".*"}', absent="[scp, /a/b]")),
    ("issuers", entry(groups="[{name: g, when: {a: [x, y]}}]", groups_claim="groups", on_behalf_of="/act/sub")),
    ("issuers", entry(attributes="{region: /a~1b/c~0d, x1: y}", dpop="required", audience_claim="client_id")),
    ("issuers", entry(require='{/~1odd: "1"}')),
    ("issuers", github(OWNER, "typ: [application/JWT]", "on_behalf_of: actor_id")),
    ("issuers", github(OWNER, "issuer: https://github.acme.example/_services/token")),
    ("databases", f"shop: {ADDRESS}"),
    ("databases", f"{{shop: {ADDRESS[:-1]}, dry_run_database: copy}}, copy: {ADDRESS}}}"),
    ("approvals", "{}"),
    ("approvals", "{default: 1, unmask: 10, writes: 2, statements: 3}"),
    ("limits", "{}"),
    ("limits", "{openings: 1, pending: 90, groups: {b: {statements: 3000}}, databases: {shop: {provisions: 10}}}"),
    ("catalog", CATALOG % ""),
    ("catalog", CATALOG % ", functions: [f, public.g], detectors: {phone: true, iban: false}, owner_role: shop_owner"),
    (
        "catalog",
        CATALOG % ", classes: {a: {mask: redact}, b: {mask: partial, keep_last: 4}, c: {mask: range, width: 9}}",
    ),
    ("catalog", CATALOG % ", classes: {t.f: {mask: sql, expression: 'left(value, 1)', type: text}, n: {mask: 'null'}}"),
    ("policy-tests", CASE % f"{REQUEST}, expect: granted"),
    ("policy-tests", CASE % f'{REQUEST}, expect: {{refused: [a, b]}}, at: "2027-01-15T08:00:00Z"'),
    ("policy-tests", CASE % f"{REQUEST}, expect: {{approval: 2}}, gives: {{groups: [], attributes: {{a: b}}}}"),
    ("policy-tests", CASE % f"{REQUEST}, may: approve, opened_by: {{issuer: ci, claims: {{}}}}, expect: forbidden"),
    ("policy-tests", CASE % f"{REQUEST}, may: dryRun, expect: permitted"),
    ("policy-tests", CASE % "may: revoke, database: shop, expect: not_admitted"),
]

BAD = [
    ("issuers", "{}"),
    ("issuers", "issuers: {}"),
    ("issuers", "{issuers: [], more: 1}"),
    ("issuers", entry(name="GitHub")),
    ("issuers", entry(name="")),
    ("issuers", entry(issuer="")),
    ("issuers", entry(issuer="http://i.example")),
    ("issuers", entry(issuer="https://u@i.example")),
    ("issuers", entry(issuer="'https://i.example?x'")),
    ("issuers", entry(audience="")),
    ("issuers", entry(audience="1")),
    ("issuers", entry(algorithms="[HS256]")),
    ("issuers", entry(algorithms="[none]")),
    ("issuers", entry(algorithms="[]")),
    ("issuers", entry(algorithms="[RS256, RS256]")),
    ("issuers", entry(algorithms="RS256")),
    ("issuers", entry(typ="['a b']")),
    ("issuers", entry(leeway_s="121")),
    ("issuers", entry(leeway_s="-1")),
    ("issuers", entry(leeway_s="true")),
    ("issuers", entry(require="{a: []}")),
    ("issuers", entry(require="{a: null}")),
    ("issuers", entry(require="{a: {b: c}}")),
    ("issuers", entry(require="{a: ''}")),
    ("issuers", entry(require="{/sub: a}")),
    ("issuers", entry(require="{/a//b: c}")),
    ("issuers", entry(require="{/a/b~: c}")),
    ("issuers", entry(require="{/a/b~2: c}")),
    ("issuers", entry(match="{a: 1}")),
    ("issuers", entry(match="{a: ['.*']}")),
    ("issuers", entry(absent="[a, a]")),
    ("issuers", entry(absent="[/a]")),
    ("issuers", entry(absent="a")),
    ("issuers", entry(attributes="{Region: a}")),
    ("issuers", entry(attributes="{region: [a]}")),
    ("issuers", entry(groups="[{name: g, when: {}}]")),
    ("issuers", entry(groups="[{name: g}]")),
    ("issuers", entry(groups="[{name: g, when: {a: b}, or: 1}]")),
    ("issuers", entry(audience_claim="/a/b")),
    ("issuers", entry(dpop="true")),
    ("issuers", entry(sign_in="web")),
    ("issuers", entry(sign_in="{}")),
    ("issuers", entry(sign_in="{client_id: 'a b'}")),
    ("issuers", entry(sign_in="{client_id: web, scopes: []}")),
    ("issuers", entry(sign_in="{client_id: web, scopes: [a, a]}")),
    ("issuers", entry(sign_in="{client_id: web, scopes: ['a b']}")),
    ("issuers", entry(sign_in="{client_id: web, token: both}")),
    ("issuers", entry(sign_in="{client_id: web, client_secret: x}")),
    ("issuers", github(OWNER, "sign_in: {client_id: web}")),
    ("issuers", entry(dpop="yes-please")),
    ("issuers", entry(unknown="1")),
    ("issuers", entry(preset="github")),
    ("issuers", github("leeway_s: 5")),
    ("issuers", github(OWNER, "issuer: https://evil.example")),
    ("issuers", github(OWNER, "algorithms: [ES256]")),
    ("issuers", github(OWNER, "typ: [at+jwt]")),
    ("issuers", github(OWNER, "audience_claim: actor")),
    ("issuers", github(OWNER, "on_behalf_of: head_ref")),
    ("issuers", SAMPLES["okta"].yaml("require: {cid: a}")),
    ("issuers", SAMPLES["okta"].yaml("issuer: https://acme.okta.com", "require: {cid: a}")),
    ("issuers", SAMPLES["entra"].yaml("issuer: https://login.microsoftonline.com/common/v2.0", "require: {azp: a}")),
    ("issuers", SAMPLES["auth0-people"].yaml("issuer: https://acme.eu.auth0.com/", "require: {azp: a}")),
    ("issuers", SAMPLES["generic"].yaml("issuer: https://i.example")),
    ("databases", "shop: {}"),
    ("databases", f"Shop: {ADDRESS}"),
    ("databases", f"shop: {ADDRESS.replace('5432', '0')}"),
    ("databases", f"shop: {ADDRESS.replace('5432', 'x')}"),
    ("databases", f"shop: {ADDRESS.replace('eu-west-1', 'Europe')}"),
    ("databases", f"shop: {ADDRESS[:-1]}, password: x}}"),
    ("databases", "shop: [1]"),
    ("approvals", "{default: 0}"),
    ("approvals", "{default: 11}"),
    ("approvals", "{default: '1'}"),
    ("approvals", "{reads: 1}"),
    ("approvals", "[]"),
    ("limits", "{openings: 0}"),
    ("limits", "{pending: 91}"),
    ("limits", "{groups: {b: {provisions: 1}}}"),
    ("limits", "{databases: {shop: {}}}"),
    ("limits", "{burst: 1}"),
    ("catalog", "{}"),
    ("catalog", "{database: shop, schema_default: public, tables: {}}"),
    ("catalog", "{database: Shop, schema_default: public, tables: {orders: {columns: {id: open}}}}"),
    ("catalog", "{database: shop, schema_default: public, tables: {orders: {columns: {}}}}"),
    ("catalog", "{database: shop, schema_default: public, tables: {orders: {columns: {id: 1}}}}"),
    ("catalog", "{database: shop, schema_default: public, tables: {orders: {columns: {id: {type: text}}}}}"),
    ("catalog", CATALOG % ", classes: {a: {mask: blur}}"),
    ("catalog", CATALOG % ", classes: {a: {mask: null}}"),
    ("catalog", CATALOG % ", classes: {a: {mask: partial}}"),
    ("catalog", CATALOG % ", classes: {a: {mask: partial, keep_first: 1, keep_last: 1}}"),
    ("catalog", CATALOG % ", classes: {a: {mask: redact, width: 1}}"),
    ("catalog", CATALOG % ", classes: {a: {mask: range}}"),
    ("catalog", CATALOG % ", classes: {'a b': {mask: redact}}"),
    ("catalog", CATALOG % ", detectors: {ghosts: true}"),
    ("catalog", CATALOG % ", detectors: {phone: 1}"),
    ("catalog", CATALOG % ", functions: [f, f]"),
    ("catalog", CATALOG % ", views: {}"),
    ("policy-tests", "{cases: []}"),
    ("policy-tests", CASE % "expect: granted"),
    ("policy-tests", CASE % f"{REQUEST}"),
    ("policy-tests", CASE % f"{REQUEST}, expect: permitted"),
    ("policy-tests", CASE % f"{REQUEST}, expect: {{approval: 0}}"),
    ("policy-tests", CASE % f"{REQUEST}, expect: {{refused: [a], approval: 1}}"),
    ("policy-tests", CASE % f"{REQUEST}, database: shop, expect: granted"),
    ("policy-tests", CASE % f"{REQUEST}, opened_by: {{issuer: ci, claims: {{}}}}, expect: granted"),
    ("policy-tests", CASE % f"{REQUEST}, may: approve, expect: permitted"),
    ("policy-tests", CASE % f"{REQUEST}, may: dryRun, expect: granted"),
    ("policy-tests", CASE % f"{REQUEST}, may: revoke, expect: permitted"),
    ("policy-tests", CASE % f"{REQUEST}, expect: granted, at: yesterday"),
    ("policy-tests", CASE % f"{REQUEST}, expect: granted, note: x"),
    ("policy-tests", CASE % "request: {database: shop, purpose: p, access: []}, expect: granted"),
    ("policy-tests", CASE % "request: {database: shop, purpose: p, colour: red}, expect: granted"),
    ("policy-tests", CASE % "may: revoke, database: shop, expect: {refused: [a]}"),
]

# What one file's shape cannot show: patterns, other files, columns' types, values that a preset does not accept.
PARSER_ALONE = [
    ("issuers", entry() + "\n" + entry().partition("\n")[2]),
    ("issuers", entry(issuer="local")),
    ("issuers", entry(match="{a: '('}")),
    ("issuers", entry(sign_in="{client_id: web, token: id_token}")),
    ("issuers", entry(dpop="required", sign_in="{client_id: web}")),
    ("issuers", entry(require="{'a\u200bb': c}")),
    ("issuers", github('match: {repository: ".*"}')),
    ("issuers", github(OWNER, "attributes: {repository: workflow}")),
    ("issuers", github('require: {repository_id: "1", event_name: pull_request}')),
    ("databases", "{}"),
    ("approvals", "{default: 1, default: 2}"),
    ("limits", "{databases: {other: {provisions: 1}}}"),
    ("catalog", "{database: other, schema_default: public, tables: {orders: {columns: {id: open}}}}"),
    ("catalog", "{database: shop, schema_default: public, tables: {orders: {columns: {id: pii.email}}}}"),
    ("policy-tests", CASE % f'{REQUEST}, expect: granted, at: "2027-02-30T08:00:00Z"'),
]


@pytest.mark.parametrize(("name", "text"), GOOD)
def test_parser_and_schema_accept_a_good_document(name, text):
    PARSERS[name](text.encode())
    assert schema_accepts(name, text)


@pytest.mark.parametrize(("name", "text"), BAD)
def test_parser_and_schema_refuse_a_bad_document(name, text):
    assert (parser_accepts(name, text), schema_accepts(name, text)) == (False, False)


@pytest.mark.parametrize(("name", "text"), PARSER_ALONE)
def test_the_parser_has_the_last_word(name, text):
    assert not parser_accepts(name, text)


def policy_files() -> list[Path]:
    folders = ("layers/policy", "local/postern_local/demo/policy", "local/postern_local/demo/policy-tests")
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.yaml"))


@pytest.mark.parametrize("path", policy_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_of_a_layer_names_the_schema_it_holds_to(path):
    first, _, _ = path.read_text("utf-8").partition("\n")
    schema = (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
    assert schema in {path_of(name) for name in SCHEMAS}, f"{path.name}: expected a schema in its first line"
    name = schema.name.removesuffix(".schema.json")
    assert schema_accepts(name, path.read_text("utf-8"))


def blocks(page: str, first: str) -> list[str]:
    """A page's YAML examples that begin so, whatever comments stand before it."""
    texts = [block.partition("```")[0] for block in (ROOT / page).read_text("utf-8").split("```yaml\n")[1:]]
    return [text for text in texts if f"\n{first}:" in f"\n{text}"]


def commented(path: str) -> str:
    """The example that a file's comments hold."""
    lines = (ROOT / path).read_text("utf-8").splitlines()
    return "issuers:\n" + "\n".join(line[1:] for line in lines if line.startswith("#   "))


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("issuers", blocks("docs/identity.md", "issuers")),
        ("issuers", [commented("layers/policy/issuers.yaml")]),
        ("policy-tests", blocks("docs/policy.md", "cases")),
    ],
)
def test_an_example_in_the_documentation_loads(name, texts):
    assert texts
    for text in texts:
        PARSERS[name](text.encode())
        assert schema_accepts(name, text)
