"""Calls to the gate over HTTPS: a token from a file, the environment or a login, one request, an answer or a problem.

The token never stands on a command line, where every process of the machine can read it, and never in an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult

from postern.errors import CODES
from postern_cli.gate.address import format_address, parse_address
from postern_cli.gate.exchange import Reply, exchange
from postern_cli.settings.resolve import resolve
from postern_cli.sign_in.credentials import Credential, find_credential
from postern_cli.stop import Exit, Stop

_NO_CODE = "no code"
# What these commands ask for is always there, and a gate says why it refuses: so it is the address that is another.
_ANOTHER_ADDRESS = frozenset({(404, "request.path"), (404, _NO_CODE), (403, _NO_CODE)})
# Another token of the same kind helps where one has ended; where the issuer's rules do not admit it, it does not.
_RENEWABLE = frozenset({"token.missing", "token.malformed", "token.expired", _NO_CODE})
# Where the gate's own words name a path of the API.
_COMMANDS = {"guard.relation": "postern task show TASK_ID", "task.unknown": "postern task list"}
_OTHERWISE = "the operator's issuers.yaml says whose tokens are admitted, and for which audience"


@dataclass(frozen=True, slots=True)
class Answer:
    """A status and a JSON body; None for the body of an error that is no JSON."""

    status: int
    body: Any
    retry_after_s: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ApiClient:
    """One gate, and who calls it."""

    base: SplitResult
    credential: Credential

    @classmethod
    def of(cls, url: str | None, token_file: Path | None, profile: str | None = None) -> ApiClient:
        """Raises `Stop` where the address or the token is missing or not of its form."""
        settings = resolve(profile)
        base = gate_address(url or settings.text("url"))
        audience = settings.text("audience") or format_address(base)
        return cls(base, find_credential(token_file, format_address(base), audience))

    def call(self, method: str, path: str, body: object | None = None, **headers: str) -> Answer:
        """The answer to one request, which is sent once. Raises `Stop` for every problem, and where none came."""
        answer = self.ask(method, path, body, **headers)
        if not 200 <= answer.status < 300:
            raise self.stopped(answer)
        return answer

    def ask(self, method: str, path: str, body: object | None = None, **headers: str) -> Answer:
        """The answer whatever its status is, to one request, which is sent once. Raises `Stop` where none came.

        Names of `headers` are written with `_` for `-`.
        """
        sent = {"Authorization": f"Bearer {self.credential.token()}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        # An address with a query is refused before, so the path's own is the only one.
        route, _, query = path.partition("?")
        url = self.base._replace(path=self.base.path.rstrip("/") + route, query=query)
        payload = None if body is None else json.dumps(body).encode()
        return _answer(exchange(method, url, headers=sent, payload=payload), self.base.netloc)

    def stopped(self, answer: Answer) -> Stop:
        """The end of a command that got this problem."""
        problem = answer.body if isinstance(answer.body, dict) else {}
        code = str(problem.get("code", _NO_CODE))
        if code == _NO_CODE:
            said = f"{self.base.netloc}: expected an answer of a gate, got status {answer.status} without a reason"
        else:
            # Of a token the gateway says no more than its code.
            detail = CODES.get(code) if answer.status == 401 else None
            said = f"{answer.status} {code}: {str(detail or problem.get('detail', 'no reason')).rstrip('.')}"
        line = "; ".join([said, *_reasons(problem), *_hints(answer, code)])
        if answer.status == 401:
            line += f"; {self.credential.renewal if code in _RENEWABLE else _OTHERWISE}"
        return Stop(_exit(answer.status, code), line, problem=problem)


def gate_address(url: str | None) -> SplitResult:
    """The gate's address in its parts. Raises `Stop` (usage) where it is missing or not of its form."""
    if not url:
        raise Stop(
            Exit.USAGE,
            "address: expected the gate's, got none; set POSTERN_URL, or `postern config set url https://…`",
        )
    parts = parse_address(url)
    if parts is None:
        got = "one with a user in it" if "@" in url else repr(url)  # which may have a password
        raise Stop(Exit.USAGE, f"address: expected the gate's, as https://HOST/STAGE, got {got}")
    return parts


def _answer(reply: Reply, host: str) -> Answer:
    if 300 <= reply.status < 400:
        where = reply.headers.get("location", "nowhere")[:200]
        raise Stop(
            Exit.UNKNOWN,
            f"{host}: expected an answer, got a redirect to {where!r}; nothing was sent there: "
            "give the gate's own address",
        )
    after = reply.headers.get("retry-after", "")
    retry_after_s = int(after) if after.isascii() and after.isdigit() and len(after) < 7 else None
    try:
        return Answer(reply.status, reply.json(), retry_after_s)
    except (ValueError, RecursionError) as error:
        if 200 <= reply.status < 300:
            raise Stop(
                Exit.UNKNOWN, f"{host}: expected JSON, got something else; is this the address of a gate?"
            ) from error
        return Answer(reply.status, None, retry_after_s)


def _exit(status: int, code: str) -> Exit:
    """A rate passes by itself, so that the same may be asked again; a budget does not."""
    if status == 400:
        return Exit.USAGE
    is_rate = status == 429 and not code.startswith("budget.")
    return Exit.REFUSED if 400 <= status < 500 and not is_rate else Exit.UNKNOWN


def _reasons(problem: Mapping[str, Any]) -> Iterator[str]:
    """Why each part of a request was refused, where the answer says so."""
    refusals = problem.get("refusals")
    for refusal in refusals if isinstance(refusals, list) else []:
        if isinstance(refusal, dict) and isinstance(refusal.get("reason"), str):
            yield refusal["reason"]


def _hints(answer: Answer, code: str) -> Iterator[str]:
    if (answer.status, code) in _ANOTHER_ADDRESS:
        yield "is the address the stack's output ApiUrl, whole, and nothing behind it?"
    if code in _COMMANDS:
        yield f"on the command line `{_COMMANDS[code]}`"
    if answer.retry_after_s is not None:
        yield f"ask again in {answer.retry_after_s} s"
