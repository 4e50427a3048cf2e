"""The tools: what clients are told of them, what they ask of the API, and that answers are of the schema told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest

from postern.edges import contract, openapi
from postern.edges.mcp import results
from postern.edges.mcp.task_tools import MOST_LISTED
from postern.edges.mcp.tools import TOOLS, listed
from postern.errors import CODES, UpstreamError
from tests.support.domain import TASK_ID
from tests.support.mcp import CONSOLE, PENDING, SCHEMA, TASK, TASK_PATH, Site, ok, problem, queried, statement

ACCESS = [{"tables": ["customers"], "actions": ["select"]}]
OPEN = {"database": "shop", "purpose": "why", "access": ACCESS}
READ = {"task_id": TASK_ID, "sql": "SELECT 1"}
BOTH = {"task_id": TASK_ID, "statements": [{"sql": "SELECT 1"}]}
TRANSACTED = {"statements": [statement([[1, "a"]])], "remaining": None, "settled": True, "replayed": False}

# Each tool with arguments that it takes and what the API then answers.
CALLS: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "open_task": (OPEN, [ok(TASK, 201)]),
    "describe": ({"task_id": TASK_ID}, [ok(TASK), ok(SCHEMA)]),
    "query": (READ, [ok(queried([[1, "a"], [2, None]]))]),
    "transaction": (BOTH, [ok(TRANSACTED)]),
    "end_task": ({"task_id": TASK_ID}, [ok({**TASK, "state": "ended"})]),
    "task_status": ({"task_id": TASK_ID}, [ok(PENDING)]),
}


VALIDATORS = {name: jsonschema.Draft202012Validator(tool.gives()) for name, tool in TOOLS.items()}


def holds(tool: str, result: dict[str, Any]) -> bool:
    VALIDATORS[tool].validate(result["structuredContent"])
    return True


@pytest.mark.parametrize("tool", TOOLS)
def test_an_answer_is_of_the_schema_that_was_told(tool: str) -> None:
    arguments, answers = CALLS[tool]
    result = Site.answering(*answers).call(tool, **arguments)
    assert result["isError"] is False, result
    assert holds(tool, result)


def test_so_is_the_list_of_tasks() -> None:
    result = Site.answering(ok({"tasks": [TASK, PENDING]})).call("task_status")
    assert holds("task_status", result)
    assert result["content"][0]["text"].count(TASK_ID) == 2


@pytest.mark.parametrize(
    ("there", "listed_text"), [(0, "You have no tasks."), (25, "…(+5 older)")], ids=["none", "many"]
)
def test_lists_the_newest_tasks_and_says_that_there_are_more(there: int, listed_text: str) -> None:
    result = Site.answering(ok({"tasks": [TASK] * there})).call("task_status")
    assert len(result["structuredContent"]["tasks"]) == min(there, MOST_LISTED)
    assert listed_text in result["content"][0]["text"]


@pytest.mark.parametrize("code", CODES)
def test_every_problem_is_of_the_schema_that_was_told_and_says_what_to_do(code: str) -> None:
    site = Site.answering(problem(code))
    result = site.call("query", **READ)
    told = result["structuredContent"]
    assert result["isError"] is True
    assert holds("query", result)
    assert (told["code"], told["means"]) == (code, CODES[code])
    assert told["next"].endswith(".")
    assert told["do_not"].startswith("Do not ")
    assert f"Next: {told['next']}\n{told['do_not']}" in result["content"][0]["text"]
    assert site.codes == [code]


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("body", [{}, {"code": 7, "detail": None}], ids=repr)
def test_so_is_what_the_gateway_says_by_itself(tool: str, body: Any) -> None:
    result = Site.answering(ok(body, 502)).call(tool, **CALLS[tool][0])
    assert (result["isError"], result["structuredContent"]["status"]) == (True, 502)
    assert holds(tool, result)


def arrays(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        if schema.get("type") == "array":
            yield schema
        for one in schema.values():
            yield from arrays(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from arrays(one)


def test_every_array_says_what_is_in_it() -> None:
    """Some clients refuse a tool of which one does not."""
    for tool in listed():
        found = [*arrays(tool["inputSchema"]), *arrays(tool["outputSchema"])]
        assert all("items" in one for one in found), tool["name"]
    assert found


def test_a_problem_always_says_what_to_do_and_what_not() -> None:
    assert {"code", "detail", "means", "next", "do_not", "retry_after_s"} <= set(results.problem()["required"])


def test_every_input_is_an_object_that_takes_nothing_else() -> None:
    for tool in listed():
        schema = tool["inputSchema"]
        assert (schema["type"], schema["additionalProperties"]) == ("object", False), tool["name"]
        # Models' own interfaces refuse these at the top of a tool's input.
        assert not {"oneOf", "anyOf", "allOf", "$ref"} & schema.keys(), tool["name"]
        assert "$ref" not in str(schema), tool["name"]
        assert tool["outputSchema"]["type"] == "object"


@pytest.mark.parametrize(
    ("tool", "shape", "besides"),
    [
        pytest.param("open_task", contract.OpenTaskBody, set(), id="open_task"),
        pytest.param("query", contract.QueryBody, {"task_id", "cursor", "idempotency_key"}, id="query"),
        pytest.param("transaction", contract.TransactionBody, {"task_id", "idempotency_key"}, id="transaction"),
    ],
)
def test_inputs_are_the_shapes_of_the_contract(tool: str, shape: type, besides: set[str]) -> None:
    described = msgspec.json.decode(openapi.description())["components"]["schemas"]
    of_api = described[shape.__name__]["properties"]
    of_tool = {one["name"]: one for one in listed()}[tool]["inputSchema"]["properties"]
    assert of_tool.keys() == of_api.keys() | besides
    for name in of_api.keys() - {"max_rows", "access", "statements"}:
        assert without_items(of_tool[name]) == of_api[name], name


def without_items(schema: Any) -> Any:
    """A tool's schema says of each array what is in it, since some clients insist, though it be anything."""
    return {name: one for name, one in schema.items() if (name, one) != ("items", {})}


