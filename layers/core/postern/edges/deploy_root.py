"""What the function `deploy` is made of, from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from postern.audit.chain import Source
from postern.deploy_ports import Authorities, Build, DeployNotes
from postern.edges import clients
from postern.edges.authorities import BundleFiles
from postern.edges.build_files import BuiltFiles, read_build_facts
from postern.edges.deploy_hook import CodeDeployHook
from postern.edges.deploy_items import DynamoDeployNotes
from postern.edges.policy_files import DEFAULT_FOLDER, PolicyFiles
from postern.edges.record_store import S3RecordStore
from postern.edges.settings import parse_log_settings, require
from postern.edges.system import SystemClock, SystemIdentifiers
from postern.ports import Clock, Identifiers, PolicySource, RecordStore


@dataclass(frozen=True, slots=True)
class DeployParts:
    """What a deploy is recorded with."""

    policy: PolicySource
    build: Build
    authorities: Authorities
    notes: DeployNotes
    records: RecordStore
    identifiers: Identifiers
    clock: Clock


def codedeploy_hook(environment: Mapping[str, str]) -> CodeDeployHook:
    """Apart from everything else, so that CodeDeploy hears of a failure to make the rest."""
    return CodeDeployHook(clients.deployments(clients.connect(require(environment, "AWS_REGION"))))


def deploy_parts(environment: Mapping[str, str]) -> DeployParts:
    """Nothing is reached yet. Raises `PolicyUnavailable` naming what is missing or wrong."""
    settings, path = parse_log_settings(environment), require(environment, "POSTERN_BUILD")
    session = clients.connect(settings.region)
    source = Source(settings.log, settings.deployment, read_build_facts(path).version, "deploy")
    folder = environment.get("POSTERN_POLICY_DIR", DEFAULT_FOLDER)
    return DeployParts(
        policy=PolicyFiles(folder, local_issuer=environment.get("POSTERN_LOCAL_ISSUER")),
        build=BuiltFiles(path),
        authorities=BundleFiles(),
        notes=DynamoDeployNotes(clients.log_table(session), settings.log_table, settings.deployment),
        records=S3RecordStore(clients.s3(session), settings.bucket, source, settings.retain_until_s),
        identifiers=SystemIdentifiers(),
        clock=SystemClock(),
    )
