"""What recording a deploy needs of the world."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from postern.audit.build_facts import BuildFacts
from postern.audit.deploy_bodies import Deployed
from postern.types import CommandId, DatabaseAddress, Sha256Hex


@dataclass(frozen=True, slots=True)
class DeployNote:
    """The last deploy that was noted, and its record's id and time, chosen before it is written.

    `revision` counts the note's changes, so that each is made on what was read. A note gains members, and none changes
    its meaning: the function of the version before reads it after a rollback.
    """

    event_id: CommandId
    time_us: int
    after: Deployed
    before: Deployed | None = None
    deployment_id: str | None = None
    is_recorded: bool = False  # the record is durable
    revision: int = 0


class DeployNotes(Protocol):
    """The one note of this deployment. Reads are strongly consistent; a write that returns is durable."""

    def get(self) -> DeployNote | None: ...

    def put(self, note: DeployNote) -> bool:
        """False, and nothing changes, where the note that stands is not the one of the revision before.

        Raises `StateUnavailable`: the note may be there then, and is found by the next `get`.
        """
        ...


class Build(Protocol):
    """The build that this function runs from."""

    def facts(self) -> BuildFacts:
        """Raises `PolicyUnavailable` where its file is missing, malformed, or of another build than the code."""
        ...


class Authorities(Protocol):
    """The bundles that databases' certificates are checked with."""

    def digests(self, addresses: Iterable[DatabaseAddress]) -> Mapping[str, Sha256Hex]:
        """SHA-256 of each bundle by its path, each found to hold an authority.

        Raises `PolicyUnavailable` where one is missing or holds none.
        """
        ...


class Hook(Protocol):
    """Who waits for the answer before traffic moves."""

    def answer(self, deployment_id: str, execution_id: str, *, may_go_on: bool) -> None:
        """Returns once the answer was taken. Raises `StateUnavailable`; the same answer may be given again."""
        ...
