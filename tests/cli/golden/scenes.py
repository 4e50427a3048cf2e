"""The mistakes, area by area."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.cli.golden.mistakes import TOKEN, Mistake, Place
from tests.support.fake_gate import Reply
from tests.support.task_bodies import REVIEWED, TASK, TASK_BODY

CONFIG = ".config/postern/config.toml"
_LIST = ("task", "list")
_QUERY = ("query", "select 1", "--task", TASK)


def problem(path: str, status: int, code: str, detail: str, **more: Any) -> Mistake:
    """The gate answers `task show` (or what stands at the path) with a problem."""
    headers = {"Retry_After": str(more.pop("retry_after"))} if "retry_after" in more else {}
    body = {"type": f"urn:postern:error:{code}", "title": "", "status": status, "code": code, "detail": detail, **more}
    arguments = ("task", "show", TASK) if path.endswith(TASK) else _QUERY
    return Mistake(arguments, lambda place: place.gate.answer(path, body, status=status, **headers))


def _answers(body: object, status: int = 200, **headers: str) -> Mistake:
    return Mistake(_LIST, lambda place: place.gate.answer("/v1/tasks", body, status=status, **headers))


def _config(text: str, *arguments: str, mode: int = 0o644, **environment: str) -> Mistake:
    return Mistake(arguments or ("config", "show"), lambda place: place.file(CONFIG, text, mode), environment)


def _login(*arguments: str, environment: Mapping[str, str] | None = None, **offer: Any) -> Mistake:
    def prepare(place: Place) -> None:
        place.gate.offer_sign_in(**offer)

    return Mistake(("login", *arguments), prepare, {"POSTERN_TOKEN": "", **(environment or {})})


def _sign_in(change: Any, *arguments: str, environment: Mapping[str, str] | None = None) -> Mistake:
    """A sign-in where one thing is otherwise; `change` gets the place."""

    def prepare(place: Place) -> None:
        place.gate.offer_sign_in()
        change(place.gate)

    return Mistake(("login", *arguments), prepare, {"POSTERN_TOKEN": "", **(environment or {})})


def _discovered(**change: Any) -> Mistake:
    return _sign_in(lambda gate: gate.issue(_DISCOVERY, Reply(200, gate.discovery(**change))))


def _device(**change: Any) -> Mistake:
    return _sign_in(lambda gate: gate.issue("/device", Reply(200, gate.device(**change))))


def _issued(path: str, status: int, body: object) -> Mistake:
    return _sign_in(lambda gate: gate.issue(path, Reply(status, body)))


def _kept(change: Mapping[str, Any] | bytes, *arguments: str, mode: int = 0o600) -> Mistake:
    """A login is kept for this gate, with something in it that is otherwise."""

    def prepare(place: Place) -> None:
        name = f"login-{hashlib.sha256(place.gate.url.encode()).hexdigest()[:16]}.json"
        login = {
            "gate": place.gate.url,
            "issuer": place.gate.issuer,
            "client_id": "postern-cli",
            "scopes": [],
            "kind": "access_token",
            "token": TOKEN,
            "expires_at_s": 1_000,
            "version": 1,
        }
        content = change if isinstance(change, bytes) else json.dumps({**login, **change}).encode()
        place.file(f".config/postern/{name}", content, mode)
        place.gate.issue("/.well-known/openid-configuration", Reply(200, place.gate.discovery()))
        place.gate.issue("/token", Reply(400, {"error": "invalid_grant", "error_description": "it was used before"}))
        place.gate.answer(
            "/v1/tasks", {"code": "token.expired", "detail": "The token has expired. Get a new one."}, status=401
        )

    return Mistake(arguments or _LIST, prepare, {"POSTERN_TOKEN": ""})


_PROGRAM = {"POSTERN_CLIENT_ID": "loader", "POSTERN_CLIENT_SECRET": "hush"}
_AS_PROGRAM = ("--client-credentials", "--issuer", "{ISSUER}")
_OPEN = ("task", "open", "--database", "shop", "--table", "orders", "--purpose", "look")

_METADATA = "/.well-known/oauth-protected-resource"
_DISCOVERY = "/.well-known/openid-configuration"
_TASK = f"/v1/tasks/{TASK}"
_RUN = f"{_TASK}/query"
_APPROVE = ("task", "approve", TASK, "--yes", "--comment", "fine")
RULES = {"code": "token.rules", "detail": "The token does not hold here. The code says why."}
EXPIRED = {"code": "token.expired", "detail": "The token has expired. Get a new one."}
REFUSED = {
    "code": "policy.refused",
    "detail": "a part of the request is not allowed: leave out what `refusals` names, or ask for something else",
    "refusals": [
        {"what": "orders", "code": "policy.refused", "reason": "`select` on `orders` is not open to you"},
        {"what": "stock", "code": "policy.refused", "reason": "`update` on `stock` is not open to you"},
    ],
}


def _denied_meanwhile(place: Place) -> None:
    place.gate.answer("/v1/tasks", TASK_BODY, status=201)
    place.gate.answer(_TASK, {**TASK_BODY, "state": "denied"})


def _changed_meanwhile(place: Place) -> None:
    place.gate.answer(_TASK, REVIEWED)
    changed = {"code": "approval.changed", "detail": "the task is not what you looked at: look at it once more"}
    place.gate.answer(f"{_TASK}/approval", changed, status=409)


_TERMINAL = "\x1b[2J"  # what would clear a terminal
_TWO = "[profiles.work]\nurl = 'https://a.example'\n[profiles.play]\nurl = 'https://b.example'"
_GITHUB = {
    "POSTERN_TOKEN": "",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "{ISSUER}/oidc?v=2",
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
}
_NOBODY = "postgresql://ada@127.0.0.1:1/shop"

ADDRESS = {
    "no address": Mistake(_LIST, environment={"POSTERN_URL": ""}),
    "no scheme": Mistake(_LIST, environment={"POSTERN_URL": "gate.example"}),
    "no TLS": Mistake(_LIST, environment={"POSTERN_URL": "http://gate.example"}),
    "a password in it": Mistake(_LIST, environment={"POSTERN_URL": "https://ada:hush@gate.example"}),
    "a query in it": Mistake((*_LIST, "--url", "https://gate.example/live?x=1")),
    "no such host": Mistake(_LIST, environment={"POSTERN_URL": "https://no-such-host.invalid"}),
    "nobody answers": Mistake(_LIST, environment={"POSTERN_URL": "http://127.0.0.1:1"}),
    "a certificate of nobody's": Mistake(_LIST, environment={"POSTERN_URL": "{TLS}"}),
    "TLS where there is none": Mistake(_LIST, environment={"POSTERN_URL": "{PLAIN}"}),
    "another stage of the gateway": _answers({"message": "Forbidden"}, 403),
    "another web server": _answers(b"<html>not found</html>", 404),
    "a redirect": _answers({}, 302, Location="https://elsewhere.example/v1/tasks"),
    "a redirect with a terminal's codes": _answers({}, 301, Location="https://elsewhere.example/\x1b[31m"),
}
ANSWERS = {
    "a page": _answers(b"<html>hello</html>"),
    "nothing": _answers(b""),
    "half of it": _answers(b'{"tasks": ['),
    "another value": _answers([]),
    "another member": _answers({"tasks": [{"task_id": 1}]}),
    "a page of a proxy": _answers(b"<html>bad gateway</html>", 502),
    "a fault of the gateway": _answers({"message": "Internal server error"}, 500),
    "too many requests": _answers({"code": "rate.requests", "detail": "too many requests"}, 429, Retry_After="2"),
    "evidence is away": _answers({"code": "evidence.unavailable", "detail": "the record could not be written"}, 503),
    "a terminal's codes": _answers({"code": f"task.{_TERMINAL}", "detail": f"do\n{_TERMINAL} \u202etxt"}, 409),
    "as JSON": Mistake(
        (*_LIST, "--json"),
        lambda place: place.gate.answer("/v1/tasks", {"code": "x.y", "detail": _TERMINAL}, status=403),
    ),
}
CONFIGURATION = {
    "no TOML": _config("url = gate.example"),
    "no such key": _config("adress = 'https://gate.example'"),
    "no such output": _config("output = 'xml'"),
    "no text": _config("url = 7"),
    "a profile that is no table": _config("[profiles]\nwork = 'https://gate.example'"),
    "a profile's name": _config("[profiles.'a b']\nurl = 'https://gate.example'"),
    "a profile that is not there": _config("profile = 'work'"),
    "another profile's name": _config(_TWO, "config", "show", "--profile", "wrk"),
    "anybody can write it": _config("url = 'https://gate.example'", mode=0o666),
    "a variable": _config("", "config", "show", POSTERN_OUTPUT="xml"),
    "set: no such key": _config("", "config", "set", "adress", "https://gate.example"),
    "set: no such value": _config("", "config", "set", "history", "maybe"),
    "set: no such profile": _config("", "config", "set", "profile", "work"),
    "set: a form that lines do not show": _config(
        "profiles = {work = {url = 'https://a.example'}}", "config", "set", "database", "shop", "--profile", "work"
    ),
}
FILES = {
    "policy check: no folder": Mistake(("policy", "check", "{HOME}/no-such-folder")),
    "policy check: no YAML": Mistake(
        ("policy", "check", "{HOME}"), lambda place: place.file("issuers.yaml", "issuers: [")
    ),
    "policy test: an empty folder": Mistake(("policy", "test", "{HOME}")),
    "policy explain: one input for two": Mistake(("policy", "explain", "{HOME}", "--claims", "-", "--request", "-")),
    "catalog check: no catalog": Mistake(("catalog", "check", "--dsn", _NOBODY)),
    "catalog scan: no DSN": Mistake(("catalog", "scan", "--dsn", "not a dsn")),
    "catalog scan: nobody answers": Mistake(("catalog", "scan", "--dsn", _NOBODY)),
    "db doctor: nobody answers": Mistake(("db", "doctor", "--dsn", _NOBODY)),
    "db bootstrap: no catalog": Mistake(("db", "bootstrap", "--catalog", "{HOME}/none.yaml")),
    "audit pull: no bucket": Mistake(("audit", "pull", "--dir", "{HOME}/copy")),
    "audit pull: no stack": Mistake(("audit", "pull", "--dir", "{HOME}/copy", "--ready", "{HOME}/ready.json")),
    "audit pull: no inventory": Mistake(
        ("audit", "pull", "--dir", "{HOME}/copy", "--bucket", "evidence", "--inventory", "{HOME}/none.json")
    ),
    "audit verify: no copy": Mistake(("audit", "verify", "--dir", "{HOME}/none")),
    "audit verify: no key": Mistake(
        ("audit", "verify", "--dir", "{HOME}", "--vkey", "key"), lambda place: place.file("versions.jsonl", "")
    ),
    "audit prove: no key": Mistake(("audit", "prove", TASK, "--vkey", "key", "--dir", "{HOME}")),
    "audit unseal: no command's id": Mistake(("audit", "unseal", "--dir", "{HOME}", "--command", TASK)),
    "local token: no stack": Mistake(("local", "token", "--ready", "{HOME}/ready.json", "--sub", "ada")),
    "local token: no claim": Mistake(
        ("local", "token", "--ready", "{HOME}/ready.json", "--sub", "ada", "--claim", "role")
    ),
    "smoke: no key": Mistake(("smoke", "--database", "shop", "--table", "orders", "--vkey", "key")),
    "a token's file that is not there": Mistake((*_LIST, "--token-file", "{HOME}/none")),
    "a token's file that holds none": Mistake(
        (*_LIST, "--token-file", "{HOME}/token"), lambda place: place.file("token", b"\x00PK archive")
    ),
    "a folder as a token's file": Mistake((*_LIST, "--token-file", "{HOME}")),
}
QUERY = {
    "bad SQL": problem(_RUN, 422, "sql.syntax", 'syntax error at or near "selec"', position=1),
    "bad SQL in lines": Mistake(
        ("query", "--task", TASK),
        lambda place: place.gate.answer(
            _RUN, {"code": "sql.syntax", "detail": "syntax error at end of input", "position": 19}, status=422
        ),
        stdin=b"select id\n  from (\n",
    ),
    "no such column": problem(
        _RUN, 422, "sql.failed", 'undefined column: column "nam" does not exist', sqlstate="42703", position=8
    ),
    "refused by the guard": problem(
        _RUN, 403, "guard.relation", "relation pg_user: not in this task's scope", position=15
    ),
    "no rows left": problem(_RUN, 429, "budget.rows", "the task has no rows left: open a new task"),
    "the task has expired": problem(_RUN, 409, "task.expired", "the task's deadline has passed: open a new task"),
    "the database is held": problem(_RUN, 503, "database.held", "the database is held for maintenance", retry_after=30),
    "a write whose fate is not known": problem(
        _RUN, 503, "outcome.unknown", "the write's fate is not known: ask again under its key", command_id="01a2"
    ),
    "no task": Mistake(("query", "select 1")),
    "no table": Mistake(("query", "select 1", "--database", "shop")),
    "no purpose": Mistake(("query", "select 1", "--database", "shop", "--table", "orders")),
    "two tasks": Mistake((*_QUERY, "--table", "orders")),
    "two statements": Mistake((*_QUERY, "--file", "{HOME}/one.sql")),
    "no such file": Mistake(("query", "--task", TASK, "--file", "{HOME}/none.sql")),
    "no text": Mistake(
        ("query", "--task", TASK, "--file", "{HOME}/one.sql"), lambda place: place.file("one.sql", b"\xff\xfe")
    ),
    "nothing piped in": Mistake(("query", "--task", TASK)),
    "parameters twice": Mistake((*_QUERY, "--param", "1", "--params", "-")),
    "parameters that are no array": Mistake((*_QUERY, "--params", "-"), stdin=b"{}"),
    "parameters that are no JSON": Mistake((*_QUERY, "--params", "-"), stdin=b"[1,"),
    "no such output": Mistake((*_QUERY, "--output", "xml")),
    "no answer to a statement": Mistake(_QUERY, lambda place: place.gate.answer(_RUN, {"rows": []})),
    "a task that people must approve": Mistake(
        ("query", "select 1", "--database", "shop", "--table", "orders", "--purpose", "look"),
        lambda place: place.gate.answer("/v1/tasks", TASK_BODY, status=201),
    ),
}
SIGN_IN = {
    "no login": Mistake(_LIST, environment={"POSTERN_TOKEN": ""}),
    "no token": Mistake(_LIST, environment={"POSTERN_TOKEN": "two tokens"}),
    "a token that has expired": Mistake(_LIST, lambda place: place.gate.answer("/v1/tasks", EXPIRED, status=401)),
    "a token that is not admitted": Mistake(_LIST, lambda place: place.gate.answer("/v1/tasks", RULES, status=401)),
    "a login that has expired": _kept({}),
    "a login that is not renewed": _kept({"refresh_token": "once"}),
    "a login that the gate refuses": _kept({"expires_at_s": None}),
    "half a login": _kept(b'{"gate": "http'),
    "a login for another gate": _kept({"gate": "https://another.example"}),
    "a login that others can read": _kept({}, mode=0o644),
    "logout": _kept({}, "logout"),
    "logout: there was none": Mistake(("logout",)),
    "no gate there": Mistake(("login",)),
    "a gate that says it is another": _sign_in(
        lambda gate: gate.answer(_METADATA, {"resource": "https://another.example", "authorization_servers": []})
    ),
    "a gate without people": _sign_in(
        lambda gate: gate.answer(_METADATA, {"resource": gate.url, "authorization_servers": [gate.issuer]})
    ),
    "no such issuer": _login("--issuer", "google"),
    "discovery names another issuer": _discovered(issuer="https://evil.example"),
    "discovery names an open endpoint": _discovered(token_endpoint="http://issuer.example/token"),
    "discovery names an endpoint elsewhere": _discovered(token_endpoint="https://elsewhere.example/token"),
    "no device sign-in": _discovered(device_authorization_endpoint=None),
    "no discovery": _sign_in(lambda gate: gate.issue(_DISCOVERY, Reply(404, b"<html>"))),
    "the client is not known": _issued("/device", 401, {"error": "unauthorized_client"}),
    "a page that is open to others": _device(verification_uri="http://issuer.example/activate"),
    "a code with a terminal's codes": _device(user_code=f"{_TERMINAL}1234"),
    "the person refuses": _issued("/token", 400, {"error": "access_denied"}),
    "nobody signs in": _issued("/token", 400, {"error": "expired_token"}),
    "an error with a terminal's codes": _issued(
        "/token", 400, {"error": "x", "error_description": f"{_TERMINAL}go to evil.example"}
    ),
    "another token": _issued("/token", 200, {"id_token": "a.b.c"}),
    "the gate does not admit it": _sign_in(lambda gate: gate.answer("/v1/principal", RULES, status=401)),
    "program: no issuer": _login("--client-credentials"),
    "program: an issuer of nobody's": _login(
        "--client-credentials", "--issuer", "https://evil.example", environment=_PROGRAM
    ),
    "program: no id": _login(*_AS_PROGRAM),
    "program: no secret": _login(*_AS_PROGRAM, environment={"POSTERN_CLIENT_ID": "loader"}),
    "program: another secret": _sign_in(
        lambda gate: gate.issue("/token", Reply(401, {"error": "invalid_client"})), *_AS_PROGRAM, environment=_PROGRAM
    ),
    "GitHub gives no token": Mistake(_LIST, lambda place: place.gate.issue("/oidc", Reply(401, b"no")), _GITHUB),
}
TASKS = {
    "no such task": problem(_TASK, 404, "task.unknown", "task: expected one of yours, got another: list them"),
    "refused": Mistake(_OPEN, lambda place: place.gate.answer("/v1/tasks", REFUSED, status=403)),
    "refused, as JSON": Mistake((*_OPEN, "--json"), lambda place: place.gate.answer("/v1/tasks", REFUSED, status=403)),
    "no time": Mistake((*_OPEN, "--ttl", "1d")),
    "no such action": Mistake((*_OPEN, "--table", "stock:read")),
    "nothing asked": Mistake(("task", "open")),
    "two requests": Mistake(("task", "open", "--request", "-", "--ticket", "OPS-7")),
    "a request that is no object": Mistake(("task", "open", "--request", "-"), stdin=b"[]"),
    "a request that is no JSON": Mistake(("task", "open", "--request", "-"), stdin=b"database: shop"),
    "a request that is not there": Mistake(("task", "open", "--request", "{HOME}/none.json")),
    "two lists": Mistake(("task", "list", "--pending", "--live")),
    "denied while it waits": Mistake((*_OPEN, "--wait"), _denied_meanwhile),
    "approve: no terminal": Mistake(("task", "approve", TASK)),
    "approve: no comment": Mistake(("task", "approve", TASK, "--yes")),
    "approve: your own": Mistake(_APPROVE, lambda place: place.gate.answer(_TASK, TASK_BODY)),
    "approve: another digest": Mistake(
        (*_APPROVE, "--scope-digest", "00"), lambda place: place.gate.answer(_TASK, REVIEWED)
    ),
    "approve: changed meanwhile": Mistake(_APPROVE, _changed_meanwhile),
}
USAGE = {
    "no such group": Mistake(("tasks",)),
    "no such command": Mistake(("task", "aprove")),
    "no argument": Mistake(("task", "show")),
    "one argument too many": Mistake(("task", "show", TASK, TASK)),
    "no such option": Mistake(("task", "list", "--pendng")),
    "revoke: nothing named": Mistake(("revoke", "--reason", "drill")),
    "revoke: no reason": Mistake(("revoke", "--task", TASK)),
    "no number": Mistake((*_QUERY, "--max-rows", "many")),
    "a number out of its bounds": Mistake((*_QUERY, "--max-rows", "0")),
    "an option without its value": Mistake(("audit", "verify", "--since")),
    "as JSON": Mistake(("audit", "verify", "--json")),
}
SCENES: Mapping[str, Mapping[str, Mistake]] = {
    "address": ADDRESS,
    "answers": ANSWERS,
    "configuration": CONFIGURATION,
    "files": FILES,
    "query": QUERY,
    "sign-in": SIGN_IN,
    "task": TASKS,
    "usage": USAGE,
}
