"""A login that is kept: one file for each gate, 0600, so that a token goes to the gate it was got for and no other.

The file is JSON of `KeptLogin`. It may gain members; one of another `version` is no login.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from postern_cli.settings.folders import config_folder
from postern_cli.settings.private_files import read_private, write_private
from postern_cli.stop import Exit, Stop

TokenKind = Literal["access_token", "id_token"]


@dataclass(frozen=True, slots=True, repr=False)
class KeptLogin:
    """A token for one gate, and what renews it. Its repr shows neither."""

    gate: str
    issuer: str
    client_id: str
    scopes: list[str]
    kind: TokenKind
    token: str
    expires_at_s: int | None
    refresh_token: str | None = None
    origins: list[str] = field(default_factory=list)  # where the issuer's endpoints may be besides its own
    version: Literal[1] = 1


def login_path(gate: str) -> Path:
    """The file of this gate's login. The name is a digest: an address may hold what a name cannot."""
    return config_folder() / f"login-{hashlib.sha256(gate.encode()).hexdigest()[:16]}.json"


def read_login(gate: str) -> KeptLogin | None:
    """The login for this gate; None without one. Raises `Stop` (usage) for a file that is none, or not private."""
    path = login_path(gate)
    content = read_private(path)
    if content is None:
        return None
    try:
        login = msgspec.json.decode(content, type=KeptLogin)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Stop(Exit.USAGE, f"{path}: expected a login, got something else; run `postern login`") from error
    if login.gate != gate:
        raise Stop(Exit.USAGE, f"{path}: expected a login for {gate}, got another gate's; run `postern login`")
    return login


def write_login(login: KeptLogin) -> None:
    """Keeps the login in the place of any that is there."""
    write_private(login_path(login.gate), msgspec.json.encode(login))


def forget_login(gate: str) -> bool:
    """Removes the login, whatever is in its file, and says whether there was one."""
    path = login_path(gate)
    is_there = path.is_symlink() or path.exists()
    path.unlink(missing_ok=True)
    return is_there
