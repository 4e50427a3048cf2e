"""OCSF 1.3.0's two classes that our records become, as a table that each event is tested against.

Sources are paths of github.com/ocsf/ocsf-schema, tag 1.3.0. The class of an event decides the shape of its `unmapped`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from postern_cli.ocsf.attributes import Attribute, Shape
from postern_cli.ocsf.objects import OBJECTS
from postern_cli.ocsf.unmapped import UNMAPPED

VERSION: Final = "1.3.0"  # version.json: version
MAX_STRING_BYTES: Final = 65_535  # dictionary.json: types.attributes.string_t.max_len
MAX_PORT: Final = 65_535  # dictionary.json: types.attributes.port_t.range
SEVERITIES: Final = {
    0: "Unknown",
    1: "Informational",
    2: "Low",
    3: "Medium",
    4: "High",
    5: "Critical",
    6: "Fatal",
    99: "Other",
}
STATUSES: Final = {0: "Unknown", 1: "Success", 2: "Failure", 99: "Other"}
_BASE = "events/base_event.json"
_CLASSIFICATION = "includes/classification.json"
_OCCURRENCE = "includes/occurrence.json"


@dataclass(frozen=True, slots=True)
class EventClass:
    """One class: what names it, and its shape."""

    uid: int
    name: str
    caption: str
    category_uid: int
    category_name: str
    activities: Mapping[int, str]
    shape: Shape


def _class(
    uid: int,
    name: str,
    captions: tuple[str, str],
    activities: Mapping[int, str],
    own: tuple[Attribute, ...],
    *,
    at_least_one: tuple[str, ...] = (),
    just_one: tuple[str, ...] = (),
) -> EventClass:
    """The class with what every event has; its category is the first digit of its uid."""
    caption, category = captions
    category_uid = uid // 1000
    types = {uid * 100 + activity: f"{caption}: {said}" for activity, said in activities.items()}
    attributes = (
        Attribute("activity_id", "integer_t", "required", f"{_CLASSIFICATION}: activity_id", activities),
        Attribute("activity_name", "string_t", "optional", f"{_CLASSIFICATION}: activity_name"),
        Attribute(
            "category_uid", "integer_t", "required", f"{_CLASSIFICATION}: category_uid", {category_uid: category}
        ),
        Attribute("category_name", "string_t", "optional", f"{_CLASSIFICATION}: category_name"),
        Attribute("class_uid", "integer_t", "required", f"{_CLASSIFICATION}: class_uid", {uid: caption}),
        Attribute("class_name", "string_t", "optional", f"{_CLASSIFICATION}: class_name"),
        Attribute("type_uid", "long_t", "required", f"{_CLASSIFICATION}: type_uid", types),
        Attribute("type_name", "string_t", "optional", f"{_CLASSIFICATION}: type_name"),
        Attribute("time", "timestamp_t", "required", f"{_OCCURRENCE}: time"),
        Attribute("start_time", "timestamp_t", "optional", f"{_OCCURRENCE}: start_time"),
        Attribute("end_time", "timestamp_t", "optional", f"{_OCCURRENCE}: end_time"),
        Attribute("duration", "long_t", "optional", f"{_OCCURRENCE}: duration"),
        Attribute("severity_id", "integer_t", "required", f"{_BASE}: severity_id", SEVERITIES),
        Attribute("severity", "string_t", "optional", f"{_BASE}: severity"),
        Attribute("status_id", "integer_t", "recommended", f"{_BASE}: status_id", STATUSES),
        Attribute("status", "string_t", "recommended", f"{_BASE}: status"),
        Attribute("status_code", "string_t", "recommended", f"{_BASE}: status_code"),
        Attribute("status_detail", "string_t", "recommended", f"{_BASE}: status_detail"),
        Attribute("message", "string_t", "recommended", f"{_BASE}: message"),
        Attribute("metadata", "metadata", "required", f"{_BASE}: metadata"),
        *own,
    )
    return EventClass(uid, name, caption, category_uid, category, activities, Shape(attributes, at_least_one, just_one))


_DATASTORE_FILE = "events/application/datastore_activity.json"
DATASTORE_ACTIVITY: Final = _class(
    6005,  # categories.json: application is 6; datastore_activity.json: uid is 5
    "datastore_activity",
    ("Datastore Activity", "Application Activity"),
    {
        0: "Unknown",
        1: "Read",
        2: "Update",
        3: "Connect",
        4: "Query",
        5: "Write",
        6: "Create",
        7: "Delete",
        8: "List",
        9: "Encrypt",
        10: "Decrypt",
        99: "Other",
    },
    (
        Attribute("actor", "actor", "required", f"{_DATASTORE_FILE}: actor"),
        Attribute("src_endpoint", "network_endpoint", "required", f"{_DATASTORE_FILE}: src_endpoint"),
        Attribute("dst_endpoint", "network_endpoint", "recommended", f"{_DATASTORE_FILE}: dst_endpoint"),
        Attribute("database", "database", "recommended", f"{_DATASTORE_FILE}: database"),
        Attribute("table", "table", "recommended", f"{_DATASTORE_FILE}: table"),
        Attribute("query_info", "query_info", "recommended", f"{_DATASTORE_FILE}: query_info"),
        Attribute(
            "type_id",
            "integer_t",
            "recommended",
            f"{_DATASTORE_FILE}: type_id",
            {0: "Unknown", 1: "Database", 2: "Databucket", 3: "Table", 99: "Other"},
        ),
        Attribute("unmapped", "unmapped_statement", "optional", f"{_BASE}: unmapped"),
    ),
    at_least_one=("database", "databucket", "table"),  # datastore_activity.json: constraints
)

_SESSION_FILE = "events/iam/authorize_session.json"
AUTHORIZE_SESSION: Final = _class(
    3003,  # categories.json: iam is 3; authorize_session.json: uid is 3
    "authorize_session",
    ("Authorize Session", "Identity & Access Management"),
    {0: "Unknown", 1: "Assign Privileges", 2: "Assign Groups", 99: "Other"},
    (
        Attribute("user", "user", "required", f"{_SESSION_FILE}: user"),
        Attribute("privileges", "string_t", "recommended", f"{_SESSION_FILE}: privileges", is_array=True),
        Attribute("session", "session", "recommended", f"{_SESSION_FILE}: session"),
        Attribute("dst_endpoint", "network_endpoint", "optional", f"{_SESSION_FILE}: dst_endpoint"),
        Attribute("src_endpoint", "network_endpoint", "recommended", "events/iam/iam.json: src_endpoint"),
        Attribute("actor", "actor", "optional", "profiles/host.json: actor, by events/iam/iam.json", profile="host"),
        Attribute("unmapped", "unmapped_session", "optional", f"{_BASE}: unmapped"),
    ),
    just_one=("privileges", "group"),  # authorize_session.json: constraints
)

CLASSES: Final = {one.uid: one for one in (DATASTORE_ACTIVITY, AUTHORIZE_SESSION)}
SHAPES: Final[Mapping[str, Shape]] = {**OBJECTS, **UNMAPPED}
