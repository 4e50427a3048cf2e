"""The protocol's revisions that are spoken, and what differs between them here.

Up to 2025-11-25 a client says `initialize` first and names the revision in a header from then on. From 2026-07-28 on
each request says it for itself, in a header and in its `_meta`, and `server/discover` takes the place of `initialize`.
Facts: modelcontextprotocol.io/specification, and what the official SDK (mcp 2.3) sends and takes.
"""

from __future__ import annotations

HANDSHAKE = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
PER_REQUEST = ("2026-07-28",)
SPOKEN = (*HANDSHAKE, *PER_REQUEST)
LATEST_HANDSHAKE = HANDSHAKE[-1]
# What a request without the header is of: the last revision that had none.
WITHOUT_HEADER = "2025-03-26"
# JSON-RPC's batches came with JSON-RPC and were taken out with 2025-06-18.
WITH_BATCHES = frozenset({"2024-11-05", "2025-03-26"})

VERSION_HEADER = "MCP-Protocol-Version"


def agreed(asked: str) -> str:
    """The revision that an `initialize` is answered with: the one asked for, else the latest that has an initialize."""
    return asked if asked in HANDSHAKE else LATEST_HANDSHAKE
