"""Presets: what each admits of its issuer's own tokens, and the genuine tokens of others that it refuses."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from postern.errors import PolicyFileError
from postern.identity.issuers import ALGORITHMS, LocalIssuer, normal_typ, parse_issuers
from postern.identity.preset_use import PRESETS
from tests.support.identity import NOW_S, refusal, token_of, verify
from tests.support.presets import ABSENT, CLIENT, OBJECT, SAMPLES, STS, STS_STEP, Sample

ROOT = Path(__file__).parent.parent.parent


def test_every_preset_has_a_sample_and_a_place_in_the_documentation():
    assert SAMPLES.keys() == PRESETS.keys()
    page = (ROOT / "docs/identity.md").read_text()
    for preset in PRESETS.values():
        assert f"`{preset.name}`" in page, preset.name
        for claim in (preset.attributes or {}).values():
            assert f"`{claim}`" in page, f"{preset.name}: {claim}"


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.preset)
def test_admits_a_token_as_its_issuer_documents_it(sample):
    principal = sample.admit()
    preset = PRESETS[sample.preset]
    assert principal.subject == sample.claims["sub"]
    assert principal.attributes.keys() <= (preset.attributes or {}).keys()
    assert principal.on_behalf_of == (sample.claims[preset.persons[0]] if preset.persons else None)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=lambda preset: preset.name)
def test_a_preset_is_whole(preset):
    assert preset.algorithms <= ALGORITHMS
    assert preset.types
    assert re.fullmatch(r"[a-z0-9-]+", preset.name)
    assert preset.bind or preset.name == "generic"
    assert not (set(preset.absent) & preset.singles)


# Genuine, rightly signed, for our audience, and not the operator's. Each row changes the sample's claims.
HOSTILE: dict[str, list[dict[str, Any]]] = {
    "github-actions": [
        {"event_name": "pull_request", "ref": "refs/pull/7/merge"},
        {"event_name": "pull_request_target"},
        {"event_name": "pull_request", "repository": "mallory/shop", "repository_owner_id": "666"},
        {"ref": "refs/pull/7/merge"},
        {"repository_owner_id": "666", "repository_owner": "mallory", "repository": "mallory/shop"},
        {"repository_owner_id": "1234567"},
        {"repository_owner_id": "１２３４５６"},
        {"repository_owner_id": 123456},
        {"repository_owner_id": ["123456"]},
        {"repository_owner_id": ["123456", "666"]},
        {"repository_owner_id": {"123456": "123456"}},
        {"repository_owner_id": None},
        {"repository_owner_id": ABSENT, "/repository_owner_id": "123456"},
        {"event_name": ["push", "pull_request"]},
        {"event_name": "a_new_event"},
        {"event_name": ABSENT},
        {"repository": ["acme/shop"]},
        {"run_id": ABSENT},
    ],
    "github-actions-pull-requests": [
        {"repository_id": "666", "repository": "mallory/shop"},
        {"repository_id": ["456789"]},
        {"repository_id": 456789},
    ],
    "gitlab-ci": [
        {"project_path": "acme-evil/shop"},
        {"project_path": "evil/acme/shop"},
        {"project_path": "Acme/shop"},
        {"project_path": "аcme/shop"},
        {"project_path": "acme\u200b/shop"},
        {"project_path": "acme/shop\n"},
        {"project_path": ["acme/shop"]},
        {"pipeline_source": "merge_request_event"},
        {"pipeline_source": "external_pull_request_event"},
        {"pipeline_source": "parent_pipeline"},
        {"ref_path": "refs/merge-requests/7/head"},
        {"ref_path": ABSENT},
        {"job_id": ABSENT},
    ],
    "gitlab-ci-merge-requests": [{"project_id": "200"}, {"project_id": 20}, {"project_id": ["20"]}],
    "kubernetes": [
        {"sub": "system:serviceaccount:evil:shop-agent"},
        {"sub": "system:serviceaccount:agents:default"},
        {"sub": "agents:shop-agent"},
        {"kubernetes.io": ABSENT},
        {"kubernetes.io": "agents"},
        {"kubernetes.io": ["agents"]},
        {"kubernetes.io > namespace": ["agents"]},
        {"kubernetes.io > serviceaccount": "shop-agent"},
    ],
    "eks": [
        {"kubernetes.io > namespace": "evil"},
        {"kubernetes.io": ABSENT, "/kubernetes.io/namespace": "agents", "kubernetes.io/namespace": "agents"},
        {"kubernetes.io": [{"namespace": "agents"}]},
        {"kubernetes.io > namespace": None},
    ],
    "aws": [
        {"sub": "arn:aws:iam::123456789012:role/Other"},
        {"sub": "arn:aws:iam::210987654321:role/Agent", f"{STS} > aws_account": "210987654321"},
        {"sub": "Agent"},
        {f"{STS} > aws_account": 123456789012},
        {STS: ABSENT, "aws_account": "123456789012"},
    ],
    "google": [
        {"email": "agent@mallory-prod.iam.gserviceaccount.com"},
        {"email": "agent@acme-prod.iam.gserviceaccount.com.evil.example"},
        {"email": "AGENT@acme-prod.iam.gserviceaccount.com"},
        {"email_verified": False},
        {"email_verified": "true"},
        {"email_verified": ABSENT},
        {"hd": "acme.example"},
        {"email": ["agent@acme-prod.iam.gserviceaccount.com"]},
    ],
    "okta": [
        {"sub": "mallory@acme.example", "cid": "0oaCli", "uid": "00uMallory"},
        {"cid": "0oaOther", "sub": "0oaOther"},
        {"cid": ABSENT},
        {"cid": ["0oaAgent"]},
        {"ver": "1"},
        {"ver": True},
        {"uid": ""},
    ],
    "okta-people": [{"cid": "0oaOther"}, {"cid": ABSENT}, {"ver": 2}],
    "entra": [
        {"tid": "66666666-2222-4333-8444-555555555555"},
        {"tid": ABSENT},
        {"ver": "1.0"},
        {"ver": 2},
        {"azp": "66666666-bbbb-4ccc-8ddd-eeeeeeeeeeee"},
        {"azp": ABSENT, "appid": CLIENT},
        {"azp": CLIENT.upper()},
        {"azp": [CLIENT]},
        {"scp": "access_as_user"},
        {"_claim_names": {"groups": "src1"}},
    ],
    "entra-people": [
        {"roles": ["Postern.Read"]},
        {"roles": {"Postern.Approve": True}},
        {"roles": ABSENT},
        {"tid": "66666666-2222-4333-8444-555555555555"},
        {"hasgroups": True},
        {"azp": ABSENT},  # an ID token
    ],
    "auth0": [
        {"sub": "auth0|mallory"},
        {"sub": "auth0|mallory@clients"},
        {"sub": "AgentClient1"},
        {"azp": "OtherClient"},
        {"azp": ["AgentClient1"]},
        {"azp": ABSENT},
    ],
    "auth0-people": [
        {"https://acme.example/roles": ["reader"]},
        {"https://acme.example/roles": ABSENT},
        {"https://acme.example/roles": ABSENT, "https:": {"": {"acme.example": {"roles": "approver"}}}},
    ],
    "cognito": [
        {"token_use": "id"},
        {"token_use": ["access"]},
        {"token_use": ABSENT},
        {"username": "mallory"},
        {"cognito:groups": ["dba"]},
        {"origin_jti": OBJECT},
    ],
    "cognito-people": [{"token_use": "id"}, {"cognito:groups": ["users"]}, {"cognito:groups": ABSENT}],
    "generic": [{"team": "other"}, {"team": ABSENT}, {"team": {"data": 1}}],
}


def _rows() -> list[Any]:
    rows = ((SAMPLES[name], row, place) for name, changes in HOSTILE.items() for place, row in enumerate(changes))
    return [pytest.param(sample, row, id=f"{sample.preset}-{place}") for sample, row, place in rows]


@pytest.mark.parametrize(("sample", "changes"), _rows())
def test_refuses_a_genuine_token_of_somebody_else(sample, changes):
    assert sample.admits({})
    assert not sample.admits(changes)


@pytest.mark.parametrize("typ", ["JWT", "at+jwt", "application/at+jwt", "dpop+jwt", pytest.param(ABSENT, id="absent")])
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.preset)
def test_takes_signed_tokens_of_the_types_that_the_issuer_writes_and_no_others(sample, typ):
    rules = sample.rules()
    claims = {"iss": rules.issuer, "iat": NOW_S, "exp": NOW_S + 300, rules.audience_claim: sample.audience}
    header = {"alg": "RS256", "kid": "RS256", **({} if typ is ABSENT else {"typ": typ})}
    signed = token_of(json.dumps(header).encode(), json.dumps({**sample.claims, **claims}).encode())
    if ("absent" if typ is ABSENT else normal_typ(typ)) in PRESETS[sample.preset].types:
        assert verify(signed, yaml=sample.yaml()).subject == sample.claims["sub"]
    else:
        assert refusal(signed, yaml=sample.yaml()) == "token.type"


def test_every_preset_faces_hostile_tokens():
    assert HOSTILE.keys() == PRESETS.keys()


GITHUB, GITLAB, ENTRA = SAMPLES["github-actions"], SAMPLES["gitlab-ci"], SAMPLES["entra"]
ISSUER = {name: next((line for line in one.entry if line.startswith("issuer: ")), "") for name, one in SAMPLES.items()}


def refused(sample: Sample, *lines: str) -> str:
    with pytest.raises(PolicyFileError) as raised:
        sample.rules(*lines)
    return raised.value.detail


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: sample.preset)
def test_refuses_an_entry_that_does_not_say_whose_tokens(sample):
    lines = [line for line in sample.entry if line.startswith("issuer: ")] or ["leeway_s: 5"]
    if sample.preset == "cognito":  # its audience is the client already
        lines += ["audience_claim: scope"]
    assert "issuers.yaml:3: issuers[0].preset: preset" in refused(sample, *lines)


@pytest.mark.parametrize(
    ("sample", "row"),
    [
        ("github-actions", 'repository: ".*"'),
        ("github-actions", 'repository: "[^/]+/shop"'),
        ("github-actions", 'repository: ".*/shop(-.*)?"'),
        ("github-actions", 'repository: "acme.*"'),
        ("github-actions", 'repository: "acme.*/shop"'),
        ("github-actions", 'repository: "[a-z]+/[a-z]+-prod"'),
        ("github-actions", 'repository: "[A-Z][a-z]+/shop"'),
        ("github-actions", 'repository_owner: "[a-z]+-labs"'),
        ("github-actions", 'repository_id: "[0-9]{6}"'),
        ("google", '/google/compute_engine/project_id: "[a-z]+-prod"'),
        ("google", 'email: "agent@[a-z]+-prod[.]iam[.]gserviceaccount[.]com"'),
        ("github-actions", 'repository_owner: "(?i).+"'),
        ("github-actions", 'repository_owner: "acme-.*"'),
        ("github-actions", 'repository_owner_id: "123.*"'),
        ("gitlab-ci", 'namespace_path: "acme.*"'),
        ("gitlab-ci", 'project_path: ".*/acme/.*"'),
        ("gitlab-ci", 'project_path: "(acme|.+)/shop"'),
        ("kubernetes", 'sub: "system:serviceaccount:.*"'),
        ("kubernetes", 'sub: "system:serviceaccount:[a-z]+:shop-agent"'),
        ("kubernetes", '/kubernetes.io/namespace: "[a-z]+"'),
        ("aws", 'sub: "arn:aws:iam::[0-9]+:role/Agent"'),
        ("google", 'email: ".*@.*"'),
        ("google", 'email: "agent@.*"'),
        ("google", 'email: ".*[.]iam[.]gserviceaccount[.]com"'),
        ("google", 'email: ".*@acme-.*"'),
        ("google", 'sub: "1044.*"'),
        ("entra", 'azp: ".*"'),
        ("auth0", 'sub: ".*@clients"'),
        ("auth0-people", 'sub: "auth0[|].*"'),
        ("okta-people", 'sub: ".*acme[.]example"'),
        ("okta-people", 'sub: ".+@.*acme[.]co[.]uk"'),
    ],
)
def test_refuses_a_pattern_that_a_strangers_token_matches(sample, row):
    lines = [line for line in (ISSUER[sample],) if line]
    assert "a stranger's" in refused(SAMPLES[sample], *lines, f"match: {{{row}}}")


@pytest.mark.parametrize(
    ("sample", "row"),
    [
        ("github-actions", 'repository: "acme/.*"'),
        ("github-actions", 'repository: "(acme|octo)/shop"'),
        ("github-actions", 'repository_owner: "acme|acme-labs"'),
        ("github-actions", 'repository_owner: "acme(-labs)?"'),
        ("github-actions", 'repository: "acme/(shop|docs)-.*"'),
        ("gitlab-ci", 'project_path: "acme/(team/)?[a-z-]+"'),
        ("google", 'email: "(agent|batch)@acme-(prod|test)[.]iam[.]gserviceaccount[.]com"'),
        ("gitlab-ci", 'namespace_path: "acme(/.*)?"'),
        ("kubernetes", 'sub: "system:serviceaccount:agents:.*"'),
        ("kubernetes", '/kubernetes.io/namespace: "team-.*"'),
        ("aws", 'sub: "arn:aws:iam::123456789012:role/agents/.*"'),
        ("google", 'email: ".*@acme-prod[.]iam[.]gserviceaccount[.]com"'),
        ("google", '/google/compute_engine/project_id: "acme-(prod|test)"'),
        ("auth0", 'sub: "(A1|B2)@clients"'),
    ],
)
def test_takes_a_pattern_that_only_the_operators_own_tokens_match(sample, row):
    lines = [line for line in (ISSUER[sample],) if line]
    assert SAMPLES[sample].rules(*lines, f"match: {{{row}}}").match


OWNER = 'require: {repository_owner_id: "123456"}'


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        ((OWNER, "issuer: https://evil.example"), 6, "expected an issuer of preset `github-actions`"),
        ((OWNER, "issuer: https://token.actions.githubusercontent.com.evil.example"), 6, "expected an issuer of"),
        ((OWNER, "issuer: https://token.actions.githubusercontent.com/"), 6, "expected an issuer of preset"),
        ((OWNER, "algorithms: [ES256]"), 6, "algorithms: expected what preset `github-actions` accepts (RS256)"),
        ((OWNER, "typ: [JWT, at+jwt]"), 6, "typ: expected what preset `github-actions` accepts (jwt), got at+jwt"),
        ((OWNER, "audience_claim: actor"), 6, "audience_claim: expected what preset"),
        (("require:", '  repository_id: "1"', "  event_name: pull_request"), 7, "expected values that preset"),
        (("require:", '  repository_id: "1"', "  event_name: [push, pull_request]"), 7, "expected values that"),
        (("require:", '  repository_id: "1"', "  ref: refs/pull/1/merge"), 7, "match ref: refs/(heads|tags)/.+"),
        (("require:", '  repository_id: "1"', "  run_id: 5"), 7, "expected values that preset"),
        ((OWNER, "attributes:", "  repository: workflow"), 7, "maps this attribute from `repository`"),
        ((OWNER, "on_behalf_of: head_ref"), 6, "expected one of preset `github-actions`'s (actor, actor_id)"),
        ((OWNER, "preset: github-actions"), 6, "`preset` is here twice"),
    ],
)
def test_refuses_what_would_widen_a_preset_and_names_the_line(lines, line, says):
    detail = refused(GITHUB, *lines)
    assert f"issuers.yaml:{line}: " in detail
    assert says in detail


def test_refuses_a_row_about_a_claim_that_the_preset_does_not_let_in():
    assert "issuers.yaml:6" in refused(SAMPLES["okta"], ISSUER["okta"], "require: {cid: a, uid: b}")


def test_refuses_an_unknown_preset():
    text = SAMPLES["generic"].yaml().replace("preset: generic", "preset: github")
    with pytest.raises(PolicyFileError, match=r"issuers.yaml:3: issuers\[0\].preset: expected one of auth0, "):
        parse_issuers(text.encode(), file="issuers.yaml", local=None)


def test_refuses_a_preset_for_the_local_stacks_issuer():
    text = GITHUB.yaml(OWNER, "issuer: local")
    with pytest.raises(PolicyFileError, match="expected no preset beside `local`"):
        parse_issuers(text.encode(), file="issuers.yaml", local=LocalIssuer("http://127.0.0.1:1"))


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers", CLIENT.upper(), f"{CLIENT}/x"])
def test_refuses_an_entra_issuer_that_is_not_one_tenants(tenant):
    lines = (f"issuer: https://login.microsoftonline.com/{tenant}/v2.0", f"require: {{azp: {CLIENT}}}")
    assert "expected an issuer of preset `entra`" in refused(ENTRA, *lines)


def test_an_operators_rows_narrow_what_a_preset_admits():
    lines = (*GITHUB.entry, 'match: {ref: "refs/heads/main"}', "absent: [environment]")
    assert GITHUB.admits({}, *lines)
    assert not GITHUB.admits({"ref": "refs/heads/other"}, *lines)
    assert not GITHUB.admits({"environment": "production"}, *lines)
    assert not GITHUB.admits({"event_name": "schedule"}, 'require: {repository_id: "456789", event_name: push}')


def test_a_group_takes_no_list_where_the_issuer_writes_one_value():
    lines = (*GITHUB.entry, "groups: [{name: acme, when: {repository_owner: acme}}]")
    assert GITHUB.admit({}, *lines).groups == ("acme",)
    assert GITHUB.admit({"repository_owner": ["acme", "evil"]}, *lines).groups == ()
    with_list = (*ENTRA.entry, "groups: [{name: agents, when: {roles: Agent}}]")
    assert ENTRA.admit({"roles": ["Agent"]}, *with_list).groups == ("agents",)


def test_gives_what_is_nested_as_attributes():
    lines = (*SAMPLES["aws"].entry, f"attributes: {{team: {STS_STEP}/principal_tags/team}}")
    principal = SAMPLES["aws"].admit({}, *lines)
    assert principal.attributes["aws_account"] == "123456789012"
    assert principal.attributes["team"] == "data"


def test_a_cognito_entry_may_take_a_scope_of_its_own_for_the_audience():
    sample = SAMPLES["cognito"]
    rules = sample.rules(*sample.entry, "audience_claim: scope", "require: {client_id: [57cbishk, other]}")
    assert rules.audience_claim == "scope"
    assert sample.rules().audience_claim == "client_id"
