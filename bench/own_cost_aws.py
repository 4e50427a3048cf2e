"""The query function over its own AWS edges, whose transport answers at once, and the very requests of a statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from bench.own_cost_site import BUDGETS, LOG, SOURCE, over_fakes
from bench.stub_transport import REGION, Answer, assumed, stored, updated
from postern.edges import clients, task_items
from postern.edges.rate_items import DynamoRates
from postern.edges.record_store import S3RecordStore
from postern.edges.task_store import DynamoTaskStore
from postern.policy.bundle import PolicyBundle
from postern.ports import Result
from postern.reaped import Hold
from postern.services.journal import Journal
from postern.services.run_statements import RunStatements
from postern.types import Task

Noted = tuple[str, dict[str, Any]]  # an operation and what it was asked with
BUCKET, TABLE = "postern-evidence-bench", "postern-state-bench"
_RETAIN_UNTIL_S = 2_000_000_000


def answers_of(task: Task) -> Callable[[Any], Answer]:
    """What S3, DynamoDB and STS answer to the requests of statements of this task, each made once."""
    item = task_items.format_task(replace(task, budgets=BUDGETS))
    item |= {"version": {"N": "1"}, task_items.held_by("0" * 36): task_items.format_hold(Hold(BUDGETS, None))}
    put, counted, item_after, session = stored(), updated(None), updated(item), assumed()

    def answer(request: Any) -> Answer:  # noqa: ANN401 - botocore's own
        if request.method == "PUT":
            return put
        if "sts." in request.url:
            return session
        return item_after if b"ALL_NEW" in request.body else counted

    return answer


@dataclass(slots=True)
class _Noting:
    """A client that notes what is asked of it, and passes it on."""

    client: Any
    requests: list[Noted]

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        def ask(**arguments: Any) -> Any:  # noqa: ANN401 - any operation's
            self.requests.append((operation, arguments))
            return getattr(self.client, operation)(**arguments)

        return ask


def over_aws(
    bundle: PolicyBundle, task: Task, results: Mapping[str, Result], noted: list[Noted] | None = None
) -> RunStatements:
    """The function's service over its own stores; the database still answers at once. Inside `answering` only.

    With `noted`, every request is noted there.
    """
    session = clients.connect(REGION)
    table: Any = clients.dynamodb(session)
    bucket: Any = clients.s3(session)
    if noted is not None:
        table, bucket = _Noting(table, noted), _Noting(bucket, noted)
    tasks = DynamoTaskStore(table, TABLE)
    tasks._keep(task.id, task_items.format_scope(task, 1))  # as it is after the task's first statement
    run = over_fakes(bundle, task, results)
    return replace(
        run,
        admission=replace(run.admission, tasks=tasks, rates=DynamoRates(table, TABLE)),
        tasks=tasks,
        journal=Journal(S3RecordStore(bucket, BUCKET, SOURCE, retain_until_s=_RETAIN_UNTIL_S), run.clock, LOG),
    )
