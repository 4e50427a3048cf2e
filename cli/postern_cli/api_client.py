"""Calls to the gate over HTTPS: a token from the environment or a file, one request, an answer or a problem.

The token never stands on a command line, where every process of the machine can read it, and never in an error.
"""

from __future__ import annotations

import http.client
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

from postern_cli.stop import Exit, Stop

TOKEN = "POSTERN_TOKEN"
URL = "POSTERN_URL"
TIMEOUT_S = 35.0  # the gateway gives up after 29
MAX_ANSWER_BYTES = 10_000_000
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_NO_CODE = "no code"
# What these commands ask for is always there, and a gate says why it refuses: so it is the address that is another.
_ANOTHER_ADDRESS = frozenset({(404, "request.path"), (404, _NO_CODE), (403, _NO_CODE)})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True, repr=False)
class ApiClient:
    """One gate and one token."""

    base: SplitResult
    token: str

    @classmethod
    def of(cls, url: str | None, token_file: Path | None) -> ApiClient:
        """Raises `Stop` where the address or the token is missing or not of its form."""
        return cls(_base(url or os.environ.get(URL, "")), _token(token_file))

    def call(self, method: str, path: str, body: object | None = None) -> Answer:
        """The answer to one request, which is sent once. Raises `Stop` for every problem, and where none came."""
        answer = self.ask(method, path, body)
        if not 200 <= answer.status < 300:
            raise _stopped(answer)
        return answer

    def ask(self, method: str, path: str, body: object | None = None) -> Answer:
        """The answer whatever its status is, to one request, which is sent once. Raises `Stop` where none came."""
        try:
            return self._send(method, path, body)
        except (OSError, http.client.HTTPException, ValueError) as error:
            what = type(error).__name__
            raise Stop(
                Exit.UNKNOWN,
                f"{self.base.netloc}: expected an answer, got {what}: look what stands before you repeat it",
            ) from error

    def _send(self, method: str, path: str, body: object | None) -> Answer:
        kind = http.client.HTTPSConnection if self.base.scheme == "https" else http.client.HTTPConnection
        connection = kind(self.base.hostname or "", self.base.port, timeout=TIMEOUT_S)
        try:
            headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
            payload = None if body is None else json.dumps(body).encode()
            connection.request(method, self.base.path.rstrip("/") + path, body=payload, headers=headers)
            # A redirect is an answer like any other: the token goes nowhere else.
            answer = connection.getresponse()
            text = answer.read(MAX_ANSWER_BYTES + 1)
            if len(text) > MAX_ANSWER_BYTES:
                raise ValueError("an answer longer than any of ours")
            return Answer(answer.status, json.loads(text))
        finally:
            connection.close()


def _base(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0  # raises ValueError for what is no port
    except ValueError:
        parts, has_port = urlsplit(""), False
    is_open = parts.scheme == "http" and parts.hostname in _LOOPBACK
    is_address = bool(parts.hostname) and has_port and not (parts.username or parts.query)
    if not is_address or not (parts.scheme == "https" or is_open):
        raise Stop(Exit.USAGE, f"address: expected the gate's, https://… (by option or as {URL}), got {url!r}")
    return parts


def _token(token_file: Path | None) -> str:
    # A file that holds anything else, an archive say, is refused like a text that is no token: none of it is shown.
    text = os.environ.get(TOKEN, "") if token_file is None else token_file.read_text("utf-8", errors="replace")
    token = text.strip()
    if not token or not token.isascii() or any(one.isspace() for one in token):
        where = TOKEN if token_file is None else str(token_file)
        raise Stop(Exit.USAGE, f"{where}: expected one token (set {TOKEN}, or name a file with --token-file), got none")
    return token


def _stopped(answer: Answer) -> Stop:
    problem = answer.body if isinstance(answer.body, dict) else {}
    code, detail = str(problem.get("code", _NO_CODE)), problem.get("detail", "no detail")
    kind = Exit.REFUSED if 400 <= answer.status < 500 and answer.status != 429 else Exit.UNKNOWN
    line = "; ".join([f"{answer.status} {code}: {detail}", *_reasons(problem)])
    if (answer.status, code) in _ANOTHER_ADDRESS:
        line += "; is the address the stack's output ApiUrl, whole, and nothing behind it?"
    return Stop(Exit.USAGE if answer.status == 400 else kind, line)


def _reasons(problem: Mapping[str, Any]) -> Iterator[str]:
    """Why each part of a request was refused, where the answer says so."""
    refusals = problem.get("refusals")
    for refusal in refusals if isinstance(refusals, list) else []:
        if isinstance(refusal, dict) and isinstance(refusal.get("reason"), str):
            yield refusal["reason"]
