"""The OpenAPI description, generated from the shapes that validate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from postern.edges import (
    contract,
    http,
    live_contract,
    principal_contract,
    receipt_contract,
    record_contract,
    record_requests,
    review_contract,
    revocation_contract,
    task_requests,
)
from postern.version import __version__

_REF = "#/components/schemas/{name}"
_PATH_PARAMETER = re.compile(r"\{([a-z_]+)\}")
_PUBLIC = frozenset({"/v1/log", "/healthz"})
_OF_A_LOG = ("/v1/receipts/", "/v1/log")  # which take an earlier epoch's log by its name
# Said by the gateway, to any call, before a function is asked or in its place.
_BY_THE_GATEWAY = (400, 413, 429, 431, 503, 504)

# method, path, summary, body, status and answer on success, statuses of problems
_CALLS: tuple[tuple[str, str, str, type | None, int, type, tuple[int, ...]], ...] = (
    (
        "post",
        "/v1/tasks",
        "Open a task",
        contract.OpenTaskBody,
        201,
        contract.TaskAnswer,
        (400, 401, 403, 409, 413, 422, 429, 503),
    ),
    ("get", "/v1/tasks", "List your tasks, or those you may approve", None, 200, contract.TasksAnswer, (400, 401, 503)),
    ("get", "/v1/tasks/{id}", "Look at a task", None, 200, contract.TaskAnswer, (401, 404, 503)),
    ("delete", "/v1/tasks/{id}", "End a task", None, 200, contract.TaskAnswer, (401, 404, 409, 503)),
    (
        "post",
        "/v1/tasks/{id}/approval",
        "Approve or deny a task; 202 where its statements now run",
        review_contract.ApprovalBody,
        200,
        contract.TaskAnswer,
        (400, 401, 403, 404, 409, 429, 503),
    ),
    (
        "post",
        "/v1/tasks/{id}/dry-run",
        "Try a task's run-once statements and roll them back",
        None,
        202,
        contract.TaskAnswer,
        (401, 403, 404, 409, 503),
    ),
    ("get", "/v1/tasks/{id}/schema", "What the task can see", None, 200, contract.SchemaAnswer, (401, 404, 503)),
    (
        "post",
        "/v1/tasks/{id}/query",
        "Run one statement",
        contract.QueryBody,
        200,
        contract.QueryAnswer,
        (400, 401, 403, 404, 409, 413, 422, 429, 503),
    ),
    (
        "post",
        "/v1/tasks/{id}/transaction",
        "Run statements that all take effect or none does",
        contract.TransactionBody,
        200,
        contract.TransactionAnswer,
        (400, 401, 403, 404, 409, 413, 422, 429, 503),
    ),
    (
        "get",
        "/v1/receipts/{command_id}",
        "Prove that the log holds what a command left on record",
        None,
        200,
        receipt_contract.ReceiptAnswer,
        (400, 401, 404, 503),
    ),
    (
        "post",
        "/v1/revocations",
        "Take access away, or hold a database",
        revocation_contract.RevocationBody,
        200,
        revocation_contract.RevocationAnswer,
        (400, 401, 403, 404, 503),
    ),
    (
        "get",
        "/v1/revocations",
        "What stands",
        None,
        200,
        revocation_contract.RevocationsAnswer,
        (401, 403, 503),
    ),
    (
        "delete",
        "/v1/revocations/{id}",
        "Lift a denial, or release a held database",
        None,
        200,
        revocation_contract.ReleaseAnswer,
        (401, 403, 404, 503),
    ),
    (
        "get",
        "/v1/principal",
        "Who your token says you are, and where you may approve, revoke and audit",
        None,
        200,
        principal_contract.PrincipalAnswer,
        (401, 503),
    ),
    (
        "get",
        "/v1/records",
        "What the log's records say: of the databases that you may audit, and your own",
        None,
        200,
        record_contract.RecordsAnswer,
        (400, 401, 503),
    ),
    (
        "get",
        "/v1/log",
        "The log's keys and its latest signed checkpoint",
        None,
        200,
        receipt_contract.LogAnswer,
        (400, 503),
    ),
    ("get", "/healthz", "Whether the gate answers", None, 200, contract.Health, ()),
)

# What a call answers where a parameter asks for it: `state=live`.
_ALSO: dict[tuple[str, str], type] = {("get", "/v1/tasks"): live_contract.LiveTasksAnswer}


@cache
def description() -> bytes:
    """The whole document as JSON (OpenAPI 3.1)."""
    shapes = [call[3] for call in _CALLS if call[3] is not None] + [call[5] for call in _CALLS]
    shapes += [*_ALSO.values(), contract.Problem, contract.GatewayProblem]
    _, components = msgspec.json.schema_components(list(dict.fromkeys(shapes)), ref_template=_REF)
    # Checked when a body is parsed; the generator cannot see it.
    components["OpenTaskBody"]["oneOf"] = list(_openings())
    components["RevocationBody"]["oneOf"] = list(_revocations())
    paths: dict[str, dict[str, Any]] = {}
    for method, path, summary, body, status, success, problems in _CALLS:
        paths.setdefault(path, {})[method] = _operation(path, summary, body, status, success, problems)
    for (method, path), shape in _ALSO.items():
        answer = paths[path][method]["responses"]["200"]["content"]["application/json"]
        answer["schema"] = {"anyOf": [answer["schema"], _ref(shape)]}  # an empty list is both
    return msgspec.json.encode(
        {
            "openapi": "3.1.0",
            "info": {"title": "Postern", "version": __version__, "license": {"name": "Apache-2.0"}},
            "security": [{"oidc": []}],
            "paths": paths,
            "components": {
                "schemas": components,
                "securitySchemes": {"oidc": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            },
        }
    )


def _openings() -> Iterator[dict[str, Any]]:
    """A task is for access or for statements, which see nothing raw and look nothing up."""
    yield _exactly("access", {"type": "array"}, {"statements": {"type": "null"}})
    without = {"access": {"type": "null"}, "unmask": {"maxItems": 0}, "lookup": {"maxItems": 0}}
    yield _exactly("statements", {"type": "array"}, without)


def _revocations() -> Iterator[dict[str, Any]]:
    """One thing is taken away. A task's end is final, and only a database is held."""
    names = ("task", "principal", "issuer", "database")
    for name in names:
        without: dict[str, Any] = {other: {"type": "null"} for other in names if other != name}
        if name == "task":
            without["expires_s"] = {"type": "null"}
        if name != "database":
            without["hold"] = {"const": False}
        named = {"type": "string", "pattern": r"\|"} if name == "principal" else {"type": "string"}
        yield _exactly(name, named, without)


