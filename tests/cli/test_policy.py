"""`postern policy`: check, test and explain say what production would do, and why."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from postern_cli.main import main
from tests.support.policy import CATALOG, ISSUERS, LAYER, POLICY, replaced

AGENT = {"sub": "repo:acme/shop", "repository_owner": "acme", "region": "eu", "actor": "mona"}
LEAD = {"sub": "lea", "repository_owner": "acme", "role": "lead"}
ORDERS = {"database": "shop", "purpose": "report", "access": [{"tables": ["orders"], "actions": ["select"]}]}
LONG = {**ORDERS, "ttl_s": 7200}
MIGRATION = {"database": "shop", "purpose": "fix", "statements": [{"sql": "ALTER TABLE orders ADD note text"}]}

ISSUERS_OF_TWO = (
    replaced(ISSUERS, "attributes: {region: region}", "attributes: {region: region}\n    on_behalf_of: actor")
    + """\
    groups:
      - {name: ci, when: {region: eu}}
      - {name: leads, when: {role: lead}}
"""
)
POLICY_WITH_LEADS = (
    POLICY
    + """
@id("leads-approve")
permit (principal in Postern::Group::"leads",
        action in [Postern::Action::"approve", Postern::Action::"revoke", Postern::Action::"dryRun"],
        resource == Postern::Database::"shop");

@id("ci-runs-statements")
permit (principal in Postern::Group::"ci", action == Postern::Action::"runStatements", resource);

@id("nobody-in-sales-sees-raw-values")
forbid (principal, action == Postern::Action::"unmask", resource == Postern::Class::"shop/pii.email")
when { context has ticket && context.ticket like "NO-*" };
"""
)
FILES = {
    **LAYER,
    "issuers.yaml": ISSUERS_OF_TWO,
    "policy/shop.cedar": POLICY_WITH_LEADS,
    "catalog/shop.yaml": CATALOG + "owner_role: shop_owner\n",
}


@dataclass(frozen=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Desk:
    """A policy layer in a folder, and the command line beside it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.root, self.layer, self.capsys = folder, folder / "policy", capsys
        for path, text in FILES.items():
            self.write(path, text)

    def write(self, path: str, text: str) -> None:
        file = self.layer / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    def run(self, command: str, *arguments: str | Path) -> Ended:
        code = main(["policy", command, str(self.layer), *map(str, arguments)])
        out, err = self.capsys.readouterr()
        return Ended(int(code), out, err)

    def test(self, *cases: dict[str, Any], **top: Any) -> Ended:
        table = self.root / "cases.yaml"
        table.write_text(json.dumps({"at": "2027-01-15T08:00:00Z", **top, "cases": list(cases)}), "utf-8")
        return self.run("test", table, "--json")

    def explain(self, claims: object, request: object | None = None, *arguments: str) -> Ended:
        (self.root / "claims.json").write_text(json.dumps(claims), "utf-8")
        asked = []
        if request is not None:
            (self.root / "request.json").write_text(json.dumps(request), "utf-8")
            asked = ["--request", str(self.root / "request.json")]
        at = ("--at", "2027-01-15T08:00:00Z")
        return self.run("explain", "--claims", self.root / "claims.json", *asked, *at, *arguments)


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


def case(**fields: Any) -> dict[str, Any]:
    return {"name": "a case", "issuer": "ci", "claims": AGENT, **fields}


def test_check_accepts_a_valid_layer_and_names_its_digest(desk):
    ended = desk.run("check", "--json")
    assert ended.code == 0
    assert ended.json["valid"]
    assert ended.json["databases"] == ["shop"]
    assert "leads-approve" in ended.json["policies"]
    assert ended.json["notes"] == ["policy/shop.cedar:11: no issuer puts anybody in group 'sales'"]
    assert ended.json["digest"] in desk.run("check").out


