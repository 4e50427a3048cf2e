"""Who may do what: an operator's Cedar policies, parsed and validated once, and asked many times.

Default deny; `forbid` wins. Where any policy fails while it is evaluated the answer is no: Cedar would
leave that policy out, and it may have been the `forbid`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import cedarpy

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.policy.catalog import Catalog
from postern.policy.cedar_schema import BUILT_IN, CEDAR_SCHEMA, OWN_PREFIX
from postern.policy.cedar_text import CedarPolicy, split_policies
from postern.policy.entities import Entity, catalog_parents, entities_json, principal_entity, principal_json
from postern.types import Principal

# How Cedar speaks of a policy: alone, or at the start of an error. Nothing later in a text is believed.
_POLICY_NUMBER = re.compile(r"(?:error while evaluating policy `)?policy(\d+)(?:$|`:)")
_ABOUT_POLICY = re.compile(r"^for policy `policy\d+`, ")
_IN_CATALOG = frozenset({"Database", "Schema", "Table", "Class"})

ContextValue = str | int | bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policies say to one question. `policies` decided it: the permits, or the forbids; ids, sorted."""

    is_permitted: bool
    policies: tuple[str, ...]
    failed: tuple[str, ...]  # ids of policies that failed to evaluate; then nothing is permitted


@dataclass(frozen=True, slots=True, eq=False)
class CedarPolicies:
    """The policies of a layer, ready to be asked. Made by `parse_policies`."""

    policies: cedarpy.PolicySet
    schema: cedarpy.Schema
    entities: cedarpy.Entities  # what the catalogs name
    ids: tuple[str, ...]  # in the order of the set: Cedar's `policy0`, `policy1`, …

    def asked_by(self, principal: Principal, context: Mapping[str, ContextValue]) -> Inquiry:
        """One principal's questions in one context. Raises `PolicyUnavailable` where Cedar cannot hold its name."""
        try:
            entities = self.entities.with_added_json_str(principal_json(principal), self.schema)
        except ValueError as error:
            detail = "the caller's name or attributes cannot be put to the policy: tell an operator"
            raise PolicyUnavailable("policy.unavailable", detail) from error
        return Inquiry(self, entities, principal_entity(principal), context)

    def id_of(self, text: str) -> str:
        """The id of the policy that Cedar's text names by number; `request` where the question itself was wrong."""
        number = _POLICY_NUMBER.match(text)
        return self.ids[int(number[1])] if number else "request"


@dataclass(frozen=True, slots=True, eq=False)
class Inquiry:
    """One principal's questions to a layer's policies."""

    cedar: CedarPolicies
    entities: cedarpy.Entities  # the catalogs' and the principal's
    principal: Entity
    context: Mapping[str, ContextValue]

    def may(self, action: str, resource: Entity) -> Verdict:
        """The verdict on one action on one resource that the catalogs name."""
        request = {
            "principal": self.principal.reference(),
            "action": Entity("Action", action).reference(),
            "resource": resource.reference(),
            "context": dict(self.context),
        }
        answer = cedarpy.is_authorized(request, self.cedar.policies, self.entities, self.cedar.schema)
        failed = self._ids(answer.diagnostics.errors)
        # Anything but a plain Allow is no: a request that does not fit the schema gives NoDecision.
        is_permitted = answer.decision == cedarpy.Decision.Allow and not failed
        return Verdict(is_permitted, self._ids(answer.diagnostics.reasons), failed)

    def might(self, action: str, resource: Entity) -> bool:
        """Whether there may be a context in which the answer is yes; the inquiry's own plays no part.

        What nothing may be decided by: a policy that looks at the context counts as if it were met, each by itself.
        """
        request = {
            "principal": self.principal.text(),
            "action": Entity("Action", action).text(),
            "resource": resource.text(),
        }
        answer = cedarpy.is_authorized_partial(request, self.cedar.policies, self.entities, self.cedar.schema)
        # A question that went wrong is open, too, and has errors.
        return answer.decision != cedarpy.Decision.Deny and not answer.diagnostics.errors

    def _ids(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted({self.cedar.id_of(text) for text in texts}))


def parse_policies(files: Mapping[str, bytes], *, catalogs: Iterable[Catalog], issuers: Iterable[str]) -> CedarPolicies:
    """All files' policies and the product's own as one set, validated against the schema and the layer's names.

    A policy that names a table nobody catalogued, or an issuer nobody configured, is refused: in a `forbid`
    such a slip would leave open what it was meant to close. Raises `PolicyFileError`.
    """
    policies = [policy for file in sorted(files) for policy in split_policies(files[file], file=file)]
    _check_prefix(policies)
    policies += split_policies(BUILT_IN.encode(), file="built-in")
    parents = catalog_parents(catalogs)
    schema = cedarpy.Schema.from_str(CEDAR_SCHEMA)
    text = "\n".join(policy.text for policy in policies)
    _check_ids(policies)
    _check_schema(text, policies, schema)
    _check_names(policies, parents.keys(), frozenset(issuers))
    return CedarPolicies(
        cedarpy.PolicySet.from_str(text),
        schema,
        cedarpy.Entities.from_json_str(entities_json(parents), schema),
        tuple(policy.id for policy in policies),
    )


def _check_prefix(policies: Sequence[CedarPolicy]) -> None:
    """A record that names a policy of the product's means the product's."""
    for policy in policies:
        if policy.id.startswith(OWN_PREFIX):
            raise policy.wrong(f"@id: expected a name that does not begin with {OWN_PREFIX!r}, got {policy.id!r}")


def _check_ids(policies: Sequence[CedarPolicy]) -> None:
    places: dict[str, str] = {}
    for policy in policies:
        place = places.setdefault(policy.id, policy.place)
        if place != policy.place:
            raise policy.wrong(f"@id: expected a name of its own, got {policy.id!r}, which {place} has")


def _check_schema(text: str, policies: Sequence[CedarPolicy], schema: cedarpy.Schema) -> None:
    result = cedarpy.validate_policies(text, schema)
    if result.validation_passed:
        return
    error = result.errors[0]
    detail = f"expected a policy that fits the schema, got: {_ABOUT_POLICY.sub('', error.error)}"
    # Cedar numbers the policies of a text in their order, and each piece was seen to hold exactly one.
    number = _POLICY_NUMBER.match(error.policy_id)
    raise policies[int(number[1])].wrong(detail) if number else PolicyFileError("policy", None, detail)


def _check_names(policies: Sequence[CedarPolicy], known: Iterable[Entity], issuers: frozenset[str]) -> None:
    catalogued = frozenset(known)
    for policy in policies:
        for entity in policy.names:
            if entity.type == "Principal" and entity.id.partition("|")[0] not in issuers:
                detail = f"expected `<issuer>|<sub>` with an issuer of issuers.yaml, got {entity.id!r}"
                raise policy.wrong(f"Principal: {detail}")
            if entity.type in _IN_CATALOG and entity not in catalogued:
                raise policy.wrong(f"{entity.type}: expected one that a catalog names, got {entity.id!r}")