def _exactly(name: str, shape: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": [name], "properties": {name: shape, **others}}


def _operation(
    path: str, summary: str, body: type | None, status: int, success: type, problems: tuple[int, ...]
) -> dict[str, Any]:
    responses = {str(status): _content("application/json", success)}
    responses |= {str(code): _problem(code, problems) for code in sorted({*problems, *_BY_THE_GATEWAY})}
    operation: dict[str, Any] = {"summary": summary, "responses": responses}
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PATH_PARAMETER.findall(path)
    ]
    if path.startswith(_OF_A_LOG):
        parameters.append({"name": "log", "in": "query", "schema": record_requests.LOG_SCHEMA})
    if path == "/v1/tasks" and body is None:
        parameters.append({"name": "state", "in": "query", "schema": {"enum": ["pending_approval", "live"]}})
        parameters.append({"name": "cursor", "in": "query", "schema": task_requests.CURSOR_SCHEMA})
    if path == "/v1/records":
        parameters += [{"name": name, "in": "query", "schema": of} for name, of in record_requests.SCHEMAS.items()]
    if path.endswith(("/query", "/transaction")):
        parameters.append({"name": "Idempotency-Key", "in": "header", "schema": http.IDEMPOTENCY_KEY_SCHEMA})
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": _ref(body)}}}
    if path in _PUBLIC:
        operation["security"] = []
    return operation


def _content(media_type: str, shape: type) -> dict[str, Any]:
    return {"description": (shape.__doc__ or "").strip(), "content": {media_type: {"schema": _ref(shape)}}}


def _problem(code: int, problems: tuple[int, ...]) -> dict[str, Any]:
    """What says no: a function, the gateway, or either of the two."""
    told = _content("application/problem+json", contract.Problem if code in problems else contract.GatewayProblem)
    if code in problems and code in _BY_THE_GATEWAY:
        shapes = [_ref(contract.Problem), _ref(contract.GatewayProblem)]
        told["content"]["application/problem+json"]["schema"] = {"anyOf": shapes}
    return told


def _ref(shape: type) -> dict[str, str]:
    return {"$ref": _REF.format(name=shape.__name__)}
