"""Which record becomes which event, and why a kind becomes none. Outcomes and settlements join their intents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from postern_cli.ocsf.schema import AUTHORIZE_SESSION, DATASTORE_ACTIVITY, EventClass

OTHER: Final = 99


@dataclass(frozen=True, slots=True)
class Mapped:
    """A kind's class and activity. `activity_name` is our own word, where OCSF has none: the activity is Other."""

    event_class: EventClass
    activity_id: int
    activity_name: str | None = None


# A statement's activity is refined by what its decision says: see `statement_events`.
MAPPED: Final[Mapping[tuple[str, str], Mapped]] = {
    ("intent", "statement"): Mapped(DATASTORE_ACTIVITY, 4),
    ("intent", "run_once"): Mapped(DATASTORE_ACTIVITY, OTHER, "Run Once"),
    ("intent", "dry_run"): Mapped(DATASTORE_ACTIVITY, OTHER, "Dry Run"),
    ("event", "grant"): Mapped(AUTHORIZE_SESSION, 1),
    ("event", "refusal"): Mapped(AUTHORIZE_SESSION, 1),
    ("event", "approval"): Mapped(AUTHORIZE_SESSION, OTHER, "Approve"),
    ("intent", "provision"): Mapped(AUTHORIZE_SESSION, OTHER, "Provision"),
    ("intent", "teardown"): Mapped(AUTHORIZE_SESSION, OTHER, "Teardown"),
    ("event", "revocation"): Mapped(AUTHORIZE_SESSION, OTHER, "Revoke"),
    ("event", "hold"): Mapped(AUTHORIZE_SESSION, OTHER, "Hold"),
    ("event", "release"): Mapped(AUTHORIZE_SESSION, OTHER, "Release"),
}
LEFT_OUT: Final[Mapping[tuple[str, str], str]] = {
    ("event", "epoch_start"): "about the log, not about access",
    ("event", "epoch_end"): "about the log, not about access",
    ("event", "key"): "about the log's keys, not about access",
    ("event", "quarantine"): "about an object that cannot be an entry; nobody may trust what it says",
    ("event", "deploy"): "about the installation; neither class has a place for it",
    ("event", "erasure"): "about the text of statements, not about access to a database",
}
UNKNOWN_KIND: Final = "a kind that this version does not know"
