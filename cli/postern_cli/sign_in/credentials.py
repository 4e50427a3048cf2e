"""Whose token a command sends: a file that is named, the environment, a login for this gate, or the CI job's own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from postern_cli.sign_in.ci_tokens import github_job
from postern_cli.sign_in.grants import renewed
from postern_cli.sign_in.kept_login import KeptLogin, read_login
from postern_cli.sign_in.tokens import MAX_TOKEN_BYTES, clean_token
from postern_cli.stop import Exit, Stop

TOKEN = "POSTERN_TOKEN"
TOKEN_FILE = "POSTERN_TOKEN_FILE"
_VARIABLES = (TOKEN, "POSTERN_ID_TOKEN")  # the second as GitLab's own examples name it


class Credential(Protocol):
    """Gives a token for each request; one that is renewed meanwhile is another. Never shows one in its repr."""

    @property
    def renewal(self) -> str:
        """What to do where the gate does not take the token."""

    @property
    def origin(self) -> str:
        """Where the token comes from, in words."""

    def token(self) -> str:
        """The token. Raises `Stop` where there is none that could hold."""


@dataclass(frozen=True, slots=True, repr=False)
class GivenToken:
    """A token of the environment."""

    variable: str
    text: str

    @property
    def renewal(self) -> str:
        return f"{self.variable} holds the token: set another"

    @property
    def origin(self) -> str:
        return self.variable

    def token(self) -> str:
        return _one(self.text, self.variable)


@dataclass(frozen=True, slots=True)
class FileToken:
    """A token in a file, which is read each time: what renews it writes it anew."""

    path: Path

    @property
    def renewal(self) -> str:
        return f"{self.path} holds the token: write another"

    @property
    def origin(self) -> str:
        return str(self.path)

    def token(self) -> str:
        # A file that holds anything else, an archive say, is refused like a text that is no token: none of it is shown.
        with self.path.open("rb") as file:
            return _one(file.read(MAX_TOKEN_BYTES + 10).decode(errors="replace"), str(self.path))


@dataclass(slots=True, repr=False)
class LoginToken:
    """A login that is kept, renewed while it can be."""

    login: KeptLogin

    @property
    def renewal(self) -> str:
        return "run `postern login`"

    @property
    def origin(self) -> str:
        return "login"

    def token(self) -> str:
        self.login = renewed(self.login)
        return self.login.token


def find_credential(token_file: Path | None, gate: str, audience: str) -> Credential:
    """The first there is. Raises `Stop` (usage) where there is none; whether it holds is for `token` and the gate."""
    if token_file is None and not given_variable():
        named = os.environ.get(TOKEN_FILE)
        token_file = Path(named) if named else None
    if token_file is not None:
        found: Credential = FileToken(token_file)
        found.token()
        return found
    if (variable := given_variable()) is not None:
        found = GivenToken(variable, os.environ[variable])
        found.token()
        return found
    login = read_login(gate)
    if login is not None:
        return LoginToken(login)
    job = github_job(audience)
    if job is None:
        raise Stop(Exit.USAGE, f"{gate}: expected a login or a token, got none; run `postern login`, or set {TOKEN}")
    return job


def given_variable() -> str | None:
    """The variable that holds a token, if one does: it wins over a login."""
    return next((name for name in _VARIABLES if os.environ.get(name)), None)


def _one(text: str, where: str) -> str:
    token = clean_token(text)
    if token is None:
        raise Stop(Exit.USAGE, f"{where}: expected one token, got {'none' if not text.strip() else 'another text'}")
    return token
