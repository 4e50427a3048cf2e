"""Tokens that a CI job can have without any secret of its own."""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote

import msgspec

from postern_cli.gate.address import parse_address
from postern_cli.gate.exchange import exchange
from postern_cli.sign_in.tokens import clean_token
from postern_cli.stop import Exit, Stop

# What GitHub sets in a job with `permissions: {id-token: write}`; see "OpenID Connect reference" in its docs.
_GITHUB_URL = "ACTIONS_ID_TOKEN_REQUEST_URL"
_GITHUB_TOKEN = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"


@dataclass(frozen=True, slots=True)
class GithubJob:
    """A job of GitHub Actions that may ask for tokens: each is new, for they live for minutes."""

    audience: str
    renewal: str = "GitHub gave the token: look at the audience and the claims that the gate's issuers.yaml asks for"
    origin: str = "GitHub Actions"

    def token(self) -> str:
        """A token for the audience. Raises `Stop` where GitHub gives none."""
        address, _, query = os.environ[_GITHUB_URL].partition("?")
        url = parse_address(address)
        if url is None:
            raise Stop(Exit.USAGE, f"{_GITHUB_URL}: expected an https address, got another")
        asked = "&".join(part for part in (query, f"audience={quote(self.audience, safe='')}") if part)
        reply = exchange(
            "GET", url._replace(query=asked), headers={"Authorization": f"Bearer {os.environ[_GITHUB_TOKEN]}"}
        )
        try:
            token = clean_token(msgspec.json.decode(reply.body, type=dict[str, str])["value"])
        except (msgspec.DecodeError, KeyError, UnicodeDecodeError) as error:
            raise _none(reply.status) from error
        if reply.status != 200 or token is None:
            raise _none(reply.status)
        return token


def github_job(audience: str) -> GithubJob | None:
    """The job that we run in; None outside of one, and in one that may not ask for tokens."""
    return GithubJob(audience) if os.environ.get(_GITHUB_URL) and os.environ.get(_GITHUB_TOKEN) else None


def _none(status: int) -> Stop:
    return Stop(Exit.UNKNOWN, f"GitHub Actions: expected a token, got status {status} and none; run the job again")
