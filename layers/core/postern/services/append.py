"""One batch onto one log: stage, commit, apply. What a crash leaves behind, the next one who comes completes.

    1  stage    the batch is durable in the bucket, under the name of the tree that it leads to
    2  commit   the head moves from the tree that the batch continues to that tree: a compare-and-swap, so one wins
    3  apply    tiles, bundles and positions are written; each has one possible content, so by whom is no matter
    4  mark     the head says that it is applied; only then may another tree be committed on top of it

Dying before 2 leaves a stage that means nothing. Dying after it leaves a head that is not applied, with a stage that
says all that is missing. A sequencer that was overtaken writes nothing but what is there already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from postern.errors import IntegrityError
from postern.log_ports import Head, LogTable
from postern.services.known_log import KnownLog
from postern.services.stage import Stage, check_continues, format_stage, parse_stage, stage_path
from postern.tlog.append import append


@dataclass(slots=True)
class Appender:
    """Puts batches onto logs. Raises `UpstreamError` where a part is away; what was begun is completed later."""

    table: LogTable

    def applied_head(self, known: KnownLog) -> Head:
        """The log's head, read as applied: a batch that was committed and not applied is completed first.

        Raises `IntegrityError` where the stage or the tree under it is not what the head says.
        """
        head = known.head()
        while not head.is_applied:
            stage = parse_stage(known.bucket.read(stage_path(head)))
            appended = append(stage.size, stage.root, known.read, stage.entries)
            if (stage.log, appended.size, appended.root) != (head.log, head.size, head.root):
                raise IntegrityError(
                    "evidence.conflict",
                    f"stage of {head.log} at {head.size}: expected it to give the committed root, got another",
                )
            self._apply(known, stage, head, appended.writes)
            head = known.head()
        return head

    def commit(self, known: KnownLog, head: Head, stage: Stage) -> Mapping[str, int] | None:
        """Continues an applied head with a batch of keys that were looked for in the index after it was read.

        The positions that it added; None where another batch was committed first. They may be of other keys than asked
        for: those of a batch to the very same tree that was staged before.
        """
        check_continues(stage, head)
        appended = append(stage.size, stage.root, known.read, stage.entries)
        new = Head(head.log, appended.size, appended.root, is_applied=False)
        staged = self._stage(known, head, stage, new)
        if staged is None:
            return None
        new = replace(new, is_closed=staged.closes)
        # From here on the stage is durable: whoever reads the new head can finish.
        if not self.table.commit(head, new):
            return None
        # Committed: these entries have their places for ever, whether or not this process lives on.
        self._apply(known, staged, new, appended.writes)
        return {key: index for key, index in staged.positions().items() if index >= head.size}

    def _stage(self, known: KnownLog, head: Head, stage: Stage, new: Head) -> Stage | None:
        """The batch as it lies under its tree's name for ever; None where the head must have moved on meanwhile."""
        try:
            known.bucket.create(stage_path(new), format_stage(stage))
        except IntegrityError as error:
            if error.code != "evidence.conflict":
                raise
            return self._staged_before(known, head, stage, new)
        return stage

    def _staged_before(self, known: KnownLog, head: Head, stage: Stage, new: Head) -> Stage | None:
        """A batch to the very same tree, staged by one that died or was overtaken, to be committed in place of ours.

        It began at an earlier head, and what came between was committed by others; or it holds the same bytes under
        other keys. It may stand for ours if the index knows its keys up to our head, each at its place, and none of
        the others: then to apply it writes nothing but what is there, and what we would have written.
        """
        stood = parse_stage(known.bucket.read(stage_path(new)))
        if stood.size > head.size:
            return None  # staged over a later head
        appended = append(stood.size, stood.root, known.read, stood.entries)
        before = head.size - stood.size
        known_keys = {key: stood.size + at for at, key in enumerate(stood.keys[:before])}
        leads_here = (stood.log, appended.size, appended.root) == (new.log, new.size, new.root)
        if not leads_here or self.table.positions(stood.keys) != known_keys:
            raise IntegrityError(
                "evidence.conflict",
                f"stage of {new.log} at {new.size}: expected {len(stage.keys)} keys on {head.size},"
                f" got {len(stood.keys)} on {stood.size} that are not what the index has",
            )
        return stood

    def _apply(self, known: KnownLog, stage: Stage, head: Head, writes: Mapping[str, bytes]) -> None:
        known.write(writes)
        self.table.put_positions(stage.positions())
        # Last: a head that is marked must have all of it, since the next batch looks for its keys in the index.
        self.table.mark_applied(head)