def test_what_is_called_read_only_asks_the_api_for_nothing_but_to_look() -> None:
    for name, tool in TOOLS.items():
        arguments, answers = CALLS[name]
        site = Site.answering(*answers)
        site.call(name, **arguments)
        assert tool.read_only == all(one.method == "GET" for one in site.api.asked), name


ANNOTATIONS = {
    "open_task": (False, False, False),
    "describe": (True, False, True),
    "query": (False, True, False),
    "transaction": (False, True, False),
    "end_task": (False, True, True),
    "task_status": (True, False, True),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_annotations_are_true_of_any_task(tool: str) -> None:
    told = TOOLS[tool].told()["annotations"]
    assert (told["readOnlyHint"], told["destructiveHint"], told["idempotentHint"]) == ANNOTATIONS[tool]
    assert told["openWorldHint"] is False


ASKED: dict[str, list[tuple[str, str]]] = {
    "open_task": [("POST", "/v1/tasks")],
    "describe": [("GET", TASK_PATH), ("GET", f"{TASK_PATH}/schema")],
    "query": [("POST", f"{TASK_PATH}/query")],
    "transaction": [("POST", f"{TASK_PATH}/transaction")],
    "end_task": [("DELETE", TASK_PATH)],
    "task_status": [("GET", TASK_PATH)],
}


@pytest.mark.parametrize("tool", TOOLS)
def test_each_tool_asks_exactly_this(tool: str) -> None:
    arguments, answers = CALLS[tool]
    site = Site.answering(*answers)
    site.call(tool, **arguments)
    assert [(one.method, one.path) for one in site.api.asked] == ASKED[tool]


NO_IDS = [
    "",
    "x",
    "..",
    "../revocations",
    f"{TASK_ID}/approval",
    f"{TASK_ID}\n",
    TASK_ID.upper(),
    f"{TASK_ID}%2f",
    "0" * 33,
]


@pytest.mark.parametrize("task_id", [*NO_IDS, None, 1, ["x"]], ids=repr)
@pytest.mark.parametrize("tool", [name for name in TOOLS if name != "open_task"])
def test_nothing_but_a_tasks_id_becomes_part_of_a_path(tool: str, task_id: Any) -> None:
    site = Site.answering()
    result = site.call(tool, **{**CALLS[tool][0], "task_id": task_id})
    assert (result["isError"], result["structuredContent"]["code"]) == (True, "request.invalid")
    assert holds(tool, result)
    assert site.api.asked == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"sql": 1},
        {"sql": ""},
        {"params": "x"},
        {"max_rows": 0},
        {"max_rows": 100_001},
        {"max_rows": True},
        {"idempotency_key": "with space"},
        {"idempotency_key": "a\r\nX-Evil: 1"},
        {"idempotency_key": "x" * 101},
        {"unknown": 1},
        {"u" * 5_000: 1},
        {"__proto__": {}},
    ],
    ids=lambda wrong: repr(wrong)[:40],
)
def test_refuses_arguments_of_another_shape_so_that_a_model_can_mend_them(wrong: dict[str, Any]) -> None:
    site = Site.answering()
    result = site.call("query", **{**READ, **wrong})
    assert (result["isError"], result["structuredContent"]["code"]) == (True, "request.invalid")
    assert len(result["structuredContent"]["detail"]) <= 500
    assert site.api.asked == []


