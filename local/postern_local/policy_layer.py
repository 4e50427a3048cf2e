"""The policy layer that a stack runs with: the user's folder, and the databases that the stack supplies."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from postern.edges.policy_files import read_layer
from postern.errors import PolicyFileError
from postern.identity.issuers import LocalIssuer
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.policy.layer_paths import DATABASES
from postern.types import DatabaseAddress, DatabaseName
from postern_local.failure import StackFailure

_NOWHERE = LocalIssuer("http://127.0.0.1:1")


@dataclass(frozen=True, slots=True)
class PolicyLayer:
    """A folder's files, found to be a policy layer; `databases` are the names of its catalogs, sorted."""

    folder: Path
    files: Mapping[str, bytes]
    bundle: PolicyBundle  # with addresses that are not yet real
    audience: str  # of the local issuer

    @property
    def databases(self) -> tuple[DatabaseName, ...]:
        return tuple(sorted(self.bundle.catalogs))


def read_policy(folder: Path, *, region: str) -> PolicyLayer:
    """Reads and checks the folder before anything is started. Raises `StackFailure` naming file and line."""
    if not folder.is_dir():
        raise StackFailure(f"{folder}: expected a folder with a policy layer, got none")
    try:
        files = read_layer(folder)
        names = [Path(path).stem for path in files if path.startswith("catalog/")]
        unreal = [local_address(DatabaseName(name), port=1, ca="none", region=region) for name in names]
        # A layer that is deployed somewhere names its databases; a local stack's are others.
        bundle = parse_bundle({**files, DATABASES: _format_databases(unreal)}, local=_NOWHERE)
    except PolicyFileError as error:
        raise StackFailure(f"{folder}/{error.detail}") from error
    if not bundle.catalogs:
        raise StackFailure(f"{folder}/catalog: expected a catalog of at least one database, got none")
    audiences = [issuer.audience for issuer in bundle.issuers if issuer.is_local]
    if not audiences:
        raise StackFailure(f"{folder}/issuers.yaml: expected an issuer `local`, which signs the tokens here, got none")
    return PolicyLayer(folder, files, bundle, audiences[0])


def write_policy(layer: PolicyLayer, target: Path, addresses: list[DatabaseAddress], *, issuer_url: str) -> None:
    """Lays the layer out as Lambda would find it under /opt. Raises `StackFailure`."""
    files = {**layer.files, DATABASES: _format_databases(addresses)}
    try:
        parse_bundle(files, local=LocalIssuer(issuer_url))
    except PolicyFileError as error:
        raise StackFailure(f"{layer.folder}/{error.detail}") from error
    for path, text in files.items():
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text)


def resource_id(name: str) -> str:
    """What RDS would call the database in an ARN; made of the name, so that it is known before anything runs."""
    return f"db-{hashlib.sha256(name.encode()).hexdigest()[:26].upper()}"


def local_address(name: DatabaseName, *, host: str = "127.0.0.1", port: int, ca: str, region: str) -> DatabaseAddress:
    """The address of a database behind the local RDS front."""
    return DatabaseAddress(
        name=name, host=host, port=port, dbname=name, resource_id=resource_id(name), region=region, ca=ca
    )


def _format_databases(addresses: list[DatabaseAddress]) -> bytes:
    """JSON, which is YAML too and quotes whatever a path holds."""
    described = {
        address.name: {
            "host": address.host,
            "port": address.port,
            "dbname": address.dbname,
            "resource_id": address.resource_id,
            "region": address.region,
            "ca": address.ca,
        }
        for address in addresses
    }
    return json.dumps(described, indent=1).encode()
