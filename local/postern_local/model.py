"""What the templates say, as the local stack runs it: names resolved, nothing left to look up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Document = Mapping[str, Any]  # an IAM policy document, or a property in the shape of AWS's own API


@dataclass(frozen=True, slots=True)
class Names:
    """The account, region and stack name under which everything is made."""

    account: str = "123456789012"
    region: str = "us-east-1"
    stack: str = "postern-local"


@dataclass(frozen=True, slots=True)
class Function:
    """A function as Lambda would run it."""

    name: str
    arn: str
    folder: Path  # where its handler is
    handler: str  # module.function
    timeout_s: int
    memory_mb: int
    environment: Mapping[str, str]
    role: str  # the role's name
    concurrency: int | None  # reserved; None for the account's limit


@dataclass(frozen=True, slots=True)
class Route:
    """A method on a path such as `/v1/tasks/{id}`; `authorizer` is None where anyone may call."""

    method: str  # upper case
    path: str
    function: str  # the function's name
    authorizer: Authorizer | None


@dataclass(frozen=True, slots=True)
class Authorizer:
    """A REQUEST authorizer; `header` must be present or nobody is asked."""

    name: str
    function: str
    header: str


@dataclass(frozen=True, slots=True)
class GatewayResponse:
    """What the gateway says by itself. `status` None keeps the status of what went wrong."""

    status: int | None
    headers: Mapping[str, str]
    body: str  # `$context.` names are replaced


@dataclass(frozen=True, slots=True)
class Api:
    """The REST API: `responses` by API Gateway's names of them."""

    stage: str
    routes: tuple[Route, ...]
    responses: Mapping[str, GatewayResponse]


@dataclass(frozen=True, slots=True)
class Table:
    """A table: the arguments of `create_table`, and what is set after it."""

    name: str
    create: Document
    ttl_attribute: str | None
    point_in_time_recovery: bool


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket: each part in the shape that its own call takes; None where the template says nothing."""

    name: str
    object_lock: bool
    lock_configuration: Document | None
    versioning: Document | None
    encryption: Document | None
    public_access: Document | None
    ownership: Document | None
    notification: Document | None
    policy: Document | None


# A tag that gives a new key its id: whatever names the key in a template can then be made before it.
KEY_ID_TAG = "postern-local:key-id"


@dataclass(frozen=True, slots=True)
class Key:
    """A key: its id, and the arguments of `create_key` besides."""

    id: str
    create: Document


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue: its attributes as `create_queue` takes them, its policy among them."""

    name: str
    arn: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EventSource:
    """A queue whose messages a function is invoked with."""

    queue_arn: str
    function: str  # the function's name
    batch_size: int
    window_s: int  # how long a batch may wait to be filled
    reports_items: bool  # the function says which messages failed


@dataclass(frozen=True, slots=True)
class Role:
    """A role with its inline policies by name."""

    name: str
    arn: str
    trust: Document
    policies: Mapping[str, Document]
    max_session_s: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """A function that is invoked at a fixed rate."""

    every_s: int
    function: str
    payload: str


@dataclass(frozen=True, slots=True)
class Deployment:
    """Everything that the templates deploy."""

    names: Names
    api: Api
    functions: Sequence[Function]
    tables: Sequence[Table]
    buckets: Sequence[Bucket]
    roles: Sequence[Role]
    schedules: Sequence[Schedule]
    outputs: Mapping[str, str]
    keys: Sequence[Key] = ()
    queues: Sequence[Queue] = ()
    event_sources: Sequence[EventSource] = ()
    event_buses: Sequence[str] = ()  # their names

    def function(self, name: str) -> Function:
        """The function of that name. Raises `KeyError`."""
        return {function.name: function for function in self.functions}[name]
