"""Runs LocalStack so that it can speak with this machine alone: `python loopback_only.py LOG`, in its own environment.

LocalStack has settings for that, and they are set by who starts this; but its default server listens on every address
whatever GATEWAY_LISTEN says, and its S3 asks DNS for a name of its own. So the interpreter itself refuses: an audit
hook (PEP 578) cannot be taken out again, and sees every name that is looked up and every address that is bound,
connected or sent to. What was refused is a line of LOG. Standard library only: Postern is not installed there.
"""

from __future__ import annotations

import ipaddress
import os
import runpy
import socket
import sys
from typing import Any

_BY_ADDRESS = {"socket.bind", "socket.connect", "socket.sendto", "socket.sendmsg"}
_BY_NAME = {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}


class RefusedHost(OSError):
    """Raised for whatever is not this machine; as where there is no network."""


def is_loopback(host: object) -> bool:
    """Whether nobody else is meant: an address of loopback or its name, which the hosts file knows."""
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else str(host)
    if text == "localhost":
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def watch(log: int) -> None:
    """From here on this process binds, asks and calls nobody but itself."""

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        host = _host(event, arguments)
        if host is not None and not is_loopback(host):
            os.write(log, f"{event} {host}\n".encode())
            raise RefusedHost(f"{event}: expected loopback, got {host}")

    sys.addaudithook(hook)


def _host(event: str, arguments: tuple[Any, ...]) -> object:
    """Whom the event is about; None where it is about nobody outside, as with a socket of a file."""
    if event in _BY_NAME:
        return arguments[0]
    if event not in _BY_ADDRESS or arguments[0].family not in (socket.AF_INET, socket.AF_INET6):
        return None
    return None if arguments[1] is None else arguments[1][0]


if __name__ == "__main__":
    watch(os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
    sys.argv = ["localstack"]
    runpy.run_module("localstack.runtime.main", run_name="__main__")
