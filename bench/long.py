"""What takes longer than `make bench`, one after the other, each in a process of its own: `--write` goes to each."""

from __future__ import annotations

import subprocess
import sys

# What `make peers` fetches is asked for by `peers` itself; ten million entries take most of the time and of the disk.
LONG = ("bench.rows", "bench.growth", "bench.pull", "bench.peers", "bench.big_log")


def main() -> None:
    failed = []
    for module in LONG:
        print(f"== python -m {module}", flush=True)
        if subprocess.run([sys.executable, "-m", module, *sys.argv[1:]], check=False).returncode:
            failed.append(module)
    if failed:
        sys.exit(f"bench.long: expected all to end well, got failures of {', '.join(failed)}")


if __name__ == "__main__":
    main()
