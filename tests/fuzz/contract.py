"""What the API's description allows and what it does not, drawn by schemathesis and sent to a local stack.

It lives in an environment of its own (`.venv-fuzz`, pinned in requirements/fuzz.txt) and speaks HTTP alone. What it
looks for: an answer of a status, shape or media type that the description has not; a server's error; a call that is
answered without a token; a body that is taken though it is none. A real token is sent, and where schemathesis chooses
none or another.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path

from tests.fuzz.site import Site, agent_of, open_site, task_of

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / ".venv-fuzz" / "bin" / "st"
CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
SLICE_S = 400  # of one run: a token of the local issuer holds for ten minutes


def fuzz(first_seed: int, minutes: float) -> bool:
    """Whether nothing was found."""
    if not PROGRAM.is_file():
        raise SystemExit(
            f"{PROGRAM.relative_to(ROOT)}: expected schemathesis there, got nothing; `make fuzz` installs it"
        )
    until, seed, holds = time.monotonic() + minutes * 60, first_seed, True
    with open_site() as site:
        while holds and (left_s := until - time.monotonic()) > 0:
            holds = _run(site, seed, int(max(10, min(left_s, SLICE_S))))
            seed += 1
        faults = site.faults()
    for line in faults[:20]:
        print(line)
    return holds and not faults


def _run(site: Site, seed: int, seconds: int) -> bool:
    site.renew()
    api, token = site.stack.ready.api, agent_of(site.stack).token()
    print(f"seed {seed}, {seconds} s", flush=True)
    with tempfile.TemporaryDirectory(prefix="postern-fuzz-") as folder:
        # There, since it keeps examples beside itself.
        configuration = Path(folder) / CONFIGURATION.name
        configuration.write_text(CONFIGURATION.read_text() + _dictionaries(site))
        command = [
            *(str(PROGRAM), "--config-file", str(configuration), "run", f"{api}/openapi.json", "--url", api),
            *("--header", f"Authorization: Bearer {token}", "--seed", str(seed), "--max-time", str(seconds)),
        ]
        return subprocess.run(command, cwd=folder, check=False).returncode == 0


def _dictionaries(site: Site) -> str:
    """Words by which a drawn call becomes one that goes all the way, and how often each is taken."""
    words = [f"{name} = {{ values = {json.dumps(values)} }}" for name, values in _words(site).items()]
    places = [f'"{place}" = {{ dictionary = "{name}", probability = 0.7 }}' for place, name in _PLACES.items()]
    # What is ended is a task of its own, or every call after it would only hear that.
    ended = [
        "[[operations]]",
        'include-path = "/v1/tasks/{id}"',
        'include-method = "DELETE"',
        "[operations.parameters]",
    ]
    ended.append('"path.id" = { dictionary = "doomed", probability = 0.7 }')
    return "\n".join(["", "[dictionaries]", *words, "", "[parameters]", *places, "", *ended, ""])


def _words(site: Site) -> dict[str, list[str]]:
    return {
        "tasks": [site.task],
        "doomed": [task_of(site.stack)],
        "databases": ["shop"],
        "tables": ["orders", "customers", "public.products"],
        "statements": [
            "SELECT id FROM orders LIMIT 2",
            "SELECT $1",
            "SELEC",
            "SELECT email FROM customers",
            "DELETE FROM orders",
        ],
    }


_PLACES = {
    "path.id": "tasks",
    "query.task": "tasks",
    "body.database": "databases",
    "body.access[*].tables[*]": "tables",
    "body.sql": "statements",
    "body.statements[*].sql": "statements",
}
