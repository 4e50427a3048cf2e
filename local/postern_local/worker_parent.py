"""What runs in the process that workers are forked from: it has imported the libraries that handlers import.

Started as `python -P -m postern_local.worker_parent` with a socket of orders as standard input; it ends with
that. Each order is a worker: the child takes the order's folder, environment, standard input and log, keeps
no other descriptor, and goes on as `worker.py` does in a new interpreter. It imports the runtime, the handler
and all of `postern` itself, so what those keep in their modules is the worker's own, as after a cold start.

One thread, no connection and no setting is here at a fork: only modules of others, as they are after import.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import selectors
import socket
import sys
from dataclasses import dataclass

from postern_local import worker
from postern_local.process import kill_group

MAX_ORDER_BYTES = 65_536  # Lambda's quota of an environment is 4 KB
# None of these reads a setting of the function while it is imported. AWS's runtime does, and is not among them.
LIBRARIES = (
    *("aws_lambda_powertools.logging.formatter", "aws_lambda_powertools.utilities.typing"),
    *("botocore.auth", "botocore.client", "botocore.credentials", "botocore.httpsession", "botocore.session"),
    *("cedarpy", "cryptography.hazmat.primitives.ciphers.aead", "jwt.algorithms", "msgspec.json"),
    *("pg8000.core", "postgast.native", "re2", "rfc8785", "yaml"),
    *("concurrent.futures.thread", "logging.config"),
)


@dataclass(frozen=True, slots=True)
class Order:
    """One worker's start, as it comes over the socket."""

    runtime: str
    handler: str
    folder: str
    environment: dict[str, str]


@dataclass(frozen=True, slots=True)
class Child:
    """A worker that runs: who waits for its end has the other end of `channel`."""

    pid: int
    pidfd: int
    channel: socket.socket


def main() -> None:
    """Starts workers until the orders end; in a worker, serves invocations until it is killed."""
    worker.hide_what_is_not_deployed()
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a worker would touch, and so copy, all of it
    order = _Parent(socket.socket(fileno=os.dup(0))).run()
    if order is not None:
        worker.main(order.runtime, order.handler)


class _Parent:
    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._children: list[Child] = []
        # No epoll: a child would share it with this process.
        self._selector = selectors.PollSelector()
        self._selector.register(orders, selectors.EVENT_READ)

    def run(self) -> Order | None:
        """Returns the order in each new worker, and None here, at the end of orders, with every worker dead."""
        while True:
            for key, _ in self._selector.select():
                if isinstance(key.data, Child):
                    self._bury(key.data)
                    continue
                data, descriptors, _, _ = socket.recv_fds(self._orders, MAX_ORDER_BYTES, 3)
                if not data:
                    self._end()
                    return None
                order = Order(**json.loads(data))
                if self._fork(*descriptors, order=order):
                    return order

    def _fork(self, lifeline: int, log: int, channel: int, *, order: Order) -> bool:
        """Whether this is the worker."""
        reply = socket.socket(fileno=channel)
        pid = os.fork()
        if pid == 0:
            reply.close()
            self._become(order, lifeline, log)
            return True
        os.close(lifeline)
        os.close(log)
        child = Child(pid, os.pidfd_open(pid), reply)
        self._children.append(child)
        self._selector.register(child.pidfd, selectors.EVENT_READ, child)
        with contextlib.suppress(OSError):  # who ordered it is gone, and so is the worker's lifeline
            socket.send_fds(reply, [str(pid).encode()], [child.pidfd])
        return False

    def _become(self, order: Order, lifeline: int, log: int) -> None:
        """Makes of the fork what a new process in the order's surroundings would be."""
        os.setsid()
        self._orders.close()
        for child in self._children:
            child.channel.close()
            os.close(child.pidfd)
        for source, target in ((lifeline, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.close(lifeline)
        os.close(log)
        os.environ.clear()
        os.environ.update(order.environment)
        os.chdir(order.folder)
        sys.path.insert(0, order.folder)
        importlib.invalidate_caches()

    def _bury(self, child: Child) -> None:
        """Ends what a dead worker left behind, only then frees its id for others, and tells how it ended."""
        self._selector.unregister(child.pidfd)
        self._children.remove(child)
        kill_group(child.pid)
        _, status = os.waitpid(child.pid, 0)
        os.close(child.pidfd)
        with contextlib.suppress(OSError):
            child.channel.send(str(os.waitstatus_to_exitcode(status)).encode())
        child.channel.close()

    def _end(self) -> None:
        for child in self._children:
            kill_group(child.pid)


if __name__ == "__main__":
    main()
