"""A policy layer in a folder, as the commands under `postern policy` read it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from postern.edges.policy_files import read_layer
from postern.identity.issuers import LocalIssuer
from postern.policy.bundle import PolicyBundle, parse_bundle
from postern.policy.cedar_text import split_policies
from postern.policy.layer_paths import CEDAR, DATABASES
from postern_cli.stop import Exit, Stop

_NOWHERE = LocalIssuer("http://127.0.0.1:1")  # what `local` stands for where nothing runs


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer that is valid as a whole, and what is odd about it all the same."""

    bundle: PolicyBundle
    files: tuple[str, ...]  # sorted
    notes: tuple[str, ...]


def read_policy(folder: Path, *, local: bool) -> Layer:
    """The layer in the folder. `local` says whether its issuers may name the local stack's.

    Where an environment supplies `databases.yaml` later, addresses that lead nowhere stand in its place. Raises `Stop`
    where there is no such folder, and `PolicyFileError`, which names file and line, where the layer is wrong.
    """
    if not folder.is_dir():
        raise Stop(Exit.UNKNOWN, f"{folder}: expected a folder with a policy layer, got none")
    files = read_layer(folder)
    notes = []
    if DATABASES not in files and any(path.startswith("catalog/") for path in files):
        notes.append(f"{DATABASES}: not here; the environment that runs the layer must supply it")
        files = {**files, DATABASES: _unreal(files)}
    bundle = parse_bundle(files, local=_NOWHERE if local else None)
    return Layer(bundle, tuple(sorted(files)), (*notes, *_idle_issuers(bundle), *_unknown_groups(bundle, files)))


def _unreal(files: dict[str, bytes]) -> bytes:
    address = {"host": "nowhere.invalid", "port": 5432, "dbname": "db", "resource_id": "db-NONE"}
    names = (Path(path).stem for path in files if path.startswith("catalog/"))
    return json.dumps({name: {**address, "region": "us-east-1", "ca": "none"} for name in names}).encode()


def _idle_issuers(bundle: PolicyBundle) -> list[str]:
    return [
        f"issuers.yaml: issuer `{issuer.name}` has neither `require` nor `match`: it admits nobody"
        for issuer in bundle.issuers
        if not issuer.require and not issuer.match
    ]


def _unknown_groups(bundle: PolicyBundle, files: dict[str, bytes]) -> list[str]:
    """Groups that policies speak of and nobody can be in, as far as the issuers' tables tell."""
    if any(issuer.groups_claim is not None for issuer in bundle.issuers):
        return []
    given = {group.name for issuer in bundle.issuers for group in issuer.groups}
    policies = (policy for path in files if CEDAR.fullmatch(path) for policy in split_policies(files[path], file=path))
    return [
        f"{policy.place}: no issuer puts anybody in group {name.id!r}"
        for policy in policies
        for name in sorted(policy.names)
        if name.type == "Group" and name.id not in given
    ]
