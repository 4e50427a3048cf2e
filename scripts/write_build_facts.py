"""Writes what is about to be built into the core layer's folder, before every build: see `audit/build_facts.py`."""

from __future__ import annotations

from pathlib import Path

from postern.audit.build_facts import BuildFacts, format_build_facts
from postern.edges.build_files import FILE, project_facts

PROJECT = Path(__file__).resolve().parent.parent


def write_build_facts(project: Path = PROJECT) -> BuildFacts:
    """The facts of the project in this folder, written where its build takes them from."""
    facts = project_facts(project)
    (project / "layers/core" / FILE).write_bytes(format_build_facts(facts))
    return facts


def main() -> None:
    facts = write_build_facts()
    print(f"version   {facts.version}\ncode      {facts.code}\ntemplate  {facts.template}")


if __name__ == "__main__":
    main()
