"""`make demo`: starts the local stack, plays the story, and fails if any step differs from what it must be."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from postern_local.demo.caller import Caller
from postern_local.demo.cast import AGENT, APPROVER_CLAIMS
from postern_local.demo.page import Page
from postern_local.demo.people import People
from postern_local.demo.story import Story
from postern_local.failure import StackFailure
from postern_local.stack import Options, run_stack


def main() -> int:
    begun = time.monotonic()
    page = Page()
    page.scene("Postern", "A local stack: PostgreSQL behind an IAM front, a bucket under Object Lock, the functions.")
    with tempfile.TemporaryDirectory(prefix="postern-demo-") as folder:
        try:
            with run_stack(Options(state=Path(folder) / "state"), say=page.say) as stack:
                agent = Caller(stack.ready, AGENT.sub, AGENT.claims)
                erin, frank = (Caller(stack.ready, f"person:{name}", APPROVER_CLAIMS) for name in ("erin", "frank"))
                Story(stack, page, agent, People(stack, page, agent, erin, frank)).play()
        except StackFailure as failure:
            print(f"demo: {failure}", file=sys.stderr)
            return 1
    page.scene(
        "As it must be" if not page.differences else f"{len(page.differences)} things differ from what they must be",
        f"{time.monotonic() - begun:.0f} s; by hand: . .venv/bin/activate && postern local up --ready ready.json",
    )
    return 1 if page.differences else 0


if __name__ == "__main__":
    sys.exit(main())
