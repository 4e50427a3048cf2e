"""What `revoke` is made of, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from postern.denial_ports import Denials, OpenTasks
from postern.edges import clients, roots
from postern.edges.denial_store import DynamoDenials
from postern.edges.open_tasks import DynamoOpenTasks
from postern.edges.provisioner import LambdaProvisioner
from postern.edges.settings import require
from postern.edges.together import WORKERS
from postern.ports import Provisioner
from postern.rate_ports import Rates


@dataclass(frozen=True, slots=True)
class RevokeParts:
    """Beside the parts of every function; two provisioners, which differ in what a teardown's record says of them."""

    common: roots.Parts
    denials: Denials
    open_tasks: OpenTasks
    rates: Rates
    provisioner: Provisioner
    hold_provisioner: Provisioner


def revoke_parts(environment: Mapping[str, str]) -> RevokeParts:
    """Nothing is reached yet. Raises `PolicyUnavailable` naming the variable that is missing or wrong."""
    common = roots.parts("revoke")
    table, name = clients.marking_table(common.session), common.settings.table
    functions = clients.functions(common.session, connections=WORKERS)
    function = require(environment, "POSTERN_PROVISION_FUNCTION")
    return RevokeParts(
        common=common,
        denials=DynamoDenials(table, name),
        open_tasks=DynamoOpenTasks(table, name),
        rates=roots.rates(common),
        provisioner=LambdaProvisioner(functions, function, by="revocation"),
        hold_provisioner=LambdaProvisioner(functions, function, by="hold"),
    )


def threads() -> ThreadPoolExecutor:
    """Of one call: what a call leaves behind in them keeps no other waiting."""
    return ThreadPoolExecutor(WORKERS)
