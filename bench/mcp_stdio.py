"""A client of MCP's stdio transport, of as little as measuring needs: begin, call a tool, read what it gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.piped_process import PipedProcess

REVISION = "2025-06-18"  # of the protocol, which all that are measured speak


@dataclass(slots=True)
class McpClient:
    """One session with a server that runs. Raises `RuntimeError` for whatever is not an answer."""

    server: PipedProcess
    _last_id: int = 0

    def begin(self) -> None:
        told = {"name": "bench", "version": "0"}
        self._ask("initialize", {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": told})
        self.server.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def call(self, tool: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """The tool's result; one that says it is an error is none."""
        result = self._ask("tools/call", {"name": tool, "arguments": dict(arguments)})
        if result.get("isError"):
            raise RuntimeError(f"{self.server.name}: {tool}: expected a result, got {str(result)[:1000]}")
        return result

    def _ask(self, method: str, params: Mapping[str, object]) -> dict[str, Any]:
        self._last_id += 1
        self.server.send({"jsonrpc": "2.0", "id": self._last_id, "method": method, "params": params})
        while (message := self.server.receive()).get("id") != self._last_id:
            continue  # a notification: a server may log by them
        if "result" not in message:
            raise RuntimeError(f"{self.server.name}: {method}: expected a result, got {str(message)[:1000]}")
        result: dict[str, Any] = message["result"]
        return result