SIGN_IN = "    sign_in: {client_id: web, device_client_id: cli, scopes: [openid, 'read:x']}\n"


def test_check_tells_how_people_sign_in_and_what_the_issuer_must_do_for_it(desk):
    assert desk.run("check", "--json").json["issuers"][0]["sign_in"] is None
    desk.write("issuers.yaml", ISSUERS_OF_TWO + SIGN_IN)
    assert desk.run("check", "--json").json["issuers"][0]["sign_in"] == {
        "client_id": "web",
        "device_client_id": "cli",
        "scopes": ["openid", "read:x"],
        "token": "access_token",
        "audience_parameter": None,
        "origins": [],
    }
    said = desk.run("check").out
    assert "sign-in   ci  by web and cli, for openid read:x; the access token is sent; the issuer must write" in said
    assert "aud 'https://postern.example' into it" in said


def test_check_says_where_the_client_is_the_audience(desk):
    entry = "    sign_in: {client_id: 'https://postern.example', token: id_token}\n"
    desk.write("issuers.yaml", ISSUERS_OF_TWO + entry)
    assert "the id token is sent, which is for the client, as `audience` says" in desk.run("check").out


@pytest.mark.parametrize(
    ("path", "text", "says"),
    [
        ("issuers.yaml", ISSUERS_OF_TWO + "    colour: red\n", "issuers.yaml:11: issuers[0].colour: unknown field"),
        ("issuers.yaml", replaced(ISSUERS, "issuer: https", "issuer: http"), "issuers.yaml:3: issuers[0].issuer"),
        (
            "issuers.yaml",
            replaced(ISSUERS, "- name: ci", "- name: ci\n    preset: github"),
            "issuers.yaml:3: issuers[0]",
        ),
        (
            "issuers.yaml",
            "issuers: [{name: l, issuer: local, audience: a}]",
            "issuers.yaml:1: issuers[0].issuer: `local`",
        ),
        ("policy/shop.cedar", "permit (principal, action, resource) when { 1 };", "policy/shop.cedar:1"),
        ("approvals.yaml", "default: 0", "approvals.yaml:1: default"),
        ("catalog/shop.yml", "", "catalog/shop.yml"),
        ("databases.yaml", "{}", "databases.yaml:1"),
    ],
)
def test_check_refuses_a_wrong_layer_and_names_the_line(desk, path, text, says):
    desk.write(path, text)
    ended = desk.run("check")
    assert ended.code == 1
    assert says in ended.err


def test_check_tells_machines_where_a_layer_is_wrong(desk):
    desk.write("approvals.yaml", "writes: 1\ndefault: 0\n")
    said = desk.run("check", "--json").json
    assert (said["valid"], said["file"], said["line"]) == (False, "approvals.yaml", 2)


def test_check_takes_local_where_the_layer_is_for_the_local_stack(desk):
    desk.write("issuers.yaml", replaced(ISSUERS_OF_TWO, "https://issuer.example", "local"))
    assert (desk.run("check").code, desk.run("check", "--local").code) == (1, 0)


def test_check_notes_what_the_environment_must_supply_and_who_is_admitted_never(desk):
    (desk.layer / "databases.yaml").unlink()
    desk.write("issuers.yaml", replaced(ISSUERS_OF_TWO, "    require: {repository_owner: acme}\n", ""))
    notes = "\n".join(desk.run("check", "--json").json["notes"])
    assert "databases.yaml: not here" in notes
    assert "issuer `ci` has neither `require` nor `match`: it admits nobody" in notes


@pytest.mark.parametrize("command", ["check", "test", "explain"])
def test_cannot_tell_without_a_layer(desk, command):
    more = ["--claims", "c.json"] if command == "explain" else []
    code = main(["policy", command, str(desk.root / "elsewhere"), *more])
    assert code == 3
    assert "expected a folder with a policy layer" in desk.capsys.readouterr().err