def test_sends_what_was_asked_for_and_the_contracts_defaults() -> None:
    site = Site.answering(ok(TASK, 201))
    site.call("open_task", **OPEN, ttl_s=60)
    [asked] = site.api.asked
    assert contract.OPEN_TASK.decode(msgspec.json.encode(asked.body)) == msgspec.convert(
        {**OPEN, "ttl_s": 60}, contract.OpenTaskBody
    )


def test_a_key_goes_where_the_api_reads_it() -> None:
    site = Site.answering(ok(queried([])), ok(TRANSACTED))
    site.call("query", **READ, idempotency_key="k1")
    site.call("transaction", **BOTH, idempotency_key="k2")
    assert [one.idempotency_key for one in site.api.asked] == ["k1", "k2"]
    assert all("idempotency_key" not in one.body for one in site.api.asked)


def test_a_task_that_waits_is_told_how_to_be_waited_for() -> None:
    result = Site.answering(ok(PENDING, 201)).call("open_task", **OPEN)
    text = result["content"][0]["text"]
    assert (result["isError"], result["structuredContent"]["retry_after_s"]) == (False, 30)
    assert CONSOLE in text
    assert f"postern task approve {TASK_ID}" in text
    assert "Approvals: 1 of 2." in text
    assert "Do not look more often than every 30 s" in text


def test_a_task_of_statements_that_run_once_has_them_in_the_place_of_tables_and_budgets() -> None:
    checked = {"sql": "SELECT 1", "sha256": "a" * 64, "kind": None, "in_transaction": None, "effects": []}
    task = {**PENDING, "scope": [], "statements": [checked]}
    shown = Site.answering(ok(task)).call("task_status", task_id=TASK_ID)["content"][0]["text"]
    site = Site.answering(ok(task), ok({**SCHEMA, "tables": []}))
    described = site.call("describe", task_id=TASK_ID)["content"][0]["text"]
    assert "Statements that run once: 1." in shown
    assert "its statements run once" in described
    assert "Left:" not in shown + described
    assert "waits for approval" in described


def test_what_was_raised_here_is_told_like_a_problem_of_the_apis() -> None:
    error = UpstreamError("api.unavailable", "API: expected a connection, got TimeoutError")
    site = Site.answering(error)
    result = site.call("task_status")
    assert (result["isError"], result["structuredContent"]["code"]) == (True, "api.unavailable")
    assert result["structuredContent"]["retry_after_s"] == 2
    assert site.failures == [error]


SHAPES: dict[str, Any] = {
    "nothing": {},
    "an answer to another call": {"status": "ok"},
    "rows that are none": queried([]) | {"rows": "x"},
    "rows of no lists": queried([]) | {"rows": [1]},
    "columns that are none": queried([]) | {"columns": [1]},
    "a count that is none": queried([], affected="2"),
    "tables that are none": {**TASK, "scope": [{}]},
    "budgets that are none": {**TASK, "budgets": []},
}


@pytest.mark.parametrize("body", SHAPES.values(), ids=SHAPES.keys())
@pytest.mark.parametrize("tool", TOOLS)
def test_an_answer_of_another_shape_is_no_answer(tool: str, body: Any) -> None:
    """Of what only looks nothing can have happened; of the others something may have."""
    result = Site.answering(ok(body)).call(tool, **CALLS[tool][0])
    code = "api.unavailable" if TOOLS[tool].read_only else "outcome.unknown"
    assert (result["isError"], result["structuredContent"]["code"]) == (True, code)


@pytest.mark.parametrize(
    "state", ["provisioning", "suspended", "ending", "ended", "denied", "revoked", "failed", "new"]
)
def test_every_state_says_what_to_do_next(state: str) -> None:
    result = Site.answering(ok({**TASK, "state": state})).call("task_status", task_id=TASK_ID)
    assert result["structuredContent"]["next"]
    assert holds("task_status", result)
