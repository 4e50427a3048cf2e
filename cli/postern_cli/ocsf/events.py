"""A command of the log as an event."""

from __future__ import annotations

from typing import Any

from postern_cli.evidence.held import Command
from postern_cli.ocsf.kinds import MAPPED
from postern_cli.ocsf.parts import without_none
from postern_cli.ocsf.schema import DATASTORE_ACTIVITY
from postern_cli.ocsf.session_events import session_event
from postern_cli.ocsf.statement_events import ClassOf, statement_event


def event_of(command: Command, class_of: ClassOf) -> dict[str, Any]:
    """The event, without attributes that there is nothing of. The command's kind must be one of `MAPPED`."""
    event_class = MAPPED[command.first.type.value, command.first.kind].event_class
    is_statement = event_class is DATASTORE_ACTIVITY
    return without_none(statement_event(command, class_of) if is_statement else session_event(command))
