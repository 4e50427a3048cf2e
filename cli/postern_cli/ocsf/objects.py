"""OCSF 1.3.0's objects, as far as our events have them. Sources are paths of github.com/ocsf/ocsf-schema, tag 1.3.0.

An object has every attribute that OCSF requires, and of the others those that a record of ours can fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from postern_cli.ocsf.attributes import Attribute, Shape

_NAME_OR_UID = ("name", "uid")  # objects/_entity.json: constraints.at_least_one

OBJECTS: Final[Mapping[str, Shape]] = {
    "metadata": Shape(
        (
            Attribute("version", "string_t", "required", "objects/metadata.json: version"),
            Attribute("product", "product", "required", "objects/metadata.json: product"),
            Attribute("log_name", "string_t", "recommended", "objects/metadata.json: log_name"),
            Attribute("log_provider", "string_t", "recommended", "objects/metadata.json: log_provider"),
            Attribute("original_time", "string_t", "recommended", "objects/metadata.json: original_time"),
            Attribute("correlation_uid", "string_t", "optional", "objects/metadata.json: correlation_uid"),
            Attribute("event_code", "string_t", "optional", "objects/metadata.json: event_code"),
            Attribute("uid", "string_t", "optional", "objects/metadata.json: uid"),
            Attribute("profiles", "string_t", "optional", "objects/metadata.json: profiles", is_array=True),
        )
    ),
    "product": Shape(
        (
            Attribute("vendor_name", "string_t", "required", "objects/product.json: vendor_name"),
            Attribute("name", "string_t", "recommended", "objects/product.json: name"),
            Attribute("version", "string_t", "recommended", "objects/product.json: version"),
            Attribute("feature", "feature", "optional", "objects/product.json: feature"),
        ),
        at_least_one=_NAME_OR_UID,
    ),
    "feature": Shape(
        (Attribute("name", "string_t", "recommended", "objects/feature.json: name"),), at_least_one=_NAME_OR_UID
    ),
    "actor": Shape(
        (
            Attribute("user", "user", "recommended", "objects/actor.json: user"),
            Attribute("session", "session", "optional", "objects/actor.json: session"),
            Attribute("idp", "idp", "optional", "objects/actor.json: idp"),
            Attribute("app_name", "string_t", "optional", "objects/actor.json: app_name"),
            Attribute(
                "authorizations", "authorization", "optional", "objects/actor.json: authorizations", is_array=True
            ),
        ),
        at_least_one=("process", "user", "invoked_by", "session", "app_name", "app_uid"),
    ),
    "authorization": Shape(
        (
            Attribute("decision", "string_t", "recommended", "objects/authorization.json: decision"),
            Attribute("policy", "policy", "optional", "objects/authorization.json: policy"),
        )
    ),
    "policy": Shape(
        (Attribute("uid", "string_t", "recommended", "objects/policy.json: uid"),), at_least_one=_NAME_OR_UID
    ),
    "user": Shape(
        (
            Attribute("name", "string_t", "recommended", "objects/user.json: name (username_t, a string_t)"),
            Attribute("uid", "string_t", "recommended", "objects/user.json: uid"),
            Attribute("groups", "group", "optional", "objects/user.json: groups", is_array=True),
        ),
        at_least_one=("account", "name", "uid"),
    ),
    "group": Shape(
        (Attribute("name", "string_t", "recommended", "objects/group.json: name"),), at_least_one=_NAME_OR_UID
    ),
    "idp": Shape(
        (
            Attribute("name", "string_t", "recommended", "objects/idp.json: name"),
            Attribute("uid", "string_t", "recommended", "objects/idp.json: uid"),
        ),
        at_least_one=_NAME_OR_UID,
    ),
    "session": Shape(
        (
            Attribute("uid", "string_t", "recommended", "objects/session.json: uid"),
            Attribute("issuer", "string_t", "recommended", "objects/session.json: issuer"),
            Attribute("credential_uid", "string_t", "optional", "objects/session.json: credential_uid"),
            Attribute("expiration_time", "timestamp_t", "optional", "objects/session.json: expiration_time"),
        )
    ),
    "network_endpoint": Shape(
        (
            Attribute("name", "string_t", "recommended", "objects/endpoint.json: name"),
            Attribute(
                "hostname", "string_t", "recommended", "objects/endpoint.json: hostname (hostname_t, a string_t)"
            ),
            Attribute("port", "integer_t", "recommended", "objects/network_endpoint.json: port (port_t, an integer_t)"),
            Attribute("svc_name", "string_t", "recommended", "objects/network_endpoint.json: svc_name"),
        ),
        at_least_one=(
            *("ip", "uid", "name", "hostname", "svc_name", "instance_uid", "interface_uid", "interface_name"),
        ),
    ),
    "database": Shape(
        (
            Attribute(
                "type_id",
                "integer_t",
                "required",
                "objects/database.json: type_id",
                {
                    0: "Unknown",
                    1: "Relational",
                    2: "Network",
                    3: "Object Oriented",
                    4: "Centralized",
                    5: "Operational",
                    6: "NoSQL",
                    99: "Other",
                },
            ),
            Attribute("type", "string_t", "recommended", "objects/database.json: type"),
            Attribute("name", "string_t", "recommended", "objects/database.json: name"),
            Attribute("uid", "string_t", "recommended", "objects/database.json: uid"),
        ),
        at_least_one=_NAME_OR_UID,
    ),
    "table": Shape(
        (Attribute("name", "string_t", "recommended", "objects/table.json: name"),), at_least_one=_NAME_OR_UID
    ),
    "query_info": Shape(
        (
            Attribute("query_string", "string_t", "required", "objects/query_info.json: query_string"),
            Attribute("uid", "string_t", "recommended", "objects/query_info.json: uid"),
        ),
        at_least_one=_NAME_OR_UID,
    ),
}
