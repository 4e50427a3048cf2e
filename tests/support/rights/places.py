"""What a deployment has, by the names that the tables use."""

from __future__ import annotations

from dataclasses import dataclass

from postern_local.model import Deployment
from tests.support.stack import project_deployment

from .documents import ACCOUNT, REGION

FUNCTIONS = frozenset(
    {
        *("authorize", "tasks", "query", "provision", "run", "revoke"),
        *("sequence", "reap", "receipts", "inspect", "deploy", "mcp", "console"),
    }
)
ROLES = FUNCTIONS | {"shift", "connect", "gatewaylog"}
DATABASES = ("db-ONE", "cluster-TWO")
USER = "task_018f0000000070008000000000000001"
RECORD = "wal/v1/test-2026/a/1-intent.json"
OTHER_RECORD = "wal/v1/test-2025/a/1-intent.json"
TEXT, OTHER_TEXT = "blob/test-2026/a/0", "blob/test-2025/a/0"
BUNDLE = "log/test-2026/tile/entries/000"
CHECKPOINT, TILE, OLD_TILE = "log/test-2026/checkpoint", "log/test-2026/tile/0/000", "log/test-2025/tile/0/000"
ELSEWHERE = "elsewhere/a"


@dataclass(frozen=True, slots=True)
class Places:
    """ARNs."""

    deployed: Deployment

    def table(self, name: str) -> str:
        (table,) = (table for table in self.deployed.tables if table.name.endswith(name))
        return f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table.name}"

    @property
    def bucket(self) -> str:
        return f"arn:aws:s3:::{self.deployed.buckets[0].name}"

    def object(self, key: str) -> str:
        return f"{self.bucket}/{key}"

    def queue(self, name: str) -> str:
        (queue,) = (queue for queue in self.deployed.queues if queue.name.endswith(f"-{name}"))
        return queue.arn

    def function(self, name: str, qualifier: str = "live") -> str:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:postern-{name}"
        return f"{arn}:{qualifier}" if qualifier else arn

    def log_group(self, name: str) -> str:
        return f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/postern/postern/{name}"

    def key(self, *, signs: bool) -> str:
        (key,) = (key for key in self.deployed.keys if ("KeySpec" in key.create) is signs)
        return f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key.id}"

    def user(self, name: str, database: str = DATABASES[0]) -> str:
        return f"arn:aws:rds-db:{REGION}:{ACCOUNT}:dbuser:{database}/{name}"

    def role(self, name: str) -> str:
        (role,) = (role for role in self.deployed.roles if role.name.lower().endswith(f"-{name}role"))
        return role.arn

    @property
    def bus(self) -> str:
        return f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/{self.deployed.event_buses[0]}"


def whole() -> Deployment:
    """The deployment that has every part: literals sealed, functions in a VPC."""
    return project_deployment(
        StatementText="sealed", SubnetIds="subnet-0123456789abcdef0", SecurityGroupIds="sg-0123456789abcdef0"
    )