HOLDS = {
    "granted": case(request=ORDERS, expect="granted"),
    "granted, as whom": case(
        request=ORDERS,
        expect="granted",
        gives={"id": "ci|repo:acme/shop", "on_behalf_of": "mona", "groups": ["ci"], "attributes": {"region": "eu"}},
    ),
    "approval": case(request=LONG, expect={"approval": 1}),
    "approval of however many": case(request=LONG, expect="approval"),
    "approval for raw values": case(
        request={**LONG, "access": [{"tables": ["customers"], "actions": ["select"]}], "unmask": ["pii.email"],
                 "ticket": "OPS-1"},
        expect={"approval": 2},
    ),
    "refused part": case(
        request={**ORDERS, "access": [{"tables": ["orders", "sales.leads"], "actions": ["select"]}]},
        expect={"refused": ["select on sales.leads"]},
    ),
    "refused": case(request={**ORDERS, "database": "other"}, expect="refused"),
    "not admitted": case(claims={**AGENT, "repository_owner": "evil"}, request=ORDERS, expect="not_admitted"),
    "wrong audience": case(claims={**AGENT, "aud": "https://else.example"}, request=ORDERS, expect="not_admitted"),
    "wrong issuer": case(claims={**AGENT, "iss": "https://else.example"}, request=ORDERS, expect="not_admitted"),
    "expired": case(claims={**AGENT, "exp": 1}, request=ORDERS, expect="not_admitted"),
    "may approve": case(
        claims=LEAD, may="approve", request=LONG, opened_by={"issuer": "ci", "claims": AGENT}, expect="permitted"
    ),
    "agent may not approve": case(
        may="approve", request=LONG, opened_by={"issuer": "ci", "claims": {**AGENT, "sub": "b"}}, expect="forbidden"
    ),
    "four eyes: own task": case(
        claims={**LEAD, "region": "eu"},
        may="approve",
        request=LONG,
        opened_by={"issuer": "ci", "claims": {**LEAD, "region": "eu"}},
        expect="forbidden",
    ),
    "four eyes: on one's behalf": case(
        claims={**LEAD, "sub": "mona@acme.example"},
        may="approve",
        request=LONG,
        opened_by={"issuer": "ci", "claims": AGENT},
        expect="forbidden",
    ),
    "statements wait": case(request=MIGRATION, expect={"approval": 2}),
    "statements refused": case(claims=LEAD, request=MIGRATION, expect={"refused": ["runStatements"]}),
    "may try statements": case(
        claims=LEAD, may="dryRun", request=MIGRATION, opened_by={"issuer": "ci", "claims": AGENT}, expect="permitted"
    ),
    "may not try statements": case(may="dryRun", request=MIGRATION, expect="forbidden"),
    "may revoke": case(claims=LEAD, may="revoke", database="shop", expect="permitted"),
    "may not audit": case(claims=LEAD, may="audit", database="shop", expect="forbidden"),
    "may not revoke elsewhere": case(claims=LEAD, may="revoke", database="other", expect="forbidden"),
}  # fmt: skip


@pytest.mark.parametrize("row", HOLDS.values(), ids=HOLDS.keys())
def test_a_case_that_says_what_production_would_do_holds(desk, row):
    ended = desk.test(row)
    assert ended.json["cases"][0]["wrong"] == []
    assert ended.code == 0


