"""`python -m tests.contract.against_localstack`: the contract for S3, STS and KMS against LocalStack, without Docker.

Starts LocalStack from its own module in `.venv-localstack`, on a free port of loopback, in a folder of its own; runs
the tests; stops it by its process id. It may reach nobody: `loopback_only.py` sees to that, and this fails where it
tried more than is known, or listens elsewhere. Its output is kept where anything fails.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-localstack" / "bin" / "python"
SERVICES = "s3,sts,kms"
START_S = 45
STARTS = 2
# LocalStack's S3 looks its own name up; refused, it goes on with `localhost`.
KNOWN_REFUSALS = {"socket.gethostbyname s3.localhost.localstack.cloud"}
SETTINGS = {
    "GATEWAY_SERVER": "hypercorn",  # the default server binds 0.0.0.0 whatever GATEWAY_LISTEN says
    "DNS_ADDRESS": "0",  # no DNS server
    "DISABLE_EVENTS": "1",  # no analytics
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "OVERRIDE_IN_DOCKER": "0",
    "SERVICES": f"{SERVICES},iam",
    "STRICT_SERVICE_LOADING": "1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


class LocalStackFailure(Exception):
    """Raised when LocalStack does not start, or does what it must not."""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


@contextmanager
def running(folder: Path) -> Iterator[str]:
    """A LocalStack that answers, by its URL. It gives itself 15 s to listen, which on a busy machine may not do."""
    for _ in range(STARTS):
        child, url = start(folder)
        try:
            if answers(url, child):
                yield url
                return
        finally:
            stop(child)
    raise LocalStackFailure(f"LocalStack: expected an answer within {START_S} s of a start, got none: see its log")


def start(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    port = free_port()
    environment = {
        **SETTINGS,
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),  # it writes beside the user's own settings otherwise
        "FILESYSTEM_ROOT": str(folder / "state"),
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
    }
    command = [str(PYTHON), "-P", str(Path(__file__).with_name("loopback_only.py")), str(folder / "refused")]
    with (folder / "localstack.log").open("ab") as log:
        child = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
    return child, f"http://127.0.0.1:{port}"


def answers(url: str, child: subprocess.Popen[bytes]) -> bool:
    until = time.monotonic() + START_S
    while time.monotonic() < until and child.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/_localstack/health", timeout=2) as answer:
                if "services" in json.load(answer):
                    return True
        except (OSError, ValueError):
            time.sleep(0.2)
    return False


def stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def others_than_known(folder: Path) -> list[str]:
    """What LocalStack was refused and nobody has looked at yet."""
    log = folder / "refused"
    lines = log.read_text().splitlines() if log.exists() else []
    return sorted(set(lines) - KNOWN_REFUSALS)


def run_tests(url: str) -> int:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= {"AWS_ENDPOINT_URL": url, "POSTERN_CONTRACT_SERVICES": SERVICES, "AWS_EC2_METADATA_DISABLED": "true"}
    differences = "tests/contract/localstack_differences.py"
    only = "outside or localstack_differences"
    command = [sys.executable, "-m", "pytest", "-q", "-k", only, "tests/contract", differences]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    if not PYTHON.exists():
        print("contract-localstack: expected .venv-localstack, got none: run `make contract-localstack`")
        return 3
    folder = Path(tempfile.mkdtemp(prefix="postern-localstack-"))
    begun = time.monotonic()
    try:
        with running(folder) as url:
            print(f"LocalStack answers after {time.monotonic() - begun:.1f} s")
            code = run_tests(url)
        if others := others_than_known(folder):
            raise LocalStackFailure(f"LocalStack: expected it to call nobody, got {', '.join(others)}")
    except LocalStackFailure as failure:
        print(f"contract-localstack: {failure}")
        code = 1
    if code:
        print(f"contract-localstack: LocalStack's log is {folder / 'localstack.log'}")
        return code
    shutil.rmtree(folder)
    print(f"contract-localstack: it holds; {time.monotonic() - begun:.0f} s in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
