"""Writes docs/doctor.md from the doctor's checks. Run it after a change of `postern.world.doctor`."""

from __future__ import annotations

from pathlib import Path

from postern.world.doctor.checks import checks
from postern.world.doctor.extension_risks import EXTENSION_RISKS
from postern.world.doctor.findings import Subject

PAGE = Path(__file__).resolve().parent.parent / "docs" / "doctor.md"

_HEAD = """\
# What weakens the wall

`postern db doctor` looks at a live database over one read-only session, tells what weakens the wall between an agent
and the data, why, and prints the SQL that mends it. It reads names, rights and settings, and no row of your tables.

    postern db doctor --dsn 'postgresql://admin@db.example.com/shop?sslrootcert=bundle.pem' --policy layers/policy

Give the password in `PGPASSWORD`. The other PG* variables fill in what the URL leaves out. A connection to another
machine is always verified TLS; a socket and this machine may go without. Run it as a superuser, or the master user of
Amazon RDS: a check that may not look is named, and is no pass.

| exit code | |
|---|---|
| 0 | clean; information may be shown |
| 1 | findings of `--fail-on` (`low`) or worse |
| 2 | the command line is wrong |
| 3 | it cannot be told: the database is not reached, or a check could not look |

`high`: an agent behind the guard could read or change what it was not granted, or act as somebody else. `medium`: one
more slip, and it could. `low`: it widens what an agent can learn or use up. `info`: to know; it cannot be closed, or
closing it may cost more than it gives. `--json` prints the same for machines.

Read the SQL before you run it: it takes rights away that an application may use by way of PUBLIC. Grant those by name
first. After `postern db bootstrap`, a database of which nobody widened anything is clean.

This page is generated from `layers/core/postern/world/doctor`.

## The checks

| check | at worst | finds | why |
|---|---|---|---|
"""

_EXTENSIONS = """
## Extensions

While PUBLIC may use any part of these, they are findings; what is printed takes that from PUBLIC and leaves the
extension. Closed to PUBLIC, they are information.

| extension | at worst | why |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    rows = "".join(
        f"| `{check.name}` | {check.severity} | {check.finds} | {check.why} |\n" for check in checks(Subject())
    )
    extensions = "".join(
        f"| `{name}` | {severity} | {reason} |\n" for name, (severity, reason) in sorted(EXTENSION_RISKS.items())
    )
    return _HEAD + rows + _EXTENSIONS + extensions


if __name__ == "__main__":
    PAGE.write_text(page())
