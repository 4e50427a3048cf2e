"""`issuers.yaml` from the policy layer, and the local stack's issuer from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from postern.errors import PolicyFileError, PolicyUnavailable
from postern.identity.issuers import IssuerRules, LocalIssuer, parse_issuers

FILE = "issuers.yaml"


def load_issuers(environment: Mapping[str, str]) -> tuple[IssuerRules, ...]:
    """The issuers of the folder `POSTERN_POLICY_DIR`, by default `/opt`, where Lambda lays layers out.

    `POSTERN_LOCAL_ISSUER`, which only the local stack sets, is what `local` stands for; it must be on the
    loopback interface. Raises `PolicyUnavailable`: then nobody is let in.
    """
    file = Path(environment.get("POSTERN_POLICY_DIR", "/opt")) / FILE
    try:
        return parse_issuers(file.read_bytes(), file=FILE, local=_local_issuer(environment))
    except OSError as error:
        raise PolicyUnavailable("policy.unavailable", f"{FILE}: expected a file, got {error.strerror}") from error
    except PolicyFileError as error:
        raise PolicyUnavailable("policy.unavailable", error.detail) from error


def _local_issuer(environment: Mapping[str, str]) -> LocalIssuer | None:
    url = environment.get("POSTERN_LOCAL_ISSUER", "")
    if not url:
        return None
    try:
        return LocalIssuer(url)
    except ValueError as error:
        raise PolicyUnavailable("policy.unavailable", f"POSTERN_LOCAL_ISSUER: {error}") from error
