"""Which tests go to one worker together, and which of them come first.

A module's tests stay together, as with any `--dist loadscope`; so do the modules that ask for the same local stack,
which each worker would start for itself. What takes long comes first: begun last, it is what everything else waits for.
"""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# The modules of tests/e2e by the stack of its conftest.py that they ask for: the shop, where they are not named here.
E2E = "tests/e2e/"
CHINOOK = frozenset({"test_api.py", "test_chinook_answers.py", "test_writes.py"})
ALONE = frozenset({"test_faults.py", "test_refusals.py"})
# In this order, by what they took when last measured; what is not named takes less than any of these.
LONGEST = (
    "shop",
    "chinook",
    "tests/local/test_stack.py",
    "tests/e2e/test_faults.py",
    "tests/world/test_teardown.py",
    "tests/world/test_build.py",
    "tests/contract/test_task_store.py",
    "tests/services/test_interleavings.py",
    "tests/guard/test_properties.py",
    "tests/world/test_bootstrap.py",
    "tests/local/test_postgres.py",
    "tests/local/test_lambdas.py",
    "tests/infra/test_sam.py",
    "tests/local/test_template.py",
    "tests/masking/test_expressions_hold.py",
    "tests/world/test_wall.py",
    "tests/test_architecture.py",
    "tests/noninterference/test_holes.py",
    "tests/noninterference/test_layers.py",
    "tests/audit/test_log_tampering.py",
    "tests/services/test_sequence_races.py",
    "tests/world/test_sweep.py",
    "tests/local/test_aws_server.py",
    "tests/local/test_resources.py",
    "tests/services/test_sequence_crashes.py",
    "tests/world/test_doctor_extensions.py",
    "tests/local/test_rds_front.py",
    "tests/noninterference/test_worlds.py",
    "tests/functions/test_snapshots.py",
    "tests/local/test_gateway.py",
    "tests/local/test_aws_authorization.py",
)


class Distribution(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Hands out scopes in the order of the collection, which `longest_first` has sorted."""

    def __init__(self, config: pytest.Config, log: Producer) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)


def longest_first(items: list[pytest.Item]) -> None:
    """Sorts by scope; the tests of a scope keep their order."""
    places = {scope: place for place, scope in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(scope_of(item.nodeid), len(places)))


def scope_of(nodeid: str) -> str:
    """The name of all tests that go to one worker together with this one."""
    module = nodeid.partition("::")[0]
    name = module.removeprefix(E2E)
    if name == module or name in ALONE:
        return module
    return "chinook" if name in CHINOOK else "shop"
