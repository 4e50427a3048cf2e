"""The two answers of an AWS account that `awslabs.postgres-mcp-server` asks for before it connects.

It connects only where RDS says that an instance is, as whom Secrets Manager says. The emulated RDS of the local stack
names no host that exists. Asked once, before anything is measured; nothing else is answered.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from xml.sax.saxutils import escape

from postern_local.loopback import LoopbackServer, Request, Response, Service

REGION = "us-east-1"
SECRET_ARN = f"arn:aws:secretsmanager:{REGION}:123456789012:secret:bench-AbCdEf"
_INSTANCES = (
    '<DescribeDBInstancesResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/"><DescribeDBInstancesResult>'
    "<DBInstances><DBInstance><DBInstanceIdentifier>bench</DBInstanceIdentifier><Engine>postgres</Engine>"
    "<Endpoint><Address>{host}</Address><Port>{port}</Port></Endpoint></DBInstance></DBInstances>"
    "</DescribeDBInstancesResult></DescribeDBInstancesResponse>"
)


@dataclass(frozen=True, slots=True)
class Instance:
    """Where an account says that its one instance is; `host` may be the folder of a unix socket."""

    host: str
    port: int
    user: str


@contextmanager
def rds_account(instance: Instance) -> Iterator[str]:
    """Serves on loopback; gives the endpoint's URL."""

    def answer(request: Request) -> Response:
        if request.header("X-Amz-Target") == "secretsmanager.GetSecretValue":
            secret = json.dumps({"username": instance.user, "password": "none is asked for over a unix socket"})
            body = json.dumps({"ARN": SECRET_ARN, "Name": "bench", "SecretString": secret})
            return Response(200, (("Content-Type", "application/x-amz-json-1.1"),), body.encode())
        if b"Action=DescribeDBInstances&" in request.body + b"&":
            text = _INSTANCES.format(host=escape(instance.host), port=instance.port)
            return Response(200, (("Content-Type", "text/xml"),), text.encode())
        return Response(400)

    server = LoopbackServer.start(Service(answer))
    try:
        yield server.url
    finally:
        server.stop()
