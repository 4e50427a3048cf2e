"""Where `postern audit prove` finds a command's proofs: in a pulled copy, or at the API. Neither is trusted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postern.audit.canonical import MAX_RECORD_BYTES
from postern.audit.keys import log_key, record_key
from postern.audit.records import RecordType
from postern.tlog.bundles import MAX_ENTRY_BYTES, parse_tile
from postern.tlog.checkpoints import open_checkpoint
from postern.tlog.entry_proof import prove_entry
from postern.tlog.hashing import Hash, leaf_hash
from postern.tlog.notes import VerifierKey
from postern.tlog.origins import log_of
from postern.tlog.tiles import TILE_WIDTH, Tile, format_path, paths_of
from postern.tlog.tlog_proof import TlogProof, parse_tlog_proof
from postern.types import CommandId
from postern_cli.gate.client import ApiClient
from postern_cli.pulled import PulledFolder
from postern_cli.stop import Exit, Stop

_MAX_OBJECT_BYTES = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)  # the largest bundle


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
    """The API's receipts, asked for with the caller's own token."""

    client: ApiClient
    vkey: VerifierKey

    def proofs(self, command_id: CommandId) -> list[TlogProof]:
        """The proofs that the API gives, unverified. Raises `Stop` (cannot tell) where it gives none."""
        answer = self.client.ask("GET", f"/v1/receipts/{command_id}?log={log_of(self.vkey.name)}")
        if answer.status != 200:  # a command that is not in the log yet is as unknown as one of others
            raise Stop(Exit.UNKNOWN, self.client.stopped(answer).line)
        try:
            return [parse_tlog_proof(str(one["proof"]).encode()) for one in answer.body["records"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Stop(
                Exit.UNKNOWN,
                f"{self.client.base.netloc}: expected a receipt, got another answer; is its version another?",
            ) from error
