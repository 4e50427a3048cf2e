"""Deploys: what must hold is checked before anything is sent, SAM builds and deploys, what stands is recorded.

Arguments go to `sam deploy` as they are: `make deploy ARGS="--guided"`. Steps:

1. The policy layer is valid, and every database's authorities are in it: a deploy without them would reach no database.
2. The version control's state is told. What is deployed is named by digests of the files, committed or not.
3. `make build` writes `build.json`, runs `sam build` for the parameter `Architecture`, and looks at what came out.
4. `sam deploy`. CodeDeploy asks the function `deploy` before traffic moves.
5. The function is asked to record what stands: a first deploy asks it nothing, and one that was turned back stands not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from postern.edges.authorities import BundleFiles
from postern.edges.policy_files import read_bundle
from postern.errors import PolicyFileError, PolicyUnavailable
from postern.types import DatabaseAddress

PROJECT = Path(__file__).resolve().parent.parent
POLICY = PROJECT / "layers/policy"
MOUNTED = PurePosixPath("/opt")  # where Lambda lays the policy layer out
# The template's parameter, in both forms that SAM takes.
_ARCHITECTURE = re.compile(r"""\b(?:Architecture=|ParameterKey=Architecture,ParameterValue=)["']?(\w+)""")
_DEFAULT_ARCHITECTURE = "arm64"
# Of what `sam deploy` is given, what `sam remote invoke` needs too, to find the same stack.
_SHARED = ("--stack-name", "--region", "--profile", "--config-env", "--config-file")


def problems(policy: Path = POLICY) -> Iterator[str]:
    """Everything that stops a deploy, each with what to do."""
    try:
        bundle = read_bundle(policy, local=None)
    except (PolicyFileError, ValueError) as error:
        yield f"policy layer: {error}"
        return
    for address in bundle.databases.values():
        yield from _authority_problems(policy, address)


def _authority_problems(policy: Path, address: DatabaseAddress) -> Iterator[str]:
    path = PurePosixPath(address.ca)
    if not path.is_relative_to(MOUNTED) or ".." in path.parts:
        yield f"databases.yaml: {address.name}: ca: expected a file under /opt, got {address.ca}"
        return
    file = policy / path.relative_to(MOUNTED)
    try:
        BundleFiles().digests([replace(address, ca=str(file))])
    except PolicyUnavailable as error:
        yield f"databases.yaml: {address.name}: {error.detail}"


def told_state(project: Path = PROJECT) -> str:
    """The commit that is deployed, and whether the files are that commit's."""
    git = shutil.which("git")
    if git is None or not (project / ".git").exists():
        return "no git here: the digests alone say what is deployed"
    commit = _said(git, "rev-parse", "HEAD", project=project)
    changed = _said(git, "status", "--porcelain", "--untracked-files=normal", project=project).splitlines()
    if not changed:
        return f"commit {commit}"
    return f"commit {commit} and {len(changed)} files that are not committed: nobody can build this again from git"


def _said(*command: str, project: Path) -> str:
    return subprocess.run(command, cwd=project, capture_output=True, text=True, check=True).stdout.strip()


def shared_options(arguments: Sequence[str]) -> list[str]:
    """The options among SAM's arguments that say which stack it is, with their values."""
    found: list[str] = []
    for at, argument in enumerate(arguments):
        name, _, value = argument.partition("=")
        if name in _SHARED:
            found += [argument] if value else list(arguments[at : at + 2])
    return found


def architecture(arguments: Sequence[str], project: Path = PROJECT) -> str:
    """The processor that `sam deploy` will name: by its arguments, else by `samconfig.toml`, else the template's own.

    Where both leave it out, a stack that stands keeps the one it has, so another than the default is to be said at
    each deploy. Packages for the wrong one cannot be imported: the function `deploy` fails, and no traffic moves.
    """
    found = _ARCHITECTURE.search(" ".join(arguments)) or _ARCHITECTURE.search(_kept_parameters(arguments, project))
    return _DEFAULT_ARCHITECTURE if found is None else found[1]


def _kept_parameters(arguments: Sequence[str], project: Path) -> str:
    file = project / (_value(arguments, "--config-file") or "samconfig.toml")
    if not file.is_file():
        return ""
    environment = tomllib.loads(file.read_text()).get(_value(arguments, "--config-env") or "default", {})
    kept = environment.get("deploy", {}).get("parameters", {}).get("parameter_overrides", "")
    return kept if isinstance(kept, str) else " ".join(kept)


def _value(arguments: Sequence[str], name: str) -> str | None:
    for at, argument in enumerate(arguments):
        option, _, value = argument.partition("=")
        if option == name:
            return value or next(iter(arguments[at + 1 :]), None)
    return None


def main(arguments: Sequence[str]) -> int:
    stops = list(problems())
    for problem in stops:
        print(f"deploy: {problem}", file=sys.stderr)
    if stops:
        print("deploy: nothing was sent", file=sys.stderr)
        return 1
    print(told_state())
    sam = Path(sys.executable).with_name("sam")
    if _ran("make", "build", f"ARCHITECTURE={architecture(arguments)}") != 0:
        return 1
    deployed = _ran(sam, "deploy", *arguments)
    if deployed != 0:
        print("deploy: it did not succeed; docs/deploys.md says what stands now and how to go back", file=sys.stderr)
    recorded = _ran(
        sam, "remote", "invoke", "DeployFunction", "--event", '{"action": "record"}', *shared_options(arguments)
    )
    if recorded != 0:
        print("deploy: what stands is not recorded yet: see docs/deploys.md, then do it again", file=sys.stderr)
    return 1 if deployed or recorded else 0


def _ran(*command: str | Path) -> int:
    return subprocess.run([str(one) for one in command], cwd=PROJECT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
