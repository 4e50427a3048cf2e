"""The server's process: `python -m postern_local.aws --fd N`, started by `server.AwsServer` and by nobody else.

It listens on the socket that it inherits. The secret of the private channel comes in the environment.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import partial

from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from postern.types import Secret
from postern_local.aws import (
    checksums,
    kms_keys,
    object_lock,
    queues,
    roles,
    s3_authorization,
    s3_listing,
    services,
    sts,
    transaction_tokens,
    transactions,
)
from postern_local.aws.application import Application, Resources
from postern_local.aws.control import Control
from postern_local.aws.dynamodb_requests import PartitionKey
from postern_local.aws.kms_requests import FindKey, KeyDescription
from postern_local.aws.registry import SessionRegistry
from postern_local.aws.server import SECRET_VARIABLE


class _Handler(MotoRequestHandler):
    """moto's handler without Nagle's delay (44 ms a call) and without a log line a call."""

    wbufsize = -1
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        # werkzeug's own `100 Continue` would stay in the buffer until the answer: the SDK waits 1 s for it, each PUT.
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
            del self.headers["Expect"]
        super().run_wsgi()

    def log_request(self, *_values: object) -> None:
        """Says nothing: a request line can hold a presigned URL."""


def build_application(secret: Secret, account: str) -> Application:
    """moto with every correction in place. Once a process: the corrections replace moto's own methods."""
    registry = SessionRegistry.empty(roles.describe_role)
    roles.install()
    sts.install(registry, time.time)
    s3_authorization.install(time.time)
    object_lock.install(time.time)
    checksums.install()
    kms_keys.install()
    queues.install()
    s3_listing.install()
    transaction_tokens.install(time.time)
    transactions.install()
    services.install()
    return Application(
        moto=DomainDispatcherApplication(create_backend_app),
        registry=registry,
        control=Control(secret, registry, time.time),
        account=account,
        resources=Resources(
            partition_key=lambda region: _partition_key(account, region),
            key=lambda region: _find_key(account, region),
            queue_policies=lambda region: partial(queues.policies_of, account, region),
        ),
        clock=time.time,
    )


def _partition_key(account: str, region: str) -> PartitionKey:
    def find(table: str, index: str | None) -> str | None:
        stored = dynamodb_backends[account][region].tables.get(table)
        if stored is None or index is None:
            return stored.hash_key_attr if stored else None
        named = [entry for entry in (*stored.global_indexes, *stored.indexes) if entry.name == index]
        keys = [part["AttributeName"] for entry in named for part in entry.schema if part["KeyType"] == "HASH"]
        return keys[0] if keys else None

    return find


def _find_key(account: str, region: str) -> FindKey:
    def find(named: str) -> KeyDescription | None:
        backend = kms_backends[account][region]
        key_id = backend.get_key_id(backend.get_alias_name(named))
        known = backend.get_key_id_from_alias(key_id) if key_id.startswith("alias/") else key_id
        key = backend.keys.get(known or "")
        return KeyDescription(key.arn, key.policy) if key is not None else None

    return find


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    parser.add_argument("--account", required=True)
    options = parser.parse_args()
    secret = Secret(os.environ.pop(SECRET_VARIABLE))
    application = build_application(secret, options.account)
    make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Handler, fd=options.fd).serve_forever()


if __name__ == "__main__":
    _main()
