"""A deployment whose functions ask to go on: notes in memory, and everything that a record names to be changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from postern.audit.build_facts import BuildFacts, build_facts
from postern.deploy_ports import DeployNote
from postern.errors import PolicyUnavailable, StateUnavailable
from postern.services.record_deploy import RecordDeploy
from postern.types import DatabaseAddress, Sha256Hex
from tests.support.audit import Immutable, MemoryRecordStore, source
from tests.support.domain import ADDRESS, DIGEST
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.log_fakes import Wire

CA = Sha256Hex("a" * 64)


def facts(code: str = "1", template: str = "2") -> BuildFacts:
    return build_facts("0.1.0", Sha256Hex(code * 64), Sha256Hex("3" * 64), Sha256Hex(template * 64))


@dataclass
class MemoryDeployNotes:
    """`deploy_ports.DeployNotes` in memory. Those that share `kept` are one deployment's."""

    kept: list[DeployNote] = field(default_factory=list)
    wire: Wire = field(default_factory=Wire)

    def get(self) -> DeployNote | None:
        return self.wire.read("get note", StateUnavailable, lambda: self.kept[-1] if self.kept else None)

    def put(self, note: DeployNote) -> bool:
        def put() -> bool:
            if note.revision != (self.kept[-1].revision + 1 if self.kept else 0):
                return False
            self.kept.append(note)
            return True

        return self.wire.write("put note", StateUnavailable, put)


@dataclass
class Deploying:
    """What is deployed, as the functions of a stack update find it; each that asks is a process of its own."""

    built: BuildFacts = field(default_factory=facts)
    policy_digest: Sha256Hex = DIGEST
    databases: dict[str, DatabaseAddress] = field(default_factory=lambda: {"shop": ADDRESS})
    authority: Sha256Hex | None = CA
    kept: list[DeployNote] = field(default_factory=list)
    objects: Immutable = field(default_factory=Immutable)
    clock: FakeClock = field(default_factory=FakeClock)
    identifiers: FakeIdentifiers = field(default_factory=FakeIdentifiers)
    processes: int = 0
    loads: bool = True

    def asks(self, wire: Wire | None = None) -> tuple[RecordDeploy, MemoryRecordStore]:
        """A fresh process of the function, and its record store."""
        self.processes += 1
        records = MemoryRecordStore(
            replace(source(), function="deploy"), objects=self.objects, name=f"env {self.processes}"
        )
        notes = MemoryDeployNotes(self.kept, wire or Wire())
        asked = RecordDeploy(self, self, self, notes, records, self.identifiers, self.clock)  # type: ignore[arg-type]
        return asked, records

    # What the service asks of the policy layer, the build and the bundles.
    def load(self) -> Deploying:
        if not self.loads:
            raise PolicyUnavailable("policy.unavailable", "the policy layer cannot be loaded")
        return self

    @property
    def digest(self) -> Sha256Hex:
        return self.policy_digest

    def facts(self) -> BuildFacts:
        return self.built

    def digests(self, addresses: Iterable[DatabaseAddress]) -> Mapping[str, Sha256Hex]:
        if self.authority is None:
            raise PolicyUnavailable("policy.unavailable", "ca.pem: expected the authorities of a database")
        return {address.ca: self.authority for address in addresses}
