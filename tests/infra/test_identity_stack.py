"""Cognito as an issuer: what the outputs say is what the policy layer takes, and tokens pass as the presets mean it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from postern.identity.issuers import IssuerRules, parse_issuers
from postern.identity.rules import broken_rules
from tests.support.presets import SAMPLES
from tests.support.stacks import Stack, stack, written

METADATA = "https://idp.acme.example/metadata"
POOLS = {"<MachinePool>": "us-east-1_AbCdEfGhI", "<PeoplePool>": "us-east-1_JkLmNoPqR"}


def identity(**parameters: str) -> Stack:
    return stack("infra/identity.yaml", DomainPrefix="acme", SamlMetadataUrl=METADATA, **parameters)


def issuers(*outputs: str) -> tuple[IssuerRules, ...]:
    """The outputs as they would be pasted."""
    text = "issuers:\n"
    for name in outputs:
        text += identity().outputs[name] + "\n"
    for made, real in {**POOLS, "<Machines>": "57cbishk", "<People>": "1h57kf5c"}.items():
        text = text.replace(made, real)
    return parse_issuers(text.encode(), file="issuers.yaml", local=None)


def machine(**changed: Any) -> Mapping[str, Any]:
    return {**SAMPLES["cognito"].claims, **changed}


def person(*groups: str, **changed: Any) -> Mapping[str, Any]:
    claims = {**SAMPLES["cognito-people"].claims, "client_id": "1h57kf5c", "scope": "openid", **changed}
    return {**claims, "cognito:groups": list(groups)}


def test_what_it_tells_can_be_pasted_into_the_policy_layer() -> None:
    machines, people = issuers("MachinesYaml", "PeopleYaml")

    assert (machines.name, machines.preset, machines.audience) == ("machines", "cognito", "57cbishk")
    assert (people.name, people.preset, people.audience) == ("people", "cognito-people", "1h57kf5c")
    assert machines.issuer == f"https://cognito-idp.us-east-1.amazonaws.com/{POOLS['<MachinePool>']}"
    assert people.issuer == f"https://cognito-idp.us-east-1.amazonaws.com/{POOLS['<PeoplePool>']}"


def test_people_can_sign_in_by_what_it_tells() -> None:
    """Cognito's endpoints are on its page's origin, and not on the issuer's."""
    machines, people = issuers("MachinesYaml", "PeopleYaml")

    assert machines.sign_in is None
    assert people.sign_in is not None
    assert (people.sign_in.client_id, people.sign_in.scopes) == (people.audience, ("openid",))
    (origin,) = people.sign_in.origins
    assert identity().outputs["PeopleLoginUrl"] == f"{origin}/oauth2/authorize"


@pytest.mark.parametrize(
    ("output", "claims", "expected"),
    [
        pytest.param("MachinesYaml", machine(), True, id="machine"),
        pytest.param("MachinesYaml", person("postern-approvers"), False, id="person for a machine"),
        pytest.param("MachinesYaml", machine(token_use="id"), False, id="ID token"),
        pytest.param("PeopleYaml", person("postern-approvers"), True, id="approver"),
        pytest.param("PeopleYaml", person("other", "postern-auditors"), True, id="auditor, in another group too"),
        pytest.param("PeopleYaml", person(), False, id="person in no group"),
        pytest.param("PeopleYaml", person("us-east-1_JkLmNoPqR_saml"), False, id="person in Cognito's own group only"),
        pytest.param("PeopleYaml", machine(), False, id="machine for a person"),
    ],
)
def test_tokens_pass_as_they_are_meant(output: str, claims: Mapping[str, Any], expected: bool) -> None:
    (rules,) = issuers(output)
    assert (broken_rules(claims, rules) == ()) is expected


@pytest.mark.parametrize("client", ["Machines", "People"])
def test_no_client_takes_passwords_or_hands_tokens_to_a_page(client: str) -> None:
    one = identity().of_type("AWS::Cognito::UserPoolClient")[client]

    assert one["ExplicitAuthFlows"] == ["ALLOW_REFRESH_TOKEN_AUTH"]
    assert "implicit" not in one["AllowedOAuthFlows"]
    assert one["EnableTokenRevocation"] is True
    assert one["TokenValidityUnits"]["AccessToken"] == "minutes"


def test_people_come_from_the_saml_provider_only() -> None:
    made = identity()

    assert made.of_type("AWS::Cognito::UserPoolClient")["People"]["SupportedIdentityProviders"] == ["saml"]
    [provider] = made.of_type("AWS::Cognito::UserPoolIdentityProvider").values()
    assert provider["ProviderDetails"] == {"MetadataURL": METADATA, "IDPSignout": "false", "IDPInit": "false"}
    for pool in made.of_type("AWS::Cognito::UserPool").values():
        assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
        assert pool["DeletionProtection"] == "ACTIVE"
        assert pool["MfaConfiguration"] == "ON"


def test_without_a_saml_provider_there_are_machines_only() -> None:
    made = stack("infra/identity.yaml", DomainPrefix="acme")

    assert list(made.of_type("AWS::Cognito::UserPoolClient")) == ["Machines"]
    assert list(made.of_type("AWS::Cognito::UserPool")) == ["MachinePool"]
    assert not {name for name in made.outputs if "People" in name or "ServiceProvider" in name}


@pytest.mark.parametrize("pool", ["MachinePool", "PeoplePool"])
def test_a_pool_outlives_its_stack(pool: str) -> None:
    resource = written("infra/identity.yaml")["Resources"][pool]
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
