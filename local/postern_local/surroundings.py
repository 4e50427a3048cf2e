"""Nothing that the stack calls is anywhere but on loopback: its process forgets what could lead it elsewhere."""

from __future__ import annotations

import os

_PROXIES = frozenset({"all_proxy", "http_proxy", "https_proxy"})


def forget_surroundings() -> None:
    """Takes the user's AWS profiles, credentials and endpoints, PostgreSQL's settings and proxies out of `os.environ`.

    Call it before anything imports an SDK.
    """
    for name in list(os.environ):
        if name.startswith(("AWS_", "PG")) or name.lower() in _PROXIES:
            del os.environ[name]
    os.environ |= {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        # botocore's optional native library turns an interrupt inside it into an error of its own.
        "BOTO_DISABLE_CRT": "true",
    }
