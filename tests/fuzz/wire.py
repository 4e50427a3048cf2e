"""Raw bytes at the gateway of a local stack: whoever speaks broken HTTP, or wild JSON-RPC over sound HTTP.

What stands for what a run has of its own (`@TOKEN@`, `@TASK@`) is put in when it is sent, so that a case can be sent
to another stack. The gateway is the local one; what API Gateway itself makes of broken HTTP only an account shows.
"""

from __future__ import annotations

import itertools
import time

from tests.fuzz.cases import write_case
from tests.fuzz.json_mutation import mutated_json
from tests.fuzz.mutation import mutated
from tests.fuzz.search import search
from tests.fuzz.site import Site, open_site
from tests.fuzz.target import Target
from tests.fuzz.targets import requests, rpc

EXAMPLES = 150  # a target's in a round
_HEADERS = (
    *(
        b"Transfer-Encoding: chunked\r\n",
        b"Content-Length: 5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: 5, 5\r\n",
    ),
    *(
        b"Expect: 100-continue\r\n",
        b"Host: evil.example\r\n",
        b"X-Amzn-Authorizer: x\r\n",
        b"Connection: close\r\n",
        b" folded\r\n",
    ),
    *(
        b"Authorization: Bearer @TOKEN@\r\n",
        b"Authorization: Basic YTpi\r\n",
        b"Origin: https://evil.example\r\n",
        b"A: " + b"a" * 9000 + b"\r\n",
    ),
    *(
        b"Accept: text/html\r\n",
        b"Content-Type: text/plain\r\n",
        b"MCP-Protocol-Version: 1\r\n",
        b"Idempotency-Key: k\r\n",
        b"\r\n\r\n",
    ),
    *(
        b"0\r\n\r\n",
        b"5\r\nhello\r\n",
        b"fffffffffffffffff\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"HTTP/2.0",
        b"HTTP/0.9",
    ),
)
_PATHS = (
    *(
        b"%2e%2e/",
        b"%00",
        b"%ff",
        b"%c0%af",
        b"//",
        b"/./",
        b"?",
        b"?a=%zz",
        b"#",
        b";",
        b"%2F",
        b"*",
        b"${x}",
        b"@TASK@",
    ),
    *(
        b"/v1/tasks",
        b"/mcp",
        b"/healthz",
        b"/openapi.json",
        b"/console/",
        b"/v1/records?limit=0",
        b"/v1/receipts/x?log=y",
    ),
)


def _request(method: str, path: str, body: bytes = b"", *more: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Authorization: Bearer @TOKEN@", "Content-Type: application/json"]
    lines += ["Accept: application/json, text/event-stream", f"Content-Length: {len(body)}", *more]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


_SENT = [
    *(
        _request("GET", path)
        for path in ("/v1/tasks", "/v1/principal", "/v1/records?limit=3", "/v1/log", "/console", "/healthz")
    ),
    *(_request("GET", f"/v1/tasks/@TASK@{end}") for end in ("", "/schema")),
    _request("POST", "/v1/tasks/@TASK@/query", b'{"sql": "SELECT id FROM orders LIMIT 1"}', "Idempotency-Key: k1"),
    _request("POST", "/v1/tasks/@TASK@/transaction", b'{"statements": [{"sql": "SELECT 1"}]}'),
    *(_request("POST", "/v1/tasks", body) for body in requests.OPENING),
    *(_request("POST", "/v1/revocations", body) for body in requests.REVOCATION),
    *(_request("POST", "/mcp", body) for body in rpc.BODIES),
    _request("GET", "/healthz") + _request("GET", "/v1/log"),
]


def targets(site: Site) -> list[Target]:
    """What is sent: requests of which the head or the path is broken, and bodies in sound requests."""
    rpc_bodies = mutated_json(rpc.BODIES, tokens=rpc.TOKENS).map(lambda body: _request("POST", "/mcp", body))
    return [
        Target("http head", mutated(_SENT, tokens=_HEADERS), site.take),
        Target("http path", mutated(_SENT, tokens=_PATHS), site.take),
        Target("http rpc", rpc_bodies, site.take),
    ]


def fuzz(first_seed: int, minutes: float) -> bool:
    """Whether nothing was found."""
    with open_site() as site:
        until, sent = time.monotonic() + minutes * 60, 0
        open_ = targets(site)
        whole = len(open_)
        for seed in itertools.count(first_seed):
            print(f"seed {seed}", flush=True)
            for target in list(open_):
                if time.monotonic() >= until:
                    break
                found = search(target, examples=EXAMPLES, random_seed=seed)
                sent += EXAMPLES
                if found is not None:
                    open_.remove(target)
                    print(f"{found}\nwritten to {write_case(target.name, found.given)}", flush=True)
            if time.monotonic() >= until or not open_:
                break
        faults = site.faults()
    for line in faults[:20]:
        print(line)
    print(f"{sent:,} connections, {len(faults)} faults logged; answers: {dict(sorted(site.seen.items()))}")
    return len(open_) == whole and not faults
