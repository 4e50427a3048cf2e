"""What a cold start of each function costs: import and first answer in a fresh process, beside two empty handlers.

One run, interleaved: every function and both empty handlers once a round, so that whatever disturbs one disturbs all.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.cold_rounds import Round
from bench.cold_stack import RESERVED, Runtime, Start, cold_stack
from bench.machine import described
from bench.pages import publish
from bench.samples import middle
from bench.tables import markdown
from postern_local.stack import Options, run_stack

ROUNDS = 15
BAR = 4.0  # of what the query function takes beyond an empty Powertools handler, over what that one takes
LAYERS = ("DepsLayer", "CoreLayer")
HANDLERS = Path(__file__).with_name("cold_handlers")
EMPTY_HANDLERS = ("plain", "powertools")
EMPTY = {"resource": "/healthz", "path": "/healthz", "httpMethod": "GET", "requestContext": {"stage": "live"}}
Starts = Mapping[str, Sequence[Start]]
Of = Callable[[Start], float]


def main() -> int:
    given = _arguments()
    runtime = Runtime(given.python, tuple(given.built / layer / "python" for layer in LAYERS))
    missing = [str(layer) for layer in runtime.layers if not layer.is_dir()]
    if missing:
        sys.exit(f"bench: expected layers for this machine's own processor, got no {missing[0]}: run make build-native")
    starts = _measure(runtime, given.built, given.rounds)
    publish("performance.md", "bench.cold", _text(starts, runtime))
    return 0 if _ratio(starts) <= BAR else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.cold")
    parser.add_argument("--built", type=Path, default=Path(".aws-sam/native"), help="where sam build left the layers")
    parser.add_argument("--python", default=shutil.which("python3.13") or sys.executable)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    return parser.parse_args()


def _measure(runtime: Runtime, built: Path, rounds: int) -> Starts:
    starts: dict[str, list[Start]] = defaultdict(list)
    with (
        tempfile.TemporaryDirectory(prefix="postern-cold-") as folder,
        run_stack(Options(state=Path(folder))) as stack,
        cold_stack(stack, runtime, built) as (lambdas, agent),
    ):
        for n in range(rounds + 1):
            measured = [(name, runtime.start(HANDLERS / name, RESERVED, EMPTY)) for name in EMPTY_HANDLERS]
            measured += Round(stack, lambdas, agent).run()
            if n:  # the first round only brings the files into memory
                for name, start in measured:
                    starts[name].append(start)
    return starts


def _cpu(start: Start) -> float:
    return start.answer_cpu_ms


def _median(starts: Starts, name: str, of: Of = _cpu) -> float:
    return statistics.median(map(of, starts[name]))


def _share(starts: Starts, name: str, *, beyond: str = "powertools", of: Of = _cpu) -> float:
    """What a function takes of its own: beyond what an empty handler takes."""
    return _median(starts, name, of) - _median(starts, beyond, of)


def _ratio(starts: Starts, name: str = "query", *, of: Of = _cpu) -> float:
    return _share(starts, name, of=of) / _median(starts, "powertools", of)


COLUMNS = (
    "ms of a processor",
    "import",
    "first answer",
    "own share",
    "of Powertools'",
    "by the clock",
    "peak MB",
    "modules",
    "MB loaded",
)


def _text(starts: Starts, runtime: Runtime) -> str:
    version = subprocess.run([runtime.python, "-V"], capture_output=True, text=True, check=True).stdout.strip()
    readings = (
        f"`query` takes {_ratio(starts):.2f} times an empty Powertools handler's first answer beyond it (its bar is "
        f"{BAR:g}), by the clock {_ratio(starts, of=_clock):.2f}. Other readings: less the plain handler's alone "
        f"{_share(starts, 'query', beyond='plain') / _median(starts, 'powertools'):.2f}; both less the plain handler's "
        f"{_share(starts, 'query', beyond='plain') / _share(starts, 'powertools', beyond='plain'):.2f}. "
        f"`authorize`: {_ratio(starts, 'authorize'):.2f}."
    )
    head = described(f"functions on {version}", "PostgreSQL 18", f"{len(starts['plain'])} rounds in turns")
    return "\n\n".join([head, markdown(COLUMNS, [_row(starts, name) for name in starts]), readings])


def _clock(start: Start) -> float:
    return start.answer_ms


def _row(starts: Starts, name: str) -> list[str]:
    some = starts[name]
    files = [Path(file) for file in some[-1].files]
    loaded = [_loaded(file) for file in files if any(layer in file.parts for layer in LAYERS)]
    return [
        name,
        f"{statistics.median(one.import_cpu_ms for one in some):.0f}",
        middle([one.answer_cpu_ms for one in some]),
        "" if name in EMPTY_HANDLERS else f"{_share(starts, name):.0f}",
        "" if name in EMPTY_HANDLERS else f"{_ratio(starts, name):.2f}",
        f"{_median(starts, name, _clock):.0f}",
        f"{max(one.peak_kb for one in some) / 1000:.0f}",
        str(len(files)),
        f"{sum(loaded) / 1e6:.1f}",
    ]


def _loaded(file: Path) -> int:
    compiled = list((file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"))
    return (compiled[0] if compiled else file).stat().st_size


if __name__ == "__main__":
    sys.exit(main())
