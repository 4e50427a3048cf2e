"""One agent's side of the wire: it sends, counts the time from the scheduled arrival, and looks for strangers' ids."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from postern_local.demo.caller import Caller, Reply
from postern_local.ready import Ready
from tests.soak.load.seen import Seen, is_documented, said_by
from tests.soak.load.strangers import Strangers

_TOKEN_S = 300.0  # a token is good for ten minutes


@dataclass(frozen=True, slots=True)
class _Sender(Caller):
    """A caller whose token was minted before."""

    minted: str = ""
    key: str | None = None

    def headers(self) -> dict[str, str]:
        given = {"Authorization": f"Bearer {self.minted}", "Content-Type": "application/json"}
        return given if self.key is None else {**given, "Idempotency-Key": self.key}


@dataclass
class Voice:
    """Who calls. `name` is the agent's; nobody else's may be in an answer to it. An operator sees everybody's."""

    ready: Ready
    name: str
    seen: Seen
    strangers: Strangers | None
    subject: str
    claims: Mapping[str, object]
    _token: tuple[str, float] = ("", 0.0)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(
        self,
        kind: str,
        due_s: float,
        method: str,
        path: str,
        body: object | None = None,
        *,
        key: str | None = None,
        about: str | None = None,
        sent: str = "",
    ) -> Reply | None:
        """The answer, looked over; None where none was heard.

        `about` is the task that the call is for; `sent` somebody else's id in it, which may be told back.
        """
        sender = _Sender(self.ready, self.subject, self.claims, self._fresh_token(), key)
        begun_s = time.monotonic()
        reply: Reply | None
        try:
            reply = sender.call(method, path, body)
        except (OSError, http.client.HTTPException, ValueError):
            reply = None
        end_s = time.monotonic()
        self.seen.answered(kind, reply, late_ms=(end_s - due_s) * 1000, took_ms=(end_s - begun_s) * 1000)
        if reply is not None:
            self.seen.fail(*self._wrong(kind, reply, about, sent))
        return reply

    def _wrong(self, kind: str, reply: Reply, about: str | None, sent: str) -> list[str]:
        text = json.dumps(reply.body)
        wrong: list[str] = []
        if self.strangers is not None:
            wrong += self.strangers.wrong(text.replace(sent, "") if sent else text, agent=self.name, task=about)
        if not is_documented(reply):
            wrong.append(f"{self.name} {kind}: expected a documented answer, got {said_by(reply)} {reply.body}")
        return wrong

    def _fresh_token(self) -> str:
        with self._lock:
            token, until_s = self._token
            if time.monotonic() > until_s:
                token = Caller(self.ready, self.subject, self.claims).token()
                self._token = (token, time.monotonic() + _TOKEN_S)
            return token