@pytest.mark.parametrize(
    ("row", "wrong", "why"),
    [
        (case(request=LONG, expect="granted"), "expected granted, got approval of 1", "permitted by ci-reads"),
        (case(request=LONG, expect={"approval": 2}), "expected approval of 2, got approval of 1", "permitted by ci-"),
        (case(request=ORDERS, expect="refused"), "expected refused, got granted", "permitted by ci-reads"),
        (
            case(request={**ORDERS, "database": "x"}, expect={"refused": ["other"]}),
            "expected refused (other), got refused (select on orders)",
            "not open to you",
        ),
        (
            case(claims={**AGENT, "repository_owner": "evil"}, request=ORDERS, expect="granted"),
            "expected granted, got not_admitted",
            "require repository_owner: acme",
        ),
        (
            case(request=ORDERS, expect="granted", gives={"groups": ["leads"]}),
            "groups: expected ('leads',), got ('ci',)",
            "permitted by ci-reads",
        ),
        (
            case(request=ORDERS, expect="granted", gives={"attributes": {"team": "a"}}),
            "attribute team: expected a, got none",
            "permitted by ci-reads",
        ),
        (case(may="revoke", database="shop", expect="permitted"), "expected permitted, got forbidden", "no policy"),
        (
            case(
                claims={**LEAD, "sub": "MONA"}, may="approve", request=LONG,
                opened_by={"issuer": "ci", "claims": AGENT}, expect="permitted",
            ),
            "expected permitted, got forbidden",
            "four eyes",
        ),
    ],
)  # fmt: skip
def test_a_case_that_says_otherwise_fails_and_tells_what_came_and_why(desk, row, wrong, why):
    ended = desk.test(row)
    (result,) = ended.json["cases"]
    assert ended.code == 1
    assert result["wrong"] == [wrong]
    assert any(why in line for line in result["why"])
    assert "1 of 1 cases came out otherwise" in ended.err


def test_a_failing_case_is_told_to_a_person_by_name_and_line(desk):
    desk.test(case(name="too long", request=LONG, expect="granted"))
    ended = desk.run("test", desk.root / "cases.yaml")
    assert "fails   too long" in ended.out
    assert "cases.yaml:1" in ended.out
    assert "0 hold, 1 fail" in ended.out


def test_time_decides_what_time_policies_say(desk):
    desk.write("policy/night.cedar", '@id("night") forbid (principal, action, resource) when { context.hour < 6 };')
    day, night = "2027-01-15T08:00:00Z", "2027-01-15T03:00:00Z"
    rows = [
        case(name=at, at=at, request=ORDERS, expect=expect) for at, expect in ((day, "granted"), (night, "refused"))
    ]
    assert desk.test(*rows).code == 0


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (case(issuer="nobody", request=ORDERS, expect="granted"), "expected an issuer of issuers.yaml (ci)"),
        (case(request={**ORDERS, "colour": "red"}, expect="granted"), "colour"),
        (case(request=ORDERS, expect="allowed"), "expected one of granted, approval, refused, not_admitted"),
        (case(request=ORDERS), "expected a field `expect`"),
        (case(expect="granted"), "expected a field `request`"),
        (case(request=ORDERS, may="approve", expect="permitted"), "expected a field `opened_by`"),
        (case(request=ORDERS, database="shop", expect="granted"), "unknown field beside `request`"),
        (case(may="revoke", request=ORDERS, database="shop", expect="permitted"), "unknown field beside `database`"),
        (
            case(
                claims=LEAD, may="approve", request={**LONG, "database": "x"},
                opened_by={"issuer": "ci", "claims": AGENT}, expect="permitted",
            ),
            "expected a task that may be opened, got refused",
        ),
        (
            case(
                claims=LEAD, may="approve", request=LONG,
                opened_by={"issuer": "ci", "claims": {"sub": "x"}}, expect="permitted",
            ),
            "expected claims that are admitted, to open the task",
        ),
    ],
)  # fmt: skip
def test_refuses_a_wrong_table_and_names_the_line(desk, row, says):
    ended = desk.test(row)
    assert ended.code == 1
    assert says in ended.err
    assert "cases.yaml:1: " in ended.err


def test_refuses_two_cases_of_one_name(desk):
    row = case(request=ORDERS, expect="granted")
    ended = desk.test(row, row)
    assert ended.code == 1
    assert "expected a name of its own, got 'a case' again" in ended.err


