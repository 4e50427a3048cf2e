"""What takes longer than `make bench`, one after the other, each in a process of its own: `--write` goes to each."""

from __future__ import annotations

import argparse
import subprocess
import sys

# What `make peers` fetches is asked for by `peers` itself; ten million entries take most of the time and of the disk.
LONG = ("bench.rows", "bench.growth", "bench.pull", "bench.peers", "bench.big_log")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.long", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    passed_on = ["--write"] if parser.parse_args().write else []
    failed = []
    for module in LONG:
        print(f"== python -m {module}", flush=True)
        if subprocess.run([sys.executable, "-m", module, *passed_on], check=False).returncode:
            failed.append(module)
    if failed:
        sys.exit(f"bench.long: expected all to end well, got failures of {', '.join(failed)}")


if __name__ == "__main__":
    main()
