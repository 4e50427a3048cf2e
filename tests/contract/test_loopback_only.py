"""What keeps LocalStack on this machine, tried in a process of its own: an audit hook stays for good."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.loopback_only import is_loopback

HOOK = Path(__file__).with_name("loopback_only.py")
TRIAL = """
import importlib.util, os, socket, sys
spec = importlib.util.spec_from_file_location("loopback_only", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
module.watch(os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT))
one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if "send" in sys.argv[3] else socket.SOCK_STREAM)
try:
    eval(sys.argv[3])
except module.RefusedHost:
    sys.exit(7)
"""


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        (b"127.0.0.1", True),
        ("0.0.0.0", False),
        ("", False),
        ("::", False),
        ("10.0.0.1", False),
        ("169.254.169.254", False),
        ("localhost.localstack.cloud", False),
        ("127.0.0.1.example.com", False),
        (None, False),
    ],
    ids=str,
)
def test_knows_this_machine(host, expected):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("call", "refused"),
    [
        pytest.param("one.bind(('127.0.0.1', 0))", None, id="listen on loopback"),
        pytest.param("one.bind(('0.0.0.0', 0))", "socket.bind 0.0.0.0", id="listen on every address"),
        pytest.param("one.bind(('', 0))", "socket.bind", id="listen on every address, unnamed"),
        pytest.param("one.connect(('192.0.2.1', 9))", "socket.connect 192.0.2.1", id="call another"),
        pytest.param("one.sendto(b'x', ('192.0.2.1', 9))", "socket.sendto 192.0.2.1", id="send to another"),
        pytest.param("socket.getaddrinfo('example.invalid', 1)", "socket.getaddrinfo example.invalid", id="a name"),
        pytest.param("socket.gethostbyname('example.invalid')", "socket.gethostbyname example.invalid", id="old name"),
    ],
)
def test_refuses_and_notes_whatever_is_another_machine(call, refused, tmp_path):
    log = tmp_path / "refused"
    ended = subprocess.run([sys.executable, "-c", TRIAL, str(HOOK), str(log), call], check=False)
    assert ended.returncode == (0 if refused is None else 7)
    assert log.read_text().strip() == (refused or "")