def test_finds_the_tables_beside_the_layer(desk):
    assert desk.run("test").code == 2
    folder = desk.root / "policy-tests"
    folder.mkdir()
    for name in ("a", "b"):
        (folder / f"{name}.yaml").write_text(json.dumps({"cases": [case(request=ORDERS, expect="granted")]}))
    assert desk.run("test").out.count("holds") == 2
    assert desk.run("test", folder / "missing.yaml").code == 3


def test_explains_a_grant_by_the_policies_that_gave_it(desk):
    ended = desk.explain(AGENT, ORDERS, "--json")
    assert ended.code == 0
    said = ended.json
    assert said["principal"]["groups"] == ["ci"]
    assert said["decision"] == "granted"
    asked = [(one["action"], one["resource"]["id"], one["permitted"]) for one in said["questions"]]
    assert asked == [("select", "shop.public.orders", True), ("autoApprove", "shop", True)]
    assert said["questions"][0]["policies"] == ["ci-reads"]
    assert said["scope"] == ["public.orders: select; id, customer_id, total"]


def test_explains_a_refusal_by_the_forbid_or_by_what_is_not_there(desk):
    tables = [{"tables": ["sales.leads", "nope"], "actions": ["select"]}]
    request = {**ORDERS, "access": tables, "unmask": ["pii.email", "ghost"], "ticket": "NO-1"}
    ended = desk.explain(AGENT, request, "--json")
    assert ended.code == 1
    questions = {one["resource"]["id"]: one for one in ended.json["questions"]}
    assert questions["shop.sales.leads"]["policies"] == ["sales-is-closed"]
    assert questions["shop/pii.email"]["policies"] == ["nobody-in-sales-sees-raw-values"]
    assert ended.json["unknown"] == ["table nope", "class ghost"]
    said = desk.explain(AGENT, request).out
    assert "forbidden by sales-is-closed" in said
    assert "table nope: the layer has none of this name" in said


def test_explains_which_claim_rule_did_not_hold(desk):
    ended = desk.explain({**AGENT, "repository_owner": ["evil"]}, ORDERS, "--json")
    assert (ended.code, ended.json["admitted"]) == (1, False)
    assert ended.json["rules"] == ["require repository_owner: acme"]


def test_explains_whom_claims_name_where_nothing_is_asked_for(desk):
    ended = desk.explain(AGENT)
    assert ended.code == 0
    assert "principal     ci|repo:acme/shop" in ended.out
    assert "attribute     region = eu" in ended.out


def test_explain_reads_one_of_its_files_from_standard_input(desk, monkeypatch):
    class Input:
        buffer = io.BytesIO(json.dumps(AGENT).encode())

    monkeypatch.setattr("sys.stdin", Input())
    assert desk.run("explain", "--claims", "-", "--json").json["admitted"]
    assert "got it for both" in desk.run("explain", "--claims", "-", "--request", "-").err


@pytest.mark.parametrize(
    ("claims", "arguments"),
    [({**AGENT, "iss": "https://else.example"}, ()), (AGENT, ("--issuer", "x")), (AGENT, ("--at", "noon")), ([], ())],
)
def test_explain_refuses_what_it_cannot_use(desk, claims, arguments):
    assert desk.run("explain", "--claims", desk.root / "none.json").code == 3
    (desk.root / "claims.json").write_text(json.dumps(claims), "utf-8")
    assert desk.run("explain", "--claims", desk.root / "claims.json", *arguments).code == 2


def test_nothing_that_a_table_or_token_says_moves_the_terminal(desk):
    ended = desk.explain({**AGENT, "region": "eu", "actor": "mona"}, {**ORDERS, "database": "\u001b[31mshop"})
    assert "\u001b[31m" not in ended.out


def test_the_demos_layer_decides_as_its_table_says(capsys):
    demo = Path(__file__).parent.parent.parent / "local/postern_local/demo/policy"
    assert main(["policy", "test", str(demo), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["failed"] == 0
