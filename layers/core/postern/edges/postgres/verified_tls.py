"""The TLS that a database is reached by: only a server whose host a certificate names, by authorities of our own."""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path


def verifying_context(ca: str) -> ssl.SSLContext:
    """A context that takes no server without a certificate of its host's by one of `ca`'s authorities.

    Raises `OSError` where the file is not there, and its `ssl.SSLError` where it holds no certificate.
    """
    return _read_context(ca, Path(ca).stat().st_mtime_ns)


@lru_cache(maxsize=4)
def _read_context(ca: str, _modified_ns: int) -> ssl.SSLContext:
    """Kept while the file is as it was: a bundle of many authorities takes longer to read than a session to open."""
    context = ssl.create_default_context(cafile=ca)  # requires a certificate and the host's name in it
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
