"""Where `postern audit prove` finds a command's proofs: in a pulled copy, or at the API. Neither is trusted."""

from __future__ import annotations

import http.client
import json
import os
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass

from postern.audit.canonical import MAX_RECORD_BYTES
from postern.audit.keys import log_key, record_key
from postern.audit.records import RecordType
from postern.tlog.bundles import MAX_ENTRY_BYTES, parse_tile
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.entry_proof import prove_entry
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.notes import MAX_NOTE_BYTES, VerifierKey
from postern.tlog.origins import log_of
from postern.tlog.tiles import TILE_WIDTH, Tile, format_path, paths_of
from postern.tlog.tlog_proof import TlogProof, parse_tlog_proof
from postern.types import CommandId
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop

TOKEN_VARIABLE = "POSTERN_TOKEN"

_MAX_OBJECT_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)  # the largest bundle
_MAX_ANSWER_BYTES = 4 * 1024 * 1024
_TIMEOUT_S = 30.0
_LOOPBACK = re.compile(r"http://(127\.0\.0\.1|localhost|\[::1\])(:[0-9]+)?(/|\Z)")


@dataclass(frozen=True, slots=True)
class CopySource:
    """A folder that `postern audit pull` wrote. Raises `IntegrityError` where what is in it does not fit together."""

    folder: PulledFolder
    vkey: VerifierKey

    def proofs(self, command_id: CommandId) -> list[TlogProof]:
        """A proof of each of the command's records that the copy holds, which are all in its log.

        Raises `Stop` where the copy has no checkpoint, or a record that its log does not hold yet.
        """
        note = self._read("checkpoint")
        head = open_checkpoint(note, [self.vkey], self.vkey.name)
        proofs = []
        for key, entry in self._records(command_id):
            index = self._index_of(leaf_hash(entry), head.size)
            if index is None:
                raise Stop(Exit.UNKNOWN, f"{key}: not in the log's tree of {head.size:,} entries yet: pull again")
            proofs.append(prove_entry(index, entry, note, head, self._read))
        return proofs

    def _records(self, command_id: CommandId) -> Iterator[tuple[str, bytes]]:
        for type_ in RecordType:
            key = record_key(log_of(self.vkey.name), type_, command_id)
            try:
                yield key, self._open(key, MAX_RECORD_BYTES)
            except KeyError:
                continue

    def _index_of(self, leaf: Hash, size: int) -> int | None:
        """Where the tiles of the leaves have this hash; what they say is proved after."""
        for part in paths_of(size):
            if isinstance(part, Tile) and part.level == 0:
                hashes = parse_tile(self._read(format_path(part)), part.width)
                if leaf in hashes:
                    return part.index * TILE_WIDTH + hashes.index(leaf)
        return None

    def _read(self, path: str) -> bytes:
        key = log_key(log_of(self.vkey.name), path)
        try:
            return self._open(key, _MAX_OBJECT_BYTES)
        except KeyError:
            raise Stop(Exit.UNKNOWN, f"{key}: expected it in the copy, got no such object: pull again") from None

    def _open(self, key: str, limit: int) -> bytes:
        try:
            return self.folder.read(key, limit)
        except OSError as error:
            raise Stop(Exit.UNKNOWN, f"{error.filename or key}: expected to read it, got {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class ApiSource:
    """The API's receipts, asked for with the caller's own token, which is taken from the environment."""

    url: str
    vkey: VerifierKey

    def proofs(self, command_id: CommandId) -> list[TlogProof]:
        """The proofs that the API gives, unverified. Raises `Stop` where it gives none."""
        body = self._get(f"/v1/receipts/{command_id}?log={log_of(self.vkey.name)}")
        try:
            return [parse_tlog_proof(str(one["proof"]).encode()) for one in json.loads(body)["records"]]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise Stop(Exit.UNKNOWN, f"{self.url}: expected a receipt, got another answer") from error

    def _get(self, path: str) -> bytes:
        token = os.environ.get(TOKEN_VARIABLE, "")
        if not token:
            raise Stop(Exit.USAGE, f"--url: expected your token in the environment variable {TOKEN_VARIABLE}")
        if not (self.url.startswith("https://") or _LOOPBACK.match(self.url)):
            raise Stop(Exit.USAGE, "--url: expected https:// (a token is sent there)")
        request = urllib.request.Request(  # noqa: S310 - the scheme was checked
            self.url.rstrip("/") + path, headers={"Authorization": f"Bearer {token}"}
        )
        try:
            with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
                return bytes(answer.read(_MAX_ANSWER_BYTES))
        except urllib.error.HTTPError as error:
            raise Stop(Exit.UNKNOWN, f"{self.url}: {error.code}: {_detail(error)}") from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Stop(Exit.UNKNOWN, f"{self.url}: expected an answer, got {type(error).__name__}") from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token goes where it was sent and no further."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _detail(error: urllib.error.HTTPError) -> str:
    """What a problem body says, as far as it is one."""
    try:
        return json.dumps(json.loads(error.read(MAX_NOTE_BYTES))["detail"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError, http.client.HTTPException):
        return error.reason
